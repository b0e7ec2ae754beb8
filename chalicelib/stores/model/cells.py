"""Where a store is found: the H3 cells under which it is listed.

Delivery: every cell that the store's zones touch, at the finest resolution that needs few enough of them, so that one
question per resolution for the customer's cell finds every store that may deliver there. Pickup and dine-in: every cell
within ``WALK_IN_RADIUS_M`` of the store, so that one question is enough there too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.kernel import geo
from chalicelib.kernel.geo import Point
from chalicelib.stores.model.store import Polygon, Radius
from chalicelib.stores.model.zones import farthest_m

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.stores.model.store import Mode, Store

Listing = Literal["delivery", "walk_in"]

WALK_IN_RADIUS_M = 5_000
WALK_IN_RESOLUTION = 6
DELIVERY_RESOLUTIONS = (7, 6, 5)
MAX_DELIVERY_REACH_M = 30_000
# Moving a store replaces all of its cells in one transaction of at most 100 writes: twice these and the store itself.
MAX_DELIVERY_CELLS = 36
MAX_WALK_IN_CELLS = 12

# Mean edge length in metres (H3's table of cell statistics).
_EDGE_M = {5: 9_854.1, 6: 3_724.5, 7: 1_406.5}


class CellEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The store's line in one cell.

    ``center_m`` is how far the store is from the cell's centre (lines are sorted by it), ``reach_m`` how far from the
    store it serves at most, ``modes`` are those that it serves so.
    """

    listing: Listing
    cell: str
    center_m: int
    reach_m: int
    point: Point
    modes: tuple[Mode, ...]


def cell_entries(store: Store) -> frozenset[CellEntry]:
    """Every line under which the store must be listed; none while it is inactive."""
    if store.status != "active":
        return frozenset()
    entries: set[CellEntry] = set()
    walk_in: tuple[Mode, ...] = tuple(mode for mode in ("dine_in", "pickup") if mode in store.modes)
    if walk_in:
        cells = disc_cells(store.point, WALK_IN_RADIUS_M + 1, WALK_IN_RESOLUTION)
        entries |= {_entry(store, "walk_in", cell, WALK_IN_RADIUS_M, walk_in) for cell in cells}
    if "delivery" in store.modes:
        far = farthest_m(store.point, store.zones)
        entries |= {_entry(store, "delivery", cell, far, ("delivery",)) for cell in delivery_cells(store)}
    return frozenset(entries)


def delivery_cells(store: Store) -> frozenset[str]:
    """Cells that together hold every point of every zone: of the finest resolution that stays within the limit."""
    cells: frozenset[str] = frozenset()
    for resolution in DELIVERY_RESOLUTIONS:
        if _may_fit(farthest_m(store.point, store.zones), store, resolution):
            cells = _zone_cells(store, resolution)
            if len(cells) <= MAX_DELIVERY_CELLS:
                return cells
    return cells or _zone_cells(store, DELIVERY_RESOLUTIONS[-1])


def disc_cells(center: Point, radius_m: float, resolution: int) -> frozenset[str]:
    """Cells that together hold every point within ``radius_m`` of ``center`` (and few that hold none)."""
    import h3

    place, radius_of = _cell_geometry()
    steps = math.ceil((radius_m + 2 * _EDGE_M[resolution]) / _EDGE_M[resolution]) + 1
    around = h3.grid_disk(geo.cell(center, resolution), steps)
    return frozenset(str(cell) for cell in around if geo.distance_m(place(cell), center) <= radius_m + radius_of(cell))


def center_distance_m(cell: str, point: Point) -> int:
    """How far a point is from the cell's centre, in whole metres."""
    place, _ = _cell_geometry()
    return round(geo.distance_m(place(cell), point))


def _zone_cells(store: Store, resolution: int) -> frozenset[str]:
    cells: set[str] = set()
    for zone in store.zones:
        if isinstance(zone.area, Radius):
            cells |= disc_cells(store.point, zone.area.radius_m + 1, resolution)  # distances are rounded
        else:
            cells |= _polygon_cells(zone.area, resolution)
    return frozenset(cells)


def _polygon_cells(area: Polygon, resolution: int) -> set[str]:
    # Edges are straight in degrees here and in H3; the corners' own cells guard against rounding at the border.
    return {
        *geo.polygon_cells(area.ring, resolution),
        *(geo.cell(corner, resolution) for corner in area.ring),
    }


def _may_fit(reach_m: int, store: Store, resolution: int) -> bool:
    """Cheaply, whether zones that reach so far can have few enough cells; polygons may be narrow, so they are tried."""
    if any(isinstance(zone.area, Polygon) for zone in store.zones):
        return True
    cell_area = 3 * math.sqrt(3) / 2 * _EDGE_M[resolution] ** 2
    return math.pi * reach_m**2 / cell_area <= 2 * MAX_DELIVERY_CELLS


def _entry(store: Store, listing: Listing, cell: str, reach_m: int, modes: tuple[Mode, ...]) -> CellEntry:
    return CellEntry(
        listing=listing,
        cell=cell,
        center_m=center_distance_m(cell, store.point),
        reach_m=reach_m,
        point=store.point,
        modes=modes,
    )


def _cell_geometry() -> tuple[Callable[[str], Point], Callable[[str], float]]:
    import h3

    def place(cell: str) -> Point:
        return Point(*h3.cell_to_latlng(cell))

    def radius_of(cell: str) -> float:
        center = place(cell)
        return max(geo.distance_m(center, Point(*corner)) for corner in h3.cell_to_boundary(cell))

    return place, radius_of
