"""What a basket costs, to the minor unit.

Rounding, stated once: tax is computed per tax category on the sum of everything charged in that category
(lines, and the fees in the store's fee category), and each category's tax is rounded half up to the minor
unit. Nothing else is rounded. Tips are not taxed. Where prices include tax, the tax is the part of the price
that it is; otherwise it is added. In both cases ``items + fees + added tax + tip == total`` exactly.
"""

from __future__ import annotations

from collections.abc import Mapping  # resolved at run time by msgspec
from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel.money import round_half_up

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASIS_POINTS = 10_000


class Fees(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "delivery_minor": "d",
        "free_from_minor": "f",
        "small_order_below_minor": "b",
        "small_order_minor": "s",
    },
):
    """The fee rules that hold for this order, in minor units; the store has resolved distance and zone.

    ``free_from_minor``: from this sum of items on, delivery is free. Below ``small_order_below_minor`` the
    small-order fee is due.
    """

    delivery_minor: int = 0
    free_from_minor: int | None = None
    small_order_below_minor: int = 0
    small_order_minor: int = 0


class Taxation(msgspec.Struct, frozen=True, kw_only=True):
    """How the store's prices are taxed: rates in basis points (825 = 8.25 %) by tax category."""

    prices_include_tax: bool
    rates: Mapping[str, int]
    fee_category: str


class TaxedAmount(msgspec.Struct, frozen=True):
    """An amount that is charged, as priced by the store, and the category that it is taxed in."""

    amount_minor: int
    tax_category: str


class TaxLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"category": "c", "rate": "r", "base_minor": "b", "tax_minor": "t"},
):
    """A tax category: its rate in basis points, what is charged in it (as priced), the tax on or in that."""

    category: str
    rate: int
    base_minor: int
    tax_minor: int


class Breakdown(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "items_minor": "i",
        "total_minor": "t",
        "tax_included": "in",
        "taxes": "x",
        "delivery_fee_minor": "d",
        "small_order_fee_minor": "s",
        "tip_minor": "tip",
    },
):
    """A total and what it is made of, in minor units. ``tax_included``: the other amounts contain it."""

    items_minor: int
    total_minor: int
    tax_included: bool
    taxes: tuple[TaxLine, ...]
    delivery_fee_minor: int = 0
    small_order_fee_minor: int = 0
    tip_minor: int = 0

    @property
    def tax_minor(self) -> int:
        """All taxes, whether included or added."""
        return sum(line.tax_minor for line in self.taxes)

    @property
    def added_tax_minor(self) -> int:
        """What the taxes add to the total: nothing where prices include them."""
        return 0 if self.tax_included else self.tax_minor


def price_basket(lines: Sequence[TaxedAmount], fees: Fees, taxation: Taxation, *, tip_minor: int = 0) -> Breakdown:
    """The breakdown of a basket. Raises ``KeyError`` with a tax category that the store has no rate for."""
    items = sum(line.amount_minor for line in lines)
    delivery = _delivery_fee(items, fees)
    small_order = fees.small_order_minor if items < fees.small_order_below_minor else 0
    charged = [*lines, TaxedAmount(delivery + small_order, taxation.fee_category)]
    taxes = _taxes(charged, taxation)
    added = 0 if taxation.prices_include_tax else sum(line.tax_minor for line in taxes)
    return Breakdown(
        items_minor=items,
        delivery_fee_minor=delivery,
        small_order_fee_minor=small_order,
        tax_included=taxation.prices_include_tax,
        taxes=taxes,
        tip_minor=tip_minor,
        total_minor=items + delivery + small_order + added + tip_minor,
    )


def tax_on(amount_minor: int, rate: int) -> int:
    """The tax to add to a price without tax, half up."""
    from fractions import Fraction

    return round_half_up(Fraction(amount_minor * rate, _BASIS_POINTS))


def tax_within(amount_minor: int, rate: int) -> int:
    """The tax that a price with tax contains, half up."""
    from fractions import Fraction

    return round_half_up(Fraction(amount_minor * rate, _BASIS_POINTS + rate))


def charged(amount_minor: int, rate: int, *, tax_included: bool) -> tuple[int, int]:
    """What is paid for something that is priced by itself, and the tax in that."""
    if tax_included:
        return amount_minor, tax_within(amount_minor, rate)
    tax = tax_on(amount_minor, rate)
    return amount_minor + tax, tax


def _delivery_fee(items_minor: int, fees: Fees) -> int:
    if fees.free_from_minor is not None and items_minor >= fees.free_from_minor:
        return 0
    return fees.delivery_minor


def _taxes(charged: Sequence[TaxedAmount], taxation: Taxation) -> tuple[TaxLine, ...]:
    bases: dict[str, int] = {}
    for part in charged:
        if part.amount_minor:
            bases[part.tax_category] = bases.get(part.tax_category, 0) + part.amount_minor
    tax_of = tax_within if taxation.prices_include_tax else tax_on
    return tuple(
        TaxLine(
            category=category,
            rate=taxation.rates[category],
            base_minor=base,
            tax_minor=tax_of(base, taxation.rates[category]),
        )
        for category, base in sorted(bases.items())
    )
