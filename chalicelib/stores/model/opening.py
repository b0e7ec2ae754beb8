"""Whether a store takes orders: its hours and its pauses together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.stores.model.hours import Hours, hours

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.stores.model.store import Mode, Store

_TURNS = 64  # pauses and closings that may follow each other before no opening is known


class OpeningState(msgspec.Struct, frozen=True):
    """``next_change_at`` is when ``open`` differs; None when that is not within a year."""

    open: bool
    reason: Literal["open", "closed", "paused"]
    busy_minutes: int
    next_change_at: datetime | None


def opening_state(store: Store, mode: Mode | None, now: datetime) -> OpeningState:
    """Whether the store takes orders now in this mode (None: by its general hours and pauses)."""
    schedule = mode_hours(store, mode)
    if paused_until(store, mode, now) is not None:
        reason: Literal["closed", "paused"] = "paused" if schedule.is_open(now) else "closed"
        return OpeningState(False, reason, 0, accepting_from(store, mode, now))
    if not schedule.is_open(now):
        return OpeningState(False, "closed", 0, accepting_from(store, mode, now))
    return OpeningState(True, "open", busy_minutes(store, mode, now), schedule.next_change(now))


def mode_hours(store: Store, mode: Mode | None) -> Hours:
    """The hours of a mode: its own where it has some, else the store's."""
    settings = store.modes.get(mode) if mode else None
    return hours(
        (settings and settings.opening_hours) or store.opening_hours,
        country=store.country,
        time_zone=store.time_zone,
        point=store.point,
    )


def paused_until(store: Store, mode: Mode | None, instant: datetime) -> datetime | None:
    """The end of the last pause that keeps this mode closed at the instant, or None."""
    return max((p.until for p in store.pauses if p.kind == "closed" and p.covers(mode, instant)), default=None)


def busy_minutes(store: Store, mode: Mode | None, instant: datetime) -> int:
    """The minutes that orders started at the instant take longer: the largest of the pauses in force."""
    return max((p.extra_minutes for p in store.pauses if p.kind == "busy" and p.covers(mode, instant)), default=0)


def accepting_from(store: Store, mode: Mode | None, instant: datetime) -> datetime | None:
    """The first instant, from this one on, at which the store takes orders; None when not within a year."""
    schedule = mode_hours(store, mode)
    at = instant
    for _ in range(_TURNS):
        until = paused_until(store, mode, at)
        if until is not None:
            at = until
            continue
        opening = schedule.next_opening(at)
        if opening is None or opening == at:
            return opening
        at = opening
    return None
