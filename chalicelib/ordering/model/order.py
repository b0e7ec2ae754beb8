"""The order's state machine: who may do what, in which state.

    placed ──▶ accepted ──▶ preparing ──▶ ready ──▶ handed_over ──▶ completed
       │           │            │           │            ▲  │
       │           └────────────┴───────────┤            │  ▼
       ▼                                    ▼            out_for_delivery
    cancelled, rejected                 cancelled

Two kinds of functions. *Commands* come from people: they raise ``Conflict`` where the state forbids them.
*Observations* (``note_…``, ``confirm``, ``expire_…``) tell what has happened elsewhere: they arrive late,
twice and out of order, and answer the very same order object where they are moot. A change whose cause is
already in the timeline is a repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.kernel.errors import Conflict, DomainError

if TYPE_CHECKING:
    from chalicelib.kernel.money import Money

DINE_IN = "dine_in"
PICKUP = "pickup"
DELIVERY = "delivery"

CARD = "card"
PAY_AT_STORE = "pay_at_store"
CASH_ON_DELIVERY = "cash_on_delivery"

CUSTOMER = "customer"
STAFF = "staff"
RIDER = "rider"
SYSTEM = "system"

# Steps of the timeline that are not a status of their own.
CONFIRMED = "confirmed"
POSTPONED = "postponed"

# What the board must draw the staff's eyes to.
NO_RIDER = "no_rider"
DELIVERY_FAILED = "delivery_failed"
DELIVERY_RETURNED = "delivery_returned"

PAYMENT_EXPIRED = "payment_expired"
STORE_DID_NOT_RESPOND = "store_did_not_respond"

PICKUP_CODE_ATTEMPTS = 5

# A scheduled order may wait for its acceptance until this long before the kitchen has to begin.
_SCHEDULED_HEADROOM = timedelta(minutes=60)


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    HANDED_OVER = "handed_over"
    OUT_FOR_DELIVERY = "out_for_delivery"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ENDED = frozenset((Status.COMPLETED, Status.CANCELLED, Status.REJECTED))
IN_STORE = frozenset((Status.PLACED, Status.ACCEPTED, Status.PREPARING, Status.READY))
_UNDER_WAY = frozenset((Status.ACCEPTED, Status.PREPARING, Status.READY))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: ``kind`` is customer, staff, rider or system; the system has no id."""

    kind: str
    id: str | None = None


SYSTEM_ACTOR = Actor(SYSTEM)


@dataclass(frozen=True, slots=True)
class Entry:
    """A step of the timeline. ``cause`` is the id of the event or request that made it: each acts once."""

    step: str
    at: datetime
    actor: Actor
    cause: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """By whom, when and because of which event or request something changes."""

    actor: Actor
    at: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What the customer was told: when the goods are ready at the store, and when the customer has them."""

    wanted_at: datetime | None
    ready_at: datetime
    promised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What changes about an order. What was ordered, and for how much, is in its quote and never changes.

    ``confirmed_at``: since when the store may see it (paid, or to be paid in person); None while unpaid.
    ``asked_from``: the first moment at which the store can be expected to answer.
    """

    id: str
    customer_id: str
    store_id: str
    mode: str
    payment_method: str
    total: Money
    status: Status
    version: int
    placed_at: datetime
    pay_by: datetime
    asked_from: datetime
    accept_within: timedelta
    promise: Promise
    pickup_code: str
    delivery_pin: str | None = None
    confirmed_at: datetime | None = None
    code_failures: int = 0
    attention: tuple[str, ...] = ()
    timeline: tuple[Entry, ...] = ()

    @property
    def accept_by(self) -> datetime | None:
        """Until when the store must have answered; None while the order is not confirmed."""
        if self.confirmed_at is None:
            return None
        return max(self.confirmed_at, self.asked_from) + self.accept_within

    @property
    def deadline(self) -> datetime | None:
        """When a placed order runs out of time, to be paid or to be accepted; None in every other status."""
        if self.status is not Status.PLACED:
            return None
        return self.accept_by or self.pay_by

    @property
    def is_on_board(self) -> bool:
        """Whether the staff have something to do or to watch."""
        if self.confirmed_at is None or self.status in ENDED:
            return False
        return self.status in IN_STORE or bool(self.attention)

    def knows(self, cause: str) -> bool:
        """Whether this cause has had its effect already."""
        return any(entry.cause == cause for entry in self.timeline)


def asked_from(placed_at: datetime, acceptable_from: datetime, promise: Promise, *, start_at: datetime) -> datetime:
    """From when the store's time to answer runs.

    Not while the store is closed (``acceptable_from`` is when it can accept), and for a scheduled order not
    long before the kitchen has to begin (``start_at``).
    """
    first = max(placed_at, acceptable_from)
    return first if promise.wanted_at is None else max(first, start_at - _SCHEDULED_HEADROOM)


def place(order: Order, change: Change, *, confirmed: bool) -> Order:
    """The first step of an order's life. ``confirmed`` at once where nothing has to be paid before."""
    placed = _step(order, Status.PLACED, change)
    return replace(placed, confirmed_at=change.at if confirmed else None)


# --- commands of people -------------------------------------------------------------------------------------


def accept(order: Order, change: Change, *, prep: timedelta) -> Order:
    """The store takes the order on and says how long it needs; a scheduled one is not ready early."""
    _demand(order, "accept", Status.PLACED)
    _demand_confirmed(order)
    accepted = _step(order, Status.ACCEPTED, change)
    return replace(accepted, promise=_ready_by(order.promise, change.at + prep))


def postpone(order: Order, change: Change, *, prep: timedelta) -> Order:
    """The kitchen needs more (or less) time than it said: ``prep`` from now."""
    _demand(order, "postpone", Status.ACCEPTED, Status.PREPARING)
    postponed = _entry(order, POSTPONED, change)
    return replace(postponed, promise=_ready_by(order.promise, change.at + prep))


def reject(order: Order, change: Change, *, reason: str) -> Order:
    """The store turns the order down, or the system does for a store that does not answer."""
    _demand(order, "reject", Status.PLACED)
    _demand_confirmed(order)
    return _end(order, Status.REJECTED, change, reason)


def cancel_by_customer(order: Order, change: Change, *, reason: str) -> Order:
    """The customer steps back, which is possible until the store has accepted."""
    _demand(order, "cancel", Status.PLACED)
    return _end(order, Status.CANCELLED, change, reason)


def cancel_by_store(order: Order, change: Change, *, reason: str) -> Order:
    """The store can't fulfil what it accepted. Not once the goods have left it, unless they came back.

    Whether a rider who was handed the goods has left with them, only the delivery knows: the caller asks it.
    """
    if DELIVERY_RETURNED not in order.attention:
        _demand(order, "cancel", *_UNDER_WAY, Status.HANDED_OVER)
    return _end(order, Status.CANCELLED, change, reason)


def start(order: Order, change: Change) -> Order:
    """The kitchen begins."""
    _demand(order, "start", Status.ACCEPTED)
    return _step(order, Status.PREPARING, change)


def make_ready(order: Order, change: Change) -> Order:
    """The goods are packed, or can be served."""
    _demand(order, "ready", Status.PREPARING)
    return _step(order, Status.READY, change)


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
    return replace(_step(order, Status.HANDED_OVER, change), attention=())


def complete_table(order: Order, change: Change) -> Order:
    """A dine-in table is served and done."""
    if order.mode != DINE_IN:
        raise _refusal(order, "complete", "Only a dine-in order is completed by hand.")
    _demand(order, "complete", Status.READY)
    return _complete_handed_over(order, change, None)


def wrong_code(attempts_left: int) -> DomainError:
    """The code does not match."""
    return DomainError(
        "wrong_pickup_code",
        "That is not this order's pickup code.",
        status=422,
        attempts_left=max(attempts_left, 0),
    )


# --- observations of what happened elsewhere ----------------------------------------------------------------


def confirm(order: Order, change: Change) -> Order:
    """The payment is authorised: from now on the store sees the order. Moot when confirmed or over."""
    if order.confirmed_at is not None or order.status in ENDED:
        return order
    return replace(_entry(order, CONFIRMED, change), confirmed_at=change.at)


def expire_unpaid(order: Order, change: Change) -> Order:
    """Nobody paid in time. Moot once paid, and while there still is time."""
    if order.status is not Status.PLACED or order.confirmed_at is not None or change.at < order.pay_by:
        return order
    return _end(order, Status.CANCELLED, change, PAYMENT_EXPIRED)


def expire_unanswered(order: Order, change: Change) -> Order:
    """The store let its time run out. Moot once it answered, and while there still is time."""
    if order.status is not Status.PLACED or order.accept_by is None or change.at < order.accept_by:
        return order
    return _end(order, Status.REJECTED, change, STORE_DID_NOT_RESPOND)


def note_picked_up(order: Order, change: Change) -> Order:
    """The rider has left with the goods. Moot after the end, and after news from further down the road."""
    if order.status not in _UNDER_WAY | {Status.HANDED_OVER} or order.knows(change.cause):
        return order
    return replace(_step(order, Status.OUT_FOR_DELIVERY, change), attention=())


def note_delivered(order: Order, change: Change) -> Order:
    """The customer has the goods at the door, whatever of the way there has not been told yet."""
    if order.status in ENDED or order.status is Status.PLACED:
        return order
    return replace(_step(order, Status.COMPLETED, change), attention=())


def note_delivery_failed(order: Order, change: Change, *, reason: str) -> Order:
    """The rider could not deliver and comes back: the order returns to the board."""
    return _note_trouble(order, DELIVERY_FAILED, change, reason)


def note_delivery_returned(order: Order, change: Change) -> Order:
    """The goods are back at the store, which now hands them out over the counter or cancels."""
    return _note_trouble(order, DELIVERY_RETURNED, change, None)


def note_no_rider(order: Order, change: Change) -> Order:
    """No rider was found. Moot once the goods are on their way."""
    if order.status not in _UNDER_WAY | {Status.HANDED_OVER} or order.knows(change.cause):
        return order
    noted = _entry(order, NO_RIDER, change)
    return replace(noted, attention=(*(a for a in order.attention if a != NO_RIDER), NO_RIDER))


# --- parts --------------------------------------------------------------------------------------------------


def _note_trouble(order: Order, trouble: str, change: Change, reason: str | None) -> Order:
    if order.status in ENDED or order.status is Status.PLACED or order.knows(change.cause):
        return order
    noted = _entry(order, trouble, change, reason)
    # "Back at the store" outranks "coming back", in whichever order the two arrive.
    attention = (DELIVERY_RETURNED,) if DELIVERY_RETURNED in order.attention else (trouble,)
    return replace(noted, status=Status.OUT_FOR_DELIVERY, attention=attention)


def _complete_handed_over(order: Order, change: Change, reason: str | None) -> Order:
    handed = _entry(order, Status.HANDED_OVER, change, reason)
    done = Entry(Status.COMPLETED, change.at, change.actor, change.cause)
    return replace(handed, status=Status.COMPLETED, attention=(), timeline=(*handed.timeline, done))


def _end(order: Order, status: Status, change: Change, reason: str) -> Order:
    return replace(_entry(order, status, change, reason), status=status, attention=())


def _step(order: Order, status: Status, change: Change) -> Order:
    return replace(_entry(order, status, change), status=status)


def _entry(order: Order, step: str, change: Change, reason: str | None = None) -> Order:
    entry = Entry(str(step), change.at, change.actor, change.cause, reason)
    return replace(order, version=order.version + 1, timeline=(*order.timeline, entry))


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
