"""Shifts from the domain to what the API gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.schemas import AtWorkView, DutyView, ShiftView, Spot
from chalicelib.dispatch.schemas.shifts import BreakView
from chalicelib.kernel import clock

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.dispatch import service
    from chalicelib.dispatch.schemas.values import ShiftState


def shift_view(shift: service.Shift) -> ShiftView:
    """A planned shift for the API."""
    return ShiftView(
        shift_id=shift.id,
        zone=shift.zone,
        position=Spot(lat=shift.point.lat, lng=shift.point.lng),
        store_id=shift.store_id,
        starts_at=clock.rfc3339(shift.starts_at),
        ends_at=clock.rfc3339(shift.ends_at),
        places=shift.places,
        taken=shift.taken,
        open=shift.open,
        status=shift.status.value,
        version=shift.version,
    )


def duty_view(duty: service.Duty) -> DutyView:
    """A rider's duty for the API."""
    return DutyView(
        shift_id=duty.shift_id,
        rider_id=duty.rider_id,
        zone=duty.zone,
        status=duty.status.value,
        origin=duty.origin.value,
        starts_at=clock.rfc3339(duty.starts_at),
        ends_at=_maybe(duty.ends_at),
        start_from=clock.rfc3339(duty.start_from),
        start_until=clock.rfc3339(duty.start_until),
        give_back_until=clock.rfc3339(duty.give_back_until),
        begun_at=_maybe(duty.begun_at),
        ended_at=_maybe(duty.ended_at),
        breaks=[
            BreakView(begun_at=clock.rfc3339(each.begun_at), ended_at=clock.rfc3339(each.ended_at))
            for each in duty.breaks
        ],
        worked_seconds=None if duty.ended_at is None else round(duty.worked.total_seconds()),
    )


def at_work_view(rider: service.Rider, *, in_hand: bool) -> AtWorkView:
    """Where a rider stands, for the API."""
    return AtWorkView(
        state=shift_state(rider, in_hand=in_hand),
        shift_id=rider.shift_id,
        ends_at=_maybe(rider.shift_ends_at),
        version=rider.version,
    )


def shift_state(rider: service.Rider, *, in_hand: bool) -> ShiftState:
    """What a rider may be given, in a word. ``in_hand``: there is something to finish."""
    if not rider.on_shift:
        return "off"
    if rider.ending:
        return "ending"
    if rider.break_at is not None:
        return "break_due" if in_hand else "on_break"
    return "available"


def _maybe(instant: datetime | None) -> str | None:
    return None if instant is None else clock.rfc3339(instant)
