"""Finding the stores that can serve a point, nearest first.

However many stores there are, a page costs one Query for each resolution in use (three for delivery, one for pickup and
dine-in) and one BatchGetItem of the stores on the page. Lines of a cell are sorted by their distance from its centre
and read in windows of 1,000; within a window the order is exact, and only where more stores than that are listed in one
cell do windows follow each other as rings around the cell's centre.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import geo, tables
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.stores.model import (
    DELIVERY_RESOLUTIONS,
    WALK_IN_RADIUS_M,
    WALK_IN_RESOLUTION,
    center_distance_m,
    minutes_from_now,
    opening_state,
    reach,
)
from chalicelib.stores.service.stores import store_ref
from chalicelib.stores.tables import CellRow, cell_pk, cell_sk, line_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.kernel.geo import Point
    from chalicelib.stores.model import Listing, Mode, OpeningState, Reach, Store

WINDOW = 1_000

_LINE_KEY = re.compile(r"[A-Z]{3}#\d{7}#[a-z0-9_#-]{1,100}\Z")
_DONE = "-"
_ROUNDING_M = 1  # lines keep whole metres and millionths of a degree
_FARTHEST_M = 9_999_999


class FoundStore(msgspec.Struct, frozen=True):
    """A store that can serve the point in the mode asked for. ``reach`` is of deliveries: zone, distance and fee."""

    store: Store
    distance_m: int
    state: OpeningState
    reach: Reach | None
    expected_minutes: int


class _Place(msgspec.Struct, frozen=True):
    """How far a search has come: after which line each cell's window begins, and what was last looked at in it."""

    begins: tuple[str, ...]
    after: tuple[int, str] = (-1, "")


def find_stores(
    point: Point, mode: Mode, now: datetime, *, start: Mapping[str, Any] | None = None, limit: int = 20
) -> tuple[list[FoundStore], dict[str, Any] | None]:
    """A page of the stores that serve this point: delivery to it, or pickup and dine-in within 5 km of it.

    Open or not, nearest first. A page may hold fewer than ``limit`` while there are more: some stores near the edge of
    a zone turn out not to serve the point. Raises ``Invalid`` for a cursor of another search.
    """
    cells = _cells(point, mode)
    place = _place(start, len(cells))
    lines: list[tuple[int, str]] = []
    nexts: list[str] = []
    for cell, begin in zip(cells, place.begins, strict=True):
        found, next_begin = _window(cell, mode, point, begin)
        lines += found
        nexts.append(next_begin)
    waiting = sorted(line for line in lines if line > place.after)
    shown, rest = waiting[:limit], waiting[limit:]
    stores = tables.fetch(*(store_ref(store_id) for _, store_id in shown), consistent=False) if shown else ()
    served = [offer for store in stores if store and (offer := _serve(store, point, mode, now))]
    if rest:
        return served, _cursor(_Place(place.begins, shown[-1]))
    return served, _cursor(_Place(tuple(nexts))) if any(begin != _DONE for begin in nexts) else None


def _cells(point: Point, mode: Mode) -> list[str]:
    resolutions = DELIVERY_RESOLUTIONS if mode == "delivery" else (WALK_IN_RESOLUTION,)
    return [geo.cell(point, resolution) for resolution in resolutions]


def _window(cell: str, mode: Mode, point: Point, begin: str) -> tuple[list[tuple[int, str]], str]:
    """Distance and id of the stores of a cell's window that may serve the point, and where the next window begins."""
    if begin == _DONE:
        return [], _DONE
    low, high = _bounds(cell, mode, point)
    low = max(low, begin + "\x00") if begin else low
    if low > high:
        return [], _DONE
    page = tables.query(CellRow, cell_pk(cell), CellRow.sk.between(low, high), limit=WINDOW)
    found = [
        (round(distance), line.store_id)
        for line in map(line_of, page.items)
        if line.serves(mode) and (distance := geo.distance_m(line.point, point)) <= line.reach_m + _ROUNDING_M
    ]
    return found, page.next_key["sk"]["S"] if page.next_key else _DONE


def _bounds(cell: str, mode: Mode, point: Point) -> tuple[str, str]:
    """The lines worth reading: a store within reach of the point is about as far from the cell's centre as that is."""
    if mode == "delivery":
        return cell_sk("delivery", 0), cell_sk("delivery", _FARTHEST_M)
    listing: Listing = "walk_in"
    center = center_distance_m(cell, point)
    reach_m = WALK_IN_RADIUS_M + 2 * _ROUNDING_M
    return cell_sk(listing, max(0, center - reach_m)), cell_sk(listing, center + reach_m + 1)


def _serve(store: Store, point: Point, mode: Mode, now: datetime) -> FoundStore | None:
    """What the store offers at this point; None when it turns out not to."""
    if store.status != "active" or mode not in store.modes:
        return None
    distance = round(geo.distance_m(store.point, point))
    reached = reach(store, point) if mode == "delivery" else None
    if (reached is None) if mode == "delivery" else (distance > WALK_IN_RADIUS_M):
        return None
    return FoundStore(
        store=store,
        distance_m=distance,
        state=opening_state(store, mode, now),
        reach=reached,
        expected_minutes=minutes_from_now(store, mode, distance if reached else None, now),
    )


def _cursor(place: _Place) -> dict[str, Any]:
    distance, store_id = place.after
    return {
        "begins": {"S": " ".join(begin or "^" for begin in place.begins)},
        "distance": {"N": str(distance)},
        "store": {"S": store_id},
    }


def _place(start: Mapping[str, Any] | None, cells: int) -> _Place:
    """Where to go on. A cursor comes from outside: anything but what ``_cursor`` wrote is refused."""
    if start is None:
        return _Place(("",) * cells)
    try:
        begins: Sequence[str] = start["begins"]["S"].split(" ")
        distance, store_id = int(start["distance"]["N"]), start["store"]["S"]
    except (KeyError, ValueError) as error:
        raise _bad_cursor() from error
    known = all(begin in ("^", _DONE) or _LINE_KEY.match(begin) for begin in begins)
    if len(begins) != cells or not known or len(store_id) > 64:
        raise _bad_cursor()
    return _Place(tuple("" if begin == "^" else begin for begin in begins), (distance, store_id))


def _bad_cursor() -> Invalid:
    return Invalid([Violation("invalid_cursor", "?cursor", "The cursor is not of this search: start without one.")])
