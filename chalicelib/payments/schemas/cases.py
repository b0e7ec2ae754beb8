"""Cases, for the people who decide them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

CaseStateText = Literal["open", "resolved"]
OutcomeText = Literal["repaired", "refunded", "charged", "written_off", "no_action"]


Instant = Annotated[
    str, Meta(max_length=40, description="RFC 3339 instant in UTC.", examples=["2026-03-01T12:30:00.000Z"])
]


class CasesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases."""

    state: CaseStateText = "open"
    cursor: Annotated[str, Meta(max_length=1024, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=100, description="Items on the page.")] = 20


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Something about money that a person must decide; `evidence` is what was seen, as it was seen."""

    id: str
    kind: Annotated[str, Meta(description="What is wrong: docs/operations.md tells what to do about each kind.")]
    subject: Annotated[str, Meta(description="About what: an order, a refund of it, a dispute, a day.")]
    state: CaseStateText
    opened_at: Instant
    order_id: str | None
    store_id: str | None
    evidence: dict[str, Any]
    outcome: OutcomeText | None
    note: str
    resolved_by: str | None
    resolved_at: Instant | None


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """A page of cases, oldest first."""

    items: list[CaseView]
    next_cursor: str | None


class ResolveCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of a case."""

    outcome: OutcomeText
    note: Annotated[str, Meta(min_length=1, max_length=1000, description="What was found out, and what was done.")]
