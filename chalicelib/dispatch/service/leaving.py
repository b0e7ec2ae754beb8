"""A shift ends: because its rider wants to leave, or because the planned end has passed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch.model import shift
from chalicelib.dispatch.model.delivery import ON_BOARD, Delivery, Status
from chalicelib.dispatch.model.rider import Rider
from chalicelib.dispatch.model.shift import RULES, Duty, DutyStatus
from chalicelib.dispatch.service.at_work import Work, close, read_work, release
from chalicelib.dispatch.service.records import (
    read_deliveries,
    read_own_rider,
    rider_ref,
    write_rider,
)
from chalicelib.dispatch.tables import (
    POSITION,
    PositionRow,
    duty_ref,
    rider_pk,
    shift_ref,
    write_duty,
    write_shift,
)
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, VersionConflict
from chalicelib.kernel.event_types import ShiftCheckDue, ShiftMissed
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from datetime import datetime

_RACES = 4
_CONSUMER = "dispatch"
# Who does not get done for long is looked at less often.
_PATIENCE, _SELDOM = timedelta(minutes=30), timedelta(minutes=14)


# --- ending -----------------------------------------------------------------------------------------------------------


def end_shift(rider_id: str) -> Rider:
    """Take no more offers; an open one goes to somebody else. Refused while the rider has deliveries."""
    return _end_shift(rider_id, frozenset(Status) - {Status.OFFERED}, "shift_has_deliveries")


def break_off_shift(rider_id: str) -> Rider:
    """Leave at once: what is not picked up yet goes to other riders. Refused while the rider has orders on board."""
    return _end_shift(rider_id, ON_BOARD, "orders_on_board")


def finish_shift(rider_id: str) -> Rider:
    """Take no more offers, and be off as soon as what is in hand is done: at once where nothing is."""
    for _ in range(_RACES):
        rider = read_own_rider(rider_id)
        if not rider.on_shift or rider.ending:
            return rider
        work, now = read_work(rider), clock.now()
        try:
            return _mark_ending(work, now, now, None) if work.taken else _leave(work, work.held, now, now)
        except VersionConflict:
            continue
    raise Contention


def check_on_shift(rider_id: str, shift_id: str, cause: str) -> None:
    """A timer of a duty: who never came loses the place, whose end has passed leaves, or does when all is done.

    ``cause`` is the event's id. Raises ``VersionConflict`` after a lost race: look again.
    """
    rider, duty = tables.fetch(rider_ref(rider_id), duty_ref(rider_id, shift_id))
    now = clock.now()
    if rider is None or duty is None:
        return
    if duty.status is DutyStatus.BOOKED:
        _check_on_booked(duty, now, cause)
    elif duty.status is DutyStatus.WORKING and rider.on_shift and rider.shift_id == shift_id:
        _check_on_working(rider, duty, now, cause)


def _check_on_booked(duty: Duty, now: datetime, cause: str) -> None:
    (planned,) = tables.fetch(shift_ref(duty.shift_id))
    tx = Transaction()
    if not shift.is_missed(duty, now):
        tx.claim(_CONSUMER, cause)
        tx.emit_at(duty.start_until, ShiftCheckDue(rider_id=duty.rider_id, shift_id=duty.shift_id))
    else:
        write_duty(tx, duty, replace(duty, version=duty.version + 1, status=DutyStatus.MISSED))
        if planned is not None:
            write_shift(tx, planned, shift.vacated(planned))
        tx.emit(ShiftMissed(rider_id=duty.rider_id, shift_id=duty.shift_id, zone=duty.zone))
    tx.commit()


def _check_on_working(rider: Rider, duty: Duty, now: datetime, cause: str) -> None:
    ends_at = rider.shift_ends_at
    if not rider.ending and (ends_at is None or now < ends_at):
        if ends_at is not None:
            tx = Transaction()
            tx.claim(_CONSUMER, cause)
            tx.emit_at(ends_at, ShiftCheckDue(rider_id=rider.id, shift_id=duty.shift_id))
            tx.commit()
        return
    work = Work(rider, duty, read_deliveries(rider.jobs))
    since = rider.shift_changed_at if rider.ending else ends_at
    since = since or now
    # Who is still on the way to a store would pick up after the end; who waits at the counter is nearest to it.
    released = [] if rider.ending else [each for each in work.taken if each.status is Status.ASSIGNED]
    if len(work.taken) == len(released):
        _leave(work, work.held, now, work.done_since(since))
    elif not rider.ending:
        _mark_ending(work, since, now, cause, released)
    else:
        tx = Transaction()
        tx.claim(_CONSUMER, cause)
        pause = RULES.look_again if now - since < _PATIENCE else _SELDOM
        tx.emit_at(now + pause, ShiftCheckDue(rider_id=rider.id, shift_id=duty.shift_id))
        tx.commit()


def _mark_ending(
    work: Work, since: datetime, now: datetime, cause: str | None, released: list[Delivery] | None = None
) -> Rider:
    """The rider gets nothing new, and is looked at until all is done. ``since`` is when the shift was to be over."""
    rider = work.rider
    gone = {each.id for each in released or ()}
    jobs = {each: version for each, version in rider.jobs.items() if each not in gone}
    after = replace(rider, version=rider.version + 1, ending=True, shift_changed_at=since, jobs=jobs)
    tx = Transaction()
    if cause is not None:
        tx.claim(_CONSUMER, cause)
    if work.duty is not None:
        due = now + RULES.look_again
        tx.emit_at(due, ShiftCheckDue(rider_id=rider.id, shift_id=work.duty.shift_id))
    release(tx, rider, [*(released or ()), *(each for each in work.held if each.status is Status.OFFERED)], now)
    write_rider(tx, rider, after)
    tx.commit()
    return after


def _end_shift(rider_id: str, blocking: frozenset[Status], code: str) -> Rider:
    for _ in range(_RACES):
        rider = read_own_rider(rider_id)
        if not rider.on_shift:
            return rider
        work, now = read_work(rider), clock.now()
        kept = [each.id for each in work.held if each.status in blocking]
        if kept:
            raise Conflict(code, "Finish the deliveries in hand first.", deliveries=kept)
        since = rider.shift_changed_at if rider.ending else None
        try:
            return _leave(work, work.held, now, work.done_since(since) if since else now)
        except VersionConflict:
            continue
    raise Contention


def _leave(work: Work, held: list[Delivery], now: datetime, ended_at: datetime) -> Rider:
    """Off shift, what is left in hand goes to others. The duty ended at ``ended_at``."""
    rider = work.rider
    after = replace(
        rider,
        version=rider.version + 1,
        on_shift=False,
        shift_changed_at=now,
        zone=None,
        jobs={},
        shift_id=None,
        shift_ends_at=None,
        break_at=None,
        ending=False,
    )
    tx = Transaction()
    write_rider(tx, rider, after)
    tx.update(
        PositionRow,
        rider_pk(rider.id),
        POSITION,
        actions=[PositionRow.zone_pk.remove(), PositionRow.zone_sk.remove()],
        condition=PositionRow.pk.exists(),
    )
    close(tx, work, min(now, ended_at))
    release(tx, rider, held, now)
    tx.commit()
    return after
