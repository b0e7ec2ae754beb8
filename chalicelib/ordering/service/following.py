"""How orders follow what happens elsewhere: payments, deliveries, deadlines.

News comes late, twice and in any order. Each function reads the order, lets the rules decide, and writes on the
version that was read; what is moot is not written. Losing a race raises ``version_conflict``, and the news is
judged again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.event_types import OrderDeadlineReached, OrderPaymentDue
from chalicelib.kernel.transaction import AlreadyHandled, Transaction
from chalicelib.ordering.model import news
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Actor, Change, Order
from chalicelib.ordering.service.securing import await_answer, confirm_saved, follow_late_payment, renew_at
from chalicelib.ordering.service.storing import end, save, save_alone
from chalicelib.ordering.tables import order_ref
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

logger = logging.getLogger(__name__)

_CONSUMER = "ordering"
_ASK_AGAIN_AFTER = timedelta(minutes=1)
# What is brought within this time is not watched for a hold that lapses: it lives a week.
_SOON = timedelta(days=1)


def follow_payment(order_id: str, cause: str, intent_id: str | None = None) -> None:
    """The provider says that something happened: ask it what, and show the order to its store if it is paid.

    An order that ended meanwhile is left to ``OrderEnded``, after which the payment centre lets go whatever it
    finds at the provider; what was paid after even that goes back.
    """
    order, payment = tables.fetch(order_ref(order_id), payments.payment_ref(order_id))
    if order is None or payment is None:
        logger.warning("payment of an unknown order", extra={"order_id": order_id})
        return
    if order.status in rules.ENDED:
        if order.status is not rules.Status.COMPLETED and intent_id is not None:
            payments.return_late_payment(order_id, intent_id)
        return
    if order.confirmed_at is not None and not order.payment_step:
        return
    state = payments.look_up_provider(payment, intent_id)
    if order.payment_step:
        follow_late_payment(order, payment, state, cause)
    elif state.is_authorised:
        _confirm(order, payment, state, cause)
    elif state.is_saved:
        confirm_saved(order, payment, state, cause)
    elif state.failure_code is not None:
        payments.record_failure(payment, state)


def watch_deadline(order_id: str, cause: str) -> None:
    """A deadline may have passed: to pay, or for the store to answer. Not yet: look again when it has."""
    order, payment = tables.fetch(order_ref(order_id), payments.payment_ref(order_id))
    if order is None or order.deadline is None:
        return
    if clock.now() < order.deadline:
        _look_again(order, order.deadline, cause)
    elif order.confirmed_at is not None:
        _end_overdue(order, news.expire_unanswered, cause)
    else:
        _end_unless_paid(order, payment, cause)


def note_picked_up(order_id: str, rider_id: str, cause: str) -> None:
    """The rider has left the store with the order: it leaves the board."""
    _note(order_id, news.note_picked_up, _by_rider(rider_id, cause))


def note_delivered(order_id: str, rider_id: str, cause: str) -> None:
    """The customer has the order."""
    _note(order_id, news.note_delivered, _by_rider(rider_id, cause))


def note_delivery_failed(order_id: str, rider_id: str, reason: str, cause: str) -> None:
    """The rider is bringing the order back: it is on the board again."""

    def failed(order: Order, change: Change) -> Order:
        return news.note_delivery_failed(order, change, reason=reason)

    _note(order_id, failed, _by_rider(rider_id, cause))


def note_delivery_returned(order_id: str, rider_id: str, cause: str) -> None:
    """The order is back at the store, which decides what becomes of it."""
    _note(order_id, news.note_delivery_returned, _by_rider(rider_id, cause))


def note_no_rider(order_id: str, cause: str) -> None:
    """No rider was found so far: the board says so."""
    _note(order_id, news.note_no_rider, _by_system(cause))


def note_at_risk(order_id: str, cause: str) -> None:
    """The order will come later than promised: customer and staff read it in the timeline."""
    _note(order_id, news.note_at_risk, _by_system(cause))


def _note(order_id: str, rule: Callable[[Order, Change], Order], change: Change) -> None:
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None:
        logger.warning("news of an unknown order", extra={"order_id": order_id})
        return
    after = rule(order, change)
    if after is not order:
        save_alone(order, after)


def _confirm(order: Order, payment: payments.Payment, state: payments.ProviderState, cause: str) -> None:
    """Payment and order change together, each on the state that was read: so a repeat finds its work done."""
    tx = Transaction()
    payments.record_authorised(tx, payment, state)
    confirmed = news.confirm(order, _by_system(cause))
    save(tx, order, confirmed)
    await_answer(tx, order, confirmed)
    if order.promise.promised_at - clock.now() > _SOON and state.status == "requires_capture":
        held = payments.with_end(state)
        tx.emit_at(renew_at(held.hold_until or clock.now()), OrderPaymentDue(order_id=order.id))
    tx.commit()


def _end_unless_paid(order: Order, payment: payments.Payment, cause: str) -> None:
    """The customer's time to pay is over; but the word of a payment may have been lost, so the provider is asked."""
    try:
        state = payments.look_up_provider(payment)
    except Unavailable:
        logger.warning("provider silent at the deadline", extra={"order_id": order.id})
        _look_again(order, clock.now() + _ASK_AGAIN_AFTER, cause)
        return
    if state.is_authorised:
        _confirm(order, payment, state, cause)
    elif state.is_saved:
        confirm_saved(order, payment, state, cause)
    elif state.status == "processing":
        _look_again(order, clock.now() + _ASK_AGAIN_AFTER, cause)
    else:
        _end_overdue(order, news.expire_unpaid, cause)


def _end_overdue(order: Order, rule: Callable[[Order, Change], Order], cause: str) -> None:
    after = rule(order, _by_system(cause))
    if after is order:
        return
    tx = Transaction()
    end(tx, order, after)
    tx.commit()


def _look_again(order: Order, due: datetime, cause: str) -> None:
    """Set the timer anew, once for each time that it went off."""
    tx = Transaction()
    tx.claim(_CONSUMER, cause)
    tx.emit_at(due, OrderDeadlineReached(order_id=order.id))
    try:
        tx.commit()
    except AlreadyHandled:
        return


def _by_rider(rider_id: str, cause: str) -> Change:
    return Change(Actor(rules.RIDER, rider_id), clock.now(), cause)


def _by_system(cause: str) -> Change:
    return Change(rules.SYSTEM_ACTOR, clock.now(), cause)
