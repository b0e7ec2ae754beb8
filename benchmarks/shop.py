"""What every benchmark sells: a store that is always open, its menu with counted stock, a basket of three lines."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.kernel.geo import Point

Json = dict[str, Any]

STORE: Final = Point(52.5300, 13.4000)
DOOR: Final = Point(52.5350, 13.4100)
SKUS: Final = ("PIZ-MARG-32", "SAL-CAES-L", "DRK-COLA-33")
PLENTY: Final = 1_000_000

_MONEY: Final = {"currency": "EUR"}


_DOORSTEP: Final = {
    "point": {"lat": DOOR.lat, "lng": DOOR.lng},
    "street": "Kastanienallee 7",
    "details": "2nd floor",
    "postal_code": "10435",
    "city": "Berlin",
    "instructions": "The bell says Meyer",
    "contact_name": "Jo Meyer",
    "contact_phone": "+49 30 901820",
}


def store(name: str = "Pizza Nuova", at: Point = STORE, **changes: Any) -> Json:
    """A store's settings: around the clock, in all modes, delivering within three kilometres."""
    return {
        "name": name,
        "currency": "EUR",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
        "point": {"lat": at.lat, "lng": at.lng},
        "opening_hours": "24/7",
        "modes": {
            "delivery": {"lead_minutes": 15},
            "pickup": {"lead_minutes": 15},
            "dine_in": {"lead_minutes": 15},
        },
        "zones": [
            {
                "id": "inner",
                "area": {"type": "radius", "radius_m": 3000},
                "tiers": [
                    {"up_to_m": 1500, "fee": {"amount": 190, **_MONEY}},
                    {"fee": {"amount": 290, **_MONEY}},
                ],
                "minimum_order": {"amount": 1000, **_MONEY},
                "free_from": {"amount": 6000, **_MONEY},
            }
        ],
        "small_order_fee": {"below": {"amount": 1500, **_MONEY}, "fee": {"amount": 100, **_MONEY}},
        "taxes": {"prices_include_tax": True, "rates": {"food": 700, "drinks": 1900}, "fee_tax_category": "drinks"},
        "payment_methods": ["card", "pay_at_store", "cash_on_delivery"],
        "proof_of_delivery": "pin",
        **changes,
    }


def menu(further_products: int = 0) -> Json:
    """A menu with three counted SKUs and a question to the pizza; and as many products as a supermarket has."""
    main = [
        _product("margherita", SKUS[0], 1000, modifier_group_ids=["crust", "extras"]),
        _product("caesar", SKUS[1], 990),
        _product("cola", SKUS[2], 290, tax_category="drinks"),
    ]
    numbers = range(further_products)
    more = [_product(f"further-{number}", f"SKU-{number:05d}", 100 + number, counted=False) for number in numbers]
    return {
        "currency": "EUR",
        "categories": [
            {"id": "all", "name": "All", "product_ids": [product["id"] for product in [*main, *more]]},
        ],
        "products": [*main, *more],
        "modifier_groups": [
            {
                "id": "crust",
                "name": "Crust",
                "min_choices": 1,
                "max_choices": 1,
                "options": [
                    {"id": "classic", "name": "Classic"},
                    {"id": "sourdough", "name": "Sourdough", "price_minor": 150},
                ],
            },
            {
                "id": "extras",
                "name": "Extras",
                "max_choices": 3,
                "options": [{"id": "olives", "name": "Olives", "price_minor": 120, "max_quantity": 2}],
            },
        ],
    }


def _product(identifier: str, sku: str, price_minor: int, *, counted: bool = True, **more: Any) -> Json:
    return {
        "id": identifier,
        "name": identifier.replace("-", " ").capitalize(),
        "description": "As good as it gets, made to order from what the market had this morning.",
        "image_urls": [f"https://img.doorstep.example/{identifier}.jpg"],
        "tax_category": "food",
        "allergens": ["gluten", "milk"],
        "variants": [{"sku": sku, "name": "Regular", "price_minor": price_minor, "counted": counted}],
        **more,
    }


def basket(store_id: str, mode: str = "delivery", quantity: int = 1, **changes: Any) -> Json:
    """Three counted lines, the first with a modifier and a note, as a quote is asked for."""
    where: dict[str, Json] = {"delivery": {"address": _DOORSTEP}, "dine_in": {"table": "12"}}
    crust = {"group_id": "crust", "option_id": "sourdough"}
    return {
        "store_id": store_id,
        "mode": mode,
        "lines": [
            {"sku": SKUS[0], "quantity": quantity, "modifiers": [crust], "note": "cut into eight, please"},
            {"sku": SKUS[1], "quantity": quantity},
            {"sku": SKUS[2], "quantity": quantity},
        ],
        **where.get(mode, {}),
        **changes,
    }
