"""What is wrong with a store's settings: everything at once, each with its pointer."""

from __future__ import annotations

import zoneinfo
from typing import Any

import pytest
from msgspec import structs

from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money
from chalicelib.stores.model import (
    FeeTier,
    ModeSettings,
    Polygon,
    SmallOrderFee,
    Store,
    Taxes,
    check_store,
)
from chalicelib.stores.model.checks import is_time_zone
from chalicelib.stores.model.countries import is_country
from tests.stores.factories import CENTER, euros, north, square, store, tier, zone


def faults(at: Store) -> list[tuple[str, str]]:
    return [(violation.code, violation.pointer) for violation in check_store(at)]


def ring(*points: tuple[float, float]) -> Polygon:
    """A ring of offsets from the centre in metres north and east, roughly."""
    return Polygon(tuple(Point(CENTER.lat + y / 111_195, CENTER.lng + x / 67_700) for y, x in points))


def test_the_example_is_sound() -> None:
    assert check_store(store()) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"country": "XX"}, ("country_unknown", "/country")),
        ({"country": "de"}, ("country_unknown", "/country")),
        ({"time_zone": "Europe/Atlantis"}, ("time_zone_unknown", "/time_zone")),
        ({"time_zone": "../../etc/passwd"}, ("time_zone_unknown", "/time_zone")),
        ({"time_zone": "Factory"}, ("time_zone_unknown", "/time_zone")),
        ({"opening_hours": "9 to 5"}, ("opening_hours_invalid", "/opening_hours")),
        ({"modes": {}}, ("mode_required", "/modes")),
        ({"zones": ()}, ("zone_required", "/zones")),
        ({"payment_methods": ("pay_at_store",)}, ("mode_not_payable", "/payment_methods")),
        (
            {"taxes": Taxes(prices_include_tax=True, rates={"food": 700}, fee_tax_category="x")},
            ("tax_category_unknown", "/taxes/fee_tax_category"),
        ),
        (
            {"small_order_fee": SmallOrderFee(below=euros(1000), fee=Money(100, "CHF"))},
            ("currency_mismatch", "/small_order_fee/fee/currency"),
        ),
        (
            {"modes": {"pickup": ModeSettings(lead_minutes=1, opening_hours="always")}},
            ("opening_hours_invalid", "/modes/pickup/opening_hours"),
        ),
    ],
)
def test_a_fault_is_named_where_it_is(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert faults(store(**changes)) == [fault]


def test_an_unknown_currency_is_named_once_for_a_store_that_uses_it_throughout() -> None:
    nothing_priced = store(currency="ZZZ", zones=(), modes={"pickup": ModeSettings(lead_minutes=1)})

    assert faults(nothing_priced) == [("currency_unknown", "/currency")]


def test_every_amount_is_in_the_stores_currency() -> None:
    francs = Money(100, "CHF")
    foreign = zone("inner", 3000, FeeTier(fee=francs), minimum_order=francs, free_from=francs)

    assert [pointer for _, pointer in faults(store(zones=(zone("a"), foreign)))] == [
        "/zones/1/minimum_order/currency",
        "/zones/1/free_from/currency",
        "/zones/1/tiers/0/fee/currency",
    ]


def test_all_faults_are_told_at_once() -> None:
    broken = store(country="XX", time_zone="Nowhere", currency="ZZZ", zones=(zone(), zone()), payment_methods=())

    codes = {code for code, _ in faults(broken)}

    assert {"country_unknown", "time_zone_unknown", "currency_unknown", "zone_id_repeated", "mode_not_payable"} <= codes


def test_stores_near_a_pole_are_refused() -> None:
    assert ("too_near_pole", "/point/lat") in faults(store(point=Point(86, 0), zones=(), modes={}))


class TestRings:
    @pytest.mark.parametrize(
        ("area", "fault"),
        [
            (ring((0, 0), (0, 900), (900, 0)), ("ring_too_short", "/zones/0/area/ring")),
            (ring((0, 0), (0, 900), (900, 0), (900, 900)), ("ring_not_closed", "/zones/0/area/ring/3")),
            (
                ring((0, 0), (900, 900), (0, 900), (900, 0), (0, 0)),
                ("ring_crosses_itself", "/zones/0/area/ring/2"),
            ),
            (
                ring((0, 0), (0, 900), (900, 900), (0, 900), (0, 0)),
                ("ring_corner_repeated", "/zones/0/area/ring/3"),
            ),
            (
                # A spike: the way back runs over the way there.
                ring((0, 0), (0, 900), (0, 400), (900, 400), (0, 0)),
                ("ring_crosses_itself", "/zones/0/area/ring/1"),
            ),
            (
                # A corner on another edge.
                ring((0, 0), (0, 900), (900, 900), (0, 400), (900, 0), (0, 0)),
                ("ring_crosses_itself", "/zones/0/area/ring/2"),
            ),
            (ring((0, 0), (0, 900), (0, 1800), (0, 0)), ("ring_crosses_itself", "/zones/0/area/ring/2")),
        ],
    )
    def test_that_are_no_single_closed_line_are_refused(self, area: Polygon, fault: tuple[str, str]) -> None:
        assert faults(store(zones=(zone(area=area),))) == [fault]

    @pytest.mark.parametrize(
        "area",
        [
            square(1000),
            ring((0, 0), (0, 900), (900, 900), (300, 300), (900, 0), (0, 0)),
            ring((0, 0), (0, 300), (0, 900), (900, 0), (0, 0)),
        ],
    )
    def test_that_are_sound_pass(self, area: Polygon) -> None:
        assert faults(store(zones=(zone(area=area),))) == []

    def test_across_the_antimeridian_are_refused(self) -> None:
        fiji = store(point=Point(-17.8, 179.99), country="FJ", time_zone="Pacific/Fiji")
        corners = tuple(
            Point(lat, lng) for lat, lng in ((-17.9, 179.9), (-17.9, -179.9), (-17.7, 179.9), (-17.9, 179.9))
        )

        assert faults(structs.replace(fiji, zones=(zone(area=Polygon(corners)),))) == [
            ("ring_crosses_antimeridian", "/zones/0/area/ring")
        ]


class TestReach:
    def test_a_radius_has_a_limit(self) -> None:
        assert faults(store(zones=(zone(radius_m=30_000),))) == []
        assert faults(store(zones=(zone(radius_m=30_001),))) == [("zone_too_far", "/zones/0/area")]

    def test_a_ring_has_the_same(self) -> None:
        assert faults(store(zones=(zone(area=square(1000, of=north(40_000))),))) == [("zone_too_far", "/zones/0/area")]


class TestTiers:
    def test_go_outwards(self) -> None:
        inwards = zone("a", 3000, tier(1, 2000), tier(2, 2000), tier(3))

        assert faults(store(zones=(inwards,))) == [("tiers_not_increasing", "/zones/0/tiers/1/up_to_m")]

    def test_nothing_comes_after_all_the_rest(self) -> None:
        assert faults(store(zones=(zone("a", 3000, tier(1), tier(2, 3000)),))) == [
            ("tier_unreachable", "/zones/0/tiers/1")
        ]

    def test_reach_the_edge_of_the_zone(self) -> None:
        assert faults(store(zones=(zone("a", 3000, tier(1, 2999)),))) == [
            ("tiers_end_before_zone", "/zones/0/tiers/0/up_to_m")
        ]
        assert faults(store(zones=(zone("a", 3000, tier(1, 3000)),))) == []


def test_every_zone_of_the_database_can_be_used() -> None:
    for name in zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}:
        assert is_time_zone(name)
        assert faults(store(time_zone=name)) == []


@pytest.mark.parametrize(("code", "known"), [("DE", True), ("US", True), ("UK", False), ("EU", False), ("", False)])
def test_countries_are_those_of_the_standard(code: str, known: bool) -> None:
    assert is_country(code) == known
