"""What the demo shows: two stores of one merchant in Berlin, their menus, and who works there."""

from __future__ import annotations

from typing import Any

from chalicelib.kernel.geo import Point

Json = dict[str, Any]

MERCHANT = "Lina & Söhne"
CURRENCY = "EUR"
# The demo's people by name; owner, customer and the first rider are whom the tokens of `make run` belong to.
OWNER, MANAGER, CLERK = "staff", "mia", "carl"
CUSTOMER = "customer"
RIDERS = ("rider", "rosa")
RIDER_NAMES = {"rider": "Remo K.", "rosa": "Rosa L."}

HOME = Point(52.4838, 13.4362)
HOME_ADDRESS: Json = {
    "point": {"lat": HOME.lat, "lng": HOME.lng},
    "street": "Sonnenallee 101",
    "details": "3rd floor, Winter",
    "postal_code": "12045",
    "city": "Berlin",
    "instructions": "The bell is broken: please knock.",
    "contact_name": "Ada Winter",
    "contact_phone": "+49 30 5550100",
}

TRATTORIA_POINT = Point(52.4870, 13.4250)
DELI_POINT = Point(52.4893, 13.4301)


def money(minor: int) -> Json:
    """An amount as the API takes it."""
    return {"amount": minor, "currency": CURRENCY}


def _settings(name: str, street: str, postal_code: str, point: Point, **more: Any) -> Json:
    return {
        "name": name,
        "currency": CURRENCY,
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "address": {"line1": street, "postal_code": postal_code, "city": "Berlin"},
        "point": {"lat": point.lat, "lng": point.lng},
        "taxes": {"prices_include_tax": True, "rates": {"food": 700, "drinks": 1900}, "fee_tax_category": "drinks"},
        "payment_methods": ["card", "pay_at_store", "cash_on_delivery"],
        **more,
    }


TRATTORIA = _settings(
    "Trattoria Lina",
    "Weserstraße 7",
    "12047",
    TRATTORIA_POINT,
    phone="+49 30 901820",
    opening_hours="24/7",
    modes={
        "dine_in": {"lead_minutes": 10},
        "pickup": {"lead_minutes": 12},
        "delivery": {"lead_minutes": 15},
    },
    zones=[
        {
            "id": "kiez",
            "name": "The neighbourhood",
            "area": {"type": "radius", "radius_m": 3000},
            "tiers": [{"up_to_m": 1500, "fee": money(190)}, {"fee": money(350)}],
            "minimum_order": money(1200),
            "free_from": money(4000),
        }
    ],
    small_order_fee={"below": money(1800), "fee": money(150)},
    proof_of_delivery="pin",
)

DELI = _settings(
    "Lina Feinkost",
    "Pannierstraße 40",
    "12047",
    DELI_POINT,
    opening_hours="Mo-Sa 08:00-21:00; Su 10:00-18:00; PH off",
    modes={"pickup": {"lead_minutes": 5}, "delivery": {"lead_minutes": 10}},
    zones=[
        {
            "id": "near",
            "area": {"type": "radius", "radius_m": 2000},
            "tiers": [{"fee": money(250)}],
        }
    ],
    proof_of_delivery="photo",
)


def _product(identifier: str, name: str, *variants: Json, tax: str = "food", **more: Any) -> Json:
    return {"id": identifier, "name": name, "tax_category": tax, "variants": list(variants), **more}


def _option(identifier: str, name: str, price: int = 0, **more: Any) -> Json:
    return {"id": identifier, "name": name, "price_minor": price, **more}


TRATTORIA_MENU: Json = {
    "currency": CURRENCY,
    "dayparts": [
        {
            "id": "lunch",
            "name": "Lunch",
            "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "11:30", "end": "15:00"}],
        }
    ],
    "categories": [
        {"id": "pizza", "name": "Pizza", "product_ids": ["margherita", "diavola"]},
        {"id": "sweet", "name": "Dolci", "product_ids": ["tiramisu"]},
        {"id": "drinks", "name": "Drinks", "product_ids": ["lemonade", "wine"]},
        {"id": "lunch-deal", "name": "Lunch deal", "daypart_ids": ["lunch"], "product_ids": ["lunch"]},
    ],
    "products": [
        _product(
            "margherita",
            "Margherita",
            {"sku": "PIZ-MARG-26", "name": "26 cm", "price_minor": 850},
            {"sku": "PIZ-MARG-32", "name": "32 cm", "price_minor": 1050},
            description="Tomato, fior di latte, basil",
            allergens=["gluten", "milk"],
            modifier_group_ids=["extras", "crust"],
        ),
        _product(
            "diavola",
            "Diavola",
            {"sku": "PIZ-DIAV-32", "name": "32 cm", "price_minor": 1250},
            allergens=["gluten", "milk"],
            modifier_group_ids=["extras", "crust"],
        ),
        _product(
            "tiramisu",
            "Tiramisù",
            {"sku": "TIRAMISU", "price_minor": 550, "counted": True},
            description="Made every morning; when it is gone, it is gone",
            allergens=["eggs", "gluten", "milk"],
        ),
        _product(
            "lemonade",
            "Lemonade",
            {"sku": "LEMONADE", "name": "0.3 l", "price_minor": 390, "counted": True},
            tax="drinks",
        ),
        _product(
            "wine",
            "Primitivo",
            {"sku": "PRIMITIVO", "name": "0.75 l", "price_minor": 1690},
            tax="drinks",
            allergens=["sulphites"],
            minimum_age=16,
        ),
        _product(
            "lunch",
            "Pizza and drink",
            {"sku": "LUNCH", "price_minor": 1190},
            components=[
                {
                    "id": "pizza",
                    "name": "Your pizza",
                    "choices": [{"sku": "PIZ-MARG-32"}, {"sku": "PIZ-DIAV-32", "price_minor": 150}],
                },
                {"id": "drink", "name": "Your drink", "choices": [{"sku": "LEMONADE"}]},
            ],
        ),
    ],
    "modifier_groups": [
        {
            "id": "extras",
            "name": "On top",
            "max_choices": 4,
            "options": [
                _option("mozzarella", "Extra mozzarella", 150, max_quantity=2),
                _option("rucola", "Rocket", 120),
                _option("olives", "Olives", 100),
            ],
        },
        {
            "id": "crust",
            "name": "Crust",
            "options": [_option("wholemeal", "Wholemeal", 100), _option("glutenfree", "Without gluten", 250)],
        },
    ],
}

DELI_MENU: Json = {
    "currency": CURRENCY,
    "categories": [{"id": "shelf", "name": "From the shelf", "product_ids": ["oil", "pasta", "parmesan"]}],
    "products": [
        _product("oil", "Olive oil", {"sku": "OIL-500", "name": "0.5 l", "price_minor": 1290, "counted": True}),
        _product("pasta", "Orecchiette", {"sku": "ORECCHIETTE", "name": "500 g", "price_minor": 340, "counted": True}),
        _product("parmesan", "Parmesan", {"sku": "PARM-200", "name": "200 g", "price_minor": 620, "counted": True}),
    ],
}

# store settings, menu, and how many of each counted SKU are on the shelf when the day begins
STORES: tuple[tuple[Json, Json, dict[str, int]], ...] = (
    (TRATTORIA, TRATTORIA_MENU, {"TIRAMISU": 40, "LEMONADE": 100}),
    (DELI, DELI_MENU, {"OIL-500": 20, "ORECCHIETTE": 60, "PARM-200": 30}),
)

BASKET: list[Json] = [
    {
        "sku": "PIZ-MARG-32",
        "quantity": 2,
        "modifiers": [
            {"group_id": "extras", "option_id": "mozzarella"},
            {"group_id": "crust", "option_id": "wholemeal"},
        ],
        "note": "Well done, please",
    },
    {"sku": "TIRAMISU", "quantity": 1},
    {"sku": "LEMONADE", "quantity": 2},
]
