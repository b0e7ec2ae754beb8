"""The stack's clock: it is made once, and goes on across restarts and changes of its speed without a step back."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from infra.local.clock_file import write_clock

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reading(path: Path, wall: float | None = None) -> float:
    """Doorstep's time in epoch seconds, at an instant of the wall's."""
    clock = json.loads(path.read_text())
    return clock["anchor"] + ((wall or time.time()) - clock["wall_anchor"]) * clock["speed"]


def test_a_new_clock_begins_where_it_is_told(tmp_path: Path) -> None:
    write_clock(tmp_path / "clock.json", 60.0, NOON)
    assert reading(tmp_path / "clock.json") == pytest.approx(NOON.timestamp(), abs=30)


def test_a_clock_that_is_not_told_anything_is_the_walls(tmp_path: Path) -> None:
    write_clock(tmp_path / "clock.json", 1.0)
    assert reading(tmp_path / "clock.json") == pytest.approx(time.time(), abs=0.1)


def test_a_restart_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, 60.0, NOON)
    before = path.read_text()
    write_clock(path, 60.0, datetime(2027, 1, 1, tzinfo=UTC))
    assert path.read_text() == before


@pytest.mark.parametrize("speed", [1.0, 600.0])
def test_another_speed_holds_from_now_on(tmp_path: Path, speed: float) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, 60.0, NOON)
    time.sleep(0.05)
    before = reading(path)
    write_clock(path, speed)
    assert reading(path) >= before
    assert reading(path) == pytest.approx(before, abs=speed * 0.1 + 6)
