"""What an order costs, part by part, with the tax that is in each part. Amounts are minor units.

The bill's parts carry everything that the customer pays: each line and fee with its tax, and the tip. Discounts are
apportioned to the parts already. So ``total`` is the sum of the parts, and each tax rate's tax is the sum of its
parts' taxes, whatever is taken off the bill later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.payments.model.apportion import Share

DELIVERY_FEE = "delivery_fee"
SMALL_ORDER_FEE = "small_order_fee"
TIP = "tip"


class BillLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"ref": "r", "quantity": "q", "gross": "g", "tax": "t", "tax_rate_bps": "b", "name": "n", "sku": "s"},
):
    """A part of a bill: ``gross`` is what the customer pays for all of it, of which ``tax``.

    ``ref`` names it on the bill: a line by its number in the order (``0`` …), a fee by its name. What was put in
    the place of something else follows the order's own lines, and brings its ``name`` and ``sku``.
    """

    ref: str
    quantity: int = 1
    gross: int
    tax: int = 0
    tax_rate_bps: int = 0
    name: str = ""
    sku: str = ""

    @property
    def net(self) -> int:
        """Without its tax."""
        return self.gross - self.tax


class RateSum(msgspec.Struct, frozen=True, array_like=True):
    """What is sold at a tax rate (basis points): ``gross`` contains ``tax``."""

    rate_bps: int
    gross: int
    tax: int


def by_rate(parts: Iterable[BillLine | Share]) -> tuple[RateSum, ...]:
    """Parts of a bill, or shares of them, summed up by tax rate. Tips are not sold."""
    sums: dict[int, RateSum] = {}
    for part in parts:
        if part.ref != TIP and part.gross:
            before = sums.get(part.tax_rate_bps, RateSum(part.tax_rate_bps, 0, 0))
            sums[part.tax_rate_bps] = RateSum(part.tax_rate_bps, before.gross + part.gross, before.tax + part.tax)
    return tuple(sums[rate] for rate in sorted(sums))


def rates_less(rates: Iterable[RateSum], part: Iterable[RateSum]) -> tuple[RateSum, ...]:
    """Sums by rate without a part of them."""
    gone = {each.rate_bps: each for each in part}
    left = (
        RateSum(each.rate_bps, each.gross - less.gross, each.tax - less.tax)
        for each in rates
        for less in (gone.get(each.rate_bps, RateSum(each.rate_bps, 0, 0)),)
    )
    return tuple(each for each in left if each.gross or each.tax)


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """A bill, or a part of one, summed up: what of it goes which way. ``items`` and ``fees`` contain their taxes."""

    items: int = 0
    items_tax: int = 0
    fees: int = 0
    fees_tax: int = 0
    tip: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.items + self.fees + self.tip

    def less(self, part: Sums) -> Sums:
        """Without a part of it."""
        return Sums(
            items=self.items - part.items,
            items_tax=self.items_tax - part.items_tax,
            fees=self.fees - part.fees,
            fees_tax=self.fees_tax - part.fees_tax,
            tip=self.tip - part.tip,
        )


NOTHING = Sums()


class Bill(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"currency": "c", "lines": "l", "fees": "f", "tip": "t"},
):
    """What the customer pays for an order, and why."""

    currency: str
    lines: tuple[BillLine, ...]
    fees: tuple[BillLine, ...] = ()
    tip: int = 0

    @property
    def total(self) -> int:
        """What the customer pays."""
        return self.sums.total

    @property
    def parts(self) -> Iterator[BillLine]:
        """Lines, fees and the tip, as parts alike."""
        yield from self.lines
        yield from self.fees
        if self.tip:
            yield BillLine(ref=TIP, gross=self.tip)

    @property
    def taxes(self) -> dict[int, int]:
        """The tax of each rate (basis points)."""
        sums: dict[int, int] = {}
        for part in (*self.lines, *self.fees):
            if part.tax:
                sums[part.tax_rate_bps] = sums.get(part.tax_rate_bps, 0) + part.tax
        return sums

    @property
    def rates(self) -> tuple[RateSum, ...]:
        """Lines and fees summed up by tax rate."""
        return by_rate((*self.lines, *self.fees))

    @property
    def sums(self) -> Sums:
        """The bill summed up."""
        return Sums(
            items=sum(line.gross for line in self.lines),
            items_tax=sum(line.tax for line in self.lines),
            fees=sum(fee.gross for fee in self.fees),
            fees_tax=sum(fee.tax for fee in self.fees),
            tip=self.tip,
        )

    def less(self, shares: Iterable[Share]) -> Bill:
        """The bill without these shares of it. What is gone entirely stays as a part of nothing."""
        gone: dict[str, BillLine] = {}
        for share in shares:
            before = gone.get(share.ref, BillLine(ref=share.ref, quantity=0, gross=0))
            gone[share.ref] = replace(
                before,
                quantity=before.quantity + share.quantity,
                gross=before.gross + share.gross,
                tax=before.tax + share.tax,
            )

        def left(part: BillLine) -> BillLine:
            taken = gone.get(part.ref)
            if taken is None:
                return part
            return replace(
                part,
                quantity=part.quantity - taken.quantity,
                gross=part.gross - taken.gross,
                tax=part.tax - taken.tax,
            )

        tip = gone.get(TIP)
        return replace(
            self,
            lines=tuple(left(line) for line in self.lines),
            fees=tuple(left(fee) for fee in self.fees),
            tip=self.tip - (tip.gross if tip else 0),
        )
