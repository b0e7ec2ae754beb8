"""What a look or a tick sees: the zone, what waits in it, and the riders around with all that they have in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch.model import feed
from chalicelib.dispatch.model.delivery import SEARCHING, Delivery
from chalicelib.dispatch.model.rider import Position, Rider, RiderAtWork, acceptance, in_hand, with_outcomes, zone_of
from chalicelib.dispatch.model.zone import Zone, in_charge, lineage
from chalicelib.dispatch.service.records import read_deliveries
from chalicelib.dispatch.tables import (
    STATE,
    DeliveryRow,
    PositionRow,
    RiderRow,
    delivery_of,
    position_of,
    rider_of,
    rider_pk,
    waiting_pk,
    waiting_prefix,
    zone_pk,
    zone_ref,
)
from chalicelib.kernel import geo, tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.kernel.geo import Point

_RIDERS_PER_ZONE = 500
_WAITING_LIMIT = 400


class Hands(msgspec.Struct, frozen=True):
    """A rider at work: the item as it was read, with what it taught, and what an offer leaves on its list of jobs."""

    at_work: RiderAtWork
    rider: Rider
    learned: Rider
    kept: tuple[str, ...]

    def sleeps_until(self, now: datetime) -> datetime | None:
        """When the rider's phone wakes, if it asks seldom."""
        return feed.sleeps_until(self.rider, self.at_work.deliveries, now)


def read_zone(point: Point) -> Zone:
    """The zone in whose care a store is. One request at half the price: what lags behind is refused at the write."""
    cells = lineage(point)
    zones = tables.fetch(*(zone_ref(cell) for cell in cells), consistent=False)
    return in_charge(cells, dict(zip(cells, zones, strict=True)))


def read_waiting(cell: str, whole: str) -> dict[str, Delivery]:
    """What waits in a zone or a part of one, as the index shows it: a moment late. One request for usual numbers."""
    prefix = waiting_prefix(cell)
    condition = DeliveryRow.zone_sk.startswith(prefix) if prefix else None
    found: dict[str, Delivery] = {}
    key = None
    while len(found) < _WAITING_LIMIT:
        page = tables.query(
            DeliveryRow, waiting_pk(whole), condition, index="zone", limit=_WAITING_LIMIT, cursor_key=key
        )
        read = (delivery_of(row) for row in page.items)
        found |= {each.id: each for each in read if each is not None and each.status in SEARCHING}
        key = page.next_key
        if key is None:
            break
    return found


def riders_around(
    places: Sequence[Point], rings: int, now: datetime, policy: Policy, *, limit: int, avoid: Collection[str] = ()
) -> list[Position]:
    """Riders on shift near any of the places who were heard of lately, the nearest first. A query for each cell."""
    cells = {cell for whole in {zone_of(place) for place in places} for cell in geo.disk(whole, rings)}
    near = sorted(
        (min(geo.distance_m(position.point, place) for place in places), position.rider_id, position)
        for position in _positions(sorted(cells))
        if now - position.at <= policy.heard_within and position.rider_id not in avoid
    )
    return [position for _, _, position in near[:limit]]


def _positions(cells: list[str]) -> Iterator[Position]:
    for cell in cells:
        page = tables.query(PositionRow, zone_pk(cell), index="zone", limit=_RIDERS_PER_ZONE)
        yield from (position_of(row) for row in page.items)


def read_hands(positions: Sequence[Position]) -> dict[str, Hands]:
    """The riders with what they have in hand: one request for 100 of them, one for 100 of their deliveries.

    Who is on a break or about to leave is there as long as something is in hand, with no room for more.
    """
    keys = [(RiderRow, rider_pk(position.rider_id), STATE) for position in positions]
    rows = tables.batch_get(keys, consistent=False)
    riders = [rider_of(row) if isinstance(row, RiderRow) else None for row in rows]
    on_shift = [
        (position, rider)
        for position, rider in zip(positions, riders, strict=True)
        if rider is not None and rider.on_shift and (rider.is_available or rider.jobs)
    ]
    deliveries = read_deliveries((job for _, rider in on_shift for job in rider.jobs), consistent=False)
    hands = {rider.id: _hands(rider, position, deliveries) for position, rider in on_shift}
    return {rider_id: each for rider_id, each in hands.items() if each.rider.is_available or each.kept}


def _hands(rider: Rider, position: Position, deliveries: dict[str, Delivery | None]) -> Hands:
    kept = in_hand(rider, deliveries)
    learned = with_outcomes(rider, kept, deliveries)
    at_work = RiderAtWork(
        id=rider.id,
        point=position.point,
        heard_at=position.at,
        vehicle=rider.vehicle,
        room=rider.capacity - len(kept) if rider.is_available else 0,
        capacity=rider.capacity,
        accepts=acceptance(learned),
        limits=rider.limits,
        cash=rider.cash,
        off_at=rider.shift_ends_at,
        deliveries=tuple(known for each in kept if (known := deliveries[each]) is not None),
    )
    return Hands(at_work, rider, learned, tuple(kept))
