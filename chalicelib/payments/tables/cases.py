"""Cases at rest: pk CASE#<case id>, sk CASE.

The index ``cases`` lists them by state, oldest first, in a few shards, which a list reads side by side.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.kernel import clock, tables
from chalicelib.payments.model.cases import Case

if TYPE_CHECKING:
    from chalicelib.payments.model.cases import CaseState

CASE = "CASE"
_SHARDS = 4


class CasesIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Cases by state and shard, in the order in which they were opened."""

    class Meta:
        index_name = "cases"
        projection = AllProjection()

    cases_pk = UnicodeAttribute(hash_key=True)
    cases_sk = UnicodeAttribute(range_key=True)


class CaseRow(tables.Row):
    """A case; ``state`` stands apart, for the condition of its one change."""

    class Meta(tables.Meta):
        context = "payments"

    state = UnicodeAttribute()
    body = tables.JsonZ(attr_name="b")
    cases_pk = UnicodeAttribute()
    cases_sk = UnicodeAttribute()
    by_state = CasesIndex()


def case_ref(case_id: str) -> tables.Ref[Case | None]:
    """Where a case is read."""
    return tables.Ref(CaseRow, f"CASE#{case_id}", CASE, of_case_row)


def to_case_row(case: Case) -> CaseRow:
    """The item of a case."""
    if case.opened_at is None:
        raise ValueError("a case that is kept was opened at some time")
    return CaseRow(
        pk=f"CASE#{case.id}",
        sk=CASE,
        state=case.state.value,
        body=msgspec.to_builtins(case),
        cases_pk=f"{case.state.value}#{zlib.crc32(case.id.encode()) % _SHARDS}",
        cases_sk=f"{clock.epoch_ms(case.opened_at):014d}#{case.id}",
    )


def of_case_row(row: CaseRow | None) -> Case | None:
    """The case in an item."""
    return None if row is None else msgspec.convert(row.body, Case)


def cases_after(state: CaseState, start: str | None, limit: int) -> tuple[list[Case], str | None]:
    """A page of the cases in a state, oldest first, and where the next begins (None after the last).

    A request for each shard. ``start`` is a place in the order of the index.
    """
    found: list[CaseRow] = []
    after = CaseRow.cases_sk > start if start else None
    for shard in range(_SHARDS):
        found += tables.query(CaseRow, f"{state.value}#{shard}", after, index="cases", limit=limit + 1).items
    found.sort(key=lambda row: row.cases_sk)
    page = [case for row in found[:limit] if (case := of_case_row(row)) is not None]
    return page, found[limit - 1].cases_sk if len(found) > limit else None
