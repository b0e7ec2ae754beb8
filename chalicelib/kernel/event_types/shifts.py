"""Shifts, and what riders earn."""

from __future__ import annotations

from chalicelib.kernel.events import Event


class ShiftBegan(Event, frozen=True, kw_only=True):
    """A rider is at work. ``origin`` is ``assigned``, ``claimed`` or ``off_roster``."""

    rider_id: str
    shift_id: str
    origin: str
    at: str


class ShiftEnded(Event, frozen=True, kw_only=True):
    """A rider has left; ``worked_seconds`` are without the breaks, which the rider's duty lists."""

    rider_id: str
    shift_id: str
    begun_at: str
    ended_at: str
    worked_seconds: int


class ShiftMissed(Event, frozen=True, kw_only=True):
    """A rider did not come to a booked shift; the place is free for somebody else."""

    rider_id: str
    shift_id: str
    zone: str


class ShiftGivenBack(Event, frozen=True, kw_only=True):
    """A rider gave a place in a shift back, or it was taken from them (``by`` is ``rider`` or ``admin``)."""

    rider_id: str
    shift_id: str
    zone: str
    by: str


class ShiftCancelled(Event, frozen=True, kw_only=True):
    """A planned shift does not take place; whoever was booked in it is free."""

    shift_id: str
    zone: str


class RiderEarned(Event, frozen=True, kw_only=True):
    """A rider earned something: by a delivery (``cause`` is its id, with its order), or by a shift's guarantee.

    ``amount`` in minor units of ``currency``; ``rules`` is the area and version of the pay rules, empty without.
    """

    rider_id: str
    shift_id: str
    cause: str
    amount: int
    currency: str
    at: str
    order_id: str | None = None
    rules: str = ""


class ShiftPayDue(Event, frozen=True, kw_only=True):
    """Timer: a shift ended a while ago, and may lack something to its guarantee."""

    rider_id: str
    shift_id: str


class ShiftCheckDue(Event, frozen=True, kw_only=True):
    """Timer: a booked shift may have been missed, or a rider's planned end may have come."""

    rider_id: str
    shift_id: str
