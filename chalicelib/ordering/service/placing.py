"""Placing an order: three requests to the database and one to the payment provider, from quote to payable order."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.catalog import service as catalog
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, metrics, settings, tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound, Violation
from chalicelib.kernel.event_types import OrderDeadlineReached, OrderPlaced
from chalicelib.kernel.ids import retag
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Actor, Change, Order, Promise, Status
from chalicelib.ordering.service.billing import bill_of
from chalicelib.ordering.service.erasing import erasure_of, refuse_forgotten
from chalicelib.ordering.service.quoting import pointers_of
from chalicelib.ordering.tables import DocumentRow, OrderRow, document_row, quote_ref, to_row
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.ordering.model.order import PaidBy, PaymentMethod
    from chalicelib.ordering.model.quote import Quote


class PlacedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh order. ``client_action`` is what the customer's app needs to pay; it is told, and never stored."""

    order: Order
    payment: payments.Payment
    client_action: payments.ClientAction | None = None


def place_order(
    customer_id: str,
    quote_id: str,
    payment_method: PaymentMethod,
    key: IdempotencyKey,
    tenders: Sequence[payments.Tender] = (),
) -> PlacedOrder:
    """Turn a customer's quote into an order, with its stock, its payment and its deadline, or not at all.

    ``tenders`` share the total; the ``payment_method`` is then a card, for what credit leaves to pay.
    Raises ``quote_not_found``, ``erasure_requested``, ``quote_expired``, ``quote_already_ordered``,
    ``quote_no_longer_holds`` (with what changed since), ``out_of_stock`` (with the SKUs), or ``Invalid`` for a payment
    method that was not offered.
    """
    quote, erasure = tables.fetch(quote_ref(customer_id, quote_id), erasure_of(customer_id))
    if quote is None:
        raise NotFound("quote", quote_id)
    refuse_forgotten(erasure)
    now = clock.now()
    if now >= quote.expires_at:
        raise Conflict("quote_expired", "The quote has expired: ask for a new one.")
    _check_offered(quote, payment_method, tenders)
    plan = payments.plan_tenders(customer_id, quote.total, tenders)
    store, availability, agreed, *balances = tables.fetch(
        stores.store_ref(quote.store_id),
        catalog.availability_ref(quote.store_id),
        payments.terms_ref(quote.merchant_id),
        *plan.refs,
    )
    if store is None:
        raise NotFound("store", quote.store_id)
    terms = still_fulfillable(store, availability, quote, now)
    credits = plan.settle(balances, store.merchant_id)  # noqa: A001  (the payment centre's word)
    method: PaidBy = rules.CREDIT if payments.covers(credits, quote.total) else payment_method
    order = _first_state(quote, method, store, terms, now)

    tx = Transaction()
    taken = Conflict("quote_already_ordered", "This quote has become an order already.", order_id=order.id)
    tx.put(document_row(quote), DocumentRow.pk.does_not_exist(), taken)
    tx.put(to_row(order), OrderRow.pk.does_not_exist(), taken)
    payment = payments.open_payment(
        tx,
        order_id=order.id,
        store_id=order.store_id,
        customer_id=customer_id,
        amount=order.total,
        method=method,
        credits=credits,
        sums=bill_of(quote).sums,
        mode=order.mode,
        merchant_id=quote.merchant_id,
        terms_version=agreed.at(now).version,
        deferral=payments.deferral_of(terms.start_at, terms.promised_at, now),
        rates=bill_of(quote).rates,
    )
    inventory.reserve(tx, order.store_id, quote.counted, pointers_of(dict(enumerate(quote.lines))))
    tx.emit(OrderPlaced(order_id=order.id, store_id=order.store_id, customer_id=customer_id, mode=order.mode))
    tx.emit_at(_first_look(order), OrderDeadlineReached(order_id=order.id))
    placed = PlacedOrder(order=order, payment=payment)
    tx.remember(key, placed)
    tx.afterwards(lambda: metrics.count(metrics.ORDERS_PLACED))
    tx.commit()
    return replace(placed, client_action=payments.start_intent(payment))


def _check_offered(quote: Quote, payment_method: PaymentMethod, tenders: Sequence[payments.Tender]) -> None:
    pointer = "/payment_method"
    if tenders:
        cards = [number for number, tender in enumerate(tenders) if tender.method == rules.CARD]
        if not cards:
            return
        pointer = f"/tenders/{cards[-1]}"
        if len(cards) > 1:
            raise Invalid([Violation("tender_repeated", pointer, "Name each tender once.")])
    if payment_method not in quote.payment_methods:
        detail = "This order can't be paid like that."
        params = {"payment_methods": list(quote.payment_methods)}
        raise Invalid([Violation("payment_method_not_offered", pointer, detail, params)])


def find_client_action(order_id: str, customer_id: str) -> payments.ClientAction | None:
    """What the customer's app needs to pay an order that was placed before; None where nothing is left to pay."""
    return payments.get_client_action(order_id, customer_id)[1]


def still_fulfillable(
    store: stores.Store, availability: catalog.Availability, quote: Quote, now: datetime
) -> stores.FulfilmentTerms:
    """The store's terms now, for their times; what is charged stays as quoted."""
    point = quote.destination.point if quote.destination else None
    terms, violations = stores.check_fulfilment(store, quote.mode, point, quote.wanted_at, now)
    violations += _gone(availability, quote, quote.wanted_at or now)
    if violations or terms is None:
        raise DomainError(
            "quote_no_longer_holds",
            "Something changed since the quote: ask for a new one.",
            status=409,
            violations=violations,
        )
    return terms


def _gone(availability: catalog.Availability, quote: Quote, at: datetime) -> list[Violation]:
    """What of the quote was 86'd since."""
    violations = []
    for number, line in enumerate(quote.lines):
        parts: set[tuple[catalog.Kind, str]] = {("product", line.product_id), ("sku", line.sku)}
        parts.update(("product", product_id) for product_id in line.component_product_ids)
        parts.update(("sku", sku) for sku in line.counted)
        for row in line.modifiers:
            # An option's row names an option, a combo component's a SKU; what is neither is not found.
            parts.update((("option", row.option_id), ("sku", row.option_id)))
        if any(availability.find(kind, identifier, at) for kind, identifier in parts):
            detail = f"{line.name} is not available any more."
            violations.append(Violation("unavailable_86", f"/lines/{number}", detail, {"sku": line.sku}))
    return violations


def _first_state(
    quote: Quote,
    payment_method: PaidBy,
    store: stores.Store,
    terms: stores.FulfilmentTerms,
    now: datetime,
) -> Order:
    promise = Promise(quote.wanted_at, terms.ready_at, terms.promised_at)
    order = Order(
        id=retag(quote.id, "ord"),
        customer_id=quote.customer_id,
        store_id=quote.store_id,
        mode=quote.mode,
        payment_method=payment_method,
        total=quote.total,
        status=Status.PLACED,
        version=0,
        placed_at=now,
        pay_by=now + timedelta(seconds=settings.get().pay_window_seconds),
        asked_from=rules.asked_from(now, terms.acceptable_from, promise, start_at=terms.start_at),
        accept_within=timedelta(minutes=store.accept_within_minutes),
        promise=promise,
        pickup_code=_code(),
        delivery_pin=_code() if quote.mode == rules.DELIVERY else None,
    )
    change = Change(Actor(rules.CUSTOMER, quote.customer_id), now, quote.id)
    return rules.place(order, change, confirmed=payment_method not in rules.PAID_AHEAD)


def _first_look(order: Order) -> datetime:
    """When the timer looks for the first time: at the first moment at which either deadline can have passed."""
    if order.accept_by is not None:
        return order.accept_by
    return min(order.pay_by, max(order.placed_at, order.asked_from) + order.accept_within)


def _code() -> str:
    """Four digits to say at the counter or the door; those who may guess them have few attempts."""
    return f"{secrets.randbelow(10_000):04d}"
