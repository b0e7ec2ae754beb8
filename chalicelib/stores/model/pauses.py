"""Pauses: how they begin and end. That they end by themselves needs no code: they say until when they hold."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.kernel.errors import Conflict, Invalid, NotFound, Violation
from chalicelib.stores.model.store import Pause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chalicelib.stores.model.store import Mode, Store

MAX_PAUSES = 20
_LONGEST = timedelta(days=31)


class PauseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pause as staff ask for it: for some ``minutes`` or ``until`` an instant."""

    kind: Literal["closed", "busy"]
    minutes: int | None = None
    until: datetime | None = None
    extra_minutes: int = 0
    modes: tuple[Mode, ...] = ()
    note: str | None = None


def pause(store: Store, pause_id: str, request: PauseRequest, now: datetime) -> tuple[Store, Pause]:
    """The store with one more pause. Raises ``Invalid``, or ``too_many_pauses`` when too many are in force."""
    violations = [*_check(store, request, now)]
    if violations:
        raise Invalid(violations)
    in_force = pauses_in_force(store, now)
    if len(in_force) >= MAX_PAUSES:
        raise Conflict("too_many_pauses", f"There are {MAX_PAUSES} pauses in force already: end some first.")
    begun = Pause(
        id=pause_id,
        kind=request.kind,
        since=now,
        until=request.until or now + timedelta(minutes=request.minutes or 0),
        extra_minutes=request.extra_minutes,
        modes=request.modes,
        note=request.note,
    )
    return _changed(store, (*in_force, begun), now), begun


def unpause(store: Store, pause_id: str, now: datetime) -> Store:
    """The store without this pause. Raises ``pause_not_found`` also for one that has ended by itself."""
    in_force = pauses_in_force(store, now)
    rest = tuple(pause for pause in in_force if pause.id != pause_id)
    if len(rest) == len(in_force):
        raise NotFound("pause", pause_id)
    return _changed(store, rest, now)


def pauses_in_force(store: Store, now: datetime) -> tuple[Pause, ...]:
    """The pauses that have not ended."""
    return tuple(pause for pause in store.pauses if pause.until > now)


def _changed(store: Store, pauses: tuple[Pause, ...], now: datetime) -> Store:
    return msgspec.structs.replace(store, pauses=pauses, updated_at=now, version=store.version + 1)


def _check(store: Store, request: PauseRequest, now: datetime) -> Iterator[Violation]:
    if (request.minutes is None) == (request.until is None):
        yield Violation("pause_end_ambiguous", "/minutes", "Give either minutes or until.")
    if request.until is not None and not now < request.until <= now + _LONGEST:
        detail = f"A pause ends in the future, at most {_LONGEST.days} days from now."
        yield Violation("pause_end_out_of_range", "/until", detail)
    if (request.kind == "busy") != (request.extra_minutes > 0):
        detail = "A busy pause adds extra_minutes; a closed one has none."
        yield Violation("extra_minutes_mismatch", "/extra_minutes", detail)
    for i, mode in enumerate(request.modes):
        if mode not in store.modes:
            yield Violation("mode_not_served", f"/modes/{i}", f"This store does not offer {mode}.")
