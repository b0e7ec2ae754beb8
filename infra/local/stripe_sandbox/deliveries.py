"""The queue of webhooks to send: which event, when, how often it was tried. It lives in the store's file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.store import Store

GIVE_UP_AFTER: Final = 3 * 24 * 3600.0
"""Stripe tries for up to three days."""


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    event: str
    attempts: int
    body: bytes


class Deliveries:
    """States: due (to be sent or sent again), delivered, lost (a fault), abandoned (nobody answered for days).

    A held delivery (a fault) is due late, or as soon as a later one was delivered.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.lock:
            self._holding = bool(store.execute("SELECT 1 FROM held"))

    @property
    def holding(self) -> bool:
        """Whether a delivery is held back until a later one was made."""
        return self._holding

    def add(self, event: str, due: float, *, lost: bool = False, held: bool = False) -> None:
        self._store.execute(
            "INSERT INTO deliveries (event, state, due) VALUES (?, ?, ?)", (event, "lost" if lost else "due", due)
        )
        if held:
            self._store.execute("INSERT INTO held (delivery) VALUES (last_insert_rowid())")
            self._holding = True

    def next(self, now: float, busy: Collection[int]) -> Delivery | None:
        """The delivery that is due the longest and that nobody is sending at the moment."""
        rows = self._store.execute(
            "SELECT d.seq, d.event, d.attempts, e.body FROM deliveries d JOIN events e ON e.id = d.event "
            "WHERE d.state = 'due' AND d.due <= ? ORDER BY d.due, d.seq LIMIT ?",
            (now, len(busy) + 1),
        )
        for id_, event, attempts, body in rows:
            if id_ not in busy:
                return Delivery(id_, event, attempts, body.encode())
        return None

    def next_due(self, busy: Collection[int]) -> float | None:
        """When the next delivery falls due, None when nothing waits."""
        rows = self._store.execute(
            "SELECT seq, due FROM deliveries WHERE state = 'due' ORDER BY due, seq LIMIT ?", (len(busy) + 1,)
        )
        return next((due for id_, due in rows if id_ not in busy), None)

    def delivered(self, delivery: Delivery, answer: str) -> None:
        self._store.execute(
            "UPDATE deliveries SET state = 'delivered', attempts = attempts + 1, last_answer = ? WHERE seq = ?",
            (answer, delivery.id),
        )
        if self._holding:
            self._release(delivery.id)

    def _release(self, delivered: int) -> None:
        """Send at once what was held until this or a later delivery."""
        self._store.execute(
            "UPDATE deliveries SET due = 0 WHERE seq IN (SELECT delivery FROM held WHERE delivery < ?)", (delivered,)
        )
        self._store.execute("DELETE FROM held WHERE delivery <= ?", (delivered,))
        self._holding = bool(self._store.execute("SELECT 1 FROM held"))

    def failed(self, delivery: Delivery, answer: str, now: float, wait: float) -> None:
        """Try again after `wait` seconds, or give up on an event that is too old by then."""
        self._store.execute(
            "UPDATE deliveries SET attempts = attempts + 1, last_answer = ?, due = ?, "
            "state = iif((SELECT created FROM events WHERE id = event) < ?, 'abandoned', 'due') WHERE seq = ?",
            (answer, now + wait, now - GIVE_UP_AFTER, delivery.id),
        )

    def send_all_again_at(self, now: float) -> None:
        """After a restart: whatever waits for its next try is tried at once."""
        self._store.execute(
            "UPDATE deliveries SET due = ? WHERE state = 'due' AND due > ? AND attempts > 0", (now, now)
        )

    def pending(self, event: str) -> int:
        """How many deliveries of this event are still to be made."""
        rows = self._store.execute("SELECT count(*) FROM deliveries WHERE event = ? AND state = 'due'", (event,))
        return int(rows[0][0])

    def counts(self) -> Json:
        rows = self._store.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return {"due": 0, "delivered": 0, "lost": 0, "abandoned": 0, **{str(state): n for state, n in rows}}
