"""Delivery zones: which one serves a point, at what distance and fee."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel import geo
from chalicelib.stores.model.store import Polygon, Radius

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.kernel.geo import Point
    from chalicelib.kernel.money import Money
    from chalicelib.stores.model.store import DeliveryZone, Store


class Reach(msgspec.Struct, frozen=True):
    """The zone that serves a point, with the straight distance from the store and the fee of its tier."""

    zone: DeliveryZone
    distance_m: int
    fee: Money


# A minute from the rider's arrival until the order is in the bag, another one until the door has opened. What dispatch
# expects counts them as well; a promise that did not would be late with every punctual rider.
HAND_OVER_MINUTES = 2


def reach(store: Store, point: Point) -> Reach | None:
    """The first zone in the store's order that holds the point, or None when nobody delivers there."""
    metres = round(geo.distance_m(store.point, point))
    for zone in store.zones:
        if _holds(zone, metres, point):
            return Reach(zone, metres, _fee(zone, metres))
    return None


def travel_minutes(store: Store, distance_m: int) -> int:
    """Whole minutes from the ready order to the customer who has it.

    The ride to a door at this straight distance, rounded up, and what passes at the counter and at the door.
    """
    return math.ceil(distance_m / store.metres_per_minute) + HAND_OVER_MINUTES


def farthest_m(store_point: Point, zones: Iterable[DeliveryZone]) -> int:
    """The straight distance to the farthest point that any of the zones serves, rounded up; 0 without zones."""
    return max((_extent_m(store_point, zone) for zone in zones), default=0)


def _extent_m(store_point: Point, zone: DeliveryZone) -> int:
    if isinstance(zone.area, Radius):
        return zone.area.radius_m
    # A straight edge is never farther away than the farther one of its ends.
    return math.ceil(max(geo.distance_m(store_point, corner) for corner in zone.area.ring))


def _holds(zone: DeliveryZone, distance_m: int, point: Point) -> bool:
    if isinstance(zone.area, Polygon):
        return geo.polygon_contains(zone.area.ring, point)
    return distance_m <= zone.area.radius_m


def _fee(zone: DeliveryZone, distance_m: int) -> Money:
    for tier in zone.tiers:
        if tier.up_to_m is None or distance_m <= tier.up_to_m:
            return tier.fee
    # Tiers reach the zone's edge (a store whose tiers don't is refused); what is left here is a metre of rounding.
    return zone.tiers[-1].fee
