"""When a rider comes: the stops of a trip in order, when each is reached, and what is worth telling. Pure.

What was accepted together is one trip, and so is what waits at the store where the rider is. A trip goes to its stores
first, then to its doors in the sequence in which the customers wait least together, then to those that were tried in
vain, then back with what failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import NEARBY_TOLD, RISK_TOLD, TO_STORE, Delivery, Status
from chalicelib.kernel import geo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.dispatch.model.rider import Vehicle
    from chalicelib.kernel.geo import Point

StopKind = Literal["store", "door", "return"]
ON_THE_WAY = TO_STORE | {Status.PICKED_UP, Status.AT_DOOR}

# What a rider is told to have reached: a fix may be off by as much in a street of high houses.
AT_THE_STORE_M = 120.0
# A customer's time changes for a difference that a customer notices, so that a whole ride writes it a few times.
WORTH_TELLING = timedelta(minutes=2)
NEARBY = timedelta(minutes=2)
# A promise that will be broken by less than this is as good as kept.
GRACE = timedelta(minutes=1)
_SORTED_EXACTLY = 5  # doors: 120 sequences


class Ways(Protocol):
    """How long a way takes."""

    def time(self, start: Point, end: Point, vehicle: Vehicle) -> timedelta:
        """From door to door with this vehicle."""
        ...


class Stop(msgspec.Struct, frozen=True):
    """A place on the route, what happens there, and when the rider is expected."""

    kind: StopKind
    point: Point
    deliveries: tuple[str, ...]
    at: datetime


class Trip(msgspec.Struct, frozen=True):
    """A rider under way: where (at ``now``) and on what; ``handling`` is the time spent at each stop."""

    now: datetime
    point: Point
    vehicle: Vehicle
    deliveries: tuple[Delivery, ...]
    ways: Ways
    handling: timedelta = timedelta(minutes=2)


def planned_stops(trip: Trip) -> tuple[Stop, ...]:
    """All stops in the order in which the rider makes them, with their times."""
    left = [each for each in trip.deliveries if each.status in ON_THE_WAY or each.status in _GOING_BACK]
    stops: list[Stop] = []
    at, place = trip.now, trip.point
    while left:
        together = _next_trip(left, trip.point, first=not stops)
        left = [each for each in left if each not in together]
        for kind, point, group in _sequence(together, place, trip):
            reached = at + trip.ways.time(place, point, trip.vehicle)
            stops.append(Stop(kind, point, tuple(each.id for each in group), reached))
            ready = max((_ready(each) for each in group), default=reached) if kind == "store" else reached
            at, place = max(reached + trip.handling / 2, ready) + trip.handling / 2, point
    return tuple(stops)


def with_times(trip: Trip) -> dict[str, Delivery]:
    """The trip's deliveries as they are now expected: at the store, at the door, and how many doors come before."""
    at_store: dict[str, datetime] = {}
    at_door: dict[str, tuple[datetime, int]] = {}
    doors = 0
    for stop in planned_stops(trip):
        for each in stop.deliveries:
            if stop.kind == "store":
                at_store[each] = stop.at
            elif stop.kind == "door":
                at_door[each] = (stop.at, doors)
        doors += stop.kind == "door"
    return {
        each.id: replace(
            each,
            at_store_at=at_store.get(each.id, each.at_store_at),
            at_door_at=at_door[each.id][0],
            doors_before=at_door[each.id][1],
        )
        for each in trip.deliveries
        if each.id in at_door
    }


def differs(before: Delivery, after: Delivery) -> bool:
    """Whether the new times are worth a write: the first ones, another place in the sequence, minutes of difference."""
    if before.at_door_at is None or after.at_door_at is None or before.doors_before != after.doors_before:
        return before.at_door_at != after.at_door_at or before.doors_before != after.doors_before
    moved = abs(after.at_door_at - before.at_door_at) >= WORTH_TELLING
    if before.status not in TO_STORE or before.at_store_at is None or after.at_store_at is None:
        return moved
    return moved or abs(after.at_store_at - before.at_store_at) >= WORTH_TELLING


def is_nearby(delivery: Delivery, now: datetime) -> bool:
    """Whether the rider is about to ring, and nobody was told so far."""
    return (
        NEARBY_TOLD not in delivery.told
        and delivery.status is Status.PICKED_UP
        and not delivery.doors_before
        and delivery.at_door_at is not None
        and delivery.at_door_at - now <= NEARBY
    )


def is_at_risk(delivery: Delivery) -> bool:
    """Whether the promise is going to be broken, and nobody was told so far."""
    return (
        RISK_TOLD not in delivery.told
        and delivery.status in ON_THE_WAY
        and delivery.at_door_at is not None
        and delivery.at_door_at > delivery.promised_at + GRACE
    )


def check_at(delivery: Delivery, now: datetime, longest: timedelta) -> datetime | None:
    """When to look once at an order that leaves the store, should no word of the rider come; None when all is told."""
    if delivery.status is not Status.PICKED_UP or delivery.at_door_at is None or RISK_TOLD in delivery.told:
        return None
    before_late = delivery.promised_at - NEARBY
    return min(max(before_late, now + WORTH_TELLING), now + longest)


def route(deliveries: Sequence[Delivery]) -> tuple[Stop, ...]:
    """The stops by the times that the deliveries keep. What has none yet comes last."""
    stops: dict[tuple[StopKind, Point], list[tuple[datetime, str]]] = {}
    latest = max((each.at_door_at for each in deliveries if each.at_door_at), default=None)
    for each in deliveries:
        fallback = latest or each.promised_at
        door_at = each.at_door_at or fallback
        if each.status in _GOING_BACK:
            stops.setdefault(("return", each.store_point), []).append((max(fallback, door_at), each.id))
            continue
        if each.status not in ON_THE_WAY:
            continue
        if each.status in TO_STORE:
            stops.setdefault(("store", each.store_point), []).append((each.at_store_at or door_at, each.id))
        stops.setdefault(("door", each.dropoff_point), []).append((door_at, each.id))
    made = [
        Stop(kind, point, tuple(each for _, each in sorted(who)), min(at for at, _ in who))
        for (kind, point), who in stops.items()
    ]
    return tuple(sorted(made, key=lambda stop: (stop.at, _KINDS[stop.kind], stop.deliveries)))


_GOING_BACK = frozenset((Status.FAILED, Status.RETURNING))
_KINDS: Mapping[StopKind, int] = {"store": 0, "door": 1, "return": 2}


def _next_trip(left: Sequence[Delivery], point: Point, *, first: bool) -> list[Delivery]:
    on_board = [each for each in left if each.status not in TO_STORE]
    here = [
        each
        for each in left
        if each.status is Status.AT_STORE
        or (first and each.status in TO_STORE and geo.distance_m(point, each.store_point) <= AT_THE_STORE_M)
    ]
    begun = on_board + here
    if not begun:
        begun = [min(left, key=lambda each: (_taken(each)[0], each.id))]
        shops = {each.store_point for each in begun}
        begun += [each for each in left if each not in begun and each.store_point in shops]
    trips = {_taken(each) for each in begun}
    return [each for each in left if each in begun or (each.status in TO_STORE and _taken(each) in trips)]


def _taken(delivery: Delivery) -> tuple[datetime, str]:
    """When the delivery was taken and by which operation: the same for all that was accepted together."""
    for step in reversed(delivery.steps):
        if step.status is Status.ASSIGNED:
            return (step.at, step.cause)
    return (delivery.promised_at, delivery.id)


def _sequence(
    together: Sequence[Delivery], place: Point, trip: Trip
) -> list[tuple[StopKind, Point, tuple[Delivery, ...]]]:
    stores = _grouped((each, each.store_point) for each in together if each.status in TO_STORE)
    to_doors = [each for each in together if each.status in ON_THE_WAY]
    doors = _grouped((each, each.dropoff_point) for each in to_doors if not each.misses)
    again = _grouped((each, each.dropoff_point) for each in to_doors if each.misses)
    backs = _grouped((each, each.store_point) for each in together if each.status in _GOING_BACK)
    made: list[tuple[StopKind, Point, tuple[Delivery, ...]]] = []
    for point in _nearest_first(place, list(stores), trip):
        made.append(("store", point, stores[point]))
        place = point
    for group in (doors, again):
        for point in _least_waiting(place, group, trip):
            made.append(("door", point, group[point]))
            place = point
    made.extend(("return", point, backs[point]) for point in _nearest_first(place, list(backs), trip))
    return made


def _grouped(pairs: Iterable[tuple[Delivery, Point]]) -> dict[Point, tuple[Delivery, ...]]:
    found: dict[Point, tuple[Delivery, ...]] = {}
    for each, point in pairs:
        found[point] = (*found.get(point, ()), each)
    return found


def _nearest_first(place: Point, points: list[Point], trip: Trip) -> list[Point]:
    ordered = []
    left = sorted(points, key=lambda each: (each.lat, each.lng))
    while left:
        place = min(left, key=lambda each: trip.ways.time(place, each, trip.vehicle))
        left.remove(place)
        ordered.append(place)
    return ordered


def _least_waiting(place: Point, doors: Mapping[Point, Sequence[Delivery]], trip: Trip) -> list[Point]:
    """The doors so that the sum of all customers' times is least; where the rider rings already comes first."""
    ringing = [point for point, group in doors.items() if any(each.status is Status.AT_DOOR for each in group)]
    left = [point for point in doors if point not in ringing]
    if ringing:
        place = ringing[-1]
    if len(left) > _SORTED_EXACTLY:
        return ringing + _nearest_first(place, left, trip)

    def waited(order: Iterable[Point]) -> float:
        at, total, here = 0.0, 0.0, place
        for point in order:
            at += trip.ways.time(here, point, trip.vehicle).total_seconds() + trip.handling.total_seconds()
            total += at * len(doors[point])
            here = point
        return total

    return ringing + list(min(permutations(sorted(left, key=lambda p: (p.lat, p.lng))), key=waited))


def _ready(delivery: Delivery) -> datetime:
    return delivery.marked_ready_at or delivery.ready_at
