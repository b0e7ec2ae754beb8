"""Distances and shapes on a city's scale."""

from __future__ import annotations

import pytest

from chalicelib.kernel import geo
from chalicelib.kernel.geo import Point

BERLIN = Point(52.520008, 13.404954)
PARIS = Point(48.856613, 2.352222)
SQUARE = [Point(0, 0), Point(0, 2), Point(2, 2), Point(2, 0)]


def test_the_distance_between_two_cities_is_known() -> None:
    assert geo.distance_m(BERLIN, PARIS) == pytest.approx(877_460, rel=0.001)
    assert geo.distance_m(BERLIN, BERLIN) == 0


def test_a_point_is_inside_or_outside_a_polygon() -> None:
    assert geo.polygon_contains(SQUARE, Point(1, 1))
    assert not geo.polygon_contains(SQUARE, Point(3, 1))


def test_a_dent_is_outside() -> None:
    dented = [Point(0, 0), Point(0, 4), Point(2, 2), Point(4, 4), Point(4, 0)]
    assert not geo.polygon_contains(dented, Point(2, 3))
    assert geo.polygon_contains(dented, Point(2, 1))


def test_the_cells_of_a_polygon_cover_the_points_in_it() -> None:
    ring = [Point(52.50, 13.38), Point(52.50, 13.42), Point(52.53, 13.42), Point(52.53, 13.38)]
    cells = geo.polygon_cells(ring, 8)
    for lat, lng in [(52.501, 13.381), (52.515, 13.40), (52.529, 13.419)]:
        assert geo.cell(Point(lat, lng), 8) in cells


def test_a_disk_holds_its_center_and_ring() -> None:
    center = geo.cell(BERLIN, 7)
    assert center in geo.disk(center, 1)
    assert len(geo.disk(center, 1)) == 7
