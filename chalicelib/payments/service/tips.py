"""Tips that are paid by themselves, after the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Invalid, NotFound, Violation
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import Method, postings
from chalicelib.payments.model.tips import Tip, TipState
from chalicelib.payments.service.ledger import post
from chalicelib.payments.service.writing import Beside, payment_ref
from chalicelib.payments.tables.refunds import TipRow, tip_ref, to_tip_row

if TYPE_CHECKING:
    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.payments.model import Payment
    from chalicelib.payments.provider import ClientAction


def offer_tip(order_id: str, customer_id: str, tip: Money, key: IdempotencyKey) -> Tip:
    """Write down a tip that is to be paid by card; one for an order. Raises ``tip_exists``, or ``Invalid``."""
    payment: Payment | None = tables.fetch(payment_ref(order_id))[0]
    if payment is None:
        raise NotFound("payment", order_id)
    currency = payment.amount.currency
    if tip.currency != currency:
        detail = f"This order was paid in {currency}."
        raise Invalid([Violation("currency_mismatch", "/amount/currency", detail, {"currency": currency})])
    if not model.can_pay(Method.CARD, tip):
        detail = "A card can't be charged this amount."
        raise Invalid([Violation("not_chargeable", "/amount/amount", detail)])
    offered = Tip(
        order_id=order_id, customer_id=customer_id, amount=tip.amount, currency=currency, offered_at=clock.now()
    )
    tx = Transaction()
    tx.put(
        to_tip_row(offered),
        TipRow.pk.does_not_exist(),
        Conflict("tip_exists", "This order has a tip of its own already."),
    )
    tx.remember(key, offered)
    tx.commit()
    return offered


def start_tip(order_id: str, customer_id: str) -> ClientAction | None:
    """What the customer's app needs to pay an offered tip; None when it is paid. The same idempotent call each time."""
    tip: Tip | None = tables.fetch(tip_ref(order_id))[0]
    if tip is None or tip.customer_id != customer_id:
        raise NotFound("tip", order_id)
    return provider.open_tip(tip) if tip.state is TipState.REQUIRES_PAYMENT else None


def settle_tip(order_id: str, intent_id: str, beside: Beside | None = None) -> None:
    """The provider says that something happened to a tip: if it was paid, it is its rider's, or its store's."""
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None or tip is None or tip.state is not TipState.REQUIRES_PAYMENT:
        return
    received = provider.received_for_tip(tip, intent_id)
    if not received:
        return
    tx = Transaction()
    tx.put(
        to_tip_row(tip.paid(intent_id, clock.now())),
        TipRow.state == TipState.REQUIRES_PAYMENT.value,
        Conflict("tip_settled", "This tip was settled meanwhile."),
    )
    post(tx, postings.tipped(payment, tip.cause, received, clock.now()))
    if beside is not None:
        beside(tx)
    tx.commit()
