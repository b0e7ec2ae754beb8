"""Riders and their positions at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.dispatch.model.rider import Limits, Position, Rider, Vehicle
from chalicelib.dispatch.tables.common import STATE, PointAttribute, of_ms, to_ms
from chalicelib.kernel import clock, tables
from chalicelib.kernel.money import Money

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

POSITION = "POSITION"


class RiderRow(tables.Row):
    """A rider."""

    class Meta(tables.Meta):
        context = "dispatch"

    version = NumberAttribute()
    name = UnicodeAttribute()
    vehicle = UnicodeAttribute()
    capacity = NumberAttribute()
    on_shift = BooleanAttribute(default=False)
    shift_changed_at = NumberAttribute(null=True)
    zone = UnicodeAttribute(null=True)
    last_offer_at = NumberAttribute(null=True)
    asked = NumberAttribute(null=True)
    took = NumberAttribute(null=True)
    reassigned = NumberAttribute(null=True)
    volume = NumberAttribute(null=True)
    cold_box = BooleanAttribute(null=True)
    no_age_restricted = BooleanAttribute(null=True)
    cash_limit = UnicodeAttribute(null=True)
    cash = UnicodeAttribute(null=True)
    shift_id = UnicodeAttribute(null=True, attr_name="shift")
    shift_ends_at = NumberAttribute(null=True, attr_name="off")
    break_at = NumberAttribute(null=True, attr_name="pause")
    ending = BooleanAttribute(null=True)
    jobs: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)


class ZoneIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The riders on shift in a zone, with their positions. Off shift the keys are absent, and so is the rider."""

    class Meta:
        index_name = "zone"
        projection = AllProjection()

    zone_pk = UnicodeAttribute(hash_key=True)
    zone_sk = UnicodeAttribute(range_key=True)


class PositionRow(tables.Row):
    """Where a rider is. Apart from the rider, because it changes every few seconds."""

    class Meta(tables.Meta):
        context = "dispatch"

    zone_pk = UnicodeAttribute(null=True)
    zone_sk = UnicodeAttribute(null=True)
    point = PointAttribute()
    at = NumberAttribute()
    looked_from = PointAttribute(null=True, attr_name="seen_from")
    looked_at = NumberAttribute(null=True, attr_name="seen_at")
    in_zone = ZoneIndex()


def rider_pk(rider_id: str) -> str:
    """The partition of a rider."""
    return f"RDR#{rider_id}"


def zone_pk(zone: str) -> str:
    """The index's partition of a zone."""
    return f"ZONE#{zone}"


def rider_row(rider: Rider) -> RiderRow:
    """The item that keeps this rider."""
    return RiderRow(pk=rider_pk(rider.id), sk=STATE, **_rider_attributes(rider))


def rider_changes(before: Rider, after: Rider) -> list[Action]:
    """The update that makes ``after`` of ``before``."""
    old, new = _rider_attributes(before), _rider_attributes(after)
    return [
        getattr(RiderRow, name).remove() if value is None else getattr(RiderRow, name).set(value)
        for name, value in new.items()
        if value != old[name]
    ]


def rider_of(row: RiderRow | None) -> Rider | None:
    """The rider that an item keeps."""
    if row is None:
        return None
    return Rider(
        id=row.pk.removeprefix("RDR#"),
        name=row.name,
        vehicle=Vehicle(row.vehicle),
        capacity=int(row.capacity),
        version=int(row.version),
        on_shift=bool(row.on_shift),
        shift_changed_at=of_ms(row.shift_changed_at),
        zone=row.zone,
        last_offer_at=of_ms(row.last_offer_at),
        asked=float(row.asked or 0.0),
        took=float(row.took or 0.0),
        reassigned=int(row.reassigned or 0),
        jobs={f"dlv_{ulid}": int(version) for ulid, _, version in (job.partition(":") for job in row.jobs)},
        limits=Limits(
            volume=int(row.volume) if row.volume else None,
            cold_box=bool(row.cold_box),
            age_restricted=not row.no_age_restricted,
            cash_limit=_money(row.cash_limit),
        ),
        cash=_money(row.cash),
        shift_id=row.shift_id,
        shift_ends_at=of_ms(row.shift_ends_at),
        break_at=of_ms(row.break_at),
        ending=bool(row.ending),
    )


def _money(kept: str | None) -> Money | None:
    """An amount that was kept as ``20000 EUR``."""
    if kept is None:
        return None
    amount, currency = kept.split(" ")
    return Money(int(amount), currency)


def _kept(money: Money | None) -> str | None:
    return None if money is None else f"{money.amount} {money.currency}"


def _rider_attributes(rider: Rider) -> dict[str, Any]:
    return {
        "version": rider.version,
        "name": rider.name,
        "vehicle": rider.vehicle.value,
        "capacity": rider.capacity,
        "on_shift": rider.on_shift,
        "shift_changed_at": to_ms(rider.shift_changed_at),
        "zone": rider.zone,
        "last_offer_at": to_ms(rider.last_offer_at),
        "asked": rider.asked or None,
        "took": rider.took or None,
        "reassigned": rider.reassigned or None,
        "volume": rider.limits.volume,
        "cold_box": rider.limits.cold_box or None,
        "no_age_restricted": not rider.limits.age_restricted or None,
        "cash_limit": _kept(rider.limits.cash_limit),
        "cash": _kept(rider.cash),
        "shift_id": rider.shift_id,
        "shift_ends_at": to_ms(rider.shift_ends_at),
        "break_at": to_ms(rider.break_at),
        "ending": rider.ending or None,
        "jobs": [f"{job.partition('_')[2]}:{version}" for job, version in sorted(rider.jobs.items())],
    }


def position_row(position: Position, zone: str) -> PositionRow:
    """The item of a rider on shift in this zone."""
    return PositionRow(
        pk=rider_pk(position.rider_id),
        sk=POSITION,
        zone_pk=zone_pk(zone),
        zone_sk=position.rider_id,
        point=position.point,
        at=clock.epoch_ms(position.at),
    )


def position_of(row: PositionRow) -> Position:
    """The position that an item keeps."""
    return Position(row.pk.removeprefix("RDR#"), row.point, clock.from_epoch_ms(int(row.at)))
