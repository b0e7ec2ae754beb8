from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from chalicelib.catalog.document import Daypart, Window
from chalicelib.catalog.model import check_menu
from chalicelib.catalog.model.check import MOST_VIOLATIONS
from tests.catalog.factories import (
    category,
    choice,
    component,
    daypart,
    group,
    large_menu,
    menu_document,
    option,
    pizzeria,
    product,
    variant,
)

if TYPE_CHECKING:
    from chalicelib.catalog.document import MenuDocument


def faults(document: MenuDocument, currency: str = "EUR") -> list[tuple[str, str]]:
    """Code and pointer of each violation."""
    return [(found.code, found.pointer) for found in check_menu(document, currency, {"food", "drinks"})]


def test_a_sound_menu_has_no_violations() -> None:
    assert faults(pizzeria()) == []


def test_a_menu_of_2000_products_is_sound_and_checked_quickly() -> None:
    document = large_menu()
    began = time.process_time()
    assert faults(document) == []
    assert time.process_time() - began < 1.0


def test_every_fault_is_reported_at_once() -> None:
    # Given a menu with a fault of each kind in a different place
    document = menu_document(
        product("prd_a", variant("A", -1), tax_category="luxury"),
        product("prd_a", variant("A", 100), modifier_group_ids=("nowhere",)),
        categories=(category("cat", "prd_gone", daypart_ids=("never",)),),
        modifier_groups=(group("g", option("x"), min_choices=3, max_choices=2),),
    )
    # When it is checked, then all of them are told, each where it is
    assert sorted(faults(document, currency="CHF")) == [
        ("currency_mismatch", "/currency"),
        ("dangling_reference", "/categories/0/daypart_ids/0"),
        ("dangling_reference", "/categories/0/product_ids/0"),
        ("dangling_reference", "/products/1/modifier_group_ids/0"),
        ("duplicate_id", "/products/1/id"),
        ("duplicate_sku", "/products/1/variants/0/sku"),
        ("min_above_max", "/modifier_groups/0/min_choices"),
        ("negative_price", "/products/0/variants/0/price_minor"),
        ("unknown_tax_category", "/products/0/tax_category"),
        ("unreachable_group", "/modifier_groups/0"),
        ("unreachable_minimum", "/modifier_groups/0"),
    ]


def test_a_menu_without_products_is_refused() -> None:
    assert faults(menu_document().__class__(currency="EUR")) == [("empty_menu", "/products")]


def test_a_product_needs_a_variant() -> None:
    from chalicelib.catalog.document import Product

    bare = Product(id="prd_a", name="A", tax_category="food", variants=())
    assert faults(menu_document(bare)) == [("no_variants", "/products/0/variants")]


@pytest.mark.parametrize("identifier", [" ", "a b", "a/b", "ä", "-a", "a\x00", "a\n", "x" * 65])
def test_ids_that_could_not_stand_in_a_path_are_refused(identifier: str) -> None:
    assert ("malformed_id", "/products/0/id") in faults(menu_document(product(identifier)))
    assert ("malformed_id", "/products/0/variants/0/sku") in faults(menu_document(product("p", variant(identifier))))


@pytest.mark.parametrize("url", ["http://x.example/a.jpg", "javascript:alert(1)", "https://", "https://a b", '"'])
def test_images_need_an_https_address(url: str) -> None:
    assert faults(menu_document(product(image_urls=(url,)))) == [("malformed_image_url", "/products/0/image_urls/0")]


def test_a_required_group_with_too_few_options_can_never_be_satisfied() -> None:
    document = menu_document(
        product(modifier_group_ids=("g",)),
        modifier_groups=(group("g", option("x"), option("y"), min_choices=3, max_choices=3),),
    )
    assert faults(document) == [("unreachable_minimum", "/modifier_groups/0")]


def test_an_option_that_may_be_taken_twice_counts_twice_towards_the_minimum() -> None:
    document = menu_document(
        product(modifier_group_ids=("g",)),
        modifier_groups=(group("g", option("x", max_quantity=2), option("y"), min_choices=3, max_choices=3),),
    )
    assert faults(document) == []


def test_a_required_group_that_nothing_offers_is_unreachable_and_an_optional_one_is_not() -> None:
    document = menu_document(modifier_groups=(group("must", option("x"), min_choices=1), group("may", option("x"))))
    assert faults(document) == [("unreachable_group", "/modifier_groups/0")]


def test_groups_nest_one_level_and_no_deeper() -> None:
    document = menu_document(
        product(modifier_group_ids=("one",)),
        modifier_groups=(
            group("one", option("x", modifier_group_ids=("two",))),
            group("two", option("y", modifier_group_ids=("three",))),
            group("three", option("z")),
        ),
    )
    assert faults(document) == [("nested_too_deep", "/modifier_groups/1/options/0/modifier_group_ids")]


def test_a_group_that_offers_itself_is_too_deep() -> None:
    document = menu_document(
        product(modifier_group_ids=("one",)),
        modifier_groups=(group("one", option("x", modifier_group_ids=("one",))),),
    )
    assert faults(document) == [("nested_too_deep", "/modifier_groups/0/options/0/modifier_group_ids")]


def test_a_group_is_named_once_for_a_product_and_its_variants() -> None:
    document = menu_document(
        product("p", variant("A", modifier_group_ids=("g",)), modifier_group_ids=("g", "g")),
        modifier_groups=(group("g", option("x")),),
    )
    assert faults(document) == [
        ("duplicate_reference", "/products/0/modifier_group_ids/1"),
        ("duplicate_reference", "/products/0/variants/0/modifier_group_ids/0"),
    ]


def test_option_ids_are_unique_in_a_group_and_may_recur_in_another() -> None:
    document = menu_document(
        modifier_groups=(group("a", option("cheese"), option("cheese")), group("b", option("cheese")))
    )
    assert faults(document) == [("duplicate_id", "/modifier_groups/0/options/1/id")]


def test_combo_components_name_skus_of_the_menu_that_are_no_combos() -> None:
    document = menu_document(
        product("plain", variant("A")),
        product("inner", variant("B"), components=(component("c", choice("A")),)),
        product(
            "outer",
            variant("C"),
            components=(
                component("c", choice("B"), choice("GONE"), choice("A"), choice("A")),
                component("c", min_choices=1, max_choices=0),
            ),
        ),
    )
    assert sorted(faults(document)) == [
        ("combo_in_combo", "/products/2/components/0/choices/0/sku"),
        ("dangling_reference", "/products/2/components/0/choices/1/sku"),
        ("duplicate_id", "/products/2/components/1/id"),
        ("duplicate_reference", "/products/2/components/0/choices/3/sku"),
        ("min_above_max", "/products/2/components/1/min_choices"),
        ("nothing_to_choose", "/products/2/components/1/max_choices"),
        ("unreachable_minimum", "/products/2/components/1"),
    ]


def test_dayparts_need_windows_days_and_a_span() -> None:
    document = menu_document(
        dayparts=(
            Daypart(id="none", name="None", windows=()),
            Daypart(
                id="odd",
                name="Odd",
                windows=(
                    Window(days=(), start="10:00", end="11:00"),
                    Window(days=("mon",), start="10:00", end="10:00"),
                    Window(days=("mon",), start="24:00", end="10:00"),
                ),
            ),
            daypart("night", "22:00", "02:00"),
            daypart("all", "00:00", "24:00"),
        )
    )
    assert faults(document) == [
        ("daypart_without_windows", "/dayparts/0/windows"),
        ("window_without_days", "/dayparts/1/windows/0/days"),
        ("empty_window", "/dayparts/1/windows/1"),
        ("empty_window", "/dayparts/1/windows/2"),
    ]


def test_an_option_that_takes_a_sku_from_stock_agrees_with_the_product_that_sells_it() -> None:
    document = menu_document(
        product("p", variant("COLA")),
        modifier_groups=(group("g", option("cola", counted_sku="COLA"), option("dip", counted_sku="DIP")),),
    )
    assert faults(document) == [("not_counted", "/modifier_groups/0/options/0/counted_sku")]


def test_a_flood_of_violations_is_cut_off_and_counted() -> None:
    document = menu_document(*(product(f"p{n}", variant(f"S{n}"), tax_category="x") for n in range(1500)))
    found = check_menu(document, "EUR", {"food"})
    assert len(found) == MOST_VIOLATIONS + 1
    assert found[-1].code == "too_many_violations"
    assert found[-1].params == {"not_listed": 500}
