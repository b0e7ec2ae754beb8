"""The quote: a basket, its price and its promise; enough to reproduce each cent, to cook it and to bring it.

It is written once and never changes; the order that it becomes keeps it as it is. Field names are short at
rest, because a quote is stored with every order and a kilobyte is what a write unit buys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping  # resolved at run time by msgspec
from datetime import datetime
from fractions import Fraction
from typing import Literal

import msgspec

from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money, round_half_up
from chalicelib.ordering.model.order import Mode, PaymentMethod
from chalicelib.ordering.model.pricing import Breakdown, Fees, Taxation, TaxedAmount, price_basket

# What the customer wants where something is missing: nothing else; something else that costs no more; or to be asked.
Substitutes = Literal["none", "at_most", "ask"]


class Modifier(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "group_id": "g",
        "group_name": "G",
        "option_id": "o",
        "name": "n",
        "quantity": "q",
        "unit_minor": "u",
        "depth": "d",
    },
):
    """A chosen option, or what fills a combo's component; ``quantity`` per unit of what it belongs to."""

    group_id: str
    group_name: str
    option_id: str
    name: str
    quantity: int = 1
    unit_minor: int = 0
    depth: int = 0


class Line(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "sku": "s",
        "product_id": "p",
        "name": "n",
        "variant_name": "v",
        "quantity": "q",
        "unit_minor": "u",
        "total_minor": "t",
        "tax_category": "x",
        "modifiers": "m",
        "note": "N",
        "counted": "c",
        "minimum_age": "a",
        "component_product_ids": "P",
        "weight_grams": "g",
        "by_weight_minor": "w",
    },
):
    """A priced line. ``unit_minor`` is one unit with its modifiers; ``counted`` what it takes from stock.

    Of a unit that is sold by weight ``by_weight_minor`` is the price of ``weight_grams``.
    """

    sku: str
    product_id: str
    name: str
    variant_name: str = ""
    quantity: int
    unit_minor: int
    total_minor: int
    tax_category: str
    modifiers: tuple[Modifier, ...] = ()
    note: str = ""
    counted: Mapping[str, int] = {}
    minimum_age: int = 0
    component_product_ids: tuple[str, ...] = ()
    weight_grams: int = 0
    by_weight_minor: int = 0


def price_by_weight(line: Line, grams: int, pieces: int) -> int:
    """What so many pieces of a line that is sold by weight cost, as weighed together; half up."""
    by_weight = round_half_up(Fraction(line.by_weight_minor * grams, line.weight_grams))
    return by_weight + (line.unit_minor - line.by_weight_minor) * pieces


class Destination(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "street": "s",
        "details": "d",
        "postal_code": "z",
        "city": "c",
        "instructions": "i",
        "contact_name": "n",
        "contact_phone": "p",
    },
):
    """Where a delivery goes, and whom the rider asks for."""

    lat: float
    lng: float
    street: str
    details: str = ""
    postal_code: str = ""
    city: str = ""
    instructions: str = ""
    contact_name: str = ""
    contact_phone: str = ""

    @property
    def point(self) -> Point:
        """Its coordinates."""
        return Point(self.lat, self.lng)


class Quote(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "store_id": "s",
        "store_name": "n",
        "currency": "c",
        "mode": "m",
        "lines": "l",
        "breakdown": "b",
        "fees": "f",
        "fee_category": "fc",
        "menu_version": "v",
        "wanted_at": "w",
        "ready_at": "r",
        "promised_at": "p",
        "destination": "d",
        "table": "t",
        "zone_id": "z",
        "distance_m": "dm",
        "merchant_id": "mi",
        "substitutes": "sb",
        "payment_methods": "pm",
        "created_at": "at",
        "expires_at": "x",
    },
):
    """What a customer was offered: charged to the cent if ordered before ``expires_at``."""

    id: str
    customer_id: str
    store_id: str
    store_name: str
    currency: str
    mode: Mode
    lines: tuple[Line, ...]
    breakdown: Breakdown
    fees: Fees
    fee_category: str
    menu_version: int
    ready_at: datetime
    promised_at: datetime
    created_at: datetime
    expires_at: datetime
    payment_methods: tuple[PaymentMethod, ...]
    wanted_at: datetime | None = None
    destination: Destination | None = None
    table: str = ""
    zone_id: str | None = None
    distance_m: int | None = None
    merchant_id: str = ""
    substitutes: Substitutes = "ask"

    @property
    def total(self) -> Money:
        """What the customer pays."""
        return Money(self.breakdown.total_minor, self.currency)

    @property
    def counted(self) -> dict[str, int]:
        """How many of each counted SKU the whole basket takes from stock."""
        return counted_of(self.lines)

    @property
    def minimum_age(self) -> int:
        """How old whoever takes the goods must be; 0 for no bound."""
        return max((line.minimum_age for line in self.lines), default=0)

    def reprice(self) -> Breakdown:
        """The breakdown, computed again from what the quote says; equal to ``breakdown`` for all time."""
        taxation = Taxation(
            prices_include_tax=self.breakdown.tax_included,
            rates={tax.category: tax.rate for tax in self.breakdown.taxes},
            fee_category=self.fee_category,
        )
        return price_basket(taxed_amounts(self.lines), self.fees, taxation, tip_minor=self.breakdown.tip_minor)


def taxed_amounts(lines: tuple[Line, ...]) -> list[TaxedAmount]:
    """What of the lines is charged and taxed."""
    return [TaxedAmount(line.total_minor, line.tax_category) for line in lines]


def counted_of(lines: tuple[Line, ...]) -> dict[str, int]:
    """How many of each counted SKU these lines take from stock, lines with the same SKU together."""
    counted: Counter[str] = Counter()
    for line in lines:
        counted.update(line.counted)
    return dict(counted)
