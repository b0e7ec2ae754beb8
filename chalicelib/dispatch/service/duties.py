"""Work: a rider begins a shift, pauses and comes back.

The rider's item is the truth about now (available, on a break, ending), the duty the record of what was. Both are
written together, on the condition that the rider is as it was read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch.model import shift
from chalicelib.dispatch.model.delivery import Status
from chalicelib.dispatch.model.rider import Position, Rider, zone_of
from chalicelib.dispatch.model.shift import RULES, Duty, Origin
from chalicelib.dispatch.service.at_work import Work, close, paused, read_on_shift, read_work, release
from chalicelib.dispatch.service.records import read_own_rider, write_rider
from chalicelib.dispatch.service.riders import move_rider
from chalicelib.dispatch.tables import (
    DutyRow,
    ShiftCancelled,
    duty_of,
    duty_ref,
    position_row,
    require_planned,
    rider_pk,
    write_duty,
)
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, Contention, NotFound, VersionConflict
from chalicelib.kernel.event_types import ShiftBegan, ShiftCheckDue
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.kernel.geo import Point


_RACES = 4


# --- beginning --------------------------------------------------------------------------------------------------------


def start_shift(rider_id: str, point: Point, shift_id: str | None = None) -> Rider:
    """Be ready for offers around ``point``. Starting again only moves the rider.

    ``shift_id`` is the planned shift to begin. Without one it is the booked shift that is due here and now; a rider
    who has none is online off the roster. Who begins a shift while on another one ends that one with it.
    """
    called_off: set[str] = set()
    for _ in range(_RACES):
        rider = read_own_rider(rider_id)
        now = clock.now()
        position = Position(rider_id, point, now)
        if rider.on_shift and (shift_id is None or shift_id == rider.shift_id):
            move_rider(position)
            return rider
        begun = _begun(rider_id, zone_of(point), shift_id, now, called_off)
        try:
            return _begin(rider, begun, position)
        except VersionConflict:
            continue
        except ShiftCancelled:
            if shift_id is not None:
                raise
            called_off.add(begun[1].shift_id)
    raise Contention


def _begun(
    rider_id: str, here: str, shift_id: str | None, now: datetime, called_off: set[str]
) -> tuple[Duty | None, Duty]:
    """The duty as it is and as it is once begun."""
    if shift_id is None:
        around = (each for each in _near_now(rider_id, now) if each.shift_id not in called_off)
        due = next((each for each in around if _is_due_here(each, here, now)), None)
        return due, shift.off_roster(rider_id, here, now) if due is None else shift.begun(due, now)
    duty = read_duty(rider_id, shift_id)
    after = shift.begun(duty, now)
    if not shift.is_in_area(duty.zone, here):
        raise Conflict("outside_shift_area", "You are not where this shift begins.", zone=duty.zone)
    return duty, after


def _is_due_here(duty: Duty, here: str, now: datetime) -> bool:
    return shift.is_due(duty, now) and shift.is_in_area(duty.zone, here)


def _near_now(rider_id: str, now: datetime) -> list[Duty]:
    """The rider's duties that begin about now: one request, half a read unit as long as there are few."""
    first, last = ids.earliest("shf", now - RULES.late), ids.earliest("shf", now + RULES.early + timedelta(seconds=1))
    page = tables.query(DutyRow, rider_pk(rider_id), DutyRow.sk.between(first, last), limit=10)
    return [duty for row in page.items if (duty := duty_of(row)) is not None]


def _begin(rider: Rider, begun: tuple[Duty | None, Duty], position: Position) -> Rider:
    before, duty = begun
    now, zone = position.at, zone_of(position.point)
    after = replace(
        rider,
        version=rider.version + 1,
        on_shift=True,
        shift_changed_at=now,
        zone=zone,
        reassigned=0,
        shift_id=duty.shift_id,
        shift_ends_at=duty.ends_at,
        break_at=None,
        ending=False,
    )
    tx = Transaction()
    write_rider(tx, rider, after)
    # Whatever position is left of an earlier shift is replaced; the rider's version guards both.
    tx.put(position_row(position, zone))
    write_duty(tx, before, duty)
    if duty.origin is not Origin.OFF_ROSTER:
        require_planned(tx, duty.shift_id)
    if duty.ends_at is not None:
        tx.emit_at(duty.ends_at, ShiftCheckDue(rider_id=rider.id, shift_id=duty.shift_id))
    tx.emit(ShiftBegan(rider_id=rider.id, shift_id=duty.shift_id, origin=duty.origin.value, at=clock.rfc3339(now)))
    if rider.on_shift:
        close(tx, read_work(rider), now)
    tx.commit()
    return after


# --- breaks -----------------------------------------------------------------------------------------------------------


def take_break(rider_id: str) -> Rider:
    """Get nothing new; the break begins when what is in hand is done. An open offer goes to somebody else."""
    for _ in range(_RACES):
        rider = read_on_shift(rider_id)
        if rider.break_at is not None:
            return rider
        if rider.ending:
            raise Conflict("shift_ending", "Your shift is about to end.")
        work, now = read_work(rider), clock.now()
        if work.duty is not None and len(work.duty.breaks) >= shift.BREAKS_LIMIT:
            raise Conflict("too_many_breaks", "There were as many breaks in this shift as there may be.")
        after = replace(rider, version=rider.version + 1, break_at=now)
        try:
            return _without_offers(work, after, now)
        except VersionConflict:
            continue
    raise Contention


def end_break(rider_id: str, point: Point | None = None) -> Rider:
    """Be ready for offers again, from ``point`` on; the break that was is written down. Not on a break: no change."""
    for _ in range(_RACES):
        rider = read_on_shift(rider_id)
        if rider.break_at is None:
            break
        work, now = read_work(rider), clock.now()
        after = replace(rider, version=rider.version + 1, break_at=None, shift_changed_at=now)
        tx = Transaction()
        write_rider(tx, rider, after)
        if work.duty is not None:
            resumed = paused(work, work.duty, now)
            if resumed is not work.duty:
                write_duty(tx, work.duty, resumed)
        try:
            tx.commit()
        except VersionConflict:
            continue
        rider = after
        break
    else:
        raise Contention
    if point is not None:
        move_rider(Position(rider_id, point, clock.now()))
    return rider


def _without_offers(work: Work, after: Rider, now: datetime) -> Rider:
    """Write the rider, and let whatever was offered to them go to somebody else."""
    tx = Transaction()
    write_rider(tx, work.rider, after)
    release(tx, work.rider, [each for each in work.held if each.status is Status.OFFERED], now)
    tx.commit()
    return after


def read_duties(
    rider_id: str, since: datetime, until: datetime, cursor_key: Mapping[str, object] | None = None, limit: int = 50
) -> tables.Page[Duty]:
    """The duties of a rider whose shifts begin in this time, the earliest first. One request."""
    condition = DutyRow.sk.between(ids.earliest("shf", since), ids.earliest("shf", until))
    page = tables.query(DutyRow, rider_pk(rider_id), condition, limit=limit, cursor_key=cursor_key)
    return tables.Page([duty for row in page.items if (duty := duty_of(row)) is not None], page.next_key)


def read_duty(rider_id: str, shift_id: str) -> Duty:
    """A rider's duty. Raises ``NotFound``."""
    duty: Duty | None = None
    if ids.is_id(shift_id, "shf"):
        (duty,) = tables.fetch(duty_ref(rider_id, shift_id))
    if duty is None:
        raise NotFound("shift", shift_id)
    return duty
