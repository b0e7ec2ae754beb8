"""Shifts: who is planned to work where and when, and what was worked. Pure.

A **shift** is planned by an admin: an area, a beginning and an end, and places for so many riders. A **duty** is one
rider's place in a shift, and the record of what was worked in it: from when to when, with which breaks. Whoever goes
online without a planned shift has a duty all the same, under a shift id of its own and without a planned end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import ENDED
from chalicelib.dispatch.model.rider import zones_around
from chalicelib.kernel import geo, ids
from chalicelib.kernel.errors import Conflict, Invalid, Violation
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.dispatch.model.delivery import Delivery

PLACES_LIMIT = 200
BREAKS_LIMIT = 20  # in one duty, so that its item stays small
_TIME_CHARACTERS = 14  # of an id: the prefix, and the 48 bits of its instant


class Rules(msgspec.Struct, frozen=True):
    """When a shift may be begun, given back and so on."""

    # A shift may be begun so much before its beginning, and so much after; then its place is free for somebody else.
    early: timedelta = timedelta(minutes=15)
    late: timedelta = timedelta(minutes=30)
    # A place is given back no later than this before the beginning.
    give_back_until: timedelta = timedelta(hours=2)
    # A rider who is to leave and has something in hand is looked at this often.
    look_again: timedelta = timedelta(minutes=2)
    shortest: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=16)
    ahead: timedelta = timedelta(days=90)


RULES = Rules()


class ShiftStatus(StrEnum):
    """Whether a planned shift takes place."""

    PLANNED = "planned"
    CANCELLED = "cancelled"


class Shift(msgspec.Struct, frozen=True):
    """A planned shift. ``taken`` of its ``places`` have a rider; ``open``: riders may claim the others.

    The instant in its id is its beginning, so that ids in order are shifts in order. ``store_id`` is set where it is
    planned around a store.
    """

    id: str
    zone: str
    point: Point
    starts_at: datetime
    ends_at: datetime
    places: int
    taken: int = 0
    open: bool = True
    status: ShiftStatus = ShiftStatus.PLANNED
    store_id: str | None = None
    version: int = 1


class DutyStatus(StrEnum):
    """Where a rider's duty stands."""

    BOOKED = "booked"
    WORKING = "working"
    ENDED = "ended"
    GIVEN_BACK = "given_back"  # by the rider, in time
    WITHDRAWN = "withdrawn"  # by an admin
    CANCELLED = "cancelled"  # with the whole shift
    MISSED = "missed"  # never begun


# Duties that keep a rider from others at the same time.
STANDING = frozenset((DutyStatus.BOOKED, DutyStatus.WORKING))
# Duties that may be booked anew.
VACATED = frozenset((DutyStatus.GIVEN_BACK, DutyStatus.WITHDRAWN))


class Origin(StrEnum):
    """How a rider came to a duty."""

    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    OFF_ROSTER = "off_roster"


class Break(msgspec.Struct, frozen=True):
    """A pause within a duty."""

    begun_at: datetime
    ended_at: datetime


class Duty(msgspec.Struct, frozen=True):
    """A rider's place in a shift, and what was worked in it. (``rider_id``, ``shift_id``) names it for good.

    ``starts_at`` and ``ends_at`` are as planned; off the roster the first is when the rider went online and the second
    is unknown. ``begun_at``, ``ended_at`` and ``breaks`` (those that are over) are what happened.
    """

    rider_id: str
    shift_id: str
    zone: str
    starts_at: datetime
    ends_at: datetime | None
    status: DutyStatus
    origin: Origin
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    breaks: tuple[Break, ...] = ()
    version: int = 1

    @property
    def start_from(self) -> datetime:
        """From when on it may be begun."""
        return self.starts_at - RULES.early

    @property
    def start_until(self) -> datetime:
        """From when on it can't be begun any more."""
        return min(self.starts_at + RULES.late, self.ends_at or self.starts_at)

    @property
    def give_back_until(self) -> datetime:
        """The last moment at which it may be given back."""
        return self.starts_at - RULES.give_back_until

    @property
    def worked(self) -> timedelta:
        """The time between beginning and end without the breaks; none before the end."""
        if self.begun_at is None or self.ended_at is None:
            return timedelta()
        paused = sum((each.ended_at - each.begun_at for each in self.breaks), timedelta())
        return max(timedelta(), self.ended_at - self.begun_at - paused)


def shift_id_at(starts_at: datetime) -> str:
    """A fresh id of a shift with this beginning."""
    return ids.earliest("shf", starts_at)[:_TIME_CHARACTERS] + ids.new_id("shf")[_TIME_CHARACTERS:]


def checked_times(starts_at: datetime, ends_at: datetime, now: datetime, rules: Rules = RULES) -> None:
    """Raises ``Invalid`` for a shift in the past, far ahead, or of no sensible length."""
    found = []
    if ends_at <= now:
        found.append(Violation("in_the_past", "/ends_at", "This shift is over already."))
    if starts_at > now + rules.ahead:
        found.append(Violation("too_far_ahead", "/starts_at", f"Shifts are planned {rules.ahead.days} days ahead."))
    if not rules.shortest <= ends_at - starts_at <= rules.longest:
        hours = int(rules.longest.total_seconds() // 3600)
        found.append(Violation("shift_length", "/ends_at", f"A shift takes half an hour to {hours} hours."))
    if found:
        raise Invalid(found)


# --- places -----------------------------------------------------------------------------------------------------------


def booked(shift: Shift, rider_id: str, origin: Origin, now: datetime, rules: Rules = RULES) -> tuple[Shift, Duty]:
    """The shift with one more place taken, and the duty of who took it. Riders claim only what is open."""
    if shift.status is ShiftStatus.CANCELLED:
        raise Conflict("shift_cancelled", "This shift does not take place.")
    if now >= min(shift.starts_at + rules.late, shift.ends_at):
        raise Conflict("shift_begun", "This shift has begun too long ago.")
    if origin is Origin.CLAIMED and not shift.open:
        raise Conflict("shift_not_open", "The places of this shift are not open to claim.")
    if shift.taken >= shift.places:
        raise Conflict("shift_full", "Every place of this shift is taken.")
    duty = Duty(
        rider_id=rider_id,
        shift_id=shift.id,
        zone=shift.zone,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        status=DutyStatus.BOOKED,
        origin=origin,
    )
    return replace(shift, version=shift.version + 1, taken=shift.taken + 1), duty


def is_claimable(shift: Shift, now: datetime, rules: Rules = RULES) -> bool:
    """Whether a rider may take a place now."""
    free = shift.open and shift.taken < shift.places and shift.status is ShiftStatus.PLANNED
    return free and now < min(shift.starts_at + rules.late, shift.ends_at)


def vacated(shift: Shift) -> Shift:
    """The shift with one place free again."""
    return replace(shift, version=shift.version + 1, taken=max(0, shift.taken - 1))


def check_overlap(duties: Iterable[Duty], starts_at: datetime, ends_at: datetime, but: str = "") -> None:
    """Raises ``shift_overlaps`` where the rider has another planned shift at that time."""
    for each in duties:
        if each.shift_id == but or each.status not in STANDING or each.ends_at is None:
            continue
        if each.starts_at < ends_at and starts_at < each.ends_at:
            raise Conflict("shift_overlaps", "There is another shift at that time.", shift_id=each.shift_id)


def given_back(duty: Duty, now: datetime) -> Duty:
    """The duty that its rider does not want any more; too late, somebody has to be asked."""
    if duty.status is not DutyStatus.BOOKED:
        raise Conflict("shift_begun", f"This shift is {duty.status} already.")
    if now > duty.give_back_until:
        until = duty.give_back_until.isoformat()
        raise Conflict("too_late_to_give_back", f"This shift could be given back until {until}.")
    return replace(duty, version=duty.version + 1, status=DutyStatus.GIVEN_BACK)


def withdrawn(duty: Duty) -> Duty:
    """The duty that an admin takes from its rider: possible until it is begun."""
    if duty.status is not DutyStatus.BOOKED:
        raise Conflict("shift_begun", f"This shift is {duty.status} already.")
    return replace(duty, version=duty.version + 1, status=DutyStatus.WITHDRAWN)


# --- work -------------------------------------------------------------------------------------------------------------


def is_due(duty: Duty, now: datetime) -> bool:
    """Whether a booked duty may be begun now."""
    return duty.status is DutyStatus.BOOKED and duty.start_from <= now < duty.start_until


def is_missed(duty: Duty, now: datetime) -> bool:
    """Whether a booked duty can't be begun any more."""
    return duty.status is DutyStatus.BOOKED and now >= duty.start_until


def is_in_area(zone: str, here: str) -> bool:
    """Whether a rider in the cell ``here`` is where a shift of this zone begins: in it, or next to it."""
    return here in geo.disk(zone, 1)


def begun(duty: Duty, now: datetime) -> Duty:
    """The duty with its rider at work. Too early is told with the instant from which it goes."""
    if is_missed(duty, now) or duty.status is DutyStatus.MISSED:
        raise Conflict("shift_missed", "This shift should have been begun earlier.")
    if duty.status is not DutyStatus.BOOKED:
        raise Conflict("shift_not_yours", f"This shift is {duty.status}.")
    if now < duty.start_from:
        raise Conflict("shift_not_yet", f"This shift can be begun from {duty.start_from.isoformat()} on.")
    return replace(duty, version=duty.version + 1, status=DutyStatus.WORKING, begun_at=now)


def off_roster(rider_id: str, zone: str, now: datetime) -> Duty:
    """The duty of a rider who goes online without a planned shift."""
    return Duty(
        rider_id=rider_id,
        shift_id=shift_id_at(now),
        zone=zone,
        starts_at=now,
        ends_at=None,
        status=DutyStatus.WORKING,
        origin=Origin.OFF_ROSTER,
        begun_at=now,
    )


def paused(duty: Duty, begun_at: datetime, ended_at: datetime) -> Duty:
    """The duty with a break that is over. One of no length is none."""
    if ended_at <= begun_at:
        return duty
    return replace(duty, version=duty.version + 1, breaks=(*duty.breaks, Break(begun_at, ended_at))[-BREAKS_LIMIT:])


def ended(duty: Duty, at: datetime) -> Duty:
    """The duty that is over."""
    return replace(duty, version=duty.version + 1, status=DutyStatus.ENDED, ended_at=max(at, duty.begun_at or at))


def last_done(deliveries: Iterable[Delivery], since: datetime) -> datetime:
    """When the last of these was finished, ``since`` where none was later: the phone's time where it is known."""
    done = (
        each.steps[-1].captured_at or each.steps[-1].at for each in deliveries if each.status in ENDED and each.steps
    )
    return max((at for at in done if at > since), default=since)


def around(point: Point) -> list[str]:
    """The zones of which shifts are shown to a rider who is here."""
    return zones_around(point, 1)
