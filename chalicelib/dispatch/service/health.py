"""Reading how a zone fares, in a bounded number of requests and without a scan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch import nearest
from chalicelib.dispatch.model import health
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.rider import ZONE_RESOLUTION, RiderAtWork
from chalicelib.dispatch.model.shift import ShiftStatus
from chalicelib.dispatch.model.zone import lineage
from chalicelib.dispatch.service.around import Hands, read_hands, read_waiting
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.roster import list_shifts
from chalicelib.dispatch.tables import PositionRow, position_of, zone_pk, zone_ref
from chalicelib.kernel import clock, geo, tables
from chalicelib.kernel.errors import NotFound
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.dispatch.model.policy import Policy

_CELL = re.compile(r"[0-9a-f]{15}\Z", re.ASCII)
_RIDERS = 200
_SHIFTS = 50


def read_health(cell: str) -> health.Health:
    """How a whole zone fares. Raises ``zone_not_found`` for what is none.

    A read, three queries (what waits, riders, shifts that begin), and a request for each 100 riders and for each 100
    deliveries in their hands.
    """
    if not _is_zone(cell):
        raise NotFound("zone", cell)
    now, policy = clock.now(), in_force()
    (zone,) = tables.fetch(zone_ref(cell), consistent=False)
    waiting = read_waiting(cell, cell)
    page = tables.query(PositionRow, zone_pk(cell), index="zone", limit=_RIDERS)
    heard = [at for row in page.items if now - (at := position_of(row)).at <= policy.heard_within]
    riders = list(read_hands(heard).values())
    in_hand = {each.id: each for rider in riders for each in rider.at_work.deliveries}
    here = [each for each in (in_hand | waiting).values() if lineage(each.store_point)[0] == cell]
    wanted = [each for each in here if health.is_open(each)]
    unasked = [each for each in wanted if each.status is Status.UNASSIGNED]
    return health.Health(
        zone=cell,
        at=now,
        waiting=len(unasked),
        offered=len(wanted) - len(unasked),
        oldest_since=health.oldest(wanted),
        unfilled=sum(each.unfilled_at is not None for each in wanted),
        pooled=sum(each.pooled_at is not None for each in wanted),
        idle=sum(each.rider.is_available and not _taken(each) for each in riders),
        busy=sum(bool(_taken(each)) for each in riders),
        away=len(page.items) - len(riders),
        offers_per_delivery=health.offers_per_delivery(here),
        outlook=health.outlook(now, wanted, _free(riders, now, policy) + _to_come(cell, now), here),
        stores=health.store_loads(wanted, here),
        active=zone.is_active(now, policy),
        next_tick_at=zone.next_tick_at,
    )


def read_store_health(store_id: str) -> tuple[health.StoreLoad, health.Health]:
    """What a store waits for, and how the zone that it is in fares. A read more. Raises ``store_not_found``."""
    store = stores.get_store(store_id, consistent=False)
    around = read_health(lineage(store.point)[0])
    own = next((each for each in around.stores if each.store_id == store_id), health.StoreLoad(store_id, 0, None, 0))
    return own, around


def _is_zone(cell: str) -> bool:
    try:
        return _CELL.match(cell) is not None and geo.resolution(cell) == ZONE_RESOLUTION
    except ValueError:
        return False


def _taken(rider: Hands) -> list[Delivery]:
    return [each for each in rider.at_work.deliveries if each.status is not Status.OFFERED]


def _free(riders: list[Hands], now: datetime, policy: Policy) -> list[health.Hands]:
    """Riders as hands; what is only offered is among what waits, so it keeps nobody. Who leaves or rests is none."""
    straight = nearest.StraightLine()
    return [
        health.Hands(nearest.freed(now, _without_offers(each), straight, policy)[0], each.at_work.off_at)
        for each in riders
        if each.rider.is_available
    ]


def _without_offers(rider: Hands) -> RiderAtWork:
    return replace(rider.at_work, deliveries=tuple(_taken(rider)))


def _to_come(cell: str, now: datetime) -> list[health.Hands]:
    """The booked places of shifts that begin within the outlook."""
    page = list_shifts(cell, now, now + health.AHEAD, None, _SHIFTS)
    return [
        health.Hands(each.starts_at, each.ends_at)
        for each in page.items
        if each.status is ShiftStatus.PLANNED
        for _ in range(each.taken)
    ]
