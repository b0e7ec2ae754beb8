"""Paying an order: owed, authorised, taken, let go.

The provider is asked, never trusted from a message; money moves once per cause.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, metrics, tables
from chalicelib.kernel.errors import Conflict, DomainError, NotFound, Unavailable, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import Method, Payment, ProviderState, State, postings
from chalicelib.payments.model import credit as credit_rules
from chalicelib.payments.model.apportion import sums_of
from chalicelib.payments.model.bill import Sums
from chalicelib.payments.provider import ClientAction
from chalicelib.payments.service import tendering
from chalicelib.payments.service.ledger import entries_of_order, post
from chalicelib.payments.service.terms import terms_of
from chalicelib.payments.service.writing import payment_ref, write
from chalicelib.payments.tables import SK, PaymentRow, pk, to_row
from chalicelib.payments.tables.refunds import refunds_of

if TYPE_CHECKING:
    from chalicelib.kernel.money import Money
    from chalicelib.payments.model.credit import CreditPart

logger = logging.getLogger(__name__)


def get_payment(order_id: str) -> Payment:
    """An order's payment. Raises ``NotFound``."""
    payment: Payment | None = tables.fetch(payment_ref(order_id))[0]
    if payment is None:
        raise NotFound("payment", order_id)
    return payment


def can_pay(method: str, amount: Money) -> bool:
    """Whether an amount can be paid by this method; asked before a quote offers it."""
    return model.can_pay(Method(method), amount)


def open_payment(
    tx: Transaction,
    *,
    order_id: str,
    store_id: str,
    customer_id: str,
    amount: Money,
    method: str,
    credits: tuple[CreditPart, ...] = (),
    sums: Sums | None = None,
    mode: str = "pickup",
    merchant_id: str = "",
    terms_version: int = 0,
) -> Payment:
    """Write what the order owes into the caller's transaction, and set aside what ``credits`` give towards it.

    Where they give all of it the method is ``credit``, and the payment is authorised by that. ``sums`` are those of the
    order's bill, ``terms_version`` is that of the merchant's terms under which it is placed.
    """
    payment = model.opened(
        Payment(
            order_id=order_id,
            store_id=store_id,
            customer_id=customer_id,
            method=Method(method),
            amount=amount,
            changed_at=clock.now(),
            credits=credits,
            sums=sums or Sums(items=amount.amount),
            mode=mode,
            merchant_id=merchant_id,
            terms_version=terms_version,
        )
    )
    tendering.hold(tx, payment)
    tx.put(
        to_row(payment),
        PaymentRow.pk.does_not_exist(),
        Conflict("payment_exists", "This order has a payment already."),
    )
    return payment


def start_intent(payment: Payment) -> ClientAction | None:
    """What the customer's app needs to pay; None where nothing is left to pay through the provider.

    Called after the order's transaction, and again on every repeat of the request: it is the same idempotent call.
    """
    if not payment.uses_provider or payment.state is not State.REQUIRES_PAYMENT:
        return None
    return provider.open_intent(payment)


def get_client_action(order_id: str, customer_id: str) -> tuple[Payment, ClientAction | None]:
    """An order's payment and what its customer can do to pay it. Raises ``NotFound`` for anybody else's."""
    payment = get_payment(order_id)
    if payment.customer_id != customer_id:
        raise NotFound("payment", order_id)
    return payment, start_intent(payment)


def look_up_provider(payment: Payment, intent_id: str | None = None) -> ProviderState:
    """Ask the provider how the payment stands; ``intent_id`` where a notice has named the intent."""
    return provider.look_up(payment, intent_id)


def record_authorised(tx: Transaction, payment: Payment, state: ProviderState) -> Payment:
    """Write into the caller's transaction that the funds are held. Raises ``Conflict`` when the payment has ended."""
    if state.amount_minor != payment.provider_minor:
        raise Conflict("payment_amount", "The provider holds another amount than is left to pay.")
    after = model.authorised(payment, state, clock.now())
    write(tx, payment, after)
    if after.state is State.CAPTURED:
        tendering.redeem(tx, payment, payment.amount.amount)
        post(tx, postings.collected(after, state.received_minor, clock.now()))
    else:
        post(tx, postings.authorised(after, clock.now()))
    return after


def record_failure(payment: Payment, state: ProviderState) -> None:
    """Remember why the last attempt to pay failed; the customer may try again until the order expires."""
    if payment.failure_code == state.failure_code and payment.intent_id == state.intent_id:
        return
    tx = Transaction()
    tx.update(
        PaymentRow,
        pk(payment.order_id),
        SK,
        actions=[
            PaymentRow.failure_code.set(state.failure_code or "declined"),
            PaymentRow.intent_id.set(state.intent_id),
            PaymentRow.version.set(payment.version + 1),
        ],
        condition=(PaymentRow.version == payment.version) & (PaymentRow.state == State.REQUIRES_PAYMENT.value),
        error=VersionConflict("payment", payment.order_id),
    )
    tx.commit()


def capture_payment(order_id: str, rider_id: str | None = None) -> Payment:
    """Take the money of an order that reached its customer, by its rider or not, and share it out in the ledger.

    Done before, or found impossible: nothing happens.
    """
    payment = get_payment(order_id)
    if payment.is_fulfilled or payment.state in model.FINAL:
        return payment
    tx = Transaction()
    taken = handed = model.handed_over(payment, rider_id, clock.now())
    if payment.state not in (State.CAPTURED, State.PARTIALLY_REFUNDED):
        taken = _take(tx, handed)
    if taken.state is not State.FAILED:
        terms = terms_of(payment.merchant_id, payment.terms_version)
        post(tx, *postings.sold(taken, terms, clock.now()))
    return _save(payment, taken, tx)


def release_payment(order_id: str) -> Payment:
    """Void or refund the payment of an order that ended unfulfilled. Done before: nothing happens."""
    payment = get_payment(order_id)
    if payment.state in model.FINAL:
        return payment
    if payment.pending_minor:
        raise Unavailable("refund_in_flight", "A part of this payment is being refunded: try again.")
    refunded = _release_at_provider(payment) if payment.uses_provider else _cash_left(payment)
    tx = Transaction()
    _post_release(tx, payment, refunded)
    if payment.captured_minor:
        refunded += payment.refunded_minor + tendering.refund_rest(tx, payment)
    else:
        tendering.release(tx, payment)
    return _save(payment, model.released(payment, refunded, clock.now()), tx)


def _take(tx: Transaction, payment: Payment) -> Payment:
    """Take the money, by whatever tenders: the payment captured, or failed where the hold on it was lost."""
    state = _capture_at_provider(payment) if payment.uses_provider else None
    by_credit = tendering.redeem(tx, payment, payment.amount.amount)
    due = payment.amount.amount - by_credit
    if state is not None and due and state.status != "succeeded":
        # The goods are gone and the money can't be taken (the hold was released): a person must look at it.
        logger.error("capture failed", extra={"order_id": payment.order_id, "provider_status": state.status})
        metrics.count(metrics.CAPTURES_FAILED)
        return model.moved(
            payment, State.FAILED, clock.now(), failure_code="authorisation_lost", captured_minor=by_credit
        )
    received = due if state is None else state.received_minor
    if received:
        post(tx, postings.collected(payment, received, clock.now()))
    return model.captured(payment, received + by_credit, clock.now())


def _capture_at_provider(payment: Payment) -> ProviderState:
    state = provider.look_up(payment)
    if state.status != "requires_capture":
        return state
    if payment.provider_minor <= 0:
        return provider.cancel(state.intent_id)
    return provider.capture(state.intent_id, min(payment.provider_minor, state.capturable_minor))


def _release_at_provider(payment: Payment) -> int:
    """Minor units that had to be given back by the provider."""
    state = provider.look_up(payment)
    if state.status != "succeeded" and not state.is_gone:
        try:
            state = provider.cancel(state.intent_id)
        except DomainError as error:
            if error.code != "payment_refused":
                raise
            # It moved while we asked: see where it is now. What can still be paid must not be written off.
            state = provider.look_up(payment)
            if state.is_open or state.status == "requires_capture":
                raise Unavailable("payment_in_flight", "The payment is being worked on: try again.") from error
    if state.status != "succeeded":
        return 0
    left = state.received_minor - _given_back(payment)
    if left > 0:
        provider.refund(payment, state.intent_id, left)
    return max(left, 0)


def _given_back(payment: Payment) -> int:
    """What of the refunds so far went back the way it came, and not to credits."""
    if not payment.refunded_minor:
        return 0
    parts = credit_rules.taken(payment.credits, payment.captured_minor)
    captured, refunded = payment.captured_minor, payment.refunded_minor
    return credit_rules.give_back(parts, captured=captured, refunded=0, amount=refunded)[0]


def _cash_left(payment: Payment) -> int:
    """What was paid in cash and has not gone back."""
    by_credit = sum(part.amount for part in credit_rules.taken(payment.credits, payment.captured_minor))
    return payment.captured_minor - by_credit - _given_back(payment)


def _post_release(tx: Transaction, payment: Payment, back: int) -> None:
    """What the end of an unfulfilled order means in the ledger; ``back`` went back the way it came."""
    at = clock.now()
    if payment.is_fulfilled:
        sums = sums_of(share for refund in refunds_of(payment.order_id) for share in refund.given_back)
        left = payment.sums.less(sums)
        posted = entries_of_order(payment.order_id)
        post(tx, postings.refunded(payment, "release", left, posted, at, back=back, payer=None))
        return
    if back and not payment.captured_minor:
        post(tx, postings.collected(payment, back, at))
    if back:
        post(tx, postings.returned(payment, back, at))
    elif payment.state is State.AUTHORISED:
        post(tx, postings.voided(payment, at))


def _save(before: Payment, after: Payment, tx: Transaction) -> Payment:
    write(tx, before, after)
    tx.commit()
    return after
