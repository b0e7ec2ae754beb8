"""Paying an order: owed, authorised, taken, let go.

The provider is asked, never trusted from a message; money moves once per cause.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock, metrics, tables
from chalicelib.kernel.errors import Conflict, DomainError, NotFound, Unavailable, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import Method, Payment, ProviderState, State, postings
from chalicelib.payments.model import credit as credit_rules
from chalicelib.payments.model.apportion import sums_of
from chalicelib.payments.model.bill import RateSum, Sums, by_rate, rates_less
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.deferral import Deferral
from chalicelib.payments.model.resending import Resend, brought_again
from chalicelib.payments.provider import ClientAction
from chalicelib.payments.service import extras, tendering, tips
from chalicelib.payments.service.cases import open_case
from chalicelib.payments.service.ledger import entries_of_order, post
from chalicelib.payments.service.terms import terms_of
from chalicelib.payments.service.writing import Beside, payment_ref, write
from chalicelib.payments.tables import SK, PaymentRow, pk, to_row
from chalicelib.payments.tables.refunds import refunds_of, tip_ref

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.money import Money
    from chalicelib.payments.model.credit import CreditPart
    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.terms import Terms
    from chalicelib.payments.model.tips import Tip

logger = logging.getLogger(__name__)


def get_payment(order_id: str) -> Payment:
    """An order's payment. Raises ``NotFound``."""
    payment: Payment | None = tables.fetch(payment_ref(order_id))[0]
    if payment is None:
        raise NotFound("payment", order_id)
    return payment


def _with_tip(order_id: str) -> tuple[Payment, Tip | None]:
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None:
        raise NotFound("payment", order_id)
    return payment, tip


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
    rates: tuple[RateSum, ...] = (),
    deferral: Deferral | None = None,
    resend: Resend | None = None,
) -> Payment:
    """Write what the order owes into the caller's transaction, and set aside what ``credits`` give towards it.

    Where they give all of it the method is ``credit``, and the payment is authorised by that. ``sums`` are those of the
    order's bill, ``terms_version`` is that of the merchant's terms under which it is placed. With a ``deferral`` a card
    is saved now and charged when it is due. With ``resend`` the order
    costs its customer nothing.
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
            resend=resend,
            rates=rates,
            deferral=deferral if method == Method.CARD else None,
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
    if payment.saves_method:
        return provider.open_setup(payment)
    if payment.deferral is not None:
        return provider.show_hold(payment.intent_id or "")
    return provider.open_intent(payment)


def get_client_action(order_id: str, customer_id: str) -> tuple[Payment, ClientAction | None]:
    """An order's payment and what its customer can do to pay it. Raises ``NotFound`` for anybody else's."""
    payment = get_payment(order_id)
    if payment.customer_id != customer_id:
        raise NotFound("payment", order_id)
    if payment.method in model.WALLETS and payment.state is State.REQUIRES_PAYMENT:
        return payment, provider.resume_wallet(payment)
    return payment, start_intent(payment)


def look_up_provider(payment: Payment, intent_id: str | None = None) -> ProviderState:
    """Ask the provider how the payment stands; ``intent_id`` where a notice has named the intent."""
    if payment.saves_method:
        return provider.look_up_setup(payment, intent_id)
    if payment.deferral is not None and payment.intent_id is None:
        return ProviderState("", model.ABSENT, payment.provider_minor, 0, 0)
    return provider.look_up(payment, intent_id)


def record_authorised(tx: Transaction, payment: Payment, state: ProviderState) -> Payment:
    """Write into the caller's transaction that the funds are held. Raises ``Conflict`` when the payment has ended."""
    # What was taken is exactly what was owed; of what is held, less may be taken.
    if state.amount_minor < payment.provider_minor or (
        state.status == "succeeded" and state.amount_minor != payment.provider_minor
    ):
        raise Conflict("payment_amount", "The provider holds another amount than is left to pay.")
    after = model.authorised(payment, state, clock.now())
    write(tx, payment, after)
    if after.state is State.CAPTURED:
        tendering.redeem(tx, payment, payment.amount.amount)
        post(tx, postings.collected(after, state.received_minor, clock.now()))
    else:
        post(tx, postings.authorised(after, clock.now()))
    return after


def record_revived(tx: Transaction, payment: Payment, state: ProviderState) -> Payment:
    """The same for an order that had ended and goes on: what was asked for by its end is moot."""
    return record_authorised(tx, replace(payment, revived_at=clock.now()), state)


def _was_revived(payment: Payment, ended_at: datetime | None) -> bool:
    return ended_at is not None and payment.revived_at is not None and ended_at < payment.revived_at


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


def capture_payment(order_id: str, rider_id: str | None = None, beside: Beside | None = None) -> Payment:
    """Take the money of an order that reached its customer, by its rider or not, and share it out in the ledger.

    Done before, or found impossible: nothing happens.
    """
    payment, tip = _with_tip(order_id)
    if payment.is_fulfilled or payment.state in model.FINAL:
        return payment
    tx = Transaction()
    tips.share_out_tip(tx, replace(payment, rider_id=rider_id), tip)
    taken = handed = model.handed_over(payment, rider_id, clock.now())
    if payment.state not in (State.CAPTURED, State.PARTIALLY_REFUNDED):
        taken = take(tx, handed)
    # Even where the money can't be taken: the goods are gone, and what is not paid stays on the customer's account.
    post(tx, *_shared_out(taken, terms_of(payment.merchant_id, payment.terms_version)))
    if payment.deferral is not None and taken.state is not State.FAILED:
        provider.forget_method(payment.deferral)
    return _save(payment, taken, tx, beside)


def _shared_out(payment: Payment, terms: Terms) -> list[Entry]:
    if payment.resend is not None:
        return brought_again(payment, payment.resend, terms, clock.now())
    return postings.sold(payment, terms, clock.now())


def return_late_payment(order_id: str, intent_id: str) -> Payment:
    """Give back what a customer paid after all was over. Nothing paid, or given back before: nothing happens."""
    payment = get_payment(order_id)
    if payment.state is not State.VOIDED or not payment.uses_provider or not intent_id.startswith("pi_"):
        return payment
    state = provider.look_up(replace(payment, intent_id=intent_id))
    if state.status == "requires_capture":
        provider.cancel(state.intent_id)
    if state.status != "succeeded":
        return payment
    provider.refund(payment, state.intent_id, state.received_minor)
    tx = Transaction()
    post(tx, postings.collected(payment, state.received_minor, clock.now()))
    post(tx, postings.returned(payment, state.received_minor, clock.now(), "late"))
    return _save(payment, model.released(payment, state.received_minor, clock.now()), tx)


def release_payment(order_id: str, beside: Beside | None = None, ended_at: datetime | None = None) -> Payment:
    """Void or refund the payment of an order that ended unfulfilled. Done before: nothing happens.

    Of an order that was revived after it had ended (``ended_at``), nothing is let go.
    """
    payment, tip = _with_tip(order_id)
    if payment.state in model.FINAL or _was_revived(payment, ended_at):
        return payment
    if payment.pending_minor:
        raise Unavailable("refund_in_flight", "A part of this payment is being refunded: try again.")
    refunded = _release_at_provider(payment) if payment.uses_provider else _cash_left(payment)
    extras.let_go(payment)
    tx = Transaction()
    tips.return_tip(tx, tip)
    _post_release(tx, payment, refunded)
    if payment.captured_minor:
        refunded += payment.refunded_minor + tendering.refund_rest(tx, payment)
    else:
        tendering.release(tx, payment)
    return _save(payment, model.released(payment, refunded, clock.now()), tx, beside)


def take(tx: Transaction, payment: Payment) -> Payment:
    """Take the money, by whatever tenders: the payment captured, or failed where the hold on it was lost."""
    main, *beside = extras.planned(payment)
    state = _capture_at_provider(payment, main) if payment.uses_provider else None
    by_credit = tendering.redeem(tx, payment, payment.amount.amount)
    due = payment.amount.amount - by_credit
    if state is not None and main and state.status != "succeeded":
        # The goods are gone and the money can't be taken (the hold was released): a person must look at it.
        logger.error("capture failed", extra={"order_id": payment.order_id, "provider_status": state.status})
        open_case(tx, _capture_failed(payment, state, by_credit))
        metrics.count(metrics.CAPTURES_FAILED)
        return model.moved(
            payment, State.FAILED, clock.now(), failure_code="authorisation_lost", captured_minor=by_credit
        )
    received = due if not payment.is_online else state.received_minor if state else 0
    payment, more = extras.take(payment, beside)
    received += more
    if received:
        post(tx, postings.collected(payment, received, clock.now()))
    if payment.is_online and due > main + sum(beside):
        post(tx, postings.written_off(payment, due - main - sum(beside), clock.now()))
    intent_id = state.intent_id if state else None
    return model.captured(payment, received + by_credit, clock.now(), intent_id or None)


def _capture_failed(payment: Payment, state: ProviderState, by_credit: int) -> Case:
    """The goods may be gone, what credit gave of their price was taken, and the rest can't be."""
    return Case(
        "capture_failed",
        payment.order_id,
        order_id=payment.order_id,
        store_id=payment.store_id,
        evidence={
            "due": payment.amount.amount - by_credit,
            "taken_of_credit": by_credit,
            "currency": payment.amount.currency,
            "payment_intent": state.intent_id,
            "provider_status": state.status,
            "handed_over": payment.is_fulfilled,
        },
    )


def _capture_at_provider(payment: Payment, wanted: int) -> ProviderState:
    state = look_up_provider(payment)
    if state.is_gone:
        state = _held_again(payment, state)
    if state.status != "requires_capture":
        return state
    if wanted <= 0:
        return provider.cancel(state.intent_id)
    return provider.capture(state.intent_id, min(wanted, state.capturable_minor))


def _held_again(payment: Payment, lost: ProviderState) -> ProviderState:
    """After a hold was lost: a new one, where a method was saved for it. The same one at each repeat."""
    deferral = payment.deferral
    if deferral is None or deferral.method is None or payment.provider_minor <= 0:
        return lost
    intent_id = provider.open_hold(payment, deferral, deferral.holds + 1)
    return provider.hold(payment, deferral, intent_id)


def _release_at_provider(payment: Payment) -> int:
    """Minor units that had to be given back by the provider."""
    refunded = _let_go(payment)
    if payment.deferral is not None:
        if payment.deferral.renewal_id:
            _let_go(replace(payment, intent_id=payment.deferral.renewal_id))
        provider.forget_method(payment.deferral)
    return refunded


def _let_go(payment: Payment) -> int:
    state = look_up_provider(payment)
    if payment.saves_method:
        if state.intent_id:
            provider.cancel_setup(state.intent_id)
        return 0
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
        gone = [share for refund in refunds_of(payment.order_id) for share in refund.given_back]
        left = payment.sums.less(sums_of(gone))
        rates = rates_less(payment.rates, by_rate(gone))
        posted = entries_of_order(payment.order_id)
        post(tx, postings.refunded(payment, "release", left, posted, at, back=back, payer=None, rates=rates))
        return
    if back and not payment.captured_minor:
        post(tx, postings.collected(payment, back, at))
    if back:
        post(tx, postings.returned(payment, back, at))
    elif payment.state is State.AUTHORISED and payment.resend is None:
        post(tx, postings.voided(payment, at))


def _save(before: Payment, after: Payment, tx: Transaction, beside: Beside | None = None) -> Payment:
    write(tx, before, after)
    if beside is not None:
        beside(tx)
    tx.commit()
    return after
