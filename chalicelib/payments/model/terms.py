"""What the platform keeps of an order, by agreement with its merchant: versioned, dated, never changed afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.money import round_half_up
from chalicelib.payments.model.periods import Period  # resolved at run time by msgspec

if TYPE_CHECKING:
    from chalicelib.payments.model.bill import Sums

Side = Literal["store", "platform"]

_BASIS_POINTS = 10_000
MAX_VERSIONS = 200


class Commission(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"delivery": "d", "pickup": "p", "dine_in": "i"},
):
    """The platform's part of the items without tax, in basis points, by the order's mode."""

    delivery: int = 1500
    pickup: int = 600
    dine_in: int = 0


class Terms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "version": "v",
        "valid_from": "at",
        "commission": "c",
        "fixed_fee": "f",
        "commission_tax_bps": "ct",
        "goods_tax_by": "g",
        "fees_to": "t",
        "provider_fees_by": "p",
        "disputes_by": "db",
        "rider_fee_share_bps": "rs",
        "rider_pay": "rp",
        "settlement_period": "sp",
        "set_by": "by",
    },
):
    """A version of the terms. Amounts are minor units of the order's currency.

    ``fixed_fee`` per order is commission, too. ``commission_tax_bps`` is the tax that the platform charges the store
    on its commission. ``goods_tax_by`` remits the tax in the items. ``fees_to`` gets what the customer pays for
    delivery and small orders. ``provider_fees_by`` bears what the payment provider charges,
    ``disputes_by`` what customers' banks take back for good. A rider gets ``rider_pay``
    for a delivery and ``rider_fee_share_bps`` of its fee without tax. A store's statements are closed at the end of
    each ``settlement_period``.
    """

    version: int = 0
    valid_from: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    commission: Commission = Commission()
    fixed_fee: int = 0
    commission_tax_bps: int = 0
    goods_tax_by: Side = "store"
    fees_to: Side = "platform"
    provider_fees_by: Side = "platform"
    disputes_by: Side = "store"
    rider_fee_share_bps: int = 8000
    rider_pay: int = 0
    settlement_period: Period = "weekly"
    set_by: str = ""

    def commission_on(self, sums: Sums, mode: str) -> tuple[int, int]:
        """The commission on an order's items and the tax on it; together never more than the items bring."""
        net = sums.items - sums.items_tax
        rate = getattr(self.commission, mode, 0)
        wanted = round_half_up(Fraction(net * rate, _BASIS_POINTS)) + self.fixed_fee
        most = net * _BASIS_POINTS // (_BASIS_POINTS + self.commission_tax_bps)
        commission = min(wanted, most)
        tax = round_half_up(Fraction(commission * self.commission_tax_bps, _BASIS_POINTS))
        return commission, min(tax, net - commission)

    def rider_earns(self, sums: Sums) -> int:
        """What a rider gets for bringing an order, without its tip."""
        share = Fraction((sums.fees - sums.fees_tax) * self.rider_fee_share_bps, _BASIS_POINTS)
        return self.rider_pay + round_half_up(share)


DEFAULT = Terms()


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Every version of a merchant's terms, oldest first. Version 0 holds for everybody before and without others."""

    versions: tuple[Terms, ...] = ()

    def at(self, moment: datetime) -> Terms:
        """The terms that hold at a moment."""
        return next((terms for terms in reversed(self.versions) if terms.valid_from <= moment), DEFAULT)

    def version(self, number: int) -> Terms:
        """A version by its number, which an order keeps."""
        if number == 0:
            return DEFAULT
        return self.versions[number - 1]

    def extended(self, terms: Terms, now: datetime) -> Schedule:
        """With a next version. It neither begins in the past nor before what was agreed earlier. Raises ``Invalid``."""
        pointer = "/valid_from"
        if terms.valid_from < now:
            raise Invalid([Violation("in_the_past", pointer, "Terms are agreed for orders to come.")])
        if self.versions and terms.valid_from <= self.versions[-1].valid_from:
            last = self.versions[-1].valid_from.isoformat()
            detail = "Later terms are agreed already: begin after them."
            raise Invalid([Violation("before_last_version", pointer, detail, {"last_valid_from": last})])
        if len(self.versions) >= MAX_VERSIONS:
            raise Invalid([Violation("too_many_versions", "", "These terms were changed too often.")])
        numbered = msgspec.structs.replace(terms, version=len(self.versions) + 1)
        return Schedule(versions=(*self.versions, numbered))
