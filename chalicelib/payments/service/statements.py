"""Reading statements: a party's list, one with its payout, its lines."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import tables
from chalicelib.kernel.errors import NotFound
from chalicelib.payments.model import ledger
from chalicelib.payments.model.statements import STORE, Party, split_name
from chalicelib.payments.tables import payouts as payout_rows
from chalicelib.payments.tables import settlement as rows
from chalicelib.payments.tables.ledger import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.payouts import Payout
    from chalicelib.payments.model.statements import Statement, StatementLine
    from chalicelib.payments.tables.settlement import Head

_PAGE = 50


class SettledStatement(msgspec.Struct, frozen=True):
    """A statement and, where it pays something out, its payout."""

    statement: Statement
    payout: Payout | None


def check_party(party: Party) -> None:
    """Raise ``settlement_not_found`` where the ledger never told of a party."""
    if not rows.heads_of(party):
        raise NotFound("settlement", f"with {party.kind} {party.id}")


def list_statements(party: Party, limit: int, start: dict[str, Any] | None) -> tables.Page[SettledStatement]:
    """A page of a party's statements with their payouts, newest first. Two requests."""
    page = rows.statements_of(party, limit=limit, start=start)
    paying = [each for each in page.items if each.to_pay]
    found = tables.fetch(*(payout_rows.payout_ref(party, each.currency, each.number) for each in paying))
    payouts = {each.id: payout for each, payout in zip(paying, found, strict=True)}
    return tables.Page([SettledStatement(each, payouts.get(each.id)) for each in page.items], page.next_key)


def get_statement(party: Party, name: str) -> SettledStatement:
    """A party's statement by its name (``EUR-7``), with its payout. One request. Raises ``statement_not_found``."""
    named = split_name(name)
    if named is None:
        raise NotFound("statement", name)
    statement, payout = tables.fetch(rows.statement_ref(party, *named), payout_rows.payout_ref(party, *named))
    if statement is None:
        raise NotFound("statement", name)
    return SettledStatement(statement, payout)


def lines_in(statement: Statement, chunk: int) -> list[StatementLine]:
    """A chunk of a statement's lines, in the order of time; none beyond the last chunk."""
    if not 0 <= chunk < len(statement.chunks):
        return []
    name = statement.chunks[chunk]
    lines: list[StatementLine] = tables.fetch(
        rows.lines_ref(statement.party, statement.currency, statement.number, name)
    )[0]
    return lines


def lines_of(statement: Statement) -> Iterator[StatementLine]:
    """All lines of a statement. A request for 500."""
    for chunk in range(len(statement.chunks)):
        yield from lines_in(statement, chunk)


def find_statement(party: Party, entry: Entry) -> Statement | None:
    """The statement that an entry is on; None while its period is open.

    An entry is on the statement of its period or, where it turned up late, on one of the next.
    """
    head: Head | None = tables.fetch(rows.head_ref(party, entry.currency))[0]
    if head is None or head.number == 0:
        return None
    later: list[Statement] = []
    start: dict[str, Any] | None = None
    while True:
        page = rows.statements_of(party, currency=f"{entry.currency}#", limit=_PAGE, start=start)
        for statement in page.items:
            later.append(statement)
            if statement.since <= entry.at:
                return next((each for each in reversed(later) if _holds(each, entry)), None)
        start = page.next_key
        if start is None:
            return next((each for each in reversed(later) if _holds(each, entry)), None)


def statement_of_sale(store_id: str, entries: Iterable[Entry]) -> SettledStatement | None:
    """The store's statement that an order's sale is on, of the order's entries; None while its period is open."""
    sale = next((entry for entry in entries if entry.kind == ledger.SALE), None)
    found = find_statement(Party(STORE, store_id), sale) if sale else None
    return get_statement(found.party, found.id) if found else None


def list_heads(shard: int, after: str, limit: int) -> tuple[list[Head], tuple[int, str] | None]:
    """A page of where everybody's statements stand, and where the next page begins."""
    found: list[Head] = []
    while shard < rows.SHARDS and len(found) < limit:
        heads, after = rows.heads_in(shard, after, limit - len(found))
        found += heads
        if not after:
            shard += 1
    return found, (shard, after) if shard < rows.SHARDS else None


def _holds(statement: Statement, entry: Entry) -> bool:
    """Whether a line of the statement is the entry's: it is in the last chunk that begins at or before its moment."""
    chunk = bisect_right(statement.chunks, f"{moment(entry.at)}-~") - 1
    near = (chunk, chunk - 1)
    return any(line.entry_id == entry.id for each in near for line in lines_in(statement, each))
