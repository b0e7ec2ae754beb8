"""What nobody took: open to every rider in reach, and whoever claims first has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch import nearest
from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.capacity import refusal
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.rider import in_hand, with_offer, with_outcomes, zones_around
from chalicelib.dispatch.service.arrivals import with_first_times
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.records import (
    NotRegistered,
    delivery_ref_by_id,
    read_deliveries,
    read_delivery,
    rider_ref,
    write_delivery,
    write_rider,
)
from chalicelib.dispatch.tables import (
    POSITION,
    DeliveryRow,
    PositionRow,
    delivery_of,
    position_of,
    rider_pk,
    waiting_pk,
)
from chalicelib.kernel import clock, geo, ids, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError, NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.dispatch.model.delivery import Step
    from chalicelib.dispatch.model.journey import Command
    from chalicelib.dispatch.model.rider import Position, Rider

_RACES = 5
_PER_CELL = 100
_SHOWN = 50
_EMPTY, _FILLED = 60, 15  # seconds until the next look at the pool


class Pool(msgspec.Struct, frozen=True):
    """What a rider may claim, the nearest store first. ``retry_after`` is in seconds."""

    deliveries: tuple[Delivery, ...]
    retry_after: int


def read_pool(rider_id: str) -> Pool:
    """What the rider may claim from where the rider is. A read, and a query for each cell around."""
    rider, position = tables.fetch(
        rider_ref(rider_id), tables.Ref(PositionRow, rider_pk(rider_id), POSITION, _position), consistent=False
    )
    if rider is None:
        raise NotRegistered
    if not rider.on_shift or position is None:
        raise _not_on_shift()
    if not rider.is_available:
        return Pool((), _EMPTY)
    policy, now = in_force(), clock.now()
    travel = nearest.StraightLine()
    found = []
    for cell in zones_around(position.point, 1):
        page = tables.query(DeliveryRow, waiting_pk(cell), index="zone", limit=_PER_CELL)
        for delivery in map(delivery_of, page.items):
            if delivery is not None and delivery.pooled_at is not None and delivery.status is Status.UNASSIGNED:
                way = travel.time(position.point, delivery.store_point, rider.vehicle)
                done = nearest.delivered(now + way, delivery, rider.vehicle, travel, policy)
                if way <= policy.reach and _in_shift(rider, done):
                    found.append((geo.distance_m(position.point, delivery.store_point), delivery.id, delivery))
    nearest_first = tuple(delivery for _, _, delivery in sorted(found)[:_SHOWN])
    return Pool(nearest_first, _FILLED if nearest_first else _EMPTY)


def claim_delivery(delivery_id: str, command: Command) -> Step:
    """Take a delivery out of the pool, if it is still there: the conditions of the write let one rider win."""
    command = journey.checked(command, clock.now())
    if not ids.is_id(delivery_id, "dlv"):
        raise NotFound("delivery", delivery_id)
    for _ in range(_RACES):
        now = clock.now()
        rider, delivery = tables.fetch(rider_ref(command.rider_id), delivery_ref_by_id(delivery_id))
        if rider is None:
            raise NotRegistered
        if delivery is None:
            raise NotFound("delivery", delivery_id)
        taken = journey.claim(delivery, command, now)
        if taken.delivery is delivery:
            return taken.step
        try:
            _take(rider, delivery, taken.delivery)
        except (VersionConflict, Contention):
            continue
        return taken.step
    raise Contention


def explain_delivery(delivery_id: str) -> Delivery:
    """The delivery with the decisions that its timeline holds."""
    return read_delivery(delivery_id, consistent=False)


def _take(rider: Rider, before: Delivery, after: Delivery) -> None:
    if not rider.on_shift:
        raise _not_on_shift()
    if not rider.is_available:
        raise Conflict("not_available", "You are on a break, or your shift is ending.")
    jobs = read_deliveries(rider.jobs, consistent=False)
    kept = in_hand(rider, jobs)
    if len(kept) >= rider.capacity:
        raise Conflict("rider_full", "You have as many deliveries as you said that you can take.")
    (after,) = with_first_times(rider.id, [after], clock.now())
    refused = refusal(rider, before, [each for job in kept if (each := jobs[job]) is not None])
    if refused is not None:
        raise refused
    if after.at_door_at is not None and not _in_shift(rider, after.at_door_at + in_force().handling):
        raise Conflict("shift_too_short", "Your shift would be over before this order is at its door.")
    tx = Transaction()
    write_delivery(tx, before, after)
    write_rider(tx, rider, with_offer(with_outcomes(rider, kept, jobs), [after], kept, clock.now()))
    tx.commit()


def _in_shift(rider: Rider, done: datetime) -> bool:
    return rider.shift_ends_at is None or done <= rider.shift_ends_at + in_force().shift_overrun


def _position(row: PositionRow | None) -> Position | None:
    return None if row is None else position_of(row)


def _not_on_shift() -> DomainError:
    return Conflict("not_on_shift", "Start your shift first.")
