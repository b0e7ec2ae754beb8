"""Bringing the goods once more: an order of its own that costs nothing, from the board to the door as any other."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.inventory import service as inventory
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Conflict, DomainError
from chalicelib.kernel.event_types import OrderDeadlineReached, OrderPlaced
from chalicelib.kernel.ids import retag
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Change, Order, Promise, Status
from chalicelib.ordering.model.pricing import Breakdown, Fees
from chalicelib.ordering.tables import DocumentRow, OrderRow, document_row, to_row
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.transaction import Transaction
    from chalicelib.ordering.model.quote import Line, Quote


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What is brought once more: pieces of an order, counted by the number of their line, and who bears that."""

    original: Order
    document: Quote
    quantities: Mapping[str, int]
    payment: payments.Payment
    resend: payments.Resend


def send_again(tx: Transaction, wanted: Again, store: stores.Store, change: Change) -> Order:
    """Write an order of these pieces into the caller's transaction, with its stock, for the store to accept.

    Raises ``resend_not_possible`` where the store does not serve the customer now; the transaction fails with
    ``out_of_stock``.
    """
    original = wanted.original
    terms = _terms(store, wanted.document, change)
    again = _free(wanted.document, wanted.quantities, terms, change)
    promise = Promise(None, terms.ready_at, terms.promised_at)
    fresh = Order(
        id=retag(again.id, "ord"),
        customer_id=original.customer_id,
        store_id=original.store_id,
        mode=original.mode,
        payment_method=rules.FREE,
        total=again.total,
        status=Status.PLACED,
        version=0,
        placed_at=change.at,
        pay_by=change.at,
        asked_from=rules.asked_from(change.at, terms.acceptable_from, promise, start_at=terms.start_at),
        accept_within=timedelta(minutes=store.accept_within_minutes),
        promise=promise,
        pickup_code=_code(),
        delivery_pin=_code() if original.mode == rules.DELIVERY else None,
        resend_of=original.id,
    )
    order = rules.place(fresh, change, confirmed=True)
    taken = Conflict("quote_already_ordered", "This was placed before.", order_id=order.id)
    tx.put(document_row(again), DocumentRow.pk.does_not_exist(), taken)
    tx.put(to_row(order), OrderRow.pk.does_not_exist(), taken)
    payments.open_payment(
        tx,
        order_id=order.id,
        store_id=order.store_id,
        customer_id=order.customer_id,
        amount=order.total,
        method=rules.FREE,
        mode=order.mode,
        merchant_id=wanted.payment.merchant_id,
        terms_version=wanted.payment.terms_version,
        resend=wanted.resend,
    )
    inventory.reserve(tx, order.store_id, again.counted)
    tx.emit(OrderPlaced(order_id=order.id, store_id=order.store_id, customer_id=order.customer_id, mode=order.mode))
    tx.emit_at(order.accept_by or change.at, OrderDeadlineReached(order_id=order.id))
    return order


def _terms(store: stores.Store, document: Quote, change: Change) -> stores.FulfilmentTerms:
    point = document.destination.point if document.destination else None
    terms, violations = stores.check_fulfilment(store, document.mode, point, None, change.at)
    if terms is None or violations:
        raise DomainError(
            "resend_not_possible",
            "The store can't bring it again now: give the money back, or wait until it can.",
            status=409,
            violations=violations,
        )
    return terms


def _free(document: Quote, quantities: Mapping[str, int], terms: stores.FulfilmentTerms, change: Change) -> Quote:
    """The document of the new order: the same goods for nothing."""
    lines = tuple(_again(document.lines[int(ref)], quantity) for ref, quantity in quantities.items())
    nothing = Breakdown(items_minor=0, total_minor=0, tax_included=document.breakdown.tax_included, taxes=())
    return replace(
        document,
        id=ids.new_id("qte"),
        lines=lines,
        breakdown=nothing,
        fees=Fees(),
        wanted_at=None,
        ready_at=terms.ready_at,
        promised_at=terms.promised_at,
        created_at=change.at,
        expires_at=change.at,
        payment_methods=(),
    )


def _again(line: Line, quantity: int) -> Line:
    return replace(
        line,
        quantity=quantity,
        unit_minor=0,
        total_minor=0,
        modifiers=tuple(replace(modifier, unit_minor=0) for modifier in line.modifiers),
        counted={sku: count // line.quantity * quantity for sku, count in line.counted.items()},
    )


def _code() -> str:
    return f"{secrets.randbelow(10_000):04d}"
