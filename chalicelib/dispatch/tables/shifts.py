"""Shifts and duties at rest.

A shift is in the index ``zone`` under SHIFTS#<H3 cell>, by its beginning; the duty of a planned shift under
SHIFT#<shift id>, by its rider. Both are the index of riders on shift, under other partitions.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.dispatch.model.shift import Break, Duty, DutyStatus, Origin, Shift, ShiftStatus
from chalicelib.dispatch.tables.common import STATE, PointAttribute, of_ms, to_ms
from chalicelib.dispatch.tables.riders import rider_pk
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, VersionConflict

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.transaction import Transaction

_PLAN_KEPT = timedelta(days=90)
_WORK_KEPT = timedelta(days=2 * 366)  # records of working time are kept for two years
_UNWORKED_KEPT = timedelta(days=30)
_UNWORKED = frozenset(DutyStatus) - {DutyStatus.BOOKED, DutyStatus.WORKING, DutyStatus.ENDED}


class ShiftIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Shifts by zone and duties by shift."""

    class Meta:
        index_name = "zone"
        projection = AllProjection()

    zone_pk = UnicodeAttribute(hash_key=True)
    zone_sk = UnicodeAttribute(range_key=True)


class ShiftRow(tables.Row):
    """A planned shift."""

    class Meta(tables.Meta):
        context = "dispatch"

    version = NumberAttribute()
    zone = UnicodeAttribute()
    point = PointAttribute()
    starts_at = NumberAttribute()
    ends_at = NumberAttribute()
    places = NumberAttribute()
    taken = NumberAttribute()
    open = BooleanAttribute()
    status = UnicodeAttribute()
    store_id = UnicodeAttribute(null=True)
    zone_pk = UnicodeAttribute(null=True)
    zone_sk = UnicodeAttribute(null=True)
    in_zone = ShiftIndex()


class DutyRow(tables.Row):
    """A rider's duty. Off the roster it is in no index."""

    class Meta(tables.Meta):
        context = "dispatch"

    version = NumberAttribute()
    zone = UnicodeAttribute()
    starts_at = NumberAttribute()
    ends_at = NumberAttribute(null=True)
    status = UnicodeAttribute()
    origin = UnicodeAttribute()
    begun_at = NumberAttribute(null=True)
    ended_at = NumberAttribute(null=True)
    breaks: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    zone_pk = UnicodeAttribute(null=True)
    zone_sk = UnicodeAttribute(null=True)
    of_shift = ShiftIndex()


class ShiftCancelled(Conflict):
    """The shift does not take place."""

    def __init__(self) -> None:
        super().__init__("shift_cancelled", "This shift does not take place.")


def shifts_pk(zone: str) -> str:
    """The index's partition of a zone's shifts."""
    return f"SHIFTS#{zone}"


def duties_pk(shift_id: str) -> str:
    """The index's partition of a shift's duties."""
    return f"SHIFT#{shift_id}"


def shift_ref(shift_id: str) -> tables.Ref[Shift | None]:
    """Where a shift is read."""
    return tables.Ref(ShiftRow, shift_id, STATE, shift_of)


def duty_ref(rider_id: str, shift_id: str) -> tables.Ref[Duty | None]:
    """Where a rider's duty is read."""
    return tables.Ref(DutyRow, rider_pk(rider_id), shift_id, duty_of)


def write_shift(tx: Transaction, before: Shift | None, after: Shift) -> None:
    """Make ``after`` of ``before``, None for a new one; ``VersionConflict`` where somebody else changed it."""
    row = ShiftRow(
        pk=after.id,
        sk=STATE,
        ttl=_epoch(after.ends_at + _PLAN_KEPT),
        version=after.version,
        zone=after.zone,
        point=after.point,
        starts_at=clock.epoch_ms(after.starts_at),
        ends_at=clock.epoch_ms(after.ends_at),
        places=after.places,
        taken=after.taken,
        open=after.open,
        status=after.status.value,
        store_id=after.store_id,
        zone_pk=shifts_pk(after.zone),
        zone_sk=after.id,
    )
    unchanged = ShiftRow.pk.does_not_exist() if before is None else ShiftRow.version == before.version
    tx.put(row, unchanged, VersionConflict("shift", after.id))


def write_duty(tx: Transaction, before: Duty | None, after: Duty) -> None:
    """Make ``after`` of ``before``, None for a new one; ``VersionConflict`` where somebody else changed it."""
    until = after.ends_at or after.starts_at
    planned = after.origin is not Origin.OFF_ROSTER
    row = DutyRow(
        pk=rider_pk(after.rider_id),
        sk=after.shift_id,
        ttl=_epoch(until + (_UNWORKED_KEPT if after.status in _UNWORKED else _WORK_KEPT)),
        version=after.version,
        zone=after.zone,
        starts_at=clock.epoch_ms(after.starts_at),
        ends_at=to_ms(after.ends_at),
        status=after.status.value,
        origin=after.origin.value,
        begun_at=to_ms(after.begun_at),
        ended_at=to_ms(after.ended_at),
        breaks=[f"{clock.epoch_ms(each.begun_at)}-{clock.epoch_ms(each.ended_at)}" for each in after.breaks] or None,
        zone_pk=duties_pk(after.shift_id) if planned else None,
        zone_sk=after.rider_id if planned else None,
    )
    unchanged = DutyRow.pk.does_not_exist() if before is None else DutyRow.version == before.version
    tx.put(row, unchanged, VersionConflict("shift", after.shift_id))


def require_planned(tx: Transaction, shift_id: str) -> None:
    """The shift still takes place when the transaction is written."""
    planned = ShiftRow.status == ShiftStatus.PLANNED.value
    tx.check(ShiftRow, shift_id, STATE, condition=planned, error=ShiftCancelled())


def shift_of(row: ShiftRow | None) -> Shift | None:
    """The shift that an item keeps."""
    if row is None:
        return None
    return Shift(
        id=row.pk,
        zone=row.zone,
        point=row.point,
        starts_at=clock.from_epoch_ms(int(row.starts_at)),
        ends_at=clock.from_epoch_ms(int(row.ends_at)),
        places=int(row.places),
        taken=int(row.taken),
        open=bool(row.open),
        status=ShiftStatus(row.status),
        store_id=row.store_id,
        version=int(row.version),
    )


def duty_of(row: DutyRow | None) -> Duty | None:
    """The duty that an item keeps."""
    if row is None:
        return None
    return Duty(
        rider_id=row.pk.removeprefix("RDR#"),
        shift_id=row.sk,
        zone=row.zone,
        starts_at=clock.from_epoch_ms(int(row.starts_at)),
        ends_at=of_ms(row.ends_at),
        status=DutyStatus(row.status),
        origin=Origin(row.origin),
        begun_at=of_ms(row.begun_at),
        ended_at=of_ms(row.ended_at),
        breaks=tuple(_break(each) for each in row.breaks or ()),
        version=int(row.version),
    )


def _break(kept: str) -> Break:
    begun, _, ended = kept.partition("-")
    return Break(clock.from_epoch_ms(int(begun)), clock.from_epoch_ms(int(ended)))


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
