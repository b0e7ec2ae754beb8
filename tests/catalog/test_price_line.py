from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.model import (
    Availability,
    ComponentChoice,
    EightySix,
    LineRequest,
    Menu,
    ModifierChoice,
    PricedLine,
    price_line,
)
from tests.catalog.factories import group, menu_document, option, pizzeria, product, variant

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=BERLIN)
MONDAY_EVENING = MONDAY_NOON.replace(hour=19)
SATURDAY_NOON = MONDAY_NOON + timedelta(days=5)
TOMATO = ModifierChoice(group_id="sauce", option_id="tomato")

PIZZERIA = Menu.of("sto_1", 1, pizzeria())
EVERYTHING = Availability()


def line(sku: str, *modifiers: ModifierChoice, **changes: Any) -> LineRequest:
    return LineRequest(sku=sku, modifiers=modifiers, **changes)


def extra(option_id: str, quantity: int = 1, *nested: ModifierChoice, group_id: str = "extras") -> ModifierChoice:
    return ModifierChoice(group_id=group_id, option_id=option_id, quantity=quantity, modifiers=nested)


def fill(component_id: str, sku: str, *modifiers: ModifierChoice, quantity: int = 1) -> ComponentChoice:
    return ComponentChoice(component_id=component_id, sku=sku, quantity=quantity, modifiers=modifiers)


def price(
    request: LineRequest,
    menu: Menu = PIZZERIA,
    availability: Availability = EVERYTHING,
    at: datetime = MONDAY_NOON,
) -> PricedLine:
    priced, violations = price_line(menu, availability, request, at, "/lines/0")
    assert violations == []
    assert priced is not None
    return priced


def faults(
    request: LineRequest,
    menu: Menu = PIZZERIA,
    availability: Availability = EVERYTHING,
    at: datetime = MONDAY_NOON,
) -> list[tuple[str, str]]:
    priced, violations = price_line(menu, availability, request, at, "/lines/0")
    assert priced is None
    return [(found.code, found.pointer) for found in violations]


def test_a_plain_line_costs_quantity_times_price() -> None:
    priced = price(line("COLA", quantity=3))
    assert (priced.unit_minor, priced.total_minor) == (300, 900)
    assert (priced.product_id, priced.tax_category, priced.counted) == ("prd_cola", "drinks", {"COLA": 3})


def test_options_add_their_price_per_unit() -> None:
    priced = price(line("PIZZA-S", TOMATO, extra("cheese", 2), quantity=2, note="no basil"))
    assert (priced.unit_minor, priced.total_minor) == (800 + 2 * 150, 2200)
    assert priced.note == "no basil"
    assert [(row.name, row.quantity, row.unit_minor, row.depth) for row in priced.modifiers] == [
        ("Tomato", 1, 0, 0),
        ("Cheese", 2, 150, 0),
    ]


def test_nested_options_are_priced_with_each_unit_of_their_parent_and_printed_below_it() -> None:
    priced = price(line("PIZZA-S", TOMATO, extra("ham", 1, extra("diced", group_id="ham_cut"))))
    assert priced.unit_minor == 800 + 200 + 20
    assert [(row.name, row.depth) for row in priced.modifiers] == [("Tomato", 0), ("Ham", 0), ("Diced", 1)]


def test_a_variant_asks_its_own_groups_besides_the_products() -> None:
    assert price(line("PIZZA-L", TOMATO, extra("stuffed", group_id="crust"))).unit_minor == 1450
    assert faults(line("PIZZA-L", TOMATO)) == [("modifier_min", "/lines/0/modifiers")]


def test_an_option_can_take_a_counted_sku_from_stock() -> None:
    assert price(line("PIZZA-S", TOMATO, extra("dip", 3), quantity=2)).counted == {"DIP": 6}


def test_an_unknown_sku_is_refused() -> None:
    assert faults(line("SUSHI")) == [("unknown_sku", "/lines/0/sku")]


@pytest.mark.parametrize("quantity", [0, -1, 100, 10**30])
def test_quantities_out_of_bounds_are_refused(quantity: int) -> None:
    assert faults(line("COLA", quantity=quantity)) == [("quantity_out_of_bounds", "/lines/0/quantity")]


def test_negative_option_quantities_are_refused_and_lower_no_price() -> None:
    assert faults(line("PIZZA-S", TOMATO, extra("cheese", -3))) == [
        ("quantity_out_of_bounds", "/lines/0/modifiers/1/quantity")
    ]


def test_all_faults_of_a_line_are_told_at_once() -> None:
    request = line(
        "PIZZA-S",
        extra("pineapple"),
        extra("cheese", 3),
        extra("ham", 2, extra("whole", group_id="ham_cut")),
        extra("x", group_id="toppings"),
        quantity=0,
    )
    assert sorted(faults(request)) == [
        ("modifier_max", "/lines/0/modifiers"),
        ("modifier_max", "/lines/0/modifiers/1/quantity"),
        ("modifier_max", "/lines/0/modifiers/2/quantity"),
        ("modifier_min", "/lines/0/modifiers"),
        ("modifier_min", "/lines/0/modifiers/2/modifiers"),
        ("quantity_out_of_bounds", "/lines/0/quantity"),
        ("unknown_group", "/lines/0/modifiers/3/group_id"),
        ("unknown_option", "/lines/0/modifiers/0/option_id"),
        ("unknown_option", "/lines/0/modifiers/2/modifiers/0/option_id"),
    ]


def test_an_option_named_twice_counts_twice_against_its_limit() -> None:
    assert faults(line("PIZZA-S", TOMATO, extra("cheese"), extra("cheese", 2))) == [
        ("modifier_max", "/lines/0/modifiers/2/quantity")
    ]


def test_choices_nested_deeper_than_a_menu_can_offer_are_refused() -> None:
    deep = extra("ham", 1, extra("diced", 1, extra("diced", group_id="ham_cut"), group_id="ham_cut"))
    assert faults(line("PIZZA-S", TOMATO, deep)) == [
        ("unknown_group", "/lines/0/modifiers/1/modifiers/0/modifiers/0/group_id")
    ]


# --- dayparts -----------------------------------------------------------------------------------------


def deal(*choices: ComponentChoice, **changes: Any) -> LineRequest:
    filled = choices or (fill("main", "PIZZA-S", TOMATO), fill("drink", "COLA"))
    return LineRequest(sku="DEAL", components=filled, **changes)


def test_a_product_is_sold_in_its_categorys_daypart_only() -> None:
    assert price(deal(), at=MONDAY_NOON).total_minor == 1300
    _, violations = price_line(PIZZERIA, EVERYTHING, deal(), MONDAY_EVENING, "/lines/4")
    assert [(found.code, found.pointer) for found in violations] == [("outside_daypart", "/lines/4/sku")]
    assert violations[0].params["next_local"] == "2026-03-03T11:30"


def test_the_weekend_skips_to_monday() -> None:
    _, violations = price_line(PIZZERIA, EVERYTHING, deal(), SATURDAY_NOON, "")
    assert violations[0].params["next_local"] == "2026-03-09T11:30"


# --- combos -------------------------------------------------------------------------------------------


def test_a_combo_adds_its_choices_and_their_modifiers() -> None:
    priced = price(
        deal(
            fill("main", "PIZZA-L", TOMATO, extra("thin", group_id="crust"), extra("cheese")),
            fill("drink", "WINE"),
            quantity=2,
        )
    )
    assert priced.unit_minor == 1300 + 300 + 150 + 350
    assert priced.tax_category == "food"
    assert priced.minimum_age == 18
    assert priced.age_restricted
    assert [(row.name, row.depth) for row in priced.modifiers] == [
        ("Pizza Large", 0),
        ("Tomato", 1),
        ("Thin", 1),
        ("Cheese", 1),
        ("Wine", 0),
    ]


def test_a_combo_takes_its_counted_choices_from_stock() -> None:
    request = deal(fill("main", "PIZZA-S", TOMATO), fill("drink", "COLA", quantity=2), quantity=3)
    assert price(request).counted == {"COLA": 6}


def test_combo_rules_are_told_at_once() -> None:
    request = deal(
        fill("main", "COLA"),
        fill("drink", "WINE", quantity=2),
        fill("drink", "COLA"),
        fill("starter", "COLA"),
        fill("main", "PIZZA-S", TOMATO, quantity=0),
    )
    assert sorted(faults(request)) == [
        ("combo_max", "/lines/0/components"),
        ("combo_max", "/lines/0/components/1/quantity"),
        ("quantity_out_of_bounds", "/lines/0/components/4/quantity"),
        ("unknown_choice", "/lines/0/components/0/sku"),
        ("unknown_component", "/lines/0/components/3/component_id"),
    ]


def test_a_combo_without_choices_and_a_plain_product_with_choices_are_refused() -> None:
    assert faults(LineRequest(sku="DEAL")) == [
        ("combo_min", "/lines/0/components"),
        ("combo_min", "/lines/0/components"),
    ]
    assert faults(LineRequest(sku="COLA", components=(fill("main", "PIZZA-S"),))) == [
        ("unknown_component", "/lines/0/components/0/component_id")
    ]


def test_modifier_rules_hold_inside_a_combo() -> None:
    assert faults(deal(fill("main", "PIZZA-S"), fill("drink", "COLA"))) == [
        ("modifier_min", "/lines/0/components/0/modifiers")
    ]


# --- 86 -----------------------------------------------------------------------------------------------


def without(kind: Any, identifier: str, until: datetime | None = None) -> Availability:
    return Availability(1, (EightySix(kind, identifier, until),))


@pytest.mark.parametrize(
    ("kind", "identifier", "request_", "pointer"),
    [
        ("product", "prd_pizza", line("PIZZA-S", TOMATO), "/lines/0/sku"),
        ("sku", "PIZZA-S", line("PIZZA-S", TOMATO), "/lines/0/sku"),
        ("option", "tomato", line("PIZZA-S", TOMATO), "/lines/0/modifiers/0/option_id"),
        ("sku", "DIP", line("PIZZA-S", TOMATO, extra("dip")), "/lines/0/modifiers/1/option_id"),
        (
            "option",
            "diced",
            line("PIZZA-S", TOMATO, extra("ham", 1, extra("diced", group_id="ham_cut"))),
            "/lines/0/modifiers/1/modifiers/0/option_id",
        ),
        ("sku", "COLA", deal(), "/lines/0/components/1/sku"),
        ("product", "prd_pizza", deal(), "/lines/0/components/0/sku"),
    ],
)
def test_what_is_86d_is_refused_where_it_was_asked_for(
    kind: Any, identifier: str, request_: LineRequest, pointer: str
) -> None:
    assert faults(request_, availability=without(kind, identifier)) == [("unavailable_86", pointer)]


def test_an_86d_variant_leaves_the_others_on_sale() -> None:
    assert price(line("PIZZA-S", TOMATO), availability=without("sku", "PIZZA-L")).total_minor == 800


def test_an_86_ends_by_itself_and_does_not_hold_for_an_order_after_its_end() -> None:
    until = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)  # 19:00 in Berlin
    gone = without("sku", "COLA", until)
    assert faults(line("COLA"), availability=gone, at=MONDAY_NOON) == [("unavailable_86", "/lines/0/sku")]
    assert price(line("COLA"), availability=gone, at=MONDAY_EVENING).total_minor == 300


def test_the_answer_says_until_when_something_is_86d() -> None:
    gone = without("sku", "COLA", datetime(2026, 3, 2, 18, 0, tzinfo=UTC))
    _, violations = price_line(PIZZERIA, gone, line("COLA"), MONDAY_NOON, "")
    assert violations[0].params == {"kind": "sku", "id": "COLA", "until": "2026-03-02T18:00:00.000Z"}


# --- prices never fall below zero ---------------------------------------------------------------------


def test_an_option_may_be_cheaper_but_the_line_costs_at_least_nothing() -> None:
    menu = Menu.of(
        "sto_1",
        1,
        menu_document(
            product("p", variant("A", 100), modifier_group_ids=("g",)),
            modifier_groups=(group("g", option("less", -80), option("least", -500), max_choices=2),),
        ),
    )
    assert price(line("A", extra("less", group_id="g")), menu).unit_minor == 20
    assert price(line("A", extra("least", group_id="g"), quantity=5), menu).total_minor == 0


@given(
    base=st.integers(0, 5000),
    deltas=st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=4),
    quantities=st.lists(st.integers(-3, 5), min_size=4, max_size=4),
    count=st.integers(-2, 120),
)
def test_no_combination_of_prices_and_quantities_gives_a_negative_total(
    base: int, deltas: list[int], quantities: list[int], count: int
) -> None:
    options = [option(f"o{number}", delta, max_quantity=5) for number, delta in enumerate(deltas)]
    menu = Menu.of(
        "sto_1",
        1,
        menu_document(
            product("p", variant("A", base), modifier_group_ids=("g",)),
            modifier_groups=(group("g", *options, max_choices=20),),
        ),
    )
    chosen = [extra(f"o{number}", quantities[number], group_id="g") for number in range(len(deltas))]
    priced, violations = price_line(menu, EVERYTHING, line("A", *chosen, quantity=count), MONDAY_NOON, "")
    assert (priced is None) == bool(violations)
    if priced is not None:
        assert priced.total_minor >= 0
        assert priced.total_minor == priced.unit_minor * count


def test_a_naive_time_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="time zone"):
        price_line(PIZZERIA, EVERYTHING, line("COLA"), MONDAY_NOON.replace(tzinfo=None), "")
