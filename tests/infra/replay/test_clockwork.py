"""Waking actors in time, one at a time each, whatever they do."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from chalicelib.kernel.clock import Pace
from infra.local.actors import Watch
from infra.local.replay.clockwork import MOST_TROUBLES, Clockwork

BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SPEED = 200.0


@pytest.fixture
def watch() -> Watch:
    return Watch(Pace(time.time(), BEGIN.timestamp(), SPEED))


class Sleeper:
    """Wakes so many times, so many seconds apart."""

    def __init__(self, name: str, times: int = 1, pause: float = 10, work: float = 0.0) -> None:
        self.name = name
        self.woken: list[datetime] = []
        self.at_once = 0
        self.most_at_once = 0
        self._times, self._pause, self._work = times, timedelta(seconds=pause), work
        self._lock = threading.Lock()

    def wake(self, now: datetime) -> datetime | None:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.woken.append(now)
        time.sleep(self._work)
        with self._lock:
            self.at_once -= 1
        return now + self._pause if len(self.woken) < self._times else None


def run(clockwork: Clockwork, seconds: float = 2000) -> bool:
    return clockwork.run(BEGIN + timedelta(seconds=seconds), lambda: None)


def test_actors_are_woken_when_they_are_due(watch: Watch) -> None:
    clockwork = Clockwork(watch)
    actors = [Sleeper(f"actor {number}", times=3, pause=40) for number in range(5)]
    for number, actor in enumerate(actors):
        clockwork.add(actor, BEGIN + timedelta(seconds=60 + 7 * number))

    assert run(clockwork) is True
    for number, actor in enumerate(actors):
        due = BEGIN + timedelta(seconds=60 + 7 * number)
        assert len(actor.woken) == 3
        assert actor.woken[0] >= due
        assert all(later - earlier >= timedelta(seconds=40) for earlier, later in pairwise(actor.woken))
    assert len(clockwork.lateness.seconds) == 15
    assert min(clockwork.lateness.seconds) >= 0


def test_a_nudged_actor_wakes_earlier_and_never_twice_at_once(watch: Watch) -> None:
    clockwork = Clockwork(watch)
    sleepy = Sleeper("sleepy", times=100, pause=100_000, work=0.02)
    clockwork.add(sleepy)

    class Nudger(Sleeper):
        def wake(self, now: datetime) -> datetime | None:
            clockwork.nudge("sleepy", now)
            clockwork.nudge("sleepy", now)
            return super().wake(now)

    nudgers = [Nudger(f"nudger {number}", times=4, pause=3) for number in range(4)]
    for nudger in nudgers:
        clockwork.add(nudger, BEGIN)

    assert run(clockwork, seconds=400) is False  # sleepy would sleep on
    assert 2 <= len(sleepy.woken) <= 33
    assert sleepy.most_at_once == 1


def test_a_later_nudge_does_not_delay(watch: Watch) -> None:
    clockwork = Clockwork(watch)
    actor = Sleeper("actor")
    clockwork.add(actor, BEGIN + timedelta(seconds=50))
    clockwork.nudge("actor", BEGIN + timedelta(hours=5))

    assert run(clockwork) is True
    assert actor.woken[0] < BEGIN + timedelta(minutes=10)


def test_trouble_is_told_and_tried_again_and_then_given_up(watch: Watch) -> None:
    class Clumsy(Sleeper):
        def wake(self, now: datetime) -> datetime | None:
            super().wake(now)
            raise ValueError("dropped it")

    clockwork = Clockwork(watch)
    clumsy, other = Clumsy("clumsy"), Sleeper("other", times=3)
    clockwork.add(clumsy, BEGIN)
    clockwork.add(other, BEGIN)

    assert run(clockwork) is True
    assert len(clumsy.woken) == MOST_TROUBLES
    assert len(clockwork.troubles) == MOST_TROUBLES
    assert "clumsy: ValueError: dropped it" in clockwork.troubles[0]
    assert len(other.woken) == 3


def test_a_crowd_that_is_too_much_for_the_threads_is_measured(watch: Watch) -> None:
    clockwork = Clockwork(watch, workers=1)
    for number in range(10):
        clockwork.add(Sleeper(f"actor {number}", work=0.02), BEGIN)

    assert run(clockwork) is True
    # ten times 20 ms one after the other, at 200 seconds a second
    assert clockwork.lateness.share(1.0) >= 9 * 0.02 * SPEED
