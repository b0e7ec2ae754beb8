"""Finding stores: who is found, in what order, on what terms, and what it costs."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, geo
from chalicelib.kernel.errors import Invalid
from chalicelib.kernel.geo import Point
from chalicelib.stores import service
from chalicelib.stores.model import PauseRequest
from chalicelib.stores.service import search
from tests.catalog.conftest import metered
from tests.stores import factories
from tests.stores.factories import NOON, north

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.stores.service import FoundStore, Mode, Store


def zone(identifier: str, area: dict[str, Any], fee: int = 290, **changes: Any) -> dict[str, Any]:
    tiers = [{"fee": {"amount": fee, "currency": "EUR"}}]
    return {"id": identifier, "area": area, "tiers": tiers, **changes}


def radius(radius_m: int, fee: int = 290) -> dict[str, Any]:
    return zone("inner", {"type": "radius", "radius_m": radius_m}, fee)


def ring(center: Point, half_m: float) -> dict[str, Any]:
    lat, lng = half_m / 111_195, half_m / 111_195 / math.cos(math.radians(center.lat))
    corners = [(-lat, -lng), (-lat, lng), (lat, lng), (lat, -lng), (-lat, -lng)]
    points = [{"lat": center.lat + d_lat, "lng": center.lng + d_lng} for d_lat, d_lng in corners]
    return {"type": "polygon", "ring": points}


def around(center: Point, metres: float, bearing: float) -> Point:
    return Point(
        center.lat + metres * math.cos(bearing) / 111_195,
        center.lng + metres * math.sin(bearing) / 111_195 / math.cos(math.radians(center.lat)),
    )


def found(point: Point, mode: Mode = "delivery", **options: Any) -> list[FoundStore]:
    return service.find_stores(point, mode, options.pop("now", clock.now()), **options)[0]


def pages(point: Point, mode: Mode, limit: int) -> list[list[FoundStore]]:
    read, start = [], None
    while True:
        page, start = service.find_stores(point, mode, clock.now(), start=start, limit=limit)
        read.append(page)
        if start is None:
            return read
        assert len(read) < 500


def ids(stores: list[FoundStore]) -> list[str]:
    return [each.store.id for each in stores]


class TestWhoIsFound:
    def test_stores_whose_zone_holds_the_place(self, open_store: Callable[..., Store], place: Point) -> None:
        store = open_store(zones=[radius(3000)])

        assert ids(found(north(2990, place))) == [store.id]
        assert found(north(3010, place)) == []

    def test_of_a_polygon_only_what_is_inside(self, open_store: Callable[..., Store], place: Point) -> None:
        store = open_store(zones=[zone("kiez", ring(place, 1000))])

        assert ids(found(north(990, place))) == [store.id]
        assert found(north(1010, place)) == []

    @pytest.mark.parametrize("reach_m", [400, 3_000, 12_000, 30_000])
    def test_whatever_the_size_of_the_zone(self, open_store: Callable[..., Store], place: Point, reach_m: int) -> None:
        store = open_store(zones=[radius(reach_m)])

        for bearing in range(8):
            inside = around(place, reach_m * 0.98, bearing * math.pi / 4)
            outside = around(place, reach_m * 1.02, bearing * math.pi / 4)
            assert ids(found(inside)) == [store.id]
            assert found(outside) == []

    def test_pickup_and_dine_in_within_five_kilometres(self, open_store: Callable[..., Store], place: Point) -> None:
        pickup = open_store(modes={"pickup": {"lead_minutes": 5}}, zones=[])
        both = open_store(modes={"pickup": {"lead_minutes": 5}, "dine_in": {"lead_minutes": 5}}, zones=[])

        for bearing in range(6):
            customer = around(place, 4_950, bearing * math.pi / 3)
            assert set(ids(found(customer, "pickup"))) == {pickup.id, both.id}
            assert ids(found(customer, "dine_in")) == [both.id]
            assert found(around(place, 5_050, bearing * math.pi / 3), "pickup") == []
        assert found(place, "delivery") == []

    def test_closed_and_paused_stores_too_but_no_inactive_ones(
        self, open_store: Callable[..., Store], place: Point
    ) -> None:
        closed = open_store(opening_hours="24/7 off")
        paused = open_store()
        service.pause_store(paused.id, PauseRequest(kind="closed", minutes=30))
        open_store(status="inactive")

        states = {each.store.id: each.state.reason for each in found(place)}

        assert states == {closed.id: "closed", paused.id: "paused"}

    def test_across_the_antimeridian(self, open_store: Callable[..., Store], place: Point) -> None:
        west = Point(place.lat, 179.99)
        store = open_store(point=west)

        assert ids(found(Point(place.lat, -179.995))) == [store.id]


class TestWhatIsTold:
    def test_the_terms_of_the_zone_and_the_time(self, open_store: Callable[..., Store], place: Point) -> None:
        euros = {"currency": "EUR"}
        terms = {"minimum_order": {"amount": 1500, **euros}, "free_from": {"amount": 4000, **euros}}
        open_store(
            zones=[
                zone("inner", {"type": "radius", "radius_m": 500}, 190),
                zone("outer", ring(place, 2000), 390, **terms),
            ]
        )

        (near,) = found(north(400, place))
        (far,) = found(north(1500, place))

        assert near.reach is not None
        assert (near.reach.zone.id, near.reach.fee.amount, near.distance_m) == ("inner", 190, 400)
        assert far.reach is not None
        assert (far.reach.zone.id, far.reach.fee.amount, far.distance_m) == ("outer", 390, 1500)
        assert far.reach.zone.minimum_order is not None
        assert (near.expected_minutes, far.expected_minutes) == (24, 28)  # 20, the way and the hand-overs

    def test_open_state_next_change_and_busy_minutes(self, open_store: Callable[..., Store], place: Point) -> None:
        store = open_store(opening_hours="Mo-Su 11:00-22:00")
        with clock.freeze(NOON):
            service.pause_store(store.id, PauseRequest(kind="busy", minutes=60, extra_minutes=15))

        (now,) = found(place, now=NOON)
        (later,) = found(place, now=NOON + timedelta(hours=11))

        assert (now.state.open, now.state.busy_minutes, now.expected_minutes) == (True, 15, 37)
        assert now.state.next_change_at == factories.berlin("2026-06-10 22:00")
        assert (later.state.open, later.expected_minutes) == (False, 22)


class TestOrder:
    @pytest.fixture
    def town(self, open_store: Callable[..., Store], place: Point) -> list[str]:
        """Thirty stores around the place, by their distance from it."""
        chance = random.Random(7)
        reaches = [3_000, 9_000, 25_000]  # listed in cells of three sizes
        points = [around(place, chance.uniform(0, 2_900), chance.uniform(0, 6.28)) for _ in range(30)]
        stores = [open_store(point, zones=[radius(reaches[i % 3])]) for i, point in enumerate(points)]
        return [store.id for store in sorted(stores, key=lambda s: geo.distance_m(s.point, place))]

    @pytest.mark.parametrize("mode", ["delivery", "pickup"])
    def test_is_nearest_first_through_all_pages(self, town: list[str], place: Point, mode: Mode) -> None:
        read = pages(place, mode, limit=7)

        assert [len(page) for page in read] == [7, 7, 7, 7, 2]
        assert [each for page in read for each in ids(page)] == town

    @pytest.mark.parametrize("mode", ["delivery", "pickup"])
    def test_misses_and_repeats_nobody_where_a_cell_is_fuller_than_a_window(
        self, town: list[str], place: Point, mode: Mode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "WINDOW", 4)

        read = [each for page in pages(place, mode, limit=3) for each in ids(page)]

        assert sorted(read) == sorted(town)

    def test_pages_go_on_past_stores_that_turn_out_not_to_serve(
        self, open_store: Callable[..., Store], place: Point
    ) -> None:
        """Rings that reach as far as the customer, in another direction."""
        customer = north(500, place)
        for _ in range(5):
            open_store(zones=[zone("south", ring(north(-1000, place), 900))])
        serving = open_store(north(-600, place), zones=[radius(3000)])

        read = pages(customer, "delivery", limit=2)

        assert [each for page in read for each in ids(page)] == [serving.id]


class TestCost:
    @pytest.mark.parametrize(("mode", "queries"), [("delivery", 3), ("pickup", 1), ("dine_in", 1)])
    def test_is_a_fixed_number_of_requests(
        self, open_store: Callable[..., Store], place: Point, mode: Mode, queries: int
    ) -> None:
        modes = {name: {"lead_minutes": 5} for name in ("delivery", "pickup", "dine_in")}
        for i in range(25):
            open_store(north(i * 10, place), modes=modes)

        with metered() as meter:
            assert len(found(place, mode, limit=20)) == 20

        assert meter.requests == ["Query"] * queries + ["BatchGetItem"]
        # Half a unit for each store shown and each query, another for every 4 KB of lines.
        assert meter.units <= 20 * 0.5 + queries * 0.5 + 1

    def test_of_an_empty_place_is_its_queries(self, dynamodb: Any, place: Point) -> None:
        with metered() as meter:
            assert found(place) == []

        assert (meter.requests, meter.units) == (["Query"] * 3, 1.5)


@pytest.mark.parametrize(
    "start",
    [
        {"sk": {"S": "x"}},
        {"begins": {"S": "^"}, "distance": {"N": "1"}, "store": {"S": "x"}},
        {"begins": {"S": "^ ^ STORE"}, "distance": {"N": "1"}, "store": {"S": "x"}},
        {"begins": {"S": "^ ^ ^"}, "distance": {"N": "far"}, "store": {"S": "x"}},
        {"begins": {"S": "^ ^ ^"}, "distance": {"S": "1"}, "store": {"S": "x"}},
    ],
)
def test_a_made_up_cursor_is_refused(dynamodb: Any, place: Point, start: Any) -> None:
    with pytest.raises(Invalid):
        service.find_stores(place, "delivery", NOON, start=start)


def test_a_cursor_that_points_behind_the_lines_finds_nothing(dynamodb: Any, place: Point) -> None:
    behind = "WLK#9999999#sto_z"
    start = {"begins": {"S": behind}, "distance": {"N": "1"}, "store": {"S": "x"}}

    assert service.find_stores(place, "pickup", NOON, start=start) == ([], None)
