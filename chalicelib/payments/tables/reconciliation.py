"""Reconciliation at rest.

| item                                 | pk                | sk               | written                           |
|--------------------------------------|-------------------|------------------|-----------------------------------|
| that a line of Stripe's is an entry  | that of the entry | BT#<transaction> | once                              |
| that a line of no order was matched  | BTX#<transaction> | -                | once                              |
| what is in one book only             | RECON#OPEN        | <its id>         | when found; removed when in both  |
| how far both books were compared     | RECON#STATE       | -                | at the end of every run           |
| report of a day                      | RECON#<yyyy>      | <yyyy-mm-dd>     | at the end of every run           |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from pynamodb.attributes import JSONAttribute, NumberAttribute

from chalicelib.kernel import tables
from chalicelib.payments.model.reconciliation import Difference, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPEN = "RECON#OPEN"
_STATE = "RECON#STATE"
_MATCH = "BT#"


class MatchRow(tables.Row):
    """A line of Stripe's, and the entries that it is."""

    class Meta(tables.Meta):
        context = "payments"

    entries = JSONAttribute()


class OpenRow(tables.Row):
    """What is in one book and not in the other."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")


class StateRow(tables.Row):
    """Until when both books were compared, and what the ledger's clearing account had then, by currency."""

    class Meta(tables.Meta):
        context = "payments"

    version = NumberAttribute()
    stripe_until = NumberAttribute()
    ledger_until = NumberAttribute()
    ledger_balance = JSONAttribute()


class ReportRow(tables.Row):
    """A day's report."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")


class State(msgspec.Struct, frozen=True):
    """How far both books were compared: Stripe's second, our millisecond, and what the ledger had by then."""

    version: int
    stripe_until: int
    ledger_until: int
    ledger_balance: dict[str, int]


def match_row(entry_pk: str, transaction: str, entries: list[str]) -> MatchRow:
    """The item that says which entries a line is."""
    return MatchRow(pk=entry_pk, sk=_MATCH + transaction, entries=entries)


def marker_row(transaction: str, entries: list[str]) -> MatchRow:
    """The item that says that a line of no order was matched."""
    return MatchRow(pk=f"BTX#{transaction}", sk="-", entries=entries)


def is_marked(transaction: str) -> bool:
    """Whether a line of no order was matched before."""
    return tables.get(MatchRow, f"BTX#{transaction}", "-") is not None


def matches_under(entry_pk: str) -> dict[str, list[str]]:
    """The lines that were matched with entries of a partition: transaction to entry ids."""
    found: dict[str, list[str]] = {}
    start = None
    while True:
        page = tables.query(MatchRow, entry_pk, MatchRow.sk.startswith(_MATCH), cursor_key=start, consistent=True)
        found |= {row.sk.removeprefix(_MATCH): list(row.entries) for row in page.items}
        start = page.next_key
        if start is None:
            return found


def open_row(difference: Difference) -> OpenRow:
    """The item of a difference."""
    return OpenRow(pk=_OPEN, sk=difference.id, body=msgspec.to_builtins(difference))


def open_key(difference: Difference) -> tuple[str, str]:
    """Where a difference is."""
    return _OPEN, difference.id


def open_differences() -> list[Difference]:
    """Everything that is in one book only."""
    found: list[Difference] = []
    start = None
    while True:
        page = tables.query(OpenRow, _OPEN, cursor_key=start, consistent=True)
        found += [msgspec.convert(row.body, Difference) for row in page.items]
        start = page.next_key
        if start is None:
            return found


def state_now() -> State | None:
    """How far both books were compared; None before the first time."""
    row = tables.get(StateRow, _STATE, "-")
    if row is None:
        return None
    balance = {str(currency): int(amount) for currency, amount in row.ledger_balance.items()}
    return State(int(row.version), int(row.stripe_until), int(row.ledger_until), balance)


def state_row(version: int, stripe_until: int, ledger_until: int, balance: Mapping[str, int]) -> StateRow:
    """The item that says so."""
    return StateRow(
        pk=_STATE,
        sk="-",
        version=version,
        stripe_until=stripe_until,
        ledger_until=ledger_until,
        ledger_balance=dict(balance),
    )


def report_ref(day: str) -> tables.Ref[Report | None]:
    """Where a day's report is read."""
    return tables.Ref(ReportRow, f"RECON#{day[:4]}", day, of_report_row)


def report_row(report: Report) -> ReportRow:
    """The item of a report."""
    return ReportRow(pk=f"RECON#{report.day[:4]}", sk=report.day, body=msgspec.to_builtins(report))


def of_report_row(row: ReportRow | None) -> Report | None:
    """The report in an item."""
    return None if row is None else msgspec.convert(row.body, Report)


def reports_of(year: str, *, limit: int, cursor_key: dict[str, object] | None) -> tables.Page[Report]:
    """A page of a year's reports, newest first."""
    page = tables.query(ReportRow, f"RECON#{year}", limit=limit, cursor_key=cursor_key, ascending=False)
    return tables.Page([report for row in page.items if (report := of_report_row(row)) is not None], page.next_key)
