"""Wakes actors when their time has come: one heap of due times, a few threads, an accelerated clock.

An actor is never awake twice at once. One that is woken late acts late, and how late is measured.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.actors import Watch

WORKERS = 8
LOOK_SECONDS = 0.25
AFTER_TROUBLE = timedelta(seconds=30)
MOST_TROUBLES = 8


class Actor(Protocol):
    """Somebody with something to do from time to time."""

    name: str

    def wake(self, now: datetime) -> datetime | None:
        """Do what is due; when to be woken again. None: not until somebody nudges."""
        ...


@dataclass
class _Sleeper:
    actor: Actor
    due: datetime | None = None
    awake: bool = False
    nudged: datetime | None = None
    troubles: int = 0
    entry: int = -1


@dataclass
class Lateness:
    """How late actors were woken, in seconds of the stack's time."""

    seconds: list[float] = field(default_factory=list)

    def share(self, part: float) -> float:
        """The lateness that this part of all wakings did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


class Clockwork:
    """Runs actors until none has anything left to do."""

    def __init__(self, watch: Watch, workers: int = WORKERS) -> None:
        self._watch = watch
        self._changed = threading.Condition()
        self._heap: list[tuple[datetime, int, _Sleeper]] = []
        self._entries = itertools.count()
        self._sleepers: dict[str, _Sleeper] = {}
        self._running = 0
        self._stopped = False
        self._work: queue.SimpleQueue[tuple[_Sleeper, datetime] | None] = queue.SimpleQueue()
        self._workers = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        self.lateness = Lateness()
        self.troubles: list[str] = []
        self.wakings: Counter[str] = Counter()

    def add(self, actor: Actor, due: datetime | None = None) -> None:
        """Wake an actor at an instant; without one, when somebody nudges it."""
        with self._changed:
            sleeper = self._sleepers[actor.name] = _Sleeper(actor)
            if due is not None:
                self._put_to_sleep(sleeper, due)

    def nudge(self, name: str, due: datetime) -> None:
        """Wake an actor at an instant, if it would sleep longer."""
        with self._changed:
            sleeper = self._sleepers[name]
            if sleeper.awake:
                sleeper.nudged = due if sleeper.nudged is None else min(due, sleeper.nudged)
            elif sleeper.due is None or due < sleeper.due:
                self._put_to_sleep(sleeper, due)

    def run(self, until: datetime, look: Callable[[], None]) -> bool:
        """Run until nobody has anything to do, calling `look` now and then. False when it was not over in time."""
        for worker in self._workers:
            worker.start()
        try:
            return self._loop(until, look)
        finally:
            with self._changed:
                self._stopped = True
            for _ in self._workers:
                self._work.put(None)

    def _loop(self, until: datetime, look: Callable[[], None]) -> bool:
        next_look = 0.0
        while True:
            with self._changed:
                now = self._watch.now()
                self._hand_out(now)
                if not self._heap and not self._running:
                    return True
                if now > until:
                    return False
                wait = LOOK_SECONDS
                if self._heap:
                    wait = min(wait, max(0.0, self._watch.wall_until(self._heap[0][0])))
                self._changed.wait(wait)
            if time.monotonic() >= next_look:
                look()
                next_look = time.monotonic() + LOOK_SECONDS

    def _hand_out(self, now: datetime) -> None:
        while self._heap and self._heap[0][0] <= now:
            due, entry, sleeper = heapq.heappop(self._heap)
            if entry != sleeper.entry:
                continue
            sleeper.awake, sleeper.due, sleeper.nudged = True, None, None
            self._running += 1
            self._work.put((sleeper, due))

    def _put_to_sleep(self, sleeper: _Sleeper, due: datetime) -> None:
        sleeper.due, sleeper.entry = due, next(self._entries)
        heapq.heappush(self._heap, (due, sleeper.entry, sleeper))
        self._changed.notify()

    def _serve(self) -> None:
        while (given := self._work.get()) is not None:
            sleeper, due = given
            now = self._watch.now()
            again = None if self._stopped else self._wake(sleeper, now)
            with self._changed:
                self.lateness.seconds.append((now - due).total_seconds())
                self._running -= 1
                sleeper.awake = False
                wanted = [each for each in (again, sleeper.nudged) if each is not None]
                if wanted:
                    self._put_to_sleep(sleeper, min(wanted))
                self._changed.notify()

    def _wake(self, sleeper: _Sleeper, now: datetime) -> datetime | None:
        self.wakings[type(sleeper.actor).__name__] += 1
        try:
            return sleeper.actor.wake(now)
        except Exception as error:  # noqa: BLE001 (whatever goes wrong for one actor is told, and the day goes on)
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            self.troubles.append(f"{sleeper.actor.name}: {type(error).__name__}: {error} ({place})")
            sleeper.troubles += 1
            return None if sleeper.troubles >= MOST_TROUBLES else now + AFTER_TROUBLE
