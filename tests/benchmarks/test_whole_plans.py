"""Plans of several planners are ridden by one rule: what is counted, and that nothing is brought twice."""

from __future__ import annotations

import pytest

from benchmarks.dispatch.snapshots import NOW, Snapshot, snapshot
from benchmarks.dispatch.whole_plans import Stop, by_planner, ride
from chalicelib.dispatch.planner import Delivery, Rider, StraightLine

STORE, DOOR, NEXT_DOOR = (52.50, 13.40), (52.51, 13.40), (52.52, 13.40)


def test_all_that_is_taken_at_one_counter_is_waited_for_once() -> None:
    early = Delivery("a", "store", STORE, DOOR, NOW, NOW)
    late = Delivery("b", "store", STORE, NEXT_DOOR, NOW, NOW + 1_000)
    moment = Snapshot(NOW, (early, late), (Rider("r", STORE, NOW, NOW + 9_000),), ())
    way = StraightLine().seconds(STORE, DOOR, "bicycle")

    got = ride(moment, {0: [Stop(0, door=False), Stop(1, door=False), Stop(0, door=True), Stop(1, door=True)]})

    # Handed over at 1,000; 2 minutes to the saddle, 2 at each door before the hand-over, 2 after the first.
    first = 1_000 + 120 + way + 120
    second = first + 120 + way + 120
    assert got.brought == 2
    assert got.ready_to_door == pytest.approx(first + second - 1_000, abs=1)
    assert got.worked == pytest.approx(2 * way + 3 * 240, abs=1)


def test_the_planner_brings_everything_once_and_fetches_it_before() -> None:
    moment = snapshot(3, 12, 20)

    routes = by_planner(moment, 0)

    brought = [stop.delivery for stops in routes.values() for stop in stops if stop.door]
    assert sorted(brought) == list(range(12))
    for stops in routes.values():
        for position, stop in enumerate(stops):
            assert not stop.door or Stop(stop.delivery, door=False) in stops[:position]
