"""Paying an order: owed, authorised, taken, let go.

The provider is asked, never trusted from a message; money moves once per cause.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, DomainError, NotFound, Unavailable, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import Method, Payment, ProviderState, State
from chalicelib.payments.provider import ClientAction
from chalicelib.payments.service import tendering
from chalicelib.payments.tables import SK, PaymentRow, of_row, pk, to_row

if TYPE_CHECKING:
    from chalicelib.kernel.money import Money
    from chalicelib.payments.model.credit import CreditPart

logger = logging.getLogger(__name__)


def payment_ref(order_id: str) -> tables.Ref[Payment | None]:
    """Where an order's payment is read."""
    return tables.Ref(PaymentRow, pk(order_id), SK, of_row)


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
) -> Payment:
    """Write what the order owes into the caller's transaction, and set aside what ``credits`` give towards it.

    Where they give all of it the method is ``credit``, and the payment is authorised by that.
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
    _write(tx, payment, after)
    if after.state is State.CAPTURED:
        tendering.redeem(tx, payment, payment.amount.amount)
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


def capture_payment(order_id: str) -> Payment:
    """Take the money of an order that reached its customer. Done before, or found impossible: nothing happens."""
    payment = get_payment(order_id)
    if payment.state in (State.CAPTURED, State.PARTIALLY_REFUNDED) or payment.state in model.FINAL:
        return payment
    if payment.uses_provider and not payment.provider_minor:
        _release_at_provider(payment)  # less was sold than was ordered, and credit pays all of it
    state = _capture_at_provider(payment) if payment.provider_minor else None
    tx = Transaction()
    by_credit = tendering.redeem(tx, payment, payment.amount.amount)
    if state is None:
        return _save(payment, model.captured(payment, payment.amount.amount, clock.now()), tx)
    if state.status != "succeeded":
        # The goods are gone and the money can't be taken (the hold was released): a person must look at it.
        logger.error("capture failed", extra={"order_id": order_id, "provider_status": state.status})
        lost = model.moved(
            payment, State.FAILED, clock.now(), failure_code="authorisation_lost", captured_minor=by_credit
        )
        return _save(payment, lost, tx)
    return _save(payment, model.captured(payment, state.received_minor + by_credit, clock.now()), tx)


def release_payment(order_id: str) -> Payment:
    """Void or refund the payment of an order that ended unfulfilled. Done before: nothing happens."""
    payment = get_payment(order_id)
    if payment.state in model.FINAL:
        return payment
    refunded = _release_at_provider(payment) if payment.uses_provider else payment.captured_minor
    tx = Transaction()
    if payment.captured_minor:
        back = tendering.refund_rest(tx, payment)
        refunded = refunded + back if payment.uses_provider else refunded
    else:
        tendering.release(tx, payment)
    return _save(payment, model.released(payment, refunded, clock.now()), tx)


def _capture_at_provider(payment: Payment) -> ProviderState:
    state = provider.look_up(payment)
    if state.status != "requires_capture":
        return state
    return provider.capture(state.intent_id, min(payment.provider_minor, state.capturable_minor))


def _release_at_provider(payment: Payment) -> int:
    """Minor units that had to be given back."""
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
    if state.status == "succeeded" and state.received_minor:
        provider.refund(payment, state.intent_id, state.received_minor)
        return state.received_minor
    return 0


def _save(before: Payment, after: Payment, tx: Transaction) -> Payment:
    _write(tx, before, after)
    tx.commit()
    return after


def _write(tx: Transaction, before: Payment, after: Payment) -> None:
    tx.put(
        to_row(after),
        (PaymentRow.version == before.version) & (PaymentRow.state == before.state.value),
        VersionConflict("payment", before.order_id),
    )
