"""The checker counts what was done and refuses what the rules don't allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.dispatch.score import RuleBroken, physical_bound, score, total

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "restaurants.txt": "restaurant x y\nr1 0 0\nr2 1000 0\n",
    "couriers.txt": "courier x y on_time off_time\nc1 1000 0 600 700\nc2 0 0 600 620\n",
    "orders.txt": (
        "order x y placement_time restaurant ready_time\n"
        "o1 0 500 601 r1 610\n"
        "o2 0 900 605 r1 612\n"
        "o3 1000 500 600 r2 603\n"
    ),
    "instance_parameters.txt": "speed p d t m pay hour\n100 4 4 40 90 10 15\n",
}
HEADER = "assigned_at pickup_at courier order"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_minutes_and_dollars_by_hand(instance: Path) -> None:
    got = score(instance, _file(instance, "605 617 c1 o1 o2"))

    # Picked up at 617; 2 minutes, 5 to the first door, 2: 626; 2 more, 4 to the second, 2: 634.
    assert (got.orders, got.delivered, got.bundled) == (3, 2, 2)
    assert got.click_to_door == (626 - 601) + (634 - 605)
    assert got.ready_to_pickup == 7 + 5
    assert got.bound == (9 + 2 + 5 + 2) + (7 + 2 + 9 + 2)
    assert got.pay == pytest.approx(max(20, 25) + 5)
    assert got.undelivered == pytest.approx(100 / 3)
    assert physical_bound(instance) == pytest.approx((18 + 20 + 12) / 3)


def test_scores_are_pooled_over_orders(instance: Path) -> None:
    one = score(instance, _file(instance, "605 617 c1 o1 o2"))
    none = score(instance, _file(instance))

    both = total([one, none])

    assert (both.instances, both.orders, both.delivered) == (2, 6, 2)
    assert both.ctd == one.ctd


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["605 616 c1 o1 o2"], "picked up before 617"),
        (["601 611 c2 o1 o2"], "not placed"),
        (["605 611 c2 o1 o2"], "picked up before 612"),
        (["599 612 c1 o3"], "not on duty"),
        (["612 621 c2 o1"], "after the courier's off time"),
        (["605 617 c1 o1 o3"], "orders of 2 restaurants"),
        (["605 617 c1 o1", "606 612 c2 o1"], "assigned twice"),
        (["605 617 c1 o1 o1"], "assigned twice"),
        (["605 617 c1 o1", "620 640 c1 o3"], "not free"),
        (["605 617 c9 o1"], "no such courier"),
        (["605 617 c1 o9"], "no such order"),
        (["605 617 c1"], "no orders"),
    ],
)
def test_what_the_rules_forbid_is_refused(instance: Path, lines: list[str], told: str) -> None:
    with pytest.raises(RuleBroken, match=told):
        score(instance, _file(instance, *lines))


def _file(instance: Path, *lines: str) -> Path:
    file = instance / "assignments.txt"
    file.write_text("\n".join([HEADER, *lines]) + "\n")
    return file
