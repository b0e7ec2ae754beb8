"""The roster: shifts that are planned, and riders who take places in them and give them back.

A place is taken by one write: the shift counts it, the rider gets a duty, and the rider's own version sees to it that
nobody takes two shifts at the same time. Of two riders at the last place one wins.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.dispatch.model import shift as model
from chalicelib.dispatch.model.rider import zone_of
from chalicelib.dispatch.model.shift import RULES, Duty, DutyStatus, Origin, Shift, ShiftStatus
from chalicelib.dispatch.service.duties import read_duty
from chalicelib.dispatch.service.records import read_own_rider, read_rider, write_rider
from chalicelib.dispatch.tables import (
    DutyRow,
    ShiftRow,
    duties_pk,
    duty_of,
    rider_pk,
    shift_of,
    shift_ref,
    shifts_pk,
    write_duty,
    write_shift,
)
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, Contention, Invalid, NotFound, VersionConflict, Violation
from chalicelib.kernel.event_types import ShiftCancelled, ShiftCheckDue, ShiftGivenBack
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from chalicelib.dispatch.model.rider import Rider
    from chalicelib.kernel.geo import Point
    from chalicelib.kernel.idempotency import IdempotencyKey

_RACES = 6
_PAGE = 100


# --- planning ---------------------------------------------------------------------------------------------------------


def plan_shift(
    point: Point,
    starts_at: datetime,
    ends_at: datetime,
    *,
    places: int,
    is_open: bool = True,
    store_id: str | None = None,
    idempotency: IdempotencyKey | None = None,
) -> Shift:
    """Plan a shift around a point, for so many riders. Raises ``Invalid``."""
    model.checked_times(starts_at, ends_at, clock.now())
    made = Shift(
        id=model.shift_id_at(starts_at),
        zone=zone_of(point),
        point=point,
        starts_at=starts_at,
        ends_at=ends_at,
        places=places,
        open=is_open,
        store_id=store_id,
    )
    tx = Transaction()
    write_shift(tx, None, made)
    if idempotency is not None:
        tx.remember(idempotency, made)
    tx.commit()
    return made


def is_shift_id(text: str) -> bool:
    """Whether a text has the form of a shift's id."""
    return ids.is_id(text, "shf")


def read_shift(shift_id: str) -> Shift:
    """The shift. Raises ``NotFound``."""
    shift: Shift | None = None
    if ids.is_id(shift_id, "shf"):
        (shift,) = tables.fetch(shift_ref(shift_id))
    if shift is None:
        raise NotFound("shift", shift_id)
    return shift


def change_shift(shift_id: str, expected_version: int | None, **changes: Any) -> Shift:
    """Change ``places``, ``open`` or ``ends_at`` of a shift that was seen at ``expected_version``.

    There are never fewer places than riders; the end stays as soon as a rider has a place.
    """
    before = read_shift(shift_id)
    if expected_version != before.version:
        raise VersionConflict("shift", shift_id)
    if before.status is ShiftStatus.CANCELLED:
        raise Conflict("shift_cancelled", "This shift does not take place.")
    after = replace(before, version=before.version + 1, **changes)
    if after.places < before.taken:
        raise Invalid([Violation("places_taken", "/places", f"{before.taken} places have a rider already.")])
    if after.ends_at != before.ends_at:
        if before.taken:
            raise Conflict("shift_taken", "Riders have agreed to this end: plan another shift to follow it.")
        model.checked_times(after.starts_at, after.ends_at, clock.now())
    tx = Transaction()
    write_shift(tx, before, after)
    tx.commit()
    return after


def cancel_shift(shift_id: str) -> Shift:
    """Let a shift not take place; whoever is booked in it is freed a moment later. Who has begun goes on working."""
    for _ in range(_RACES):
        before = read_shift(shift_id)
        if before.status is ShiftStatus.CANCELLED:
            return before
        after = replace(before, version=before.version + 1, status=ShiftStatus.CANCELLED, open=False)
        tx = Transaction()
        write_shift(tx, before, after)
        tx.emit(ShiftCancelled(shift_id=shift_id, zone=before.zone))
        try:
            tx.commit()
        except VersionConflict:
            continue
        return after
    raise Contention


def free_riders(shift_id: str) -> None:
    """Cancel what is booked in a cancelled shift. A repeat finds nothing left to do."""
    key: Mapping[str, Any] | None = None
    while True:
        page = tables.query(DutyRow, duties_pk(shift_id), index="zone", limit=_PAGE, cursor_key=key)
        for row in page.items:
            duty = duty_of(row)
            if duty is not None and duty.status is DutyStatus.BOOKED:
                tx = Transaction()
                write_duty(tx, duty, replace(duty, version=duty.version + 1, status=DutyStatus.CANCELLED))
                try:
                    tx.commit()
                except VersionConflict:
                    continue  # given back or withdrawn meanwhile; nobody begins a cancelled shift
        key = page.next_key
        if key is None:
            return


def list_shifts(
    zone: str, since: datetime, until: datetime, cursor_key: Mapping[str, Any] | None, limit: int
) -> tables.Page[Shift]:
    """A zone's shifts that begin in this time, the earliest first. One request."""
    condition = ShiftRow.zone_sk.between(ids.earliest("shf", since), ids.earliest("shf", until))
    page = tables.query(ShiftRow, shifts_pk(zone), condition, index="zone", limit=limit, cursor_key=cursor_key)
    return tables.Page([each for row in page.items if (each := shift_of(row)) is not None], page.next_key)


def list_roster(shift_id: str, cursor_key: Mapping[str, Any] | None, limit: int) -> tables.Page[Duty]:
    """The duties of a planned shift, a rider's each. Raises ``NotFound``. Two requests."""
    read_shift(shift_id)
    page = tables.query(DutyRow, duties_pk(shift_id), index="zone", limit=limit, cursor_key=cursor_key)
    return tables.Page([each for row in page.items if (each := duty_of(row)) is not None], page.next_key)


def list_open_shifts(point: Point, after: str | None, limit: int) -> tuple[list[Shift], str | None]:
    """What may be claimed around a point, the earliest first, and the id to go on after. A request for each cell.

    Lists are merged by the shifts' ids, so that a page ends at the same shift in every cell.
    """
    now = clock.now()
    first = after or ids.earliest("shf", now - RULES.late)
    last = ids.earliest("shf", now + RULES.ahead + timedelta(days=1))
    found: list[Shift] = []
    ends: list[str] = []
    for zone in model.around(point):
        page = tables.query(
            ShiftRow, shifts_pk(zone), ShiftRow.zone_sk.between(first, last), index="zone", limit=limit + 1
        )
        shifts = [each for row in page.items if (each := shift_of(row)) is not None and each.id != after]
        found += shifts
        if page.next_key is not None:
            ends.append(shifts[-1].id)  # of this cell no more is known beyond
    horizon = min(ends, default=None)
    known = sorted((each for each in found if horizon is None or each.id <= horizon), key=lambda each: each.id)
    page_of = known[:limit]
    more = len(known) > limit or horizon is not None
    claimable = [each for each in page_of if model.is_claimable(each, now)]
    return claimable, page_of[-1].id if more else None


# --- places -----------------------------------------------------------------------------------------------------------


def claim_shift(rider_id: str, shift_id: str) -> Duty:
    """Take a place in an open shift. Claiming again is answered the same."""
    return _take(rider_id, shift_id, Origin.CLAIMED, read_own_rider)


def assign_shift(shift_id: str, rider_id: str) -> Duty:
    """Give a rider a place in a shift, open or not. Assigning again is answered the same."""
    return _take(rider_id, shift_id, Origin.ASSIGNED, read_rider)


def _take(rider_id: str, shift_id: str, origin: Origin, read: Callable[[str], Rider]) -> Duty:
    for _ in range(_RACES):
        # The rider first: whatever the rider takes after this fails the write, and all is read anew.
        rider = read(rider_id)
        shift = read_shift(shift_id)
        duties = _between(rider_id, shift.starts_at - RULES.longest, shift.ends_at)
        before = next((each for each in duties if each.shift_id == shift_id), None)
        if before is not None and before.status not in model.VACATED:
            if before.status in model.STANDING or before.status is DutyStatus.ENDED:
                return before
            raise Conflict("shift_lost", f"This shift is {before.status} for this rider.")
        now = clock.now()
        after, duty = model.booked(shift, rider_id, origin, now)
        model.check_overlap(duties, shift.starts_at, shift.ends_at)
        if before is not None:
            duty = replace(duty, version=before.version + 1)
        tx = Transaction()
        write_shift(tx, shift, after)
        write_duty(tx, before, duty)
        write_rider(tx, rider, replace(rider, version=rider.version + 1))
        tx.emit_at(duty.start_until, ShiftCheckDue(rider_id=rider_id, shift_id=shift_id))
        try:
            tx.commit()
        except (VersionConflict, Contention):
            continue
        return duty
    raise Contention


def _between(rider_id: str, since: datetime, until: datetime) -> list[Duty]:
    """All duties of a rider that begin in this time, as they are at this moment."""
    condition = DutyRow.sk.between(ids.earliest("shf", since), ids.earliest("shf", until))
    found: list[Duty] = []
    key: Mapping[str, Any] | None = None
    while True:
        page = tables.query(DutyRow, rider_pk(rider_id), condition, cursor_key=key, consistent=True)
        found += [each for row in page.items if (each := duty_of(row)) is not None]
        key = page.next_key
        if key is None:
            return found


def give_back_shift(rider_id: str, shift_id: str) -> Duty:
    """Give up a place, as long as there is time to find somebody else. Giving it back again changes nothing."""
    return _vacate(rider_id, shift_id, DutyStatus.GIVEN_BACK)


def withdraw_shift(shift_id: str, rider_id: str) -> Duty:
    """Take a place from a rider, at any time before the rider begins. Taking it again changes nothing."""
    return _vacate(rider_id, shift_id, DutyStatus.WITHDRAWN)


def _vacate(rider_id: str, shift_id: str, to: DutyStatus) -> Duty:
    for _ in range(_RACES):
        before, shift = read_duty(rider_id, shift_id), read_shift(shift_id)
        if before.status is to:
            return before
        after = model.given_back(before, clock.now()) if to is DutyStatus.GIVEN_BACK else model.withdrawn(before)
        by = "rider" if to is DutyStatus.GIVEN_BACK else "admin"
        tx = Transaction()
        write_duty(tx, before, after)
        write_shift(tx, shift, model.vacated(shift))
        tx.emit(ShiftGivenBack(rider_id=rider_id, shift_id=shift_id, zone=shift.zone, by=by))
        try:
            tx.commit()
        except (VersionConflict, Contention):
            continue
        return after
    raise Contention
