"""Invoices and credit notes over the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.ordering.schemas.values import InstantText, OrderAmount


class InvoiceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How an invoice is to be written."""

    language: Annotated[
        Literal["en", "de"] | UnsetType, Meta(description="Of HTML and PDF; otherwise that of the store's country.")
    ] = UNSET


class SellerView(msgspec.Struct, frozen=True, kw_only=True):
    """Who sells, as of the day of the invoice."""

    legal_name: str
    address: list[str]
    vat_id: str | None


class InvoiceLineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line: `gross` is paid for all of it, of which `tax`. `quantity` 0 is a part of something."""

    kind: Annotated[str, Meta(examples=["goods", "delivery_fee"])]
    name: str
    detail: str
    quantity: int
    gross: OrderAmount
    tax: OrderAmount
    tax_rate_basis_points: int


class InvoiceTax(msgspec.Struct, frozen=True, kw_only=True):
    """What is sold at a tax rate."""

    rate_basis_points: int
    net: OrderAmount
    tax: OrderAmount
    gross: OrderAmount


class InvoicePart(msgspec.Struct, frozen=True, kw_only=True):
    """What one seller sells: the merchant, and apart from it the platform, where that sells the delivery."""

    seller: SellerView
    lines: list[InvoiceLineView]
    taxes: list[InvoiceTax]
    total: OrderAmount


class InvoiceTender(msgspec.Struct, frozen=True, kw_only=True):
    """How a part of the total was paid, or went back."""

    method: Annotated[str, Meta(examples=["card", "credit"])]
    amount: OrderAmount


class CreditNoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """A credit note that corrects the invoice; it is read under its `id`."""

    id: str
    number: str
    issued_at: InstantText
    total: OrderAmount


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice, or a credit note that corrects one. The parts' totals and the tip add up to `total`."""

    kind: Literal["invoice", "credit_note"]
    number: Annotated[str, Meta(description="Without a gap in the merchant's year.", examples=["LINA-2026-000042"])]
    corrects: Annotated[str | None, Meta(description="Of a credit note: the number of the invoice.")]
    reason: str
    order_id: str
    store_name: str
    issued_at: InstantText
    supplied_at: InstantText
    delivered_to: list[str]
    parts: list[InvoicePart]
    tip: OrderAmount
    total: OrderAmount
    tenders: list[InvoiceTender]
    tax_remitted_by: Annotated[str | None, Meta(description="Who remits the tax in the goods, if not the seller.")]
    credit_notes: list[CreditNoteLine]
