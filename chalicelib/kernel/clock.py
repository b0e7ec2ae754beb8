"""The one source of time. UTC, aware, whole milliseconds; can be frozen in tests and can run faster than the wall.

With ``DOORSTEP_CLOCK_FILE`` naming a JSON file ``{"wall_anchor": s, "anchor": s, "speed": x}`` (epoch seconds) every
process that reads it shares one accelerated clock: ``anchor + (wall - wall_anchor) * speed``. Only what outside
parties sign with their own time (token expiry, webhook signatures) is checked against the wall.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pace(msgspec.Struct, frozen=True):
    """How Doorstep's time follows the wall's: both anchors in epoch seconds, ``speed`` in seconds per wall second."""

    wall_anchor: float = 0.0
    anchor: float = 0.0
    speed: float = 1.0


_pace: Pace | None = None
_frozen: datetime | None = None


def now() -> datetime:
    """The current instant in UTC, cut to milliseconds (what RFC 3339 with three digits can carry back)."""
    if _frozen is not None:
        return _frozen
    pace = _load_pace()
    seconds = pace.anchor + (time.time() - pace.wall_anchor) * pace.speed
    return datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)


def to_wall(span: timedelta) -> float:
    """How many seconds of wall time ``span`` takes on this clock (what a queue's delay must be told)."""
    return span.total_seconds() / _load_pace().speed


def rfc3339(instant: datetime) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """The instant that ``rfc3339`` wrote, aware and in UTC. Raises ``ValueError`` on text without an offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"no UTC offset in {text!r}")
    return instant.astimezone(UTC)


def epoch_ms(instant: datetime) -> int:
    """Milliseconds since 1970, the form in which instants are kept at rest."""
    return round(instant.timestamp() * 1000)


def from_epoch_ms(value: int) -> datetime:
    """The instant behind ``epoch_ms``."""
    return datetime.fromtimestamp(value / 1000, UTC)


@contextmanager
def freeze(instant: datetime) -> Iterator[None]:
    """Stand still at ``instant`` within the block (tests)."""
    global _frozen
    before = _frozen
    _frozen = instant.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before


def reload() -> None:
    """Forget the pace that was read, so that the next question reads the clock file again."""
    global _pace
    _pace = None


def _load_pace() -> Pace:
    global _pace
    if _pace is None:
        path = os.environ.get("DOORSTEP_CLOCK_FILE")
        _pace = Pace(**json.loads(Path(path).read_text())) if path else Pace()
    return _pace
