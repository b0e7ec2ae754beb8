"""Whatever a merchant writes can be checked, and whatever passes the check can be priced."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.catalog.document import (
    ComboChoice,
    ComboComponent,
    MenuDocument,
    ModifierGroup,
    ModifierOption,
    Product,
    Variant,
)
from chalicelib.catalog.model import (
    Availability,
    ComponentChoice,
    EightySix,
    LineRequest,
    Menu,
    ModifierChoice,
    check_menu,
    price_line,
)
from tests.catalog.factories import category, daypart, pizzeria

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=ZoneInfo("America/New_York"))

ids = st.sampled_from(("a", "b", "c"))
id_lists = st.lists(ids, max_size=2, unique=True).map(tuple)
quantities = st.sampled_from((1, 1, 1, 2, 0, -1))
prices = st.integers(-200, 500)

options = st.builds(
    ModifierOption,
    id=ids,
    name=st.just("Option"),
    price_minor=prices,
    max_quantity=st.integers(1, 3),
    modifier_group_ids=st.just(()) | id_lists,
    counted_sku=st.none() | ids,
)


def groups(identifier: str) -> st.SearchStrategy[ModifierGroup]:
    return st.builds(
        ModifierGroup,
        id=st.just(identifier),
        name=st.just("Group"),
        min_choices=st.integers(0, 1),
        max_choices=st.integers(1, 3),
        options=st.lists(options, min_size=1, max_size=2, unique_by=lambda option: option.id).map(tuple),
    )


components = st.builds(
    ComboComponent,
    id=ids,
    name=st.just("Component"),
    min_choices=st.integers(0, 1),
    choices=st.lists(st.builds(ComboChoice, sku=ids, price_minor=prices), max_size=2).map(tuple),
)
products = st.builds(
    Product,
    id=ids,
    name=st.just("Product"),
    tax_category=st.just("food"),
    daypart_ids=st.sampled_from(((), ("noon",), ("night",))),
    modifier_group_ids=id_lists,
    variants=st.lists(
        st.builds(Variant, sku=ids, price_minor=st.integers(0, 500), counted=st.booleans()),
        min_size=1,
        max_size=2,
        unique_by=lambda variant: variant.sku,
    ).map(tuple),
    components=st.lists(components, max_size=1).map(tuple),
)
documents = st.builds(
    MenuDocument,
    currency=st.just("EUR"),
    dayparts=st.just((daypart("noon", "11:00", "14:00"), daypart("night", "22:00", "03:00"))),
    categories=st.lists(id_lists, max_size=1).map(
        lambda lists: tuple(category("cat", *product_ids) for product_ids in lists)
    ),
    products=st.lists(products, min_size=1, max_size=2, unique_by=lambda product: product.id).map(tuple),
    modifier_groups=st.tuples(groups("a"), groups("b"), groups("c")),
)

nested = st.builds(ModifierChoice, group_id=ids, option_id=ids, quantity=quantities)
choices = st.builds(
    ModifierChoice,
    group_id=ids,
    option_id=ids,
    quantity=quantities,
    modifiers=st.lists(nested, max_size=1).map(tuple),
)
lines = st.builds(
    LineRequest,
    sku=ids,
    quantity=quantities,
    modifiers=st.lists(choices, max_size=2).map(tuple),
    components=st.lists(
        st.builds(
            ComponentChoice,
            component_id=ids,
            sku=ids,
            quantity=quantities,
            modifiers=st.lists(choices, max_size=1).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)
eighty_sixed = st.lists(st.builds(EightySix, kind=st.sampled_from(("product", "sku", "option")), id=ids), max_size=1)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300)
@given(document=documents, line=lines, gone=eighty_sixed)
def test_a_menu_without_violations_prices_any_line_or_says_why_not(
    document: MenuDocument, line: LineRequest, gone: list[EightySix]
) -> None:
    if check_menu(document, "EUR", {"food"}):
        return
    priced, violations = price_line(Menu.of("sto_1", 1, document), Availability(1, tuple(gone)), line, NOON, "/lines/0")
    assert (priced is None) == bool(violations)
    assert all(found.pointer.startswith("/lines/0/") for found in violations)
    if priced is not None:
        assert priced.total_minor >= 0
        assert all(units > 0 for units in priced.counted.values())


PIZZERIA = Menu.of("sto_1", 1, pizzeria())
skus = st.sampled_from((*PIZZERIA.offers, "NONE"))
real_options = st.sampled_from((*PIZZERIA.options, ("sauce", "none"), ("none", "tomato")))


def real_choices(below: st.SearchStrategy[tuple[ModifierChoice, ...]]) -> st.SearchStrategy[tuple[ModifierChoice, ...]]:
    chosen = st.builds(
        lambda key, quantity, modifiers: ModifierChoice(
            group_id=key[0], option_id=key[1], quantity=quantity, modifiers=modifiers
        ),
        real_options,
        quantities,
        below,
    )
    return st.lists(chosen, max_size=3).map(tuple)


one_level = real_choices(st.just(()))
two_levels = real_choices(one_level)
real_lines = st.builds(
    LineRequest,
    sku=skus,
    quantity=quantities,
    modifiers=two_levels,
    components=st.lists(
        st.builds(
            ComponentChoice,
            component_id=st.sampled_from(("main", "drink", "none")),
            sku=skus,
            quantity=quantities,
            modifiers=two_levels,
        ),
        max_size=3,
    ).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=500)
@given(line=real_lines, hour=st.integers(0, 23))
def test_a_priced_line_adds_up(line: LineRequest, hour: int) -> None:
    priced, violations = price_line(PIZZERIA, Availability(), line, NOON.replace(hour=hour), "/lines/3")
    assert (priced is None) == bool(violations)
    assert all(found.pointer.startswith("/lines/3/") for found in violations)
    if priced is None:
        return
    owners = [1]
    unit = PIZZERIA.offers[line.sku].variant.price_minor
    for row in priced.modifiers:
        owners[row.depth + 1 :] = [owners[row.depth] * row.quantity]
        unit += owners[-1] * row.unit_minor
    assert priced.unit_minor == max(0, unit)
    assert priced.total_minor == priced.unit_minor * line.quantity
