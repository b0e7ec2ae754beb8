"""How often a caller may do something: counted in the process first, and together with other processes where declared.

A process keeps its own count and adds it to a shared row only once it has gathered a tenth of the limit. So a caller
who keeps far from the limit costs no request at all, one at the limit a tenth of a write unit a call, and one beyond it
nothing until the window ends. The price is that a limit of L is met between L and L + processes × (L/10 - 1).
"""

from __future__ import annotations

import hashlib
import logging
import threading
from typing import TYPE_CHECKING

import msgspec
from pynamodb.attributes import NumberAttribute

from chalicelib.kernel import clock, settings, tables
from chalicelib.kernel.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

logger = logging.getLogger(__name__)

_GATHERED_SHARE = 10
_REMEMBERED = 10_000  # callers that a process remembers
_KEPT_SECONDS = 3600  # how long a row outlives its window


class LimitRow(tables.Row):
    """What all processes together have counted of one caller in one window."""

    class Meta(tables.Meta):
        context = "events"

    hits = NumberAttribute(null=True)


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How often one principal and one address may do something within a window.

    With ``on`` only requests that are refused with one of these codes count: guesses. ``shared`` limits hold over all
    processes; others in each for itself, and cost nothing.
    """

    name: str
    window: timedelta
    per_principal: int | None = None
    per_ip: int | None = None
    on: tuple[str, ...] = ()
    shared: bool = True


class _Window(msgspec.Struct):
    ends_at: int
    known: int = 0
    gathered: int = 0


_windows: dict[tuple[str, str], _Window] = {}
_lock = threading.Lock()


def admit(limit: Limit, principal_id: str | None, source_ip: str) -> None:
    """Let a request in, and count it unless only refusals count. Raises ``too_many_requests``."""
    if not settings.get().rate_limits:
        return
    for who, allowed in _callers(limit, principal_id, source_ip):
        _count(limit, who, allowed, 0 if limit.on else 1)


def note_refusal(limit: Limit, code: str, principal_id: str | None, source_ip: str) -> None:
    """Count a refusal that the limit is on. Raises ``too_many_requests`` in its stead once there are too many."""
    if code not in limit.on or not settings.get().rate_limits:
        return
    for who, allowed in _callers(limit, principal_id, source_ip):
        _count(limit, who, allowed, 1)


def forget() -> None:
    """Forget what this process has counted."""
    with _lock:
        _windows.clear()


def _callers(limit: Limit, principal_id: str | None, source_ip: str) -> Iterator[tuple[str, int]]:
    if limit.per_principal is not None and principal_id:
        yield f"principal:{principal_id}", limit.per_principal
    if limit.per_ip is not None and source_ip:
        # Nobody needs the address itself to count it.
        yield f"ip:{hashlib.sha256(source_ip.encode()).hexdigest()[:24]}", limit.per_ip


def _count(limit: Limit, who: str, allowed: int, times: int) -> None:
    now, length = clock.epoch_ms(clock.now()), int(limit.window.total_seconds() * 1000)
    ends_at = (now // length + 1) * length
    with _lock:
        window = _windows.get((limit.name, who))
        if window is None or window.ends_at != ends_at:
            if len(_windows) >= _REMEMBERED:
                _windows.clear()
            window = _windows[limit.name, who] = _Window(ends_at)
        # With `on` the refusals up to the limit are told as they are, and what comes after is not looked at.
        full = window.known + window.gathered >= allowed
        if not full:
            window.gathered += times
        enough = 1 if limit.on else max(1, allowed // _GATHERED_SHARE)
        to_add = window.gathered if limit.shared and not full and window.gathered >= enough else 0
        if to_add:
            window.known, window.gathered = window.known + to_add, 0
    if full:
        _refuse(now, ends_at)
    if to_add:
        known = _add(limit, who, ends_at, to_add)
        with _lock:
            window.known = max(window.known, known)
        if known > allowed:
            _refuse(now, ends_at)


def _add(limit: Limit, who: str, ends_at: int, times: int) -> int:
    """Add to the shared count and return it. A count that can't be kept lets the caller in."""
    from botocore.exceptions import BotoCoreError
    from pynamodb.exceptions import PynamoDBException

    row = LimitRow(f"LIMIT#{limit.name}#{who}", str(ends_at))
    try:
        # Without a condition: each window has its own item, and additions commute.
        row.update(actions=[LimitRow.hits.add(times), LimitRow.ttl.set(ends_at // 1000 + _KEPT_SECONDS)])
    except (PynamoDBException, BotoCoreError):
        logger.warning("a limit was not counted", extra={"limit": limit.name})
        return 0
    return int(row.hits)


def _refuse(now: int, ends_at: int) -> None:
    raise DomainError(
        "too_many_requests",
        "Too many requests of this kind: wait as long as Retry-After says.",
        status=429,
        retryable=True,
        retry_after=max(1, -(-(ends_at - now) // 1000)),
    )
