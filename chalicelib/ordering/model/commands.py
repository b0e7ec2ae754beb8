"""What people do with an order. Each command raises ``Conflict`` (``order_status_conflict``) where the state forbids
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict, DomainError
from chalicelib.ordering.model.order import (
    DELIVERY,
    DELIVERY_RETURNED,
    DINE_IN,
    PICKUP,
    PICKUP_CODE_ATTEMPTS,
    POSTPONED,
    UNDER_WAY,
    WRONG_PICKUP_CODE,
    Change,
    Entry,
    Order,
    Promise,
    Status,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def accept(order: Order, change: Change, *, prep: timedelta) -> Order:
    """The store takes the order on and says how long it needs; a scheduled one is not ready early."""
    _demand(order, "accept", Status.PLACED)
    _demand_confirmed(order)
    accepted = order.moved(Status.ACCEPTED, change)
    return replace(accepted, promise=_ready_by(order.promise, change.at + prep))


def postpone(order: Order, change: Change, *, prep: timedelta) -> Order:
    """The kitchen needs more (or less) time than it said: ``prep`` from now.

    Said again and again it is one step of the timeline, the last: an order must not grow with every touch of a tablet.
    """
    _demand(order, "postpone", Status.ACCEPTED, Status.PREPARING)
    if order.timeline[-1].step == POSTPONED:
        order = replace(order, timeline=order.timeline[:-1])
    postponed = order.with_entry(POSTPONED, change)
    return replace(postponed, promise=_ready_by(order.promise, change.at + prep))


def reject(order: Order, change: Change, *, reason: str) -> Order:
    """The store turns the order down, or the system does for a store that does not answer."""
    _demand(order, "reject", Status.PLACED)
    _demand_confirmed(order)
    return order.ended(Status.REJECTED, change, reason)


def cancel_by_customer(order: Order, change: Change, *, reason: str) -> Order:
    """The customer steps back, which is possible until the store has accepted."""
    _demand(order, "cancel", Status.PLACED)
    return order.ended(Status.CANCELLED, change, reason)


def cancel_by_store(order: Order, change: Change, *, reason: str) -> Order:
    """The store can't fulfil what it accepted. Not once the goods have left it, unless they came back.

    Whether a rider who was handed the goods has left with them, only the delivery knows: the caller asks it.
    """
    if DELIVERY_RETURNED not in order.attention:
        _demand(order, "cancel", *UNDER_WAY, Status.HANDED_OVER)
    return order.ended(Status.CANCELLED, change, reason)


def start(order: Order, change: Change) -> Order:
    """The kitchen begins; not before the money is held, for an order whose method was only saved."""
    _demand(order, "start", Status.ACCEPTED)
    if order.payment_step:
        raise _refusal(order, "start", "The money for this order is not held yet.")
    return order.moved(Status.PREPARING, change)


def make_ready(order: Order, change: Change) -> Order:
    """The goods are packed, or can be served."""
    _demand(order, "ready", Status.PREPARING)
    if order.proposal is not None:
        raise Conflict("proposal_open", "Its customer has not answered yet: wait, or withdraw what was proposed.")
    return order.moved(Status.READY, change)


def hand_to_customer(order: Order, change: Change, *, code: str) -> Order:
    """The customer takes the goods at the counter, against the code: that completes the order.

    Also for a delivery that failed and came back. Raises ``wrong_pickup_code`` (the caller counts it) and,
    after too many of those, ``pickup_code_locked``.
    """
    _demand_at_counter(order)
    if order.code_failures >= PICKUP_CODE_ATTEMPTS:
        raise DomainError(
            "pickup_code_locked",
            "The code was wrong too often. A manager may hand over without it.",
            status=403,
        )
    if code != order.pickup_code:
        raise wrong_code(PICKUP_CODE_ATTEMPTS - order.code_failures - 1)
    return _complete_handed_over(order, change, None)


def hand_to_customer_without_code(order: Order, change: Change, *, reason: str) -> Order:
    """A manager vouches for the customer who has lost the code; the reason stays in the timeline."""
    _demand_at_counter(order)
    return _complete_handed_over(order, change, reason)


def hand_to_rider(order: Order, change: Change) -> Order:
    """The store gives the goods to the rider; the rider's own pick-up then sets them on their way."""
    if order.mode != DELIVERY:
        raise _refusal(order, "hand_over", "Only a delivery goes to a rider.")
    _demand(order, "hand_over", Status.READY)
    return replace(order.moved(Status.HANDED_OVER, change), attention=())


def complete_table(order: Order, change: Change) -> Order:
    """A dine-in table is served and done."""
    if order.mode != DINE_IN:
        raise _refusal(order, "complete", "Only a dine-in order is completed by hand.")
    _demand(order, "complete", Status.READY)
    return _complete_handed_over(order, change, None)


def wrong_code(attempts_left: int) -> DomainError:
    """The code does not match."""
    return DomainError(
        WRONG_PICKUP_CODE,
        "That is not this order's pickup code.",
        status=422,
        attempts_left=max(attempts_left, 0),
    )


def _complete_handed_over(order: Order, change: Change, reason: str | None) -> Order:
    handed = order.with_entry(Status.HANDED_OVER, change, reason)
    done = Entry(Status.COMPLETED, change.at, change.actor, change.cause)
    completed = replace(handed, status=Status.COMPLETED, attention=(), timeline=(*handed.timeline, done))
    return completed.overtaking(change.at)


def _ready_by(promise: Promise, ready_at: datetime) -> Promise:
    """The journey takes as long as it was promised to, from whenever the goods are ready."""
    ready = ready_at if promise.wanted_at is None else max(ready_at, promise.ready_at)
    return replace(promise, ready_at=ready, promised_at=ready + (promise.promised_at - promise.ready_at))


def _demand(order: Order, command: str, *statuses: Status) -> None:
    if order.status not in statuses:
        allowed = " or ".join(statuses)
        raise _refusal(order, command, f"This needs an order that is {allowed}; this one is {order.status}.")


def _demand_confirmed(order: Order) -> None:
    if order.confirmed_at is None:
        raise _refusal(order, "accept", "The order is not paid yet.")


def _demand_at_counter(order: Order) -> None:
    if order.mode == DELIVERY and DELIVERY_RETURNED in order.attention:
        return
    if order.mode != PICKUP:
        raise _refusal(order, "hand_over", "This order is not picked up by its customer.")
    _demand(order, "hand_over", Status.READY)


def _refusal(order: Order, command: str, detail: str) -> Conflict:
    return Conflict("order_status_conflict", detail, command=command, order_status=str(order.status))
