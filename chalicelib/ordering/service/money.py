"""The money of an order: its story from the bill to the last refund, and what changes it after the payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Actor, Change, Order, Status
from chalicelib.ordering.model.quote import Quote  # resolved at run time by msgspec
from chalicelib.ordering.service.billing import bill_of
from chalicelib.ordering.service.reading import visible_to_store
from chalicelib.ordering.service.storing import cause_of, read_document, save
from chalicelib.ordering.tables import document_ref, order_ref
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.kernel.money import Money
    from chalicelib.ordering.service.staff import StaffCommand

# Until the goods are with whoever brings them, the store may find that something is missing.
_ADJUSTABLE = (Status.ACCEPTED, Status.PREPARING, Status.READY)


class MoneyStory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of an order's money. ``bill`` is the present one, ``quoted`` that of the order."""

    order: Order
    document: Quote
    quoted: payments.Bill
    bill: payments.Bill
    payment: payments.Payment
    refunds: list[payments.Refund]
    entries: list[payments.Entry]
    tip: payments.Tip | None
    credit_notes: list[payments.Invoice]


def get_own_money(customer_id: str, order_id: str) -> MoneyStory:
    """The money of a customer's order. Three requests, or four. Raises ``order_not_found`` for anybody else's."""
    order, document, payment, adjusted, tip = tables.fetch(
        order_ref(order_id),
        document_ref(customer_id, order_id),
        payments.payment_ref(order_id),
        payments.bill_ref(order_id),
        payments.tip_ref(order_id),
    )
    if order is None or document is None:
        raise NotFound("order", order_id)
    return _story(order, document, payment, adjusted, tip)


def get_store_money(store_id: str, order_id: str) -> MoneyStory:
    """The money of a store's order. Four requests, or five. Raises ``order_not_found`` for what it may not see."""
    order, payment, adjusted, tip = tables.fetch(
        order_ref(order_id),
        payments.payment_ref(order_id),
        payments.bill_ref(order_id),
        payments.tip_ref(order_id),
    )
    found = visible_to_store(order, store_id, order_id)
    return _story(found, read_document(found), payment, adjusted, tip)


def refund_order(store_id: str, order_id: str, request: payments.RefundRequest, key: IdempotencyKey) -> payments.Refund:
    """Give back part of what an order's customer paid. Raises ``payment_not_captured``, or ``Invalid``."""
    order = visible_to_store(tables.fetch(order_ref(order_id))[0], store_id, order_id)
    return payments.request_refund(order_id, bill_of(read_document(order)), request, key)


def adjust_order(command: StaffCommand, missing: Mapping[str, int], reason: str) -> Order:
    """Take pieces off an order that the store can't give: less will be taken from the customer than was held.

    ``missing`` counts pieces by the bill's ``ref``. Taxes go with the pieces; fees stay as they were quoted. The stock
    keeps what was reserved, since it was not there. Raises ``order_status_conflict`` after the hand-over,
    ``cash_announced`` where a rider was told what to collect, or ``Invalid`` for more than was ordered.
    """
    order, payment, adjusted = tables.fetch(
        order_ref(command.order_id),
        payments.payment_ref(command.order_id),
        payments.bill_ref(command.order_id),
    )
    found = visible_to_store(order, command.store_id, command.order_id)
    if found.version != command.expected_version:
        raise VersionConflict("order", found.id)
    if found.status not in _ADJUSTABLE:
        raise Conflict("order_status_conflict", f"An order that is {found.status} can't be adjusted.")
    if found.payment_method == rules.CASH_ON_DELIVERY:
        raise Conflict("cash_announced", "The rider was told what to collect: refund the customer afterwards.")
    bill = adjusted or bill_of(read_document(found))
    tx = Transaction()
    after = payments.reduce_bill(tx, payment, bill, missing)
    change = Change(Actor(rules.STAFF, command.staff_id), clock.now(), cause_of(command.request_id))
    done = replace(found.with_entry(rules.ADJUSTED, change, reason), total=after.amount)
    save(tx, found, done)
    tx.commit()
    return done


def offer_tip(customer_id: str, order_id: str, tip: Money, key: IdempotencyKey) -> payments.Tip:
    """A customer adds a tip of its own after ordering. Raises ``order_not_found``, ``tip_exists`` or ``Invalid``."""
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None or order.customer_id != customer_id:
        raise NotFound("order", order_id)
    if order.status not in (Status.COMPLETED, Status.HANDED_OVER):
        raise Conflict("order_status_conflict", "A tip can be added when you have the order.")
    return payments.offer_tip(order_id, customer_id, tip, key)


def _story(
    order: Order,
    document: Quote,
    payment: payments.Payment,
    adjusted: payments.Bill | None,
    tip: payments.Tip | None,
) -> MoneyStory:
    quoted = bill_of(document)
    return MoneyStory(
        order=order,
        document=document,
        quoted=quoted,
        bill=adjusted or quoted,
        payment=payment,
        refunds=payments.refunds_of(order.id),
        entries=payments.entries_of_order(order.id),
        tip=tip,
        credit_notes=payments.credit_notes_of(order.id) if payment.invoice and payment.refunded_minor else [],
    )
