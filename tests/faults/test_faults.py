"""One thing after the other goes wrong; after each the invariants hold, and what was lost is found again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.replay.invariants import INVARIANTS
from tests.faults import report
from tests.faults.dynamo import Dynamo
from tests.faults.permissions import Watchman
from tests.faults.scenarios import SCENARIOS
from tests.faults.scene import Scene
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.house import House

pytestmark = [
    pytest.mark.fault,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture
def scene(house: House, pass_time: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    chance = random.Random(20)
    dynamo = Dynamo(chance)
    dynamo.is_quick(monkeypatch)
    yield Scene(house, dynamo, pass_time, monkeypatch, chance)
    dynamo.close()


@pytest.fixture
def watchman() -> Iterator[Watchman]:
    looks = Watchman()
    yield looks
    looks.close()


@pytest.mark.parametrize("fault", SCENARIOS)
def test_what_must_hold_holds_after_it(
    scene: Scene, watchman: Watchman, request: pytest.FixtureRequest, fault: str
) -> None:
    SCENARIOS[fault](scene)
    scene.settle()

    found = scene.judged()
    ends = [world.order_of(each["id"]).status.value for each in scene.orders]
    healed = {"driven_again": scene.put_aside, "found_by_sweep": scene.found_by_sweep}
    report.told(request, fault, found, orders=len(scene.orders), **healed)
    assert set(found) == set(INVARIANTS)
    assert {name: breaches for name, breaches in found.items() if breaches} == {}
    assert set(ends) <= scene.ends
    assert watchman.refused == set(), "a function asks for what its role may not do"
    assert watchman.seen


def test_a_combination_that_is_missing_is_told() -> None:
    known = {name: {"held": True, "breaches": []} for name in INVARIANTS[1:]}

    assert report.missing({"flood": {"invariants": known}}) == [f"flood × {INVARIANTS[0]}"]
