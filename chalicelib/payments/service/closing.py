"""Closing a period: the ledger's entries of it become a statement, and what it leaves becomes a payout.

Entries are found by the indexes of the ledger, which follow the table a little later, and their moments are those of
many clocks. So a period is closed some time after its end, and each closing looks back over the last days as well: an
entry that turns up late is on the next statement, and one that is on a statement already is known by the tail, the list
of the last days' entries. Nothing is left out, and nothing is there twice.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, NotFound
from chalicelib.kernel.event_types import PayoutDue, SettlementDue, StatementDue
from chalicelib.kernel.transaction import AlreadyHandled, Transaction
from chalicelib.payments.model import ledger
from chalicelib.payments.model.payouts import Payout, PayoutState, entry_for, payable
from chalicelib.payments.model.periods import end_of_period
from chalicelib.payments.model.statements import (
    LINES_IN_A_CHUNK,
    STORE,
    Party,
    Statement,
    cash_to_net,
    lines_for,
    rates_of,
    totals_of,
)
from chalicelib.payments.service.frozen import frozen_minor
from chalicelib.payments.service.ledger import post
from chalicelib.payments.service.parties import zone_and_period
from chalicelib.payments.service.statements import SettledStatement
from chalicelib.payments.tables import ledger as entry_rows
from chalicelib.payments.tables import payouts as payout_rows
from chalicelib.payments.tables import settlement as rows
from chalicelib.payments.tables.payouts import PayoutRow
from chalicelib.payments.tables.settlement import Head, HeadRow, LinesRow, StatementRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.statements import StatementLine

logger = logging.getLogger(__name__)

# A period is closed so long after its end: by then what was posted before it stands in the index.
MARGIN: Final = timedelta(hours=1)
# And each closing looks back so far for what did not. Entries stand in the index at most a day before their writing.
LOOK_BACK: Final = timedelta(days=3)
_HEADS_IN_A_PAGE = 100


def page_of_due(event_id: str, shard: int, after: str) -> None:
    """Set closings going that are due, and payouts that wait; one page of the parties, and then the next.

    All of it once for the event of the page, however often that comes.
    """
    now = clock.now()
    tx = Transaction()
    tx.claim("payments", event_id)
    seen = 0
    while seen < _HEADS_IN_A_PAGE and shard < rows.SHARDS:
        heads, after = rows.heads_in(shard, after, _HEADS_IN_A_PAGE)
        seen += len(heads)
        for head in heads:
            whose = {"party": head.party.kind, "party_id": head.party.id, "currency": head.currency}
            if now >= head.close_at + MARGIN:
                tx.emit(StatementDue(**whose))
            for number in head.unsettled:
                tx.emit(PayoutDue(**whose, number=number))
        if not after:
            shard += 1
    if shard < rows.SHARDS:
        tx.emit(SettlementDue(shard=shard, after=after))
    try:
        tx.commit()
    except AlreadyHandled:
        logger.info("page of settlement done before")


def close_due(party: Party, currency: str) -> Statement | None:
    """Close the period of a party that is over, if one is. Where another is over too, it is closed next."""
    head = _head(party, currency)
    if clock.now() < head.close_at + MARGIN:
        return None
    closed = _close(head, head.close_at, None)
    if clock.now() >= _head(party, currency).close_at + MARGIN:
        tx = Transaction()
        tx.emit(StatementDue(party=party.kind, party_id=party.id, currency=currency))
        tx.commit()
    return closed.statement if closed else None


def close_now(party: Party, currency: str, key: IdempotencyKey) -> SettledStatement:
    """Close a party's period before its end. Raises ``nothing_to_close`` where nothing happened in it."""
    closed = _close(_head(party, currency), clock.now(), key)
    if closed is None:
        raise Conflict("nothing_to_close", "Nothing happened since the last statement, and nothing is to be paid.")
    return closed


def _head(party: Party, currency: str) -> Head:
    head: Head | None = tables.fetch(rows.head_ref(party, currency))[0]
    if head is None:
        raise NotFound("settlement", f"{party.kind}:{party.id}:{currency}")
    return head


class _WrittenBefore(Conflict):
    """These very lines were written before, by a closing that did not come to its end or is under way."""

    def __init__(self) -> None:
        super().__init__("lines_written", "These lines were written before.")


class _Period(msgspec.Struct, kw_only=True):
    """What is found when a period is closed."""

    head: Head
    entries: list[Entry]
    lines: list[StatementLine]
    tail: list[tuple[int, str]]


def _close(head: Head, until: datetime, key: IdempotencyKey | None) -> SettledStatement | None:
    """One period closed on the state that ``head`` shows, or nothing; in both cases the next one has begun."""
    if until <= head.since:
        return None
    now = clock.now()
    zone, rhythm = zone_and_period(head, now)
    period = _read(head, until)
    owed = head.owed - sum(entry.on(head.party.payable) for entry in period.entries)
    cash = head.cash + sum(entry.on(head.party.cash) for entry in period.entries)
    tx = Transaction()
    unsettled = _carry(tx, period)
    frozen, in_flight = frozen_minor(head.party, head.currency), sum(unsettled.values())
    to_pay = payable(owed - cash - frozen - in_flight, head.currency)
    after = replace(
        head,
        zone=zone,
        since=until,
        close_at=end_of_period(until, rhythm, zone),
        owed=owed,
        cash=cash,
        unsettled=unsettled,
        version=head.version + 1,
    )
    if not (period.lines or to_pay):
        if key is None:
            _commit(tx, head, after, period.tail)
        return None
    statement = Statement(
        party=head.party,
        currency=head.currency,
        number=head.number + 1,
        since=head.since,
        until=until,
        zone=zone,
        period=rhythm,
        closed_at=now,
        opening=head.owed - head.cash,
        closing=owed - cash,
        owed=owed,
        cash=cash,
        totals=totals_of(period.lines),
        rates=rates_of(head.party, period.entries),
        chunks=_write_lines(head, period.lines),
        lines=len(period.lines),
        frozen=frozen,
        in_flight=in_flight,
        to_pay=to_pay,
    )
    if statement.opening + sum(statement.totals.values()) != statement.closing:
        raise ledger.Unbalanced(f"{head.party}: {statement.id}")
    after = replace(after, number=statement.number)
    settled = SettledStatement(statement, _plan(tx, statement) if to_pay else None)
    if to_pay:
        after = replace(after, unsettled={**unsettled, statement.number: to_pay})
    tx.put(rows.to_statement_row(statement), StatementRow.pk.does_not_exist(), Contention())
    _net_cash(tx, statement)
    if key is not None:
        tx.remember(key, settled)
    _commit(tx, head, after, period.tail)
    return settled


def _read(head: Head, until: datetime) -> _Period:
    """What happened until ``until`` and is on no statement, with its lines, and the tail for the next closing."""
    tail: list[tuple[int, str]] = tables.fetch(rows.tail_ref(head.party, head.currency))[0]
    seen = {digest for _, digest in tail}
    index = entry_rows.STORES if head.party.kind == STORE else entry_rows.RIDERS
    since = head.since - LOOK_BACK if head.number or tail else clock.from_epoch_ms(0)
    fresh = [
        (at, entry)
        for at, entry in entry_rows.indexed_between(index, head.party.id, since, until)
        if entry.currency == head.currency and rows.digest_of(entry.id) not in seen
    ]
    fresh.sort(key=lambda found: (found[1].at, found[1].id))
    kept_from = clock.epoch_ms(until - LOOK_BACK)
    kept = [*tail, *((at, rows.digest_of(entry.id)) for at, entry in fresh)]
    entries = [entry for _, entry in fresh]
    return _Period(
        head=head,
        entries=entries,
        lines=[line for entry in entries for line in lines_for(head.party, entry)],
        tail=sorted(each for each in kept if each[0] >= kept_from),
    )


def _carry(tx: Transaction, period: _Period) -> dict[int, int]:
    """Take over the payouts that moved nothing, and tell those that are on their way, or may be.

    Where nothing happened in the period, a payout that waits goes on waiting: no statement would say anything new.
    """
    head = period.head
    if not head.unsettled:
        return {}
    shown = {entry.cause for entry in period.entries if entry.kind == ledger.PAID_OUT}
    numbers = sorted(head.unsettled)
    found = tables.fetch(*(payout_rows.payout_ref(head.party, head.currency, number) for number in numbers))
    unsettled = {}
    for number, payout in zip(numbers, found, strict=True):
        if f"payout:{payout.statement}" in shown or payout.state is PayoutState.CARRIED:
            continue
        waits = payout.state is PayoutState.PLANNED and not period.lines
        if payout.has_moved or payout.may_have_moved or waits:
            unsettled[number] = payout.amount
            continue
        tx.put(
            payout_rows.to_payout_row(payout.carried(clock.now())),
            PayoutRow.version == payout.version,
            Contention(),
        )
    return unsettled


def _plan(tx: Transaction, statement: Statement) -> Payout:
    """What the statement pays out, written with it; the transfer is a reaction to that."""
    party, currency, number = statement.party, statement.currency, statement.number
    payout = Payout(
        party=party, currency=currency, number=number, amount=statement.to_pay, planned_at=statement.closed_at
    )
    tx.put(payout_rows.to_payout_row(payout), PayoutRow.pk.does_not_exist(), Contention())
    tx.emit(PayoutDue(party=party.kind, party_id=party.id, currency=currency, number=number))
    return payout


def _net_cash(tx: Transaction, statement: Statement) -> None:
    """The cash that a party holds is part of what it is paid: that much of both accounts is settled by it."""
    party = statement.party
    blank = entry_for(
        party,
        statement.currency,
        cause=f"statement:{statement.id}",
        kind=ledger.CASH_NETTED,
        at=clock.now(),
        memo=statement.id,
    )
    netted = cash_to_net(party, statement.owed, statement.cash, blank)
    if netted is not None:
        post(tx, netted)


def _write_lines(head: Head, lines: Sequence[StatementLine]) -> tuple[str, ...]:
    """Keep the lines in chunks that are named for what is in them: whoever closes the same period writes the same."""
    names = []
    for start in range(0, len(lines), LINES_IN_A_CHUNK):
        chunk = lines[start : start + LINES_IN_A_CHUNK]
        name, row = rows.to_lines_row(head.party, head.currency, head.number + 1, chunk)
        tx = Transaction()
        tx.put(row, LinesRow.pk.does_not_exist(), _WrittenBefore())
        with suppress(_WrittenBefore):
            tx.commit()
        names.append(name)
    return tuple(names)


def _commit(tx: Transaction, before: Head, after: Head, tail: list[tuple[int, str]]) -> None:
    tx.put(rows.to_head_row(after), HeadRow.version == before.version, Contention())
    # Guarded by the head's version: of two closings at once one is refused.
    tx.put(rows.to_tail_row(after.party, after.currency, tail))
    tx.commit()
    logger.info("period closed", extra={"party": f"{after.party.kind}:{after.party.id}", "statement": after.number})
