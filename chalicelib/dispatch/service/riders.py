"""Riders: their profile, their shift, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.rider import NO_LIMITS, Limits, Position, Rider, Vehicle, zone_of
from chalicelib.dispatch.service.arrivals import follow_rider, read_whereabouts
from chalicelib.dispatch.service.records import (
    read_rider,
    rider_ref,
    write_rider,
)
from chalicelib.dispatch.tables import POSITION, PositionRow, RiderRow, rider_pk, rider_row, zone_pk
from chalicelib.kernel import clock, geo, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError, VersionConflict
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.geo import Point
    from chalicelib.kernel.idempotency import IdempotencyKey

_RACES = 4

# Seconds until a rider should tell the next place: on the way, and while the rider stands still. Whoever is not
# heard of for five minutes may lose what was taken.
_MOVING, _STANDING = 60, 150
_NEAR_M = 100.0
_LIMITS = Limits.__struct_fields__


class _OlderPosition(DomainError):
    """A newer position is known already."""


def register_rider(
    rider_id: str,
    *,
    name: str,
    vehicle: Vehicle,
    capacity: int,
    limits: Limits = NO_LIMITS,
    idempotency: IdempotencyKey | None = None,
) -> Rider:
    """Make a signed-up user (``rider_id`` is the token's subject) a rider."""
    rider = Rider(id=rider_id, name=name, vehicle=vehicle, capacity=capacity, limits=limits)
    tx = Transaction()
    tx.put(
        rider_row(rider),
        RiderRow.pk.does_not_exist(),
        Conflict("rider_exists", "This user is a rider already."),
    )
    if idempotency is not None:
        tx.remember(idempotency, rider)
    tx.commit()
    return rider


def save_profile(
    rider_id: str,
    *,
    name: str,
    vehicle: Vehicle,
    capacity: int,
    volume: int | None = None,
    cold_box: bool = False,
) -> Rider:
    """The rider's own word on the profile, first or changed; the last one stands. An admin's word is not touched."""
    profile: dict[str, Any] = {"name": name, "vehicle": vehicle, "capacity": capacity}
    own = {"volume": volume, "cold_box": cold_box}
    for _ in range(_RACES):
        (rider,) = tables.fetch(rider_ref(rider_id))
        try:
            if rider is None:
                return register_rider(rider_id, **profile, limits=Limits(volume=volume, cold_box=cold_box))
            return _change(rider, profile | own)
        except (VersionConflict, Conflict):
            continue
    raise Contention


def change_rider(rider_id: str, expected_version: int | None, **profile: Any) -> Rider:
    """Change the profile or limits, by name, of a rider whom the caller has seen at ``expected_version``."""
    rider = read_rider(rider_id)
    if expected_version != rider.version:
        raise VersionConflict("rider", rider_id)
    return _change(rider, profile)


class Heartbeat(msgspec.Struct, frozen=True):
    """Where the rider is, and in how many seconds to tell the next place."""

    position: Position
    again_after: int


def report_position(rider_id: str, point: Point, captured_at: datetime) -> Heartbeat:
    """A heartbeat: where the rider was when. An older one than is known changes nothing."""
    position = Position(rider_id, point, journey.checked_capture(captured_at, clock.now()))
    where = read_whereabouts(rider_id)
    looks = where.looks_due(position)
    if move_rider(position, looks=looks) and looks and where.rider is not None:
        follow_rider(where.rider, position)
    return Heartbeat(position, _STANDING if _stands(where.position, position) else _MOVING)


def _stands(before: Position | None, position: Position) -> bool:
    """Whether the rider is where the last heartbeat came from: at a store, or waiting for work."""
    return before is not None and geo.distance_m(before.point, position.point) <= _NEAR_M


def move_rider(position: Position, *, looks: bool = False) -> bool:
    """Keep a newer position of a rider on shift: one write, and one in the index. False for an older one.

    ``looks`` notes that what the rider has in hand is looked at from here.
    """

    def refuse(item: dict[str, Any] | None) -> DomainError:
        if item is None or "zone_pk" not in item:
            return Conflict("not_on_shift", "Positions are taken on shift only.")
        return _OlderPosition("older_position", "A newer position is known.")

    at = clock.epoch_ms(position.at)
    tx = Transaction()
    tx.update(
        PositionRow,
        rider_pk(position.rider_id),
        POSITION,
        actions=[
            PositionRow.point.set(position.point),
            PositionRow.at.set(at),
            PositionRow.zone_pk.set(zone_pk(zone_of(position.point))),
            *([PositionRow.looked_from.set(position.point), PositionRow.looked_at.set(at)] if looks else []),
        ],
        condition=PositionRow.zone_pk.exists() & (PositionRow.at < at),
        error=refuse,
    )
    try:
        tx.commit()
    except _OlderPosition:
        return False
    return True


def _change(rider: Rider, profile: dict[str, Any]) -> Rider:
    limits = replace(rider.limits, **{name: profile[name] for name in _LIMITS if name in profile})
    rest = {name: value for name, value in profile.items() if name not in _LIMITS}
    after = replace(rider, version=rider.version + 1, limits=limits, **rest)
    tx = Transaction()
    write_rider(tx, rider, after)
    tx.commit()
    return after
