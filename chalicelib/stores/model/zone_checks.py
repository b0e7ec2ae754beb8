"""Whether delivery zones are sound: rings that are one closed line, tiers that rise and reach the zone's edge."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.kernel.errors import Violation
from chalicelib.stores.model.cells import MAX_DELIVERY_CELLS, MAX_DELIVERY_REACH_M, delivery_cells
from chalicelib.stores.model.store import Polygon
from chalicelib.stores.model.zones import farthest_m

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.kernel.geo import Point
    from chalicelib.stores.model.store import DeliveryZone, Store

_FEWEST_CORNERS = 4  # three, and the first again


def check_zones(store: Store) -> list[Violation]:
    """Everything that is wrong with a store's delivery zones."""
    violations = [*_check_ids(store.zones)]
    for i, zone in enumerate(store.zones):
        area = [*_check_area(store, zone, f"/zones/{i}/area")]
        # How far tiers must reach is known of a sound area only.
        violations += [*area, *_check_tiers(store, zone, f"/zones/{i}/tiers", sound=not area)]
    if "delivery" in store.modes and not store.zones:
        violations.append(Violation("zone_required", "/zones", "A store that delivers needs a delivery zone."))
    if store.zones and not violations and len(delivery_cells(store)) > MAX_DELIVERY_CELLS:
        violations.append(Violation("zones_too_large", "/zones", "The zones together cover too much ground."))
    return violations


def _check_ids(zones: Sequence[DeliveryZone]) -> Iterator[Violation]:
    seen: set[str] = set()
    for i, zone in enumerate(zones):
        if zone.id in seen:
            yield Violation("zone_id_repeated", f"/zones/{i}/id", f"Another zone is called {zone.id!r} too.")
        seen.add(zone.id)


def _check_area(store: Store, zone: DeliveryZone, pointer: str) -> Iterator[Violation]:
    if isinstance(zone.area, Polygon):
        ring_faults = [*_check_ring(zone.area.ring, f"{pointer}/ring")]
        yield from ring_faults
        if ring_faults:
            return
    far = farthest_m(store.point, (zone,))
    if far > MAX_DELIVERY_REACH_M:
        yield Violation(
            "zone_too_far",
            pointer,
            f"The zone reaches {far} m from the store; deliveries go at most {MAX_DELIVERY_REACH_M} m.",
            {"reach_m": far, "max_reach_m": MAX_DELIVERY_REACH_M},
        )


def _check_ring(ring: Sequence[Point], pointer: str) -> Iterator[Violation]:
    if len(ring) < _FEWEST_CORNERS:
        yield Violation("ring_too_short", pointer, "A ring has at least three corners, and its first one again.")
        return
    if ring[0] != ring[-1]:
        last = f"{pointer}/{len(ring) - 1}"
        yield Violation("ring_not_closed", last, "The last point of a ring repeats its first.")
        return
    if any(abs(a.lng - b.lng) > 180 for a, b in pairwise(ring)):
        yield Violation("ring_crosses_antimeridian", pointer, "Split the zone in two at 180° of longitude.")
        return
    repeated = _repeated_corner(ring)
    if repeated is not None:
        yield Violation("ring_corner_repeated", f"{pointer}/{repeated}", "The ring comes through this point twice.")
        return
    crossing = _crossing_edges(ring)
    if crossing is not None:
        first, second = crossing
        yield Violation(
            "ring_crosses_itself",
            f"{pointer}/{second}",
            f"The edge that begins here crosses or touches the one from point {first}.",
            {"edges": [first, second]},
        )


def _repeated_corner(ring: Sequence[Point]) -> int | None:
    seen: set[Point] = set()
    for i, corner in enumerate(ring[:-1]):
        if corner in seen:
            return i
        seen.add(corner)
    return None


def _crossing_edges(ring: Sequence[Point]) -> tuple[int, int] | None:
    edges = list(pairwise(ring))
    for i, (a, b) in enumerate(edges):
        for j in range(i + 1, len(edges)):
            c, d = edges[j]
            if _touch(a, b, c, d):
                return i, j
    return None


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether segments ab and cd meet anywhere but in a corner that they share."""
    if b == c or d == a:
        shared, far_one, far_two = (b, a, d) if b == c else (a, b, c)
        return _turn(shared, far_one, far_two) == 0 and _same_way(shared, far_one, far_two)
    abc, abd, cda, cdb = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if abc != abd and cda != cdb:
        return True
    return any(
        turn == 0 and _between(p, q, r)
        for turn, p, q, r in ((abc, a, b, c), (abd, a, b, d), (cda, c, d, a), (cdb, c, d, b))
    )


def _turn(a: Point, b: Point, c: Point) -> int:
    """1 when c lies left of the line from a to b, -1 right of it, 0 on it."""
    cross = (b.lng - a.lng) * (c.lat - a.lat) - (b.lat - a.lat) * (c.lng - a.lng)
    return (cross > 0) - (cross < 0)


def _same_way(origin: Point, one: Point, two: Point) -> bool:
    """Whether two directions from a point agree (given that all three are on one line)."""
    along = (one.lng - origin.lng) * (two.lng - origin.lng) + (one.lat - origin.lat) * (two.lat - origin.lat)
    return along > 0


def _between(a: Point, b: Point, point: Point) -> bool:
    """Whether a point on the line through a and b lies between them."""
    return min(a.lat, b.lat) <= point.lat <= max(a.lat, b.lat) and min(a.lng, b.lng) <= point.lng <= max(a.lng, b.lng)


def _check_tiers(store: Store, zone: DeliveryZone, pointer: str, *, sound: bool) -> Iterator[Violation]:
    if not zone.tiers:
        yield Violation("tier_required", pointer, "A zone has at least one fee tier.")
        return
    for i, (before, tier) in enumerate(pairwise(zone.tiers)):
        if before.up_to_m is None:
            yield Violation("tier_unreachable", f"{pointer}/{i + 1}", "The tier before this one takes in all the rest.")
        elif tier.up_to_m is not None and tier.up_to_m <= before.up_to_m:
            yield Violation(
                "tiers_not_increasing",
                f"{pointer}/{i + 1}/up_to_m",
                f"Tiers go outwards: this one must reach farther than {before.up_to_m} m.",
                {"after_m": before.up_to_m},
            )
    last = zone.tiers[-1].up_to_m
    far = farthest_m(store.point, (zone,)) if sound else 0
    if last is not None and last < far:
        yield Violation(
            "tiers_end_before_zone",
            f"{pointer}/{len(zone.tiers) - 1}/up_to_m",
            f"The zone reaches {far} m from the store: the last tier must reach that far, or have no up_to_m.",
            {"reach_m": far},
        )
