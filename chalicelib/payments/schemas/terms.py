"""What is agreed with a merchant, over the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

BasisPoints = Annotated[int, Meta(ge=0, le=10_000, description="1500 is 15 %.", examples=[1500])]
Minor = Annotated[int, Meta(ge=0, le=1_000_000, description="Minor units of the order's currency.")]
Side = Literal["store", "platform"]
SettlementPeriod = Literal["daily", "weekly", "monthly"]


class CommissionRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The platform's part of the items without tax, by the order's mode."""

    delivery: BasisPoints
    pickup: BasisPoints
    dine_in: BasisPoints


class AgreeOnTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Terms for the orders that are placed from `valid_from` on."""

    valid_from: Annotated[datetime, Meta(tz=True)]
    commission: CommissionRates
    fixed_fee: Annotated[Minor, Meta(description="Commission on each order, beside the rate. Minor units.")] = 0
    commission_tax: Annotated[BasisPoints, Meta(description="Tax that the store is charged on the commission.")] = 0
    goods_tax_by: Annotated[Side, Meta(description="Who remits the tax in the items.")] = "store"
    fees_to: Annotated[Side, Meta(description="Who gets delivery and small-order fees.")] = "platform"
    provider_fees_by: Annotated[Side, Meta(description="Who bears what the payment provider charges.")] = "platform"
    disputes_by: Annotated[Side, Meta(description="Who bears what a customer's bank takes back for good.")] = "store"
    rider_fee_share: Annotated[BasisPoints, Meta(description="The rider's part of the delivery fee.")] = 8000
    rider_pay: Annotated[Minor, Meta(description="What a rider gets for a delivery, beside that. Minor units.")] = 0
    settlement_period: Annotated[
        SettlementPeriod, Meta(description="How often a store's statements are closed, at midnight by its clock.")
    ] = "weekly"


class TermsVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the terms; every order keeps the number of that under which it was placed."""

    version: int
    valid_from: str
    commission: CommissionRates
    fixed_fee: int
    commission_tax: int
    goods_tax_by: Side
    fees_to: Side
    provider_fees_by: Side
    disputes_by: Side
    rider_fee_share: int
    rider_pay: int
    settlement_period: SettlementPeriod


class MerchantTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Every version of a merchant's terms, oldest first; version 0 holds for everybody before and without others."""

    merchant_id: str
    versions: list[TermsVersion]
