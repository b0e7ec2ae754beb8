"""Orders that lie further ahead than a bank holds money: their payment is made sure of when it is due.

One timer follows such an order. Whenever it goes off the order and its payment are looked at, and what is due is done:
hold the money, try again, ask the customer, end the order, or make the hold anew. A timer that comes early, late or
twice finds nothing to do, or does the same thing again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.event_types import OrderDeadlineReached, OrderPaymentDue
from chalicelib.kernel.transaction import AlreadyHandled, Transaction
from chalicelib.ordering.model import news
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Change, Order, Status
from chalicelib.ordering.service.storing import end, save
from chalicelib.ordering.tables import order_ref
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

_CONSUMER = "ordering"
_ASK_AGAIN_AFTER = timedelta(minutes=1)
_PROVIDER_AWAY = timedelta(minutes=10)
# What a timer does by itself is given this long.
_GRACE = timedelta(minutes=10)


def confirm_saved(order: Order, payment: payments.Payment, state: payments.ProviderState, cause: str) -> None:
    """The customer has saved a method: the store sees the order, and the money will be held when it is due."""
    deferral = payment.deferral
    if deferral is None:
        raise ValueError("the payment of this order was not deferred")
    kept_as = payments.keep_method(payment, state)
    tx = Transaction()
    payments.record_saved(tx, payment, state, kept_as)
    confirmed = news.confirm_saved(order, _change(cause))
    save(tx, order, confirmed)
    await_answer(tx, order, confirmed)
    tx.emit_at(max(clock.now(), deferral.due_at), OrderPaymentDue(order_id=order.id))
    tx.commit()


def await_answer(tx: Transaction, before: Order, confirmed: Order) -> None:
    """Set a timer for the store's answer where the one that was set with the order may have gone off already.

    While there is time to pay that timer is still to come, and sets itself for what is due then. Only an order whose
    payment is found at its deadline or later has none left.
    """
    if clock.now() >= before.pay_by and confirmed.deadline is not None:
        tx.emit_at(confirmed.deadline, OrderDeadlineReached(order_id=before.id))


def watch_payment(order_id: str, cause: str) -> None:
    """The timer went off: see what the order's payment needs now."""
    order, payment = tables.fetch(order_ref(order_id), payments.payment_ref(order_id))
    if order is None or payment is None or order.status in rules.ENDED or payment.is_fulfilled:
        return
    if order.payment_step == rules.SAVED:
        _hold(order, payment, cause)
    elif order.payment_step == rules.ASKED:
        _end_unless_paid(order, payment, cause)
    elif payment.state is payments.State.AUTHORISED:
        lapses = _held_until(order, payment)
        if lapses is not None and clock.now() < lapses - payments.RENEWED_AHEAD:
            _look_again(order, renew_at(lapses), cause)
            return
        renewed = payments.renew_hold(order_id)
        if renewed.state is payments.State.AUTHORISED and renewed.deferral and renewed.deferral.hold_until:
            _look_again(order, renew_at(renewed.deferral.hold_until), cause)


def follow_late_payment(order: Order, payment: payments.Payment, state: payments.ProviderState, cause: str) -> None:
    """A notice about the payment of an order that waits for it: see whether it is there."""
    if state.is_authorised:
        _secure(order, payment, state, cause)
    elif order.payment_step == rules.ASKED and state.failure_code is not None:
        payments.record_failure(payment, state)


def _hold(order: Order, payment: payments.Payment, cause: str) -> None:
    due = payment.deferral.due_at if payment.deferral else clock.now()
    if clock.now() < due:
        _look_again(order, due, cause)
        return
    try:
        payment, state = payments.ask_to_hold(payment)
    except Unavailable:
        logger.warning("provider silent when money was to be held", extra={"order_id": order.id})
        _look_again(order, clock.now() + _PROVIDER_AWAY, cause)
        return
    if state.is_authorised:
        _secure(order, payment, state, cause)
        return
    tx = Transaction()
    again_at = payments.record_refused(tx, payment, state)
    if again_at is None:
        pay_by = payments.pay_by(_start_of(order), clock.now())
        asked = news.ask_to_pay(order, _change(cause), pay_by=pay_by, reason=state.failure_code or "declined")
        save(tx, order, asked)
        again_at = pay_by
    tx.emit_at(max(clock.now(), again_at), OrderPaymentDue(order_id=order.id))
    tx.commit()


def _secure(order: Order, payment: payments.Payment, state: payments.ProviderState, cause: str) -> None:
    """The money is held: the kitchen may begin when it is time."""
    held = payments.with_end(state)
    tx = Transaction()
    payments.record_authorised(tx, payment, held)
    save(tx, order, news.note_secured(order, _change(cause)))
    if held.hold_until is not None:
        tx.emit_at(renew_at(held.hold_until), OrderPaymentDue(order_id=order.id))
    tx.commit()


def _end_unless_paid(order: Order, payment: payments.Payment, cause: str) -> None:
    if clock.now() < order.pay_by:
        _look_again(order, order.pay_by, cause)
        return
    try:
        state = payments.look_up_provider(payment)
    except Unavailable:
        logger.warning("provider silent at the deadline", extra={"order_id": order.id})
        _look_again(order, clock.now() + _ASK_AGAIN_AFTER, cause)
        return
    if state.is_authorised:
        _secure(order, payment, state, cause)
    elif state.status == "processing":
        _look_again(order, clock.now() + _ASK_AGAIN_AFTER, cause)
    else:
        tx = Transaction()
        end(tx, order, news.give_up_unpaid(order, _change(cause)))
        if order.mode == rules.DELIVERY and order.status is not Status.PLACED:
            dispatch.cancel_delivery(tx, dispatch.delivery_id(order.id), rules.PAYMENT_FAILED, cause=cause)
        tx.commit()


def is_overdue(order: Order, payment: payments.Payment, now: datetime) -> bool:
    """Whether a timer of ``OrderPaymentDue`` should have gone off, or was never set and is needed all the same."""
    if order.status in rules.ENDED or payment.is_fulfilled:
        return False
    if order.payment_step == rules.SAVED:
        due = None if payment.deferral is None else payments.try_again_at(payment.deferral, None)
        return due is not None and now >= due + _GRACE
    if order.payment_step == rules.ASKED:
        return now >= order.pay_by + _GRACE
    lapses = _held_until(order, payment)
    return lapses is not None and now >= lapses - payments.RENEWED_AHEAD + _GRACE


def _held_until(order: Order, payment: payments.Payment) -> datetime | None:
    """When the bank lets go of an order's money; None where it holds none."""
    if payment.state is not payments.State.AUTHORISED or not payment.uses_provider:
        return None
    if payment.deferral is not None:
        return payment.deferral.hold_until
    return order.confirmed_at and order.confirmed_at + payments.HOLD_OF_A_CUSTOMER


def renew_at(hold_until: datetime) -> datetime:
    """When a hold that lives until then is looked at again; soon, where that has passed."""
    return max(clock.now() + _ASK_AGAIN_AFTER, hold_until - payments.RENEWED_AHEAD)


def _start_of(order: Order) -> datetime:
    """When the kitchen begins, near enough: the store was to be asked an hour before that."""
    return order.asked_from + rules.SCHEDULED_HEADROOM


def _look_again(order: Order, due: datetime, cause: str) -> None:
    tx = Transaction()
    tx.claim(_CONSUMER, cause)
    tx.emit_at(due, OrderPaymentDue(order_id=order.id))
    try:
        tx.commit()
    except AlreadyHandled:
        return


def _change(cause: str) -> Change:
    return Change(rules.SYSTEM_ACTOR, clock.now(), cause)
