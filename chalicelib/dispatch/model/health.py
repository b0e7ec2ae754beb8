"""How a zone fares: what waits, who could take it, and whether riders will be short within the next half hour. Pure.

The outlook plays the next 30 minutes with what is known now. Work: what waits, and as many further orders, evenly
spread, as were requested in the last 30 minutes of what is seen now. Hands: a rider is free when what is in hand is
done, until the shift ends; booked places of shifts that begin come in at their time. Every order, the
earliest ready first, goes to the hands that are free first, and keeps them for as long as a delivery takes. One that
leaves its store later than ``BEARABLE`` after it is ready, or not at all, is short of a rider.
"""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch.model.delivery import SEARCHING, Delivery, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

AHEAD = timedelta(minutes=30)
BEARABLE = timedelta(minutes=10)
# From being free to being free again, where nothing under way tells: approach, counter, ride, door.
USUAL_TRIP = timedelta(minutes=20)


class Hands(msgspec.Struct, frozen=True):
    """A rider, or a booked place of a shift to come: free from, and until (None: no end is known)."""

    free_at: datetime
    until: datetime | None = None


class Outlook(msgspec.Struct, frozen=True):
    """The next half hour: orders ``expected`` beside what waits, how many will be ``short`` of a rider, since when.

    ``riders_missing`` more, free now, would be enough.
    """

    expected: int
    short: int = 0
    short_from: datetime | None = None
    riders_missing: int = 0


class StoreLoad(msgspec.Struct, frozen=True):
    """A store of the zone: what waits for a rider, since when the oldest does, and the riders who come or are there."""

    store_id: str
    waiting: int
    oldest_since: datetime | None
    riders_coming: int


class Health(msgspec.Struct, frozen=True):
    """A zone at an instant. Times of waiting count from when the search for a rider began."""

    zone: str
    at: datetime
    waiting: int
    offered: int
    oldest_since: datetime | None
    unfilled: int
    pooled: int
    idle: int
    busy: int
    away: int
    offers_per_delivery: float | None
    outlook: Outlook
    stores: tuple[StoreLoad, ...]
    active: bool
    next_tick_at: datetime | None = None


def trip_time(in_hand: Iterable[Delivery]) -> timedelta:
    """How long a delivery keeps a rider, by those that are under way and know when they will be at the door."""
    taken = [
        each.at_door_at - step.at
        for each in in_hand
        if each.at_door_at is not None
        for step in each.steps
        if step.status is Status.ASSIGNED and each.at_door_at > step.at
    ]
    return timedelta(seconds=fmean(each.total_seconds() for each in taken)) if taken else USUAL_TRIP


def expected_arrivals(known: Collection[Delivery], now: datetime) -> list[datetime]:
    """When as many orders as were requested in the last half hour will be ready, evenly spread over the next."""
    many = sum(1 for each in known if each.steps and now - each.steps[0].at <= AHEAD)
    return [now + AHEAD * (number + 0.5) / many for number in range(many)]


def outlook(now: datetime, waiting: Sequence[Delivery], hands: Sequence[Hands], known: Collection[Delivery]) -> Outlook:
    """Play the next half hour; ``known`` is all that is seen of the zone, ended deliveries included."""
    trip = trip_time(known)
    arrivals = expected_arrivals(known, now)
    ready = sorted([max(now, each.marked_ready_at or each.ready_at) for each in waiting] + arrivals)
    ready = [each for each in ready if each <= now + AHEAD]
    late = _late(ready, hands, trip)
    missing = 0
    while late and missing < len(ready):
        missing += 1
        more = [*hands, *[Hands(now)] * missing]
        if not _late(ready, more, trip):
            break
    return Outlook(len(arrivals), len(late), min(late, default=None), missing)


def _late(ready: Sequence[datetime], hands: Sequence[Hands], trip: timedelta) -> list[datetime]:
    """The ready times of the orders that nobody fetches in time."""
    free = [(each.free_at, number, each.until) for number, each in enumerate(hands)]
    heapq.heapify(free)
    late = []
    for at in ready:
        while free and free[0][2] is not None and max(free[0][0], at) + trip > free[0][2]:
            heapq.heappop(free)
        if not free or free[0][0] > at + BEARABLE:
            late.append(at)
            continue
        free_at, number, until = heapq.heappop(free)
        heapq.heappush(free, (max(free_at, at) + trip, number, until))
    return late


def store_loads(waiting: Iterable[Delivery], coming: Iterable[Delivery]) -> tuple[StoreLoad, ...]:
    """The stores for which somebody is wanted or on the way, the longest search first."""
    waits: dict[str, list[Delivery]] = {}
    comes: dict[str, set[str]] = {}
    for each in waiting:
        waits.setdefault(each.store_id, []).append(each)
    for each in coming:
        if each.status in (Status.ASSIGNED, Status.AT_STORE):
            comes.setdefault(each.store_id, set()).add(each.rider_id or "")
    loads = [
        StoreLoad(store, len(waits.get(store, ())), oldest(waits.get(store, ())), len(comes.get(store, ())))
        for store in waits.keys() | comes.keys()
    ]
    far = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(loads, key=lambda load: (load.oldest_since or far, load.store_id)))


def oldest(waiting: Iterable[Delivery]) -> datetime | None:
    """Since when the one that waits longest is searched for; None where nothing is."""
    return min((each.searching_since for each in waiting if each.searching_since is not None), default=None)


def offers_per_delivery(known: Iterable[Delivery]) -> float | None:
    """How many offers each delivery took so far, of those that were offered at all."""
    made = [sum(step.status is Status.OFFERED for step in each.steps) for each in known]
    asked = [max(offers, each.rounds) for offers, each in zip(made, known, strict=True) if offers or each.rounds]
    return round(fmean(asked), 2) if asked else None


def is_open(delivery: Delivery) -> bool:
    """Whether nobody has taken the delivery."""
    return delivery.status in SEARCHING
