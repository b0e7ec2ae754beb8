"""Small menus to test with, and one large one."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from chalicelib.catalog.document import (
    Category,
    ComboChoice,
    ComboComponent,
    Daypart,
    MenuDocument,
    ModifierGroup,
    ModifierOption,
    Product,
    Variant,
    Window,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
EVERY_DAY = (*WEEKDAYS, "sat", "sun")


def variant(sku: str = "PIZZA", price_minor: int = 1000, **changes: Any) -> Variant:
    return Variant(sku=sku, price_minor=price_minor, **changes)


def product(identifier: str = "prd_pizza", *variants: Variant, **changes: Any) -> Product:
    fields = {"name": identifier.removeprefix("prd_").title(), "tax_category": "food", **changes}
    return Product(id=identifier, variants=variants or (variant(),), **fields)


def option(identifier: str, price_minor: int = 0, **changes: Any) -> ModifierOption:
    return ModifierOption(id=identifier, name=identifier.title(), price_minor=price_minor, **changes)


def group(identifier: str, *options: ModifierOption, min_choices: int = 0, max_choices: int = 1) -> ModifierGroup:
    return ModifierGroup(
        id=identifier,
        name=identifier.title(),
        min_choices=min_choices,
        max_choices=max_choices,
        options=options,
    )


def component(identifier: str, *choices: ComboChoice, **changes: Any) -> ComboComponent:
    return ComboComponent(id=identifier, name=identifier.title(), choices=choices, **changes)


def choice(sku: str, price_minor: int = 0, max_quantity: int = 1) -> ComboChoice:
    return ComboChoice(sku=sku, price_minor=price_minor, max_quantity=max_quantity)


def daypart(identifier: str, start: str, end: str, days: tuple[str, ...] = EVERY_DAY) -> Daypart:
    return Daypart(id=identifier, name=identifier.title(), windows=(Window(days=days, start=start, end=end),))


def category(identifier: str, *product_ids: str, daypart_ids: tuple[str, ...] = ()) -> Category:
    return Category(id=identifier, name=identifier.title(), product_ids=product_ids, daypart_ids=daypart_ids)


def menu_document(*products: Product, **parts: Any) -> MenuDocument:
    return MenuDocument(currency="EUR", products=products or (product(),), **parts)


def pizzeria() -> MenuDocument:
    """A restaurant that uses everything a menu can say."""
    return MenuDocument(
        currency="EUR",
        dayparts=(daypart("lunch", "11:30", "15:00", WEEKDAYS),),
        categories=(
            category("pizzas", "prd_pizza"),
            category("drinks", "prd_cola", "prd_wine"),
            category("lunch_deals", "prd_deal", daypart_ids=("lunch",)),
        ),
        products=(
            product(
                "prd_pizza",
                variant("PIZZA-S", 800, name="Small"),
                variant("PIZZA-L", 1200, name="Large", modifier_group_ids=("crust",)),
                modifier_group_ids=("sauce", "extras"),
                allergens=("gluten", "milk"),
            ),
            product("prd_cola", variant("COLA", 300, counted=True), tax_category="drinks"),
            product("prd_wine", variant("WINE", 700), tax_category="drinks", minimum_age=18),
            product(
                "prd_deal",
                variant("DEAL", 1300),
                components=(
                    component("main", choice("PIZZA-S"), choice("PIZZA-L", 300)),
                    component("drink", choice("COLA", max_quantity=2), choice("WINE", 350), max_choices=2),
                ),
            ),
        ),
        modifier_groups=(
            group("sauce", option("tomato"), option("cream", 50), min_choices=1),
            group(
                "extras",
                option("cheese", 150, max_quantity=2),
                option("ham", 200, modifier_group_ids=("ham_cut",)),
                option("dip", 100, counted_sku="DIP", max_quantity=3),
                max_choices=4,
            ),
            group("crust", option("thin"), option("stuffed", 250), min_choices=1),
            group("ham_cut", option("sliced"), option("diced", 20), min_choices=1),
        ),
    )


def large_menu(products: int = 2000, seed: int = 7) -> MenuDocument:
    """As many products with two variants each, three of 200 modifier groups, a picture and a description."""
    chance = random.Random(seed)
    words = (
        *("crispy", "roasted", "smoked", "tomato", "basil", "chicken", "lamb", "aubergine", "lentil", "spiced"),
        *("garlic", "honey", "mustard", "lemon", "pepper", "olive", "feta", "rocket", "pickled", "onion"),
        *("chili", "lime", "coconut", "rice", "noodle", "bean", "soup", "grilled", "salmon", "tuna", "beef"),
    )

    def text(length: int) -> str:
        return " ".join(chance.choices(words, k=length)).capitalize()

    groups = [
        {
            "id": f"grp_{number:04d}",
            "name": text(2),
            "min_choices": number % 2,
            "max_choices": 3,
            "options": [
                {
                    "id": f"opt_{number:04d}_{position:02d}",
                    "name": text(3),
                    "price_minor": chance.choice((0, 50, 100, 150)),
                    "modifier_group_ids": [f"grp_{200 + number % 100:04d}"] if number < 200 and position == 0 else [],
                }
                for position in range(10)
            ],
        }
        for number in range(300)
    ]
    listed = [
        {
            "id": f"prd_{number:05d}",
            "name": text(3),
            "description": text(16),
            "image_urls": [f"https://img.example.com/7/{chance.randrange(16**24):024x}.jpg"],
            "tax_category": "food",
            "allergens": ["gluten", "milk"],
            "modifier_group_ids": [f"grp_{key:04d}" for key in chance.sample(range(200), 3)],
            "variants": [
                {
                    "sku": f"SKU-{number:05d}-{size}",
                    "name": size,
                    "price_minor": chance.randrange(300, 2500),
                    "counted": number % 10 == 0,
                }
                for size in ("S", "L")
            ],
        }
        for number in range(products)
    ]
    used = {key for entry in listed for key in entry["modifier_group_ids"]}
    for entry in groups[:200]:
        if entry["id"] not in used:
            entry["min_choices"] = 0
    headings = [
        {
            "id": f"cat_{number:02d}",
            "name": text(2),
            "product_ids": [f"prd_{key:05d}" for key in range(number, products, 40)],
        }
        for number in range(40)
    ]
    return msgspec.convert(
        {"currency": "EUR", "categories": headings, "products": listed, "modifier_groups": groups},
        MenuDocument,
    )
