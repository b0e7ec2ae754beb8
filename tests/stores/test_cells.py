"""The cells under which a store is found hold every place that it serves."""

from __future__ import annotations

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chalicelib.kernel import geo
from chalicelib.kernel.geo import Point
from chalicelib.stores.model import (
    DELIVERY_RESOLUTIONS,
    WALK_IN_RADIUS_M,
    WALK_IN_RESOLUTION,
    ModeSettings,
    Polygon,
    cell_entries,
    reach,
)
from chalicelib.stores.model.cells import MAX_DELIVERY_CELLS, MAX_DELIVERY_REACH_M, MAX_WALK_IN_CELLS
from tests.stores.factories import METRES_PER_DEGREE, store, tier, zone

places = st.builds(Point, st.floats(-84, 84), st.floats(-180, 180))


def away(start: Point, metres: float, bearing: float) -> Point:
    """The point that lies so far away in this direction (radians)."""
    angle = metres / METRES_PER_DEGREE * math.pi / 180
    lat = math.radians(start.lat)
    there = math.asin(math.sin(lat) * math.cos(angle) + math.cos(lat) * math.sin(angle) * math.cos(bearing))
    turned = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(lat), math.cos(angle) - math.sin(lat) * math.sin(there)
    )
    return Point(math.degrees(there), (start.lng + math.degrees(turned) + 540) % 360 - 180)


@settings(deadline=None)
@given(place=places, radius=st.integers(1, MAX_DELIVERY_REACH_M), share=st.floats(0, 1), bearing=st.floats(0, 6.3))
def test_a_place_in_a_radius_zone_is_found(place: Point, radius: int, share: float, bearing: float) -> None:
    at = store(point=place, zones=(zone(radius_m=radius),), modes={"delivery": ModeSettings(lead_minutes=1)})
    door = away(place, radius * share, bearing)

    entries = cell_entries(at)

    assert reach(at, door) is not None
    assert {entry.cell for entry in entries} & {geo.cell(door, resolution) for resolution in DELIVERY_RESOLUTIONS}
    assert all(geo.distance_m(place, door) <= entry.reach_m + 1 for entry in entries)
    assert 1 <= len(entries) <= MAX_DELIVERY_CELLS


@settings(deadline=None)
@given(place=places, share=st.floats(0, 1), bearing=st.floats(0, 6.3))
def test_a_customer_within_walking_reach_finds_the_store(place: Point, share: float, bearing: float) -> None:
    at = store(point=place, zones=(), modes={"pickup": ModeSettings(lead_minutes=1)})
    customer = away(place, WALK_IN_RADIUS_M * share, bearing)

    entries = cell_entries(at)

    assert geo.cell(customer, WALK_IN_RESOLUTION) in {entry.cell for entry in entries}
    assert len(entries) <= MAX_WALK_IN_CELLS


@settings(deadline=None)
@given(
    place=st.builds(Point, st.floats(-70, 70), st.floats(-178, 178)),
    spokes=st.lists(st.floats(50, MAX_DELIVERY_REACH_M), min_size=3, max_size=12),
    share=st.floats(0, 0.999),
    bearing=st.floats(0, 6.28),
)
def test_a_place_in_a_ring_is_found(place: Point, spokes: list[float], share: float, bearing: float) -> None:
    corners = tuple(away(place, metres, 2 * math.pi * i / len(spokes)) for i, metres in enumerate(spokes))
    area = Polygon((*corners, corners[0]))
    at = store(
        point=place, zones=(zone("star", 1, tier(0), area=area),), modes={"delivery": ModeSettings(lead_minutes=1)}
    )
    door = away(place, max(spokes) * share, bearing)
    assume(reach(at, door))

    entries = cell_entries(at)

    assert {entry.cell for entry in entries} & {geo.cell(door, resolution) for resolution in DELIVERY_RESOLUTIONS}
    assert len(entries) <= MAX_DELIVERY_CELLS


def test_small_zones_are_listed_in_small_cells_and_large_ones_in_large() -> None:
    import h3

    def resolutions(radius_m: int) -> set[int]:
        entries = cell_entries(
            store(zones=(zone(radius_m=radius_m),), modes={"delivery": ModeSettings(lead_minutes=1)})
        )
        return {h3.get_resolution(entry.cell) for entry in entries}

    assert [resolutions(radius_m) for radius_m in (500, 3000, 10_000, 30_000)] == [{7}, {7}, {6}, {5}]


def test_modes_share_a_line_where_they_are_served_alike() -> None:
    entries = cell_entries(store())

    assert {entry.modes for entry in entries} == {("dine_in", "pickup"), ("delivery",)}


def test_an_inactive_store_is_found_nowhere() -> None:
    assert cell_entries(store(status="inactive")) == frozenset()


def test_a_store_can_move_across_the_world_in_one_transaction() -> None:
    """At most a hundred writes: the old lines, the new ones, the store, its list of lines and the events row."""
    assert 2 * (MAX_DELIVERY_CELLS + MAX_WALK_IN_CELLS) + 3 <= 100
