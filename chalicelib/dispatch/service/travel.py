"""How long ways take, as the settings say: by the straight line, or as a route matrix corrects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.planner.travel import StraightLine
from chalicelib.kernel import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.rider import RiderAtWork
    from chalicelib.dispatch.planner.types import Travel
    from chalicelib.dispatch.service.route_matrix import RouteMatrix

_matrix: RouteMatrix | None = None


def travel_between(deliveries: Sequence[Delivery], riders: Sequence[RiderAtWork], now: datetime) -> Travel:
    """Ways for one decision. With a route matrix, those that matter most and are not known yet are asked for first."""
    straight = StraightLine(detour=settings.get().travel_detour)
    if settings.get().travel_source != "route_matrix":
        return straight
    matrix = _route_matrix()
    stores = {(each.store_point.lat, each.store_point.lng) for each in deliveries}
    for vehicle in sorted({each.vehicle for each in riders}):
        starts = {(each.point.lat, each.point.lng) for each in riders if each.vehicle == vehicle}
        matrix.learn(starts, stores, vehicle.value, now)
        for store in sorted(stores):
            doors = {
                (each.dropoff_point.lat, each.dropoff_point.lng)
                for each in deliveries
                if (each.store_point.lat, each.store_point.lng) == store
            }
            matrix.learn({store}, doors, vehicle.value, now)
    return matrix.travel(straight, now)


def travel_known(now: datetime) -> Travel:
    """Ways as far as they are known: asks nobody, so that every heartbeat may use it."""
    straight = StraightLine(detour=settings.get().travel_detour)
    if settings.get().travel_source != "route_matrix":
        return straight
    return _route_matrix().travel(straight, now)


def _route_matrix() -> RouteMatrix:
    global _matrix
    if _matrix is None:
        from chalicelib.dispatch.service.route_matrix import RouteMatrix, amazon_location

        _matrix = RouteMatrix(amazon_location(), settings.get().travel_routes_per_minute)
    return _matrix
