"""The daily reconciliation: every line of Stripe's balance is an entry of the ledger, and the other way round.

A run goes on where the last one ended, in both books, and leaves out the last hour, in which things are still being
written. Page by page it matches Stripe's lines with entries of their orders, and enters what only Stripe knows: its
fees, and what moved between it and the bank; each once for its line. Then it looks for entries that no line accounts
for. What is in one book only stays open from run to run until the other has it, and is a case meanwhile.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, NotFound
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import reconciliation as rules
from chalicelib.payments.model.cases import Case, CaseState
from chalicelib.payments.model.ledger import CLEARING, Entry
from chalicelib.payments.model.reconciliation import BANK_PAYOUT, FEE, BalanceLine, Difference, Report
from chalicelib.payments.provider import balance as provider
from chalicelib.payments.provider import listing
from chalicelib.payments.service.cases import get_case, open_case, resolve_case
from chalicelib.payments.service.matching import MatchedMeanwhile, leave_open, match_alone, match_order
from chalicelib.payments.service.writing import payment_ref
from chalicelib.payments.tables import ledger as entry_rows
from chalicelib.payments.tables import reconciliation as rows
from chalicelib.payments.tables.ledger import CLEARING_SHARDS
from chalicelib.payments.tables.reconciliation import MatchRow, OpenRow, StateRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.kernel.event_types import ReconciliationDue
    from chalicelib.payments.model import Payment

logger = logging.getLogger(__name__)

_STILL_WRITTEN: Final = timedelta(hours=1)
_FIRST_LOOK: Final = timedelta(days=30)
# A run in the small hours is about the day before.
_NIGHT: Final = timedelta(hours=6)
_DAY_MS = 86_400_000
_MOST_IN_REPORT = 200
CASE: Final = "difference"


def reconcile(due: ReconciliationDue) -> ReconciliationDue | None:
    """Do a page of the reconciliation; where it goes on, None after the last."""
    if not due.phase:
        return _begin(due)
    if due.phase == "stripe":
        return _match_lines(due)
    if due.phase == "ledger":
        return _check_entries(due)
    _close(due)
    return None


def get_report(day: str) -> Report:
    """A day's report. Raises ``reconciliation_not_found``."""
    report: Report | None = tables.fetch(rows.report_ref(day))[0]
    if report is None:
        raise NotFound("reconciliation", day)
    return report


def list_reports(year: str, *, limit: int, start: dict[str, Any] | None) -> tables.Page[Report]:
    """A page of a year's reports, newest first."""
    return rows.reports_of(year, limit=limit, cursor_key=start)


def _begin(due: ReconciliationDue) -> ReconciliationDue:
    now = clock.now()
    state = rows.state_now()
    until = listing.made_before(_STILL_WRITTEN)
    ledger_until = clock.epoch_ms(now - _STILL_WRITTEN)
    return replace(
        due,
        phase="stripe",
        day=f"{now - _NIGHT:%Y-%m-%d}",
        since=state.stripe_until if state else listing.made_before(_FIRST_LOOK),
        until=until,
        ledger_since=state.ledger_until if state else clock.epoch_ms(now - _FIRST_LOOK),
        ledger_until=ledger_until,
    )


# --- Stripe's lines ---------------------------------------------------------------------------------------------------


def _match_lines(due: ReconciliationDue) -> ReconciliationDue:
    lines, after = provider.list_lines(due.since, due.until, due.after or None) if due.until > due.since else ([], None)
    matched = 0
    by_order: dict[str | None, list[BalanceLine]] = {}
    for line in lines:
        known = line.order_id if line.order_id and is_id(line.order_id, "ord") else None
        by_order.setdefault(known, []).append(line)
    for line in by_order.pop(None, []):
        matched += match_alone(line, due.day)
    payments = _payments_of([order_id for order_id in by_order if order_id is not None])
    for order_id, group in by_order.items():
        matched += match_order(order_id or "", group, payments.get(order_id or ""), due.day)
    after_page = _counted(due, lines, matched)
    if after is not None:
        return replace(after_page, after=after)
    return replace(after_page, phase="ledger", after="")


def _counted(due: ReconciliationDue, lines: list[BalanceLine], matched: int) -> ReconciliationDue:
    fees, categories = due.fees, due.categories
    for line in lines:
        fees = rules.added(fees, line.currency, line.fee)
        of_category = rules.added(categories.get(line.category, {}), line.currency, line.amount)
        categories = {**categories, line.category: of_category}
    return replace(due, fees=fees, categories=categories, lines=due.lines + len(lines), matched=due.matched + matched)


def _payments_of(order_ids: list[str]) -> dict[str, Payment]:
    read = tables.fetch(*map(payment_ref, order_ids)) if order_ids else ()
    return {order_id: payment for order_id, payment in zip(order_ids, read, strict=True) if payment is not None}


# --- our entries ------------------------------------------------------------------------------------------------------


def _check_entries(due: ReconciliationDue) -> ReconciliationDue:
    """Look at a page of the entries that concern what Stripe holds: by day and shard, each a slot."""
    first_day = due.ledger_since // _DAY_MS
    slots = (due.ledger_until // _DAY_MS - first_day + 1) * CLEARING_SHARDS
    slot, after, checked = due.slot, due.after, due
    looked = 0
    while slot < slots and looked < 100:
        day = datetime.fromtimestamp((first_day + slot // CLEARING_SHARDS) * 86_400, UTC)
        found, following = entry_rows.clearing_between(
            day, slot % CLEARING_SHARDS, after or due.ledger_since, due.ledger_until
        )
        looked += len(found)
        _leave_unmatched_open(found, due.day)
        sums = checked.ledger
        for _, entry in found:
            sums = rules.added(sums, entry.currency, entry.on(CLEARING))
        checked = replace(checked, ledger=sums, entries=checked.entries + len(found))
        slot, after = (slot, following) if following else (slot + 1, "")
    if slot >= slots:
        return replace(checked, phase="close", slot=0, after="")
    return replace(checked, slot=slot, after=after)


def _leave_unmatched_open(found: Iterable[tuple[str, Entry]], day: str) -> None:
    known: dict[str, frozenset[str]] = {}
    for pk, entry in found:
        if entry.kind in (FEE, BANK_PAYOUT):
            continue
        if pk not in known:
            known[pk] = frozenset(one for ids in rows.matches_under(pk).values() for one in ids)
        if entry.id not in known[pk]:
            difference = Difference(
                id=entry.id,
                side="ledger",
                amount=entry.on(CLEARING),
                currency=entry.currency,
                what=entry.kind,
                source=entry.memo,
                order_id=entry.order_id,
                entry_pk=pk,
                seen_on=day,
            )
            leave_open(difference)


# --- what is left -----------------------------------------------------------------------------------------------------


def _close(due: ReconciliationDue) -> None:
    """Look at everything that is open once more, tell of what stays so, and keep the report."""
    left = _settle_open(rows.open_differences())
    for difference in left:
        evidence: dict[str, Any] = msgspec.to_builtins(difference)
        open_case(None, Case(CASE, difference.id, order_id=difference.order_id, evidence=evidence))
    state = rows.state_now()
    closing = rules.totals(state.ledger_balance if state else {}, due.ledger)
    earlier: Report | None = tables.fetch(rows.report_ref(due.day))[0]
    report = Report(
        day=due.day,
        made_at=clock.now(),
        lines=due.lines + (earlier.lines if earlier else 0),
        matched=due.matched + (earlier.matched if earlier else 0),
        entries=due.entries + (earlier.entries if earlier else 0),
        fees=rules.totals(due.fees, earlier.fees if earlier else {}),
        by_category=_merged(due.categories, earlier.by_category if earlier else {}),
        stripe_balance=provider.balance(),
        ledger_balance=rules.totals(closing, _since(due.ledger_until)),
        differences=left[:_MOST_IN_REPORT],
        differences_left_out=max(0, len(left) - _MOST_IN_REPORT),
    )
    version = state.version if state else 0
    tx = Transaction()
    tx.put(
        rows.state_row(version + 1, due.until, due.ledger_until, closing),
        StateRow.version == version if state else StateRow.pk.does_not_exist(),
        MatchedMeanwhile(),
    )
    tx.put(rows.report_row(report))  # with the state, whose version is its condition
    try:
        tx.commit()
    except MatchedMeanwhile:
        logger.info("another run has reported already", extra={"day": due.day})


def _merged(some: dict[str, dict[str, int]], more: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {name: rules.totals(some.get(name, {}), more.get(name, {})) for name in sorted({*some, *more})}


def _since(ledger_until: int) -> dict[str, int]:
    """What the ledger has entered since the part that was compared."""
    sums: dict[str, int] = {}
    now = clock.epoch_ms(clock.now())
    for day in range(ledger_until // _DAY_MS, now // _DAY_MS + 1):
        for shard in range(CLEARING_SHARDS):
            after: int | str = ledger_until
            while after:
                at = datetime.fromtimestamp(day * 86_400, UTC)
                found, after = entry_rows.clearing_between(at, shard, after, now + 1)
                for _, entry in found:
                    sums = rules.added(sums, entry.currency, entry.on(CLEARING))
    return sums


def _settle_open(differences: list[Difference]) -> list[Difference]:
    """Those that are still in one book only; the others are put away, with their cases."""
    left: list[Difference] = []
    lines = [one for one in differences if one.side == "stripe"]
    ours = [one for one in differences if one.side == "ledger"]
    for line in lines:
        if line.order_id is not None and is_id(line.order_id, "ord") and _found_in_order(line):
            _put_away([line], None)
            continue
        partner = _partner_of(line, ours)
        if partner is None:
            left.append(line)
        else:
            ours.remove(partner)
            _put_away([line, partner], (partner.entry_pk, line.id, [partner.id]))
    for entry in ours:
        if entry.id in {one for ids in rows.matches_under(entry.entry_pk).values() for one in ids}:
            _put_away([entry], None)
        else:
            left.append(entry)
    return left


def _found_in_order(line: Difference) -> bool:
    """Whether the order has got the entry meanwhile."""
    as_line = BalanceLine(
        id=line.id,
        category=line.what,
        amount=line.amount,
        fee=0,
        currency=line.currency,
        created=0,
        source=line.source,
        order_id=line.order_id,
    )
    return match_order(line.order_id or "", [as_line], None, line.seen_on) == 1


def _partner_of(line: Difference, ours: list[Difference]) -> Difference | None:
    """The entry that says what a line of no order says: by what it names, or else by its amount."""
    same = [one for one in ours if (one.amount, one.currency) == (line.amount, line.currency) and one.order_id is None]
    named = [one for one in same if line.source and one.source == line.source]
    nameless = [one for one in same if not one.source and line.order_id is None]
    return next(iter(named or nameless), None)


def _put_away(differences: list[Difference], match: tuple[str, str, list[str]] | None) -> None:
    tx = Transaction()
    if match is not None:
        pk, transaction, entry_ids = match
        tx.put(rows.match_row(pk, transaction, entry_ids), MatchRow.pk.does_not_exist(), MatchedMeanwhile())
        tx.put(rows.marker_row(transaction, entry_ids), MatchRow.pk.does_not_exist(), MatchedMeanwhile())
    for one in differences:
        tx.delete(OpenRow, *rows.open_key(one), condition=OpenRow.pk.exists(), error=MatchedMeanwhile())
    try:
        tx.commit()
    except MatchedMeanwhile:
        return
    for one in differences:
        _close_case(one)


def _close_case(difference: Difference) -> None:
    try:
        case = get_case(Case(CASE, difference.id).id)
        if case.state is CaseState.OPEN:
            resolve_case(case.id, "repaired", "Both books have it now.", by="system")
    except (NotFound, Conflict, Contention):
        return
