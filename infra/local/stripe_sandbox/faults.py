"""Faults on demand: what goes wrong between a client and Stripe, made to happen a stated number of times.

A fault is kept in the store, so that it outlives a restart. Request faults match by method and path, webhook
faults also by the type of the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox.errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.store import Store

BEFORE_KINDS: Final = frozenset({"error_500", "error_429", "slow_request"})
AFTER_KINDS: Final = frozenset({"timeout_after_success", "error_500_after_success"})
WEBHOOK_KINDS: Final = frozenset({"webhook_lost", "webhook_duplicated", "webhook_delayed", "webhook_reordered"})
_ALL_KINDS: Final = BEFORE_KINDS | AFTER_KINDS | WEBHOOK_KINDS
_DEFAULT_DELAY_MS: Final = {"webhook_delayed": 5000, "webhook_reordered": 5000, "slow_request": 1000}
_MOST_TIMES: Final = 1_000_000
_LONGEST_DELAY_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong.

    timeout_after_success: the operation happens, the connection then stays silent for `delay_ms` and closes.
    error_500, error_429: the operation doesn't happen. A `remembered` 500 is also what the idempotency key answers
    from then on, as Stripe does it; the client must look and then ask with another key.
    error_500_after_success: the operation happens, the answer is a 500, and so is every answer to its key.
    slow_request: the operation begins only after `delay_ms`, its idempotency key being in use meanwhile.
    webhook_lost, webhook_duplicated, webhook_delayed (`delay_ms`): what becomes of an event's delivery.
    webhook_reordered: the event changes places with the next one; if none follows, it is sent after `delay_ms`.

    A fault without a method befalls what changes something; reading (GET) fails only where `match` says so.
    """

    id: int
    kind: str
    method: str | None
    path: str | None
    event_type: str | None
    remaining: int
    delay_ms: int
    remembered: bool

    def matches(self, method: str, path: str, event_type: str | None = None) -> bool:
        """`path` is a prefix that may hold `*`; None matches all."""
        return (
            (self.method == method or (self.method is None and method != "GET"))
            and (self.path is None or fnmatchcase(path, self.path + "*"))
            and (self.event_type is None or (event_type is not None and fnmatchcase(event_type, self.event_type)))
        )


class Faults:
    """The faults that are set. Call inside a transaction of the store: taking one counts it down."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.lock:
            self._any = bool(self.all())

    @property
    def are_set(self) -> bool:
        """Whether there may be any: the common case costs no look into the store."""
        return self._any

    def all(self) -> list[Fault]:
        rows = self._store.execute(
            "SELECT seq, kind, method, path, event_type, remaining, delay_ms, remembered FROM faults ORDER BY seq"
        )
        return [Fault(*(*row[:7], bool(row[7]))) for row in rows]

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault from its JSON document. Raises an invalid request that says what is wrong with it."""
        kind, match = wanted.get("kind"), wanted.get("match") or {}
        if not isinstance(kind, str) or kind not in _ALL_KINDS:
            kinds = ", ".join(sorted(_ALL_KINDS))
            raise StripeError(f"Invalid kind: must be one of {kinds}", param="kind")
        unknown = (wanted.keys() - {"kind", "match", "times", "delay_ms", "remembered"}) or (
            match.keys() - {"method", "path_prefix", "event_type"} if isinstance(match, dict) else {"match"}
        )
        if unknown:
            raise StripeError(f"Received unknown parameter: {min(unknown)}", code="parameter_unknown")
        self._store.execute(
            "INSERT INTO faults (kind, method, path, event_type, remaining, delay_ms, remembered) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                kind,
                _text(match.get("method")),
                _text(match.get("path_prefix")),
                _text(match.get("event_type")),
                _whole(wanted.get("times", 1), "times", 1, _MOST_TIMES),
                _whole(wanted.get("delay_ms", _DEFAULT_DELAY_MS.get(kind, 0)), "delay_ms", 0, _LONGEST_DELAY_MS),
                wanted.get("remembered", kind == "error_500") is True,
            ),
        )
        self._any = True
        return self.all()[-1]

    def clear(self) -> None:
        self._store.execute("DELETE FROM faults")
        self._any = False

    def take_before(self, method: str, path: str) -> Fault | None:
        """The oldest fault that this request runs into before it does anything, counted down by one."""
        return self._take(BEFORE_KINDS, method, path, None)

    def take_after(self, method: str, path: str) -> Fault | None:
        """The oldest fault that this request, having succeeded, still runs into."""
        return self._take(AFTER_KINDS, method, path, None)

    def take_for_event(self, method: str, path: str, event_type: str, *, reorders: bool) -> Fault | None:
        """The oldest fault that the delivery of this event, caused by this request, runs into.

        `reorders`: no event waits for this one to overtake it, so it may itself be made to wait.
        """
        return self._take(
            WEBHOOK_KINDS if reorders else WEBHOOK_KINDS - {"webhook_reordered"}, method, path, event_type
        )

    def _take(self, kinds: frozenset[str], method: str, path: str, event_type: str | None) -> Fault | None:
        if not self._any:
            return None
        faults = self.all()
        self._any = bool(faults)
        for fault in faults:
            if fault.kind in kinds and fault.matches(method, path, event_type):
                if fault.remaining == 1:
                    self._store.execute("DELETE FROM faults WHERE seq = ?", (fault.id,))
                else:
                    self._store.execute("UPDATE faults SET remaining = remaining - 1 WHERE seq = ?", (fault.id,))
                return fault
        return None


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise StripeError("Invalid match: method, path_prefix and event_type are strings", param="match")
    return value


def _whole(value: object, param: str, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise StripeError(f"Invalid {param}: a whole number from {least} to {most}", param=param)
    return value
