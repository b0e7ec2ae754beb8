"""The daily reconciliation, for the people who keep the books."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

MinorByCurrency = Annotated[dict[str, int], Meta(description="Minor units by currency.", examples=[{"EUR": 120050}])]


class ReconciliationsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports."""

    year: Annotated[int, Meta(ge=2000, le=2200, description="This year's where it is left out.")] | UnsetType = UNSET
    cursor: Annotated[str, Meta(max_length=1024, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=100, description="Items on the page.")] = 20


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """What is in one of the two books and not in the other."""

    id: Annotated[str, Meta(description="Stripe's balance transaction, or the ledger's entry.")]
    side: Annotated[Literal["stripe", "ledger"], Meta(description="The book that has it.")]
    amount: Annotated[int, Meta(description="Minor units; what comes into Stripe's balance is positive.")]
    currency: str
    what: Annotated[str, Meta(description="Stripe's reporting category, or the entry's kind.")]
    source: str
    order_id: str | None
    seen_on: Annotated[str, Meta(description="The day of the report that told of it first.")]
    case_id: str


class ReconciliationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A day's reconciliation in figures."""

    day: str
    made_at: str
    even: Annotated[bool, Meta(description="Both books say the same, and of every line and entry.")]
    lines: Annotated[int, Meta(description="Stripe's balance transactions that were looked at.")]
    matched: Annotated[int, Meta(description="Those of them that the ledger has.")]
    entries: Annotated[int, Meta(description="The ledger's entries that were looked at.")]
    fees: MinorByCurrency
    stripe_balance: Annotated[MinorByCurrency, Meta(description="What Stripe held for the platform at `made_at`.")]
    ledger_balance: Annotated[MinorByCurrency, Meta(description="What the ledger said then that it held.")]
    differences: int


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    """A day's reconciliation with everything that is in one book only."""

    summary: ReconciliationSummary
    by_category: Annotated[
        dict[str, MinorByCurrency], Meta(description="What Stripe's lines moved, by its reporting categories.")
    ]
    differences: list[DifferenceView]
    differences_left_out: Annotated[int, Meta(description="How many more there are; each has its case.")]


class Reconciliations(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a year's reports, newest first."""

    items: list[ReconciliationSummary]
    next_cursor: str | None
