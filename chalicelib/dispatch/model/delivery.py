"""A delivery: one order's way from the store to the door, as states, steps and what the rider has to show.

unassigned ⇄ offered → assigned → at_store → picked_up → at_door → delivered; assigned or at_store → unassigned when the
rider drops out; picked_up or at_door → failed → returning → returned; anything before picked_up → cancelled.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.dispatch.model.decision import Decision
from chalicelib.kernel import ids
from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money

USUAL_SIZE = 10  # litres: a bag
HOME_CURRENCY = "EUR"  # of deliveries that were requested without one
EXCLUDED_LIMIT = 64  # riders; past it the one asked longest ago may be asked again
_SEARCH_STEPS_KEPT = 8

# Reasons of steps that rules ask for again.
DECLINED = "declined"
EXPIRED = "expired"
DROPPED = "dropped"
SHIFT_ENDED = "shift_ended"
PIN_REFUSED = "pin_refused"
CLAIMED = "claimed"
REASSIGNED = "reassigned"


# Letters of the notices that are given once.
NEARBY_TOLD, RISK_TOLD = "n", "r"


class Status(StrEnum):
    """Where a delivery stands."""

    UNASSIGNED = "unassigned"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    AT_STORE = "at_store"
    PICKED_UP = "picked_up"
    AT_DOOR = "at_door"
    DELIVERED = "delivered"
    FAILED = "failed"
    RETURNING = "returning"
    RETURNED = "returned"
    CANCELLED = "cancelled"


SEARCHING = frozenset((Status.UNASSIGNED, Status.OFFERED))
BEFORE_PICKUP = frozenset((Status.UNASSIGNED, Status.OFFERED, Status.ASSIGNED, Status.AT_STORE))
TO_STORE = frozenset((Status.ASSIGNED, Status.AT_STORE))
ON_BOARD = frozenset((Status.PICKED_UP, Status.AT_DOOR, Status.FAILED, Status.RETURNING))
UNDER_WAY = TO_STORE | ON_BOARD
ENDED = frozenset((Status.DELIVERED, Status.RETURNED, Status.CANCELLED))


class Proof(StrEnum):
    """What the store demands before an order counts as delivered."""

    PIN = "pin"
    PHOTO = "photo"
    NONE = "none"


class Need(StrEnum):
    """What an order asks of whoever brings it."""

    COLD_BOX = "cold_box"
    AGE_CHECK = "age_check"  # age-restricted goods: a rider who may carry them and checks the age at the door


class Actor(StrEnum):
    """Who took a step. A step by ``RIDER`` is by the rider of the last offer before it."""

    SYSTEM = "system"
    STORE = "store"
    CUSTOMER = "customer"
    ADMIN = "admin"
    RIDER = "rider"


class Step(msgspec.Struct, frozen=True):
    """An entry of the timeline: the status that was reached, and why.

    ``at`` is our time, ``captured_at`` the time on the rider's phone. ``cause`` is the event id, operation id or
    request id that led to it: the same cause never takes a second step. ``rider_id`` is set on offers and claims,
    ``decision`` on offers.
    """

    status: Status
    at: datetime
    actor: Actor
    cause: str
    reason: str | None = None
    captured_at: datetime | None = None
    rider_id: str | None = None
    decision: Decision | None = None


class Brief(msgspec.Struct, frozen=True):
    """What the rider must know to do the job; it never changes, and only the rider at work sees all of it."""

    store_name: str = ""
    store_address: str = ""
    order_label: str = ""  # what is written on the bag
    dropoff_address: str = ""
    recipient: str = ""
    phone: str = ""
    note: str = ""

    def without_customer(self) -> Brief:
        """What remains once the job is done: nothing of the customer's."""
        return Brief(store_name=self.store_name, store_address=self.store_address, order_label=self.order_label)


class DeliveryRequest(msgspec.Struct, frozen=True):
    """What another context asks for: bring this order to this door.

    ``ready_at`` is when the kitchen expects to be done, ``promised_at`` what the customer was told. ``pin`` is
    demanded when ``proof`` is ``pin``. ``cash_to_collect`` is None when the order is paid otherwise. ``size`` is in
    litres, ``currency`` is the store's.
    """

    order_id: str
    store_id: str
    store_point: Point
    dropoff_point: Point
    ready_at: datetime
    promised_at: datetime
    proof: Proof = Proof.NONE
    pin: str | None = None
    cash_to_collect: Money | None = None
    brief: Brief = Brief()
    actor: Actor = Actor.STORE
    cause: str = ""
    needs: frozenset[Need] = frozenset()
    size: int = USUAL_SIZE
    currency: str = HOME_CURRENCY


class Delivery(msgspec.Struct, frozen=True):
    """One delivery. ``version`` grows with every change; ``brief`` is None when it was kept apart and not read.

    ``waits``: found by its zone's ticks. ``mates`` are all deliveries of a running offer of several, in drop-off
    sequence. ``bonus`` is what the rider gets on top, in minor units of the store's currency. ``pooled_at`` is since
    when any rider in reach may claim it. ``load`` is how many orders its store had to make when it was offered.
    ``size`` is in litres.
    """

    id: str
    store_id: str
    store_point: Point
    dropoff_point: Point
    ready_at: datetime
    promised_at: datetime
    status: Status = Status.UNASSIGNED
    version: int = 1
    marked_ready_at: datetime | None = None
    proof: Proof = Proof.NONE
    pin: str | None = None
    pin_failures: int = 0
    photo: str | None = None
    cash_to_collect: Money | None = None
    cash_collected: Money | None = None
    rider_id: str | None = None
    offered_to: str | None = None
    offer_expires_at: datetime | None = None
    excluded: tuple[str, ...] = ()  # marks of riders not to be asked (again), the latest last
    rounds: int = 0  # offers of this search that found no taker
    searching_since: datetime | None = None
    next_look_at: datetime | None = None  # when the latest timer of the search is due
    unfilled_at: datetime | None = None
    waits: bool = False
    mates: tuple[str, ...] = ()
    bonus: int = 0
    load: int = 0
    pooled_at: datetime | None = None
    needs: frozenset[Need] = frozenset()
    size: int = USUAL_SIZE
    currency: str = HOME_CURRENCY
    at_store_at: datetime | None = None  # when the rider is expected at the store, and at the door
    at_door_at: datetime | None = None
    doors_before: int = 0
    told: str = ""  # notices that are given once and were, a letter each
    photo_hash: str | None = None
    steps: tuple[Step, ...] = ()
    brief: Brief | None = None

    @property
    def order_id(self) -> str:
        """The order that is delivered."""
        return ids.retag(self.id, "ord")

    def excludes(self, rider_id: str) -> bool:
        """Whether the rider has declined, let expire or dropped this delivery."""
        return mark(rider_id) in self.excluded

    def is_offered_to(self, rider_id: str, now: datetime) -> bool:
        """Whether the rider holds an offer that can still be taken."""
        return self.status is Status.OFFERED and self.offered_to == rider_id and not self.offer_expired(now)

    def offer_expired(self, now: datetime) -> bool:
        """Whether the offer has run out (true as well when there is none)."""
        return self.offer_expires_at is None or self.offer_expires_at <= now

    def is_carried_by(self, rider_id: str) -> bool:
        """Whether the rider has taken this delivery and not yet ended it."""
        return self.rider_id == rider_id and self.status in UNDER_WAY

    @property
    def arrives_at(self) -> datetime | None:
        """When the customer may expect the rider; None before a rider has taken it and once the door is reached."""
        return self.at_door_at if self.status in TO_STORE or self.status is Status.PICKED_UP else None

    @property
    def comes_at(self) -> datetime | None:
        """When the store may expect the rider; None before one has taken the delivery and once one is there."""
        return self.at_store_at if self.status is Status.ASSIGNED else None

    @property
    def is_at_risk(self) -> bool:
        """Whether it is on its way and will break its promise, as far as is known."""
        return self.arrives_at is not None and RISK_TOLD in self.told

    @property
    def misses(self) -> tuple[Step, ...]:
        """The tries at the door that were in vain, of which another follows: back on the way, for a reason."""
        return tuple(step for step in self.steps if _is_miss(step))

    @property
    def missed_at(self) -> datetime | None:
        """When the rider tried in vain, by the rider's phone."""
        return max((step.captured_at or step.at for step in self.misses), default=None)

    def step_of(self, rider_id: str, cause: str) -> Step | None:
        """The step that this rider's operation took, if it did."""
        current: str | None = None
        for step in self.steps:
            current = step.rider_id or current
            if step.cause == cause and step.actor is Actor.RIDER and current == rider_id:
                return step
        return None

    def step_since_offer(self, status: Status) -> Step | None:
        """The step that reached ``status`` since the last offer was made, if one did."""
        for step in reversed(self.steps):
            if step.status is status and step.reason != PIN_REFUSED:
                return step
            if step.status is Status.OFFERED or step.reason == CLAIMED:
                return None
            if status is Status.AT_DOOR and _is_miss(step):
                return None  # it rang before that
        return None


def _is_miss(step: Step) -> bool:
    return step.status is Status.PICKED_UP and step.reason is not None


def delivery_id(order_id: str) -> str:
    """The delivery of an order: the same ULID under another prefix."""
    return ids.retag(order_id, "dlv")


def mark(rider_id: str) -> str:
    """A rider in the list of those not to be asked again: eight hex digits instead of a whole id.

    Two riders share a mark once in four thousand million pairs; the second is then passed over.
    """
    return hashlib.sha256(rider_id.encode()).hexdigest()[:8]


def excluding(delivery: Delivery, rider_id: str) -> tuple[str, ...]:
    """The marks with this rider added, the oldest dropped past the limit."""
    return (*(m for m in delivery.excluded if m != mark(rider_id)), mark(rider_id))[-EXCLUDED_LIMIT:]


def open_delivery(request: DeliveryRequest, now: datetime) -> Delivery:
    """The delivery as it begins: nobody's yet."""
    return Delivery(
        id=delivery_id(request.order_id),
        store_id=request.store_id,
        store_point=request.store_point,
        dropoff_point=request.dropoff_point,
        ready_at=request.ready_at,
        promised_at=request.promised_at,
        proof=request.proof,
        pin=request.pin,
        cash_to_collect=request.cash_to_collect,
        needs=request.needs,
        size=request.size,
        currency=(request.cash_to_collect or Money(0, request.currency)).currency,
        brief=request.brief,
        steps=(Step(Status.UNASSIGNED, now, request.actor, request.cause),),
    )


def with_step(delivery: Delivery, step: Step) -> tuple[Step, ...]:
    """The timeline with one more step. Of a long search only the latest offers are kept; all else stays."""
    steps = (*delivery.steps, step)
    if step.status not in SEARCHING:
        return steps
    start = len(steps)
    while start > 1 and steps[start - 1].status in SEARCHING and steps[start - 1].reason != DROPPED:
        start -= 1
    surplus = max(0, len(steps) - start - _SEARCH_STEPS_KEPT)
    surplus += surplus % 2  # an offer goes together with its end
    return (*steps[:start], *steps[start + surplus :])
