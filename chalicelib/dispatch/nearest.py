"""Who is asked to bring what: from the open deliveries and the riders at work to offers. Pure: no I/O, no clock.

This first planner asks the rider who would be at the store first, counting what the rider has still to do. Another one
may take its place behind the same ``plan``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.capacity import refusal
from chalicelib.dispatch.model.delivery import ON_BOARD, Delivery, Status
from chalicelib.dispatch.model.feed import asks_seldom
from chalicelib.dispatch.model.rider import RiderAtWork, Vehicle
from chalicelib.kernel import geo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.kernel.geo import Point

_RETURNING = frozenset((Status.FAILED, Status.RETURNING))


class Travel(Protocol):
    """How long a way takes."""

    def time(self, start: Point, end: Point, vehicle: Vehicle) -> timedelta:
        """From door to door with this vehicle."""
        ...


class StraightLine(msgspec.Struct, frozen=True):
    """Great-circle distance times a detour factor at a steady pace, in metres per second by vehicle.

    Streets add about a third to the straight line; the speeds include the stops at crossings.
    """

    detour: float = 1.3
    foot: float = 1.4
    bicycle: float = 4.2
    scooter: float = 7.0
    car: float = 7.5

    def time(self, start: Point, end: Point, vehicle: Vehicle) -> timedelta:
        """From door to door with this vehicle."""
        speeds = {
            Vehicle.FOOT: self.foot,
            Vehicle.BICYCLE: self.bicycle,
            Vehicle.SCOOTER: self.scooter,
            Vehicle.CAR: self.car,
        }
        return timedelta(seconds=geo.distance_m(start, end) * self.detour / speeds[vehicle])


class Offer(msgspec.Struct, frozen=True):
    """Ask this rider to bring this delivery; ``at_store`` is when the rider is expected there."""

    delivery_id: str
    rider_id: str
    at_store: datetime
    expires_at: datetime


def plan(
    now: datetime,
    deliveries: Sequence[Delivery],
    riders: Sequence[RiderAtWork],
    travel: Travel,
    policy: Policy,
) -> list[Offer]:
    """At most one offer for each delivery and each rider, the earliest arrivals first.

    ``deliveries`` want a rider now. Riders who were asked before, have no room, were not heard of lately, hold an
    unanswered offer or are out of reach are left out.
    """
    arrivals = sorted(
        (at, delivery.ready_at, delivery.id, rider.id)
        for delivery in deliveries
        for rider in riders
        if (at := arrival(now, delivery, rider, travel, policy)) is not None
    )
    offers: dict[str, Offer] = {}
    busy: set[str] = set()
    for at_store, _, delivery_id, rider_id in arrivals:
        if delivery_id not in offers and rider_id not in busy:
            offers[delivery_id] = Offer(delivery_id, rider_id, at_store, now + policy.offer_for)
            busy.add(rider_id)
    return list(offers.values())


def ranked(
    now: datetime, delivery: Delivery, riders: Sequence[RiderAtWork], travel: Travel, policy: Policy
) -> list[tuple[datetime, str]]:
    """When each rider who may be asked would be at the store, the first one first.

    Whose phone asks seldom comes after the others: the answer would take so much longer.
    """
    arrivals = (
        (asks_seldom(each.deliveries), arrival(now, delivery, each, travel, policy), each.id) for each in riders
    )
    return [(at, rider_id) for _, at, rider_id in sorted((late, at, who) for late, at, who in arrivals if at)]


def arrival(now: datetime, delivery: Delivery, rider: RiderAtWork, travel: Travel, policy: Policy) -> datetime | None:
    """When the rider would be at the delivery's store, None for a rider who is not to be asked."""
    unsuitable = (
        rider.room < 1
        or now - rider.heard_at > policy.heard_within
        or delivery.excludes(rider.id)
        or any(each.status is Status.OFFERED for each in rider.deliveries)
        or refusal(rider, delivery, rider.deliveries) is not None
    )
    if unsuitable:
        return None
    reach = policy.reach if delivery.unfilled_at is None else policy.reach_after_alert
    bundled = _bundled_arrival(now, delivery, rider, travel, policy)
    free_at, place = freed(now, rider, travel, policy)
    at = bundled or free_at + travel.time(place, delivery.store_point, rider.vehicle)
    if at - now > reach:
        return None
    if rider.off_at is not None:
        done = (
            freed(now, replace(rider, deliveries=(*rider.deliveries, delivery)), travel, policy)[0]
            if bundled
            else delivered(max(now, at), delivery, rider.vehicle, travel, policy)
        )
        if done > rider.off_at + policy.shift_overrun:
            return None
    return at


def delivered(at_store: datetime, delivery: Delivery, vehicle: Vehicle, travel: Travel, policy: Policy) -> datetime:
    """When a rider who is at the store at this time, for this delivery alone, has handed it over."""
    left = _ready(delivery, at_store) + policy.handling
    return left + travel.time(delivery.store_point, delivery.dropoff_point, vehicle) + policy.handling


def _bundled_arrival(
    now: datetime, delivery: Delivery, rider: RiderAtWork, travel: Travel, policy: Policy
) -> datetime | None:
    """When a rider who goes to this store anyway is there, if both orders can travel together; else None."""
    mates = [each for each in rider.deliveries if each.status not in ON_BOARD]
    if not mates or len(mates) != len(rider.deliveries):
        return None
    for mate in mates:
        apart = abs(_ready(mate, now) - _ready(delivery, now))
        detour = travel.time(mate.dropoff_point, delivery.dropoff_point, rider.vehicle)
        if mate.store_id != delivery.store_id or apart > policy.bundle_wait or detour > policy.bundle_detour:
            return None
    return now + travel.time(rider.point, delivery.store_point, rider.vehicle)


def freed(now: datetime, rider: RiderAtWork, travel: Travel, policy: Policy) -> tuple[datetime, Point]:
    """When and where the rider has nothing left to do: returns first, then pick-ups, then doors by their promise."""
    at, place = now, rider.point
    for stop, earliest in _stops(rider, now):
        at = max(at + travel.time(place, stop, rider.vehicle), earliest) + policy.handling
        place = stop
    return at, place


def _stops(rider: RiderAtWork, now: datetime) -> list[tuple[Point, datetime]]:
    returns = {each.store_point: now for each in rider.deliveries if each.status in _RETURNING}
    pickups: dict[Point, datetime] = {}
    for each in rider.deliveries:
        if each.status not in ON_BOARD:
            pickups[each.store_point] = max(_ready(each, now), pickups.get(each.store_point, now))
    doors = sorted((each for each in rider.deliveries if each.status not in _RETURNING), key=lambda d: d.promised_at)
    return [*returns.items(), *pickups.items(), *((each.dropoff_point, now) for each in doors)]


def _ready(delivery: Delivery, now: datetime) -> datetime:
    """When the order can leave the store; one that is late is expected any moment."""
    return max(now, delivery.marked_ready_at or delivery.ready_at)
