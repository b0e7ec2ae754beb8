"""A merchant's invoices and credit notes over the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.payments.schemas.payment import PaymentAmount

# A text: a query's number would be taken for a time.
Instant = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$(?!\n)",
        description="RFC 3339.",
        examples=["2026-03-01T00:00:00Z"],
    ),
]


class PapersQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which time, and which page."""

    since: Annotated[Instant, Meta(description="Issued then or later.")] | None = None
    until: Annotated[Instant, Meta(description="Issued before.")] | None = None
    cursor: Annotated[str, Meta(max_length=1024, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=100, description="Items on the page.")] = 50


class PaperTax(msgspec.Struct, frozen=True, kw_only=True):
    """What was sold, or undone, at a tax rate."""

    rate_basis_points: int
    gross: PaymentAmount
    tax: PaymentAmount


class PaperView(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or credit note in its merchant's list. On a credit note, too, amounts are positive."""

    kind: Literal["invoice", "credit_note"]
    number: str
    sequence: Annotated[int, Meta(description="Counts the kind's papers in the year, from 1, without a gap.")]
    year: int
    corrects: str | None
    id: Annotated[str | None, Meta(description="Of a credit note: what it is read under, beside its order's invoice.")]
    order_id: str
    store_id: str
    issued_at: str
    supplied_at: str
    total: PaymentAmount
    tip: PaymentAmount
    taxes: list[PaperTax]


class PaperPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a merchant's invoices and credit notes, oldest first."""

    items: list[PaperView]
    next_cursor: str | None
