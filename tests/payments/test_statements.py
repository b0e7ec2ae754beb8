"""Statements: made of the ledger's lines, to the cent, each line on one statement, whatever comes late or twice."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, DomainError
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import service
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.model.periods import end_of_period, start_of_period
from chalicelib.payments.model.statements import LINES_IN_A_CHUNK, Party, lines_for
from chalicelib.payments.service import closing, settlement
from chalicelib.payments.tables import ledger as entry_rows
from tests.payments.settling import (
    BILL,
    CLOSING,
    WEDNESDAY,
    WEEK,
    WEEK_ENDS,
    Settled,
    balance,
    emitted,
    entries_of,
    key,
    moved,
    statements_of,
    until_it_works,
)

if TYPE_CHECKING:
    from tests.payments.conftest import Stripe


@pytest.fixture
def settled(stripe: Stripe) -> Settled:
    return Settled(stripe)


class TestPeriods:
    def test_begin_and_end_at_midnight_where_the_store_is(self) -> None:
        assert end_of_period(WEDNESDAY, "weekly", "Europe/Berlin") == WEEK_ENDS
        assert start_of_period(WEDNESDAY, "weekly", "Europe/Berlin") == WEEK_ENDS - WEEK
        assert end_of_period(WEDNESDAY, "daily", "Asia/Tokyo") == datetime(2026, 3, 4, 15, tzinfo=UTC)
        assert end_of_period(WEDNESDAY, "monthly", "America/New_York") == datetime(2026, 4, 1, 4, tzinfo=UTC)

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "UTC", "Asia/Kathmandu"])
    @pytest.mark.parametrize("period", ["daily", "weekly", "monthly"])
    def test_follow_each_other_without_a_gap_through_every_change_of_the_clock(self, zone: str, period: Any) -> None:
        moment = datetime(2011, 1, 1, tzinfo=UTC)
        while moment < datetime(2013, 1, 1, tzinfo=UTC):
            end = end_of_period(moment, period, zone)
            assert moment < end <= moment + timedelta(days=32)
            assert start_of_period(end, period, zone) == end
            moment = end


class TestTheStatementOfAWeek:
    def test_of_every_method_adds_up_to_the_ledger(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            card = settled.sell()
            settled.sell("cash_on_delivery")
            till = settled.sell("pay_at_store")
            settled.sell(given=BILL.total)
            settled.sell(given=1000)
            settled.refund(card, quantities={"0": 1})
            settled.refund(till, quantities={"1": 1})
        expected = balance(settled.store)

        statement = settled.close()

        assert statement is not None
        assert (statement.id, statement.opening, statement.closing) == ("EUR-1", 0, expected)
        assert (statement.since, statement.until) == (WEEK_ENDS - WEEK, WEEK_ENDS)
        assert statement.zone == "Europe/Berlin"
        net = BILL.sums.items - BILL.sums.items_tax
        assert statement.totals["sale"] == 5 * net
        assert statement.totals["commission"] == -round(net * 0.15) * 4 - round(net * 0.06)
        assert statement.totals["cash_collected"] == -BILL.total
        assert statement.totals["cash_refunded"] == 850
        lines = list(settlement.lines_of(statement))
        assert sum(line.amount for line in lines) == expected
        assert len(lines) == statement.lines
        assert {line.entry_id for line in lines} == {entry.id for entry in entries_of(settled.store)} - {
            entry.id for entry in entries_of(settled.store) if entry.kind == "cash_netted"
        }
        assert all(line.order_id for line in lines)
        assert {line.terms_version for line in lines if line.kind in ("sale", "commission", "refund")} == {0}

    def test_tells_what_was_sold_by_tax_rate(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            payment = settled.sell()
            settled.sell()
            refund = settled.refund(payment, quantities={"0": 1})
        statement = settled.close()
        assert statement is not None
        assert [msgspec.structs.astuple(each) for each in statement.rates] == [
            (700, 2 * 3000 - 1000, 2 * 196 - refund.tax),
            (1900, 2 * 1150, 2 * 184),
        ]

    def test_of_a_rider_nets_the_cash_in_hand(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
            settled.sell("cash_on_delivery")
        earned = round((300 - 48) * 0.8)
        statement = settled.close(settled.rider)
        assert statement is not None
        assert statement.totals == {"tip": 400, "rider_pay": 2 * earned, "cash_collected": -BILL.total}
        assert statement.closing == 400 + 2 * earned - BILL.total == balance(settled.rider)
        assert (statement.to_pay, statement.carried) == (0, statement.closing)
        told = service.balances(entries_of(settled.rider))
        assert told[settled.rider.cash] == -statement.closing
        assert settled.rider.payable not in told

    def test_is_begun_by_the_balance_of_the_one_before(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
        first = settled.close()
        moved(settled.store, -9_000, WEDNESDAY + WEEK)
        second = settled.close(at=CLOSING + WEEK)
        with clock.freeze(WEDNESDAY + 2 * WEEK):
            settled.sell()
        third = settled.close(at=CLOSING + 2 * WEEK)
        assert first is not None
        assert second is not None
        assert third is not None
        assert [each.number for each in (first, second, third)] == [1, 2, 3]
        assert (second.opening, second.closing) == (first.closing, first.closing - 9_000)
        assert (second.closing < 0, second.to_pay) == (True, 0)
        assert (third.opening, third.closing) == (second.closing, balance(settled.store))

    def test_of_a_week_in_which_nothing_happened_is_not_made(self, settled: Settled) -> None:
        moved(settled.store, -500, WEDNESDAY)
        assert settled.close() is not None
        assert settled.close(at=CLOSING + WEEK) is None
        moved(settled.store, 300, WEDNESDAY + 2 * WEEK)
        later = settled.close(at=CLOSING + 2 * WEEK)
        assert later is not None
        assert (later.number, later.opening, later.since) == (2, -500, WEEK_ENDS + WEEK)

    def test_waits_for_the_end_and_a_margin(self, settled: Settled) -> None:
        moved(settled.store, 500, WEDNESDAY)
        assert settled.close(at=WEEK_ENDS - timedelta(seconds=1)) is None
        assert settled.close(at=WEEK_ENDS + timedelta(minutes=59)) is None
        assert settled.close() is not None

    def test_is_in_the_rhythm_of_the_terms(self, settled: Settled) -> None:
        merchant_id = _merchant(settled)
        with clock.freeze(WEDNESDAY - timedelta(days=1)):
            terms = service.Terms(valid_from=WEDNESDAY - timedelta(hours=1), settlement_period="daily")
            service.agree_on_terms(merchant_id, terms, key())
        moved(settled.store, 500, WEDNESDAY)
        statement = settled.close(at=WEDNESDAY + timedelta(hours=13))
        assert statement is not None
        assert (statement.period, statement.until) == ("daily", datetime(2026, 3, 4, 23, tzinfo=UTC))


class TestNothingIsLeftOutAndNothingIsThereTwice:
    def test_closing_at_once_makes_one_statement(self, settled: Settled) -> None:
        for _ in range(3):
            moved(settled.store, 500, WEDNESDAY)

        def close(_: int) -> int | None:
            closed = until_it_works(lambda: settlement.close_due(settled.store, "EUR"))
            return None if closed is None else closed.number

        with clock.freeze(CLOSING), ThreadPoolExecutor(8) as pool:
            made = [number for number in pool.map(close, range(8)) if number is not None]
        assert made == [1]
        assert [each.closing for each in statements_of(settled.store)] == [1500]
        assert len(emitted("PayoutDue", party_id=settled.store_id)) == 1

    def test_a_crash_before_the_statement_leaves_nothing_of_it(
        self, settled: Settled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved(settled.store, 500, WEDNESDAY)
        with monkeypatch.context() as patch:
            patch.setattr(closing, "_commit", lambda *_: (_ for _ in ()).throw(SystemExit))
            with pytest.raises(SystemExit):
                settled.close()
        assert statements_of(settled.store) == []
        late = moved(settled.store, 70, WEDNESDAY + timedelta(hours=1))
        statement = settled.close()
        assert statement is not None
        assert statement.closing == 570
        assert [line.entry_id for line in settlement.lines_of(statement)][-1] == late.id

    def test_what_the_index_shows_late_is_on_the_next_statement(
        self, settled: Settled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved(settled.store, 500, WEDNESDAY)
        late = moved(settled.store, 70, WEEK_ENDS - timedelta(minutes=2))
        shown = entry_rows.indexed_between
        with monkeypatch.context() as patch:
            patch.setattr(
                entry_rows, "indexed_between", lambda *of: (each for each in shown(*of) if each[1].id != late.id)
            )
            first = settled.close()
        second = settled.close(at=CLOSING + WEEK)
        assert first is not None
        assert second is not None
        assert (first.closing, second.opening, second.closing) == (500, 500, 570)
        assert [line.entry_id for line in settlement.lines_of(second)] == [late.id]
        found = settlement.find_statement(settled.store, late)
        assert found is not None
        assert found.number == 2

    def test_what_is_dated_long_ago_is_on_the_next_statement(self, settled: Settled) -> None:
        moved(settled.store, 500, WEDNESDAY)
        settled.close()
        old = Entry(
            id="old:by_hand:adjustment",
            cause=ids.new_id("evt"),
            kind="adjustment",
            at=WEDNESDAY - timedelta(days=40),
            currency="EUR",
            lines=lines_of((settled.store.payable, -9, ""), ("platform:revenue", 9, "")),
            store_id=settled.store_id,
        )
        with clock.freeze(WEDNESDAY + WEEK):
            tx = Transaction()
            service.post(tx, old)
            tx.commit()
        second = settled.close(at=CLOSING + WEEK)
        assert second is not None
        assert (second.opening, second.closing) == (500, 509)

    @pytest.mark.parametrize("seed", range(4))
    def test_over_random_weeks_every_entry_is_on_one_statement(
        self, settled: Settled, monkeypatch: pytest.MonkeyPatch, seed: int
    ) -> None:
        chance = random.Random(seed)
        party = settled.store
        shown, hidden, posted = entry_rows.indexed_between, set[str](), []
        monkeypatch.setattr(
            entry_rows, "indexed_between", lambda *of: (each for each in shown(*of) if each[1].id not in hidden)
        )
        at = WEDNESDAY
        for _ in range(30):
            at += timedelta(minutes=chance.randrange(60 * 24 * 3))
            posted.append(moved(party, chance.randrange(-900, 1000), at))
            head = closing._head(party, "EUR")
            # The index may be late by up to a day, for the newest entries only.
            hidden = {entry.id for entry in posted if at - entry.at < timedelta(hours=20) and chance.random() < 0.5}
            if chance.random() < 0.3:
                with clock.freeze(at + timedelta(seconds=1)), suppress(Conflict):  # there may be nothing to close
                    settlement.close_now(party, "EUR", key())
            elif at > head.close_at + timedelta(hours=1):
                settled.close(party, at)
        hidden = set()
        for _ in range(12):
            at += WEEK
            settled.close(party, at)

        statements = statements_of(party)
        lines = [line for each in statements for line in settlement.lines_of(each)]
        assert Counter(line.entry_id for line in lines) == Counter(each.id for each in posted if each.on(party.payable))
        assert statements[-1].closing == sum(line.amount for line in lines) == balance(party)
        for before, after in pairwise(statements):
            assert (after.number, after.opening) == (before.number + 1, before.closing)
            assert after.since >= before.until


class TestManyLines:
    def test_are_kept_in_chunks(self, settled: Settled, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(closing, "LINES_IN_A_CHUNK", 4)
        entries = [moved(settled.store, 100 + number, WEDNESDAY + timedelta(minutes=number)) for number in range(10)]
        statement = settled.close()
        assert statement is not None
        assert (len(statement.chunks), statement.lines) == (3, 10)
        assert [line.entry_id for line in settlement.lines_of(statement)] == [entry.id for entry in entries]
        assert [len(settlement.lines_in(statement, chunk)) for chunk in range(4)] == [4, 4, 2, 0]
        for entry in entries:
            found = settlement.find_statement(settled.store, entry)
            assert found is not None
            assert found.id == statement.id

    def test_of_a_chunk_are_far_below_what_an_item_holds(self) -> None:
        from chalicelib.payments.model.statements import StatementLine
        from chalicelib.payments.tables.settlement import to_lines_row

        lines = [
            StatementLine(
                entry_id=f"{order}:hand_over:sale",
                at=WEDNESDAY + timedelta(seconds=number),
                kind="commission_refund",
                amount=-(10**8) - number,
                order_id=order,
                terms_version=12,
                memo="customer_request",
            )
            for number in range(LINES_IN_A_CHUNK)
            for order in (ids.new_id("ord"),)
        ]
        _, row = to_lines_row(Party("store", "sto_1"), "EUR", 1, lines)
        assert len(row.serialize()["b"]["B"]) < 60_000


class TestTheJob:
    def test_finds_everybody_whose_period_is_over(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
        with clock.freeze(WEEK_ENDS):
            _run_job()
        assert emitted("StatementDue", party_id=settled.store_id) == []
        with clock.freeze(CLOSING):
            _run_job()
        for party in (settled.store, settled.rider):
            (due,) = emitted("StatementDue", party_id=party.id)
            assert due.data == {"party": party.kind, "party_id": party.id, "currency": "EUR"}

    def test_catches_up_period_by_period(self, settled: Settled) -> None:
        moved(settled.store, 500, WEDNESDAY)
        moved(settled.store, 500, WEDNESDAY + WEEK)
        late = CLOSING + 2 * WEEK
        first = settled.close(at=late)
        assert first is not None
        assert (first.until, first.closing) == (WEEK_ENDS, 500)
        assert len(emitted("StatementDue", party_id=settled.store_id)) == 1
        second = settled.close(at=late)
        assert second is not None
        assert (second.until, second.closing) == (WEEK_ENDS + WEEK, 1000)


def test_closing_now_needs_something_to_close(settled: Settled) -> None:
    moved(settled.store, 500, WEDNESDAY)
    with clock.freeze(WEDNESDAY + timedelta(hours=1)):
        assert settlement.close_now(settled.store, "EUR", key()).statement.closing == 500
    with clock.freeze(WEDNESDAY + timedelta(hours=2)), pytest.raises(Conflict, match="nothing_to_close"):
        settlement.close_now(settled.store, "EUR", key())
    with pytest.raises(DomainError, match="settlement_not_found"):
        settlement.close_now(Party("rider", "nobody"), "EUR", key())
    assert settled.close() is None
    assert CLOSING > WEDNESDAY


def _run_job() -> None:
    """All pages of the job, each of them told twice."""
    pages = [(0, "")]
    for shard, after in pages:
        known = {each.id for each in emitted("SettlementDue")}
        event_id = ids.new_id("evt")
        for _ in range(2):
            settlement.page_of_due(event_id, shard, after)
        fresh = [each for each in emitted("SettlementDue") if each.id not in known]
        pages += [(each.data["shard"], each.data["after"]) for each in fresh]


def _merchant(settled: Settled) -> str:
    from chalicelib.stores import service as stores

    return stores.get_store(settled.store_id).merchant_id


@pytest.mark.parametrize(
    ("kind", "about", "told"),
    [
        ("provider_fee", "provider_fee", "provider_fee"),
        ("dispute_lost", "dispute", "dispute"),
        ("credit_issued", "", "credit"),
        ("resent", "goods", "adjustment"),
        ("resent", "rider_pay", "rider_pay"),
        ("refunded", "commission_tax", "commission_refund"),
        ("refunded", "made_good", "refund"),
        ("something_new", "", "adjustment"),
    ],
)
def test_every_movement_has_its_kind(kind: str, about: str, told: str) -> None:
    party = Party("store", "sto_1")
    lines = lines_of((party.payable, -5, about), ("platform:revenue", 5, about))
    entry = Entry(id="x", cause="x", kind=kind, at=WEDNESDAY, currency="EUR", lines=lines, store_id="sto_1")
    (line,) = lines_for(party, entry)
    assert (line.kind, line.amount) == (told, 5)
