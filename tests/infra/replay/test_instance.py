"""Reading a recorded day, and putting it on the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel.geo import distance_m
from infra.local.replay.day import on_map
from infra.local.replay.instance import NoInstance, Spot, load
from infra.local.replay.report import percentile
from tests.infra.replay.made_up import write_instance

if TYPE_CHECKING:
    from pathlib import Path


def test_an_instance_is_read(tmp_path: Path) -> None:
    instance = load(write_instance(tmp_path / "hour"))

    assert (instance.name, instance.minutes) == ("hour", 60)
    assert [order.id for order in instance.orders] == ["o1", "o2", "o3", "o4", "o5", "o6"]
    assert instance.orders[1].door == Spot(1500, 300)
    assert (instance.orders[1].placed, instance.orders[1].restaurant, instance.orders[1].ready) == (3, "r2", 12)
    assert [(courier.on, courier.off) for courier in instance.couriers] == [(0, 45), (0, 60), (5, 60)]
    assert instance.restaurants == {"r1": Spot(800, 600), "r2": Spot(2000, 800)}
    assert (instance.metres_per_minute, instance.pickup_minutes, instance.dropoff_minutes) == (427, 4, 4)


@pytest.mark.parametrize(
    ("count", "picked"),
    [(1, ["o1"]), (2, ["o1", "o6"]), (3, ["o1", "o3", "o6"]), (60, ["o1", "o2", "o3", "o4", "o5", "o6"])],
)
def test_fewer_orders_are_picked_from_all_over_the_day(tmp_path: Path, count: int, picked: list[str]) -> None:
    instance = load(write_instance(tmp_path)).with_orders(count)

    assert [order.id for order in instance.orders] == picked
    assert instance.minutes == 60


def test_a_folder_that_is_no_instance_says_what_it_lacks(tmp_path: Path) -> None:
    folder = write_instance(tmp_path)
    (folder / "couriers.txt").unlink()
    with pytest.raises(NoInstance, match=r"couriers\.txt not found"):
        load(folder)


def test_a_line_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    folder = write_instance(tmp_path)
    (folder / "orders.txt").write_text("order x y placement_time restaurant ready_time\no1 1 2 soon r1 9\n")
    with pytest.raises(NoInstance, match="soon"):
        load(folder)


def test_a_way_takes_whole_minutes(tmp_path: Path) -> None:
    instance = load(write_instance(tmp_path))

    assert instance.travel_minutes(Spot(0, 0), Spot(0, 0)) == 0
    assert instance.travel_minutes(Spot(0, 0), Spot(427, 0)) == 1
    assert instance.travel_minutes(Spot(0, 0), Spot(300, 400)) == 2


def test_metres_on_the_plane_are_metres_on_the_map() -> None:
    centre = Spot(5000, 5000)
    for a, b in ((Spot(0, 0), Spot(10_000, 0)), (Spot(0, 0), Spot(0, 10_000)), (Spot(9000, 1000), Spot(2000, 8000))):
        assert distance_m(on_map(a, centre), on_map(b, centre)) == pytest.approx(a.to(b), rel=2e-3)


@pytest.mark.parametrize(("part", "value"), [(0.5, 5), (0.9, 9), (0.91, 10), (1.0, 10)])
def test_a_percentile_is_one_of_the_values(part: float, value: float) -> None:
    assert percentile([10, 3, 1, 2, 4, 5, 9, 8, 7, 6], part) == value


def test_a_part_of_the_day_begins_at_nought(tmp_path: Path) -> None:
    whole = load(write_instance(tmp_path))
    first = whole.orders[0].placed
    part = whole.between(first, first + 1)
    assert [order.placed for order in part.orders] == [0] * len(part.orders)
    assert part.orders
    assert set(part.restaurants) == {order.restaurant for order in part.orders}
    assert all(courier.on >= 0 for courier in part.couriers)
    with pytest.raises(NoInstance):
        whole.between(100_000, 100_001)
