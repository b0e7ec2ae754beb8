"""The money of an order: its story from the bill to the last refund, and what changes it after the payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.ordering.model.order import Order, Status
from chalicelib.ordering.model.quote import Quote  # resolved at run time by msgspec
from chalicelib.ordering.service.billing import bill_of
from chalicelib.ordering.service.reading import visible_to_store
from chalicelib.ordering.service.storing import read_document
from chalicelib.ordering.tables import document_ref, order_ref
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.kernel.money import Money


class MoneyStory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of an order's money. ``bill`` is the present one, ``quoted`` that of the order.

    ``statement`` is that of the store, for the store, which shows the sale.
    """

    order: Order
    document: Quote
    quoted: payments.Bill
    bill: payments.Bill
    payment: payments.Payment
    refunds: list[payments.Refund]
    entries: list[payments.Entry]
    tip: payments.Tip | None
    proposed: payments.Bill | None
    credit_notes: list[payments.Invoice]
    statement: payments.SettledStatement | None = None


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
    """The money of a store's order. Five requests, or up to nine where it was settled.

    Raises ``order_not_found`` for what the store may not see.
    """
    order, payment, adjusted, tip = tables.fetch(
        order_ref(order_id),
        payments.payment_ref(order_id),
        payments.bill_ref(order_id),
        payments.tip_ref(order_id),
    )
    found = visible_to_store(order, store_id, order_id)
    story = _story(found, read_document(found), payment, adjusted, tip)
    return replace(story, statement=payments.statement_of_sale(store_id, story.entries))


def refund_order(store_id: str, order_id: str, request: payments.RefundRequest, key: IdempotencyKey) -> payments.Refund:
    """Give back part of what an order's customer paid. Raises ``payment_not_captured``, or ``Invalid``."""
    order = visible_to_store(tables.fetch(order_ref(order_id))[0], store_id, order_id)
    return payments.request_refund(order_id, bill_of(read_document(order)), request, key)


def refund_tip(store_id: str, order_id: str, key: IdempotencyKey) -> payments.Tip:
    """Give the tip back that a customer added. Raises ``tip_not_found``, or ``tip_not_paid``."""
    visible_to_store(tables.fetch(order_ref(order_id))[0], store_id, order_id)
    return payments.refund_tip(store_id, order_id, key)


def offer_tip(customer_id: str, order_id: str, tip: Money, key: IdempotencyKey) -> payments.Tip:
    """A customer adds a tip of its own after ordering, before the hand-over or after it.

    Raises ``order_not_found``, ``tip_exists``, ``order_status_conflict`` or ``Invalid``.
    """
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None or order.customer_id != customer_id:
        raise NotFound("order", order_id)
    if order.confirmed_at is None or order.status in (Status.CANCELLED, Status.REJECTED):
        detail = "A tip can be added to what the store has to do, or has done."
        raise Conflict("order_status_conflict", detail, command="tip", order_status=str(order.status))
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
        proposed=_proposed(order),
        credit_notes=payments.credit_notes_of(order.id) if payment.invoice and payment.refunded_minor else [],
    )


def _proposed(order: Order) -> payments.Bill | None:
    """The bill that the customer is asked to agree to."""
    if order.proposal is None:
        return None
    bills = tables.fetch(payments.proposed_ref(order.id))[0]
    return None if bills is None else bills.wanted
