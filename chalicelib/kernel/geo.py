"""Points, distances, polygons and H3 cells. WGS 84 degrees in, metres out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_EARTH_RADIUS_M = 6_371_008.8  # IUGG mean radius R1


class Point(msgspec.Struct, frozen=True):
    """A place on earth in degrees."""

    lat: float
    lng: float


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres (haversine, mean radius: within 0.5% of the ellipsoid)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat, half_lng = (lat_b - lat_a) / 2, math.radians(b.lng - a.lng) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lng) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def polygon_contains(ring: Sequence[Point], point: Point) -> bool:
    """Whether ``point`` lies inside the ring (even-odd rule, straight edges in degrees: right for city sizes)."""
    inside = False
    previous = ring[-1]
    for corner in ring:
        if (corner.lat > point.lat) != (previous.lat > point.lat):
            share = (point.lat - corner.lat) / (previous.lat - corner.lat)
            if point.lng < corner.lng + share * (previous.lng - corner.lng):
                inside = not inside
        previous = corner
    return inside


def cell(point: Point, resolution: int) -> str:
    """The H3 cell of this resolution that holds the point."""
    import h3

    return str(h3.latlng_to_cell(point.lat, point.lng, resolution))


def parent(finer: str, resolution: int) -> str:
    """The cell of a coarser (or the same) resolution that a cell is a part of."""
    import h3

    return str(h3.cell_to_parent(finer, resolution))


def children(coarser: str, resolution: int) -> list[str]:
    """The cells of a finer resolution that make up a cell, sorted: seven, six in a pentagon."""
    import h3

    return sorted(str(c) for c in h3.cell_to_children(coarser, resolution))


def resolution(of: str) -> int:
    """The resolution of a cell. Raises ``ValueError`` for what is no cell."""
    import h3

    if not h3.is_valid_cell(of):
        raise ValueError(f"no H3 cell: {of!r}")
    return int(h3.get_resolution(of))


def disk(center: str, k: int) -> list[str]:
    """The cells within ``k`` steps of ``center``, itself included, sorted."""
    import h3

    return sorted(str(c) for c in h3.grid_disk(center, k))


def polygon_cells(ring: Sequence[Point], resolution: int) -> list[str]:
    """Every H3 cell that overlaps the polygon, sorted (cells only touched at the border are included)."""
    import h3

    shape = h3.LatLngPoly([(p.lat, p.lng) for p in ring])
    return sorted(str(c) for c in h3.h3shape_to_cells_experimental(shape, resolution, contain="overlap"))
