"""Tips that are paid by themselves, before the hand-over or after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound, VersionConflict, Violation
from chalicelib.kernel.event_types import TipRefundRequested
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import Method, postings
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.tips import Tip, TipState
from chalicelib.payments.service.cases import open_case
from chalicelib.payments.service.ledger import post
from chalicelib.payments.service.writing import Beside, payment_ref, write
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
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None or tip is None or tip.customer_id != customer_id:
        raise NotFound("tip", order_id)
    waits = tip.state is TipState.REQUIRES_PAYMENT and not _is_nobodys(payment)
    return provider.open_tip(tip) if waits else None


def settle_tip(order_id: str, intent_id: str, beside: Beside | None = None) -> None:
    """The provider says that something happened to a tip: if it was paid, it is its rider's, or its store's.

    Before the hand-over it waits for who brings the order; of an order that has ended it goes back.
    """
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None or tip is None or tip.state is not TipState.REQUIRES_PAYMENT:
        return
    received = provider.received_for_tip(tip, intent_id)
    if not received:
        return
    tx = Transaction()
    paid = tip.paid(intent_id, clock.now(), received)
    if payment.is_fulfilled:
        post(tx, postings.tipped(payment, tip.cause, received, clock.now()))
    else:
        post(tx, postings.tip_put_by(payment, tip.cause, received, clock.now()))
        # The hand-over shares out what it finds paid: of the two at once, one looks again.
        write(tx, payment, model.touched(payment, clock.now()))
    if _is_nobodys(payment):
        paid = _give_back(tx, paid)
    _write(tx, paid, TipState.REQUIRES_PAYMENT)
    if beside is not None:
        beside(tx)
    tx.commit()


def share_out_tip(tx: Transaction, payment: Payment, tip: Tip | None) -> None:
    """At the hand-over, in its transaction: a tip that was paid before is whoever's who brought the order."""
    if tip is not None and tip.is_here:
        post(tx, postings.tip_shared(payment, tip.cause, tip.paid_minor, clock.now()))


def return_tip(tx: Transaction, tip: Tip | None) -> None:
    """At an order's unfulfilled end, in its transaction: a tip that was paid goes back."""
    if tip is not None and tip.state is TipState.CAPTURED:
        _write(tx, _give_back(tx, tip), TipState.CAPTURED)


def refund_tip(store_id: str, order_id: str, key: IdempotencyKey) -> Tip:
    """Give a tip back that its customer paid apart. Raises ``tip_not_found``, or ``tip_not_paid``."""
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None or tip is None or payment.store_id != store_id:
        raise NotFound("tip", order_id)
    if tip.state is not TipState.CAPTURED:
        raise Conflict("tip_not_paid", f"A tip that is {tip.state} can't be given back.")
    tx = Transaction()
    after = _give_back(tx, tip)
    _write(tx, after, TipState.CAPTURED)
    tx.remember(key, after)
    tx.commit()
    return after


def settle_tip_refund(order_id: str) -> None:
    """Have the provider give a tip back that is to go back; done before, nothing happens."""
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None or tip is None or tip.state is not TipState.REFUND_PENDING:
        return
    tx = Transaction()
    try:
        provider.refund_tip(tip)
    except DomainError as error:
        if error.code != "payment_refused":
            raise
        evidence = {"payment_intent": tip.intent_id, "provider_code": error.extra.get("provider_code")}
        open_case(tx, Case("tip_refund_refused", order_id, order_id, payment.store_id, evidence))
        _write(tx, tip.kept(), TipState.REFUND_PENDING)
    else:
        post(tx, postings.tip_returned(payment, tip.cause, tip.paid_minor, clock.now()))
        if not payment.is_fulfilled:
            write(tx, payment, model.touched(payment, clock.now()))
        _write(tx, tip.refunded(clock.now()), TipState.REFUND_PENDING)
    tx.commit()


def _is_nobodys(payment: Payment) -> bool:
    """Whether the order has ended, and nobody will earn a tip by it."""
    return payment.state in model.FINAL and not payment.is_fulfilled


def _give_back(tx: Transaction, tip: Tip) -> Tip:
    tx.emit(TipRefundRequested(order_id=tip.order_id))
    return tip.going_back()


def _write(tx: Transaction, tip: Tip, before: TipState) -> None:
    tx.put(to_tip_row(tip), TipRow.state == before.value, VersionConflict("tip", tip.order_id))
