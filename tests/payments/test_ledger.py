"""The ledger: balanced, posted once per cause, never changed; balances are sums of its lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model.ledger import Entry, Line, Unbalanced, balances, trial_balance
from chalicelib.payments.service import ledger
from chalicelib.payments.tables.ledger import EntryRow, order_key

if TYPE_CHECKING:
    from infra.local.wire import Emulator

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)


def entry(*lines: Line, cause: str = "hand_over", kind: str = "sale", at: datetime = AT, **of: str) -> Entry:
    of.setdefault("order_id", ids.new_id("ord"))
    return Entry(
        id=f"{of['order_id']}:{cause}:{kind}", cause=cause, kind=kind, at=at, currency="EUR", lines=lines, **of
    )


def posted(*entries: Entry) -> None:
    tx = Transaction()
    ledger.post(tx, *entries)
    tx.commit()


def test_lines_that_do_not_add_up_are_no_entry():
    with pytest.raises(Unbalanced):
        entry(Line("stripe:clearing", 500), Line("customer:ord_1", -499))
    with pytest.raises(Unbalanced):
        msgspec.structs.replace(entry(Line("a", 1), Line("b", -1)), lines=(Line("a", 1),))


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-(10**9), 10**9)), max_size=5), max_size=8))
def test_balances_are_sums_of_lines_and_add_up_to_nothing(movements: list[list[tuple[str, int]]]):
    entries = [
        entry(*(Line(account, amount) for account, amount in lines), Line("e", -sum(amount for _, amount in lines)))
        for lines in movements
    ]
    told = balances(entries)

    assert sum(told.values()) == 0
    assert set(trial_balance(entries).values()) <= {0}
    for account in "abcde":
        assert told.get(account, 0) == sum(each.on(account) for each in entries)


def test_an_entry_comes_back_as_it_was_posted(dynamodb: Emulator):
    sale = entry(
        Line("customer:x", 500, "payment"), Line("store:sto_1", -500, "items"), store_id="sto_1", memo="two pizzas"
    )
    posted(sale)
    assert ledger.entries_of_order(sale.order_id or "") == [sale]


def test_a_cause_is_posted_once(dynamodb: Emulator):
    first = entry(Line("a", 5), Line("b", -5))
    posted(first)
    with pytest.raises(ledger.AlreadyPosted):
        posted(msgspec.structs.replace(first, lines=(Line("a", 7), Line("b", -7))))
    posted(msgspec.structs.replace(first, kind="rider_pay"))
    assert [each.on("a") for each in ledger.entries_of_order(first.order_id or "")] == [5, 5]


def test_statements_see_the_entries_that_change_what_somebody_has(dynamodb: Emulator):
    store, rider = ids.new_id("sto"), ids.new_id("rdr")
    mine = {"store_id": store, "rider_id": rider}
    sale = entry(Line("customer:x", 9), Line(f"store:{store}", -9), **mine)
    pay = entry(Line("platform:revenue", 3), Line(f"rider:{rider}", -3), at=AT + timedelta(hours=1), **mine)
    cash = entry(Line(f"cash:rider:{rider}", 9), Line("customer:x", -9), at=AT + timedelta(hours=2), **mine)
    with clock.freeze(AT):
        posted(sale, pay, cash, entry(Line("stripe:clearing", 9), Line("customer:x", -9), **mine))

    day = AT + timedelta(days=1)
    assert list(ledger.all_entries_of_store(store, AT, day)) == [sale]
    assert list(ledger.all_entries_of_rider(rider, AT, day)) == [pay, cash]
    assert list(ledger.all_entries_of_rider(rider, AT, cash.at)) == [pay]
    first = ledger.entries_of_rider(rider, AT, day, limit=1)
    assert first.items == [pay]
    assert ledger.entries_of_rider(rider, AT, day, start=first.next_key).items == [cash]


def test_what_belongs_to_no_order_lies_with_its_account(dynamodb: Emulator):
    account = f"credit:{ids.new_id('gft')}"
    issued = Entry(
        id="gft:issue",
        cause="issue",
        kind="credit_issued",
        at=AT,
        currency="EUR",
        lines=(Line(account, -50), Line("promotions", 50)),
    )
    posted(issued)
    assert ledger.entries_of_account(account, AT) == [issued]


def test_a_sale_with_every_part_is_below_a_write_unit(dynamodb: Emulator):
    order_id, store, rider = ids.new_id("ord"), ids.new_id("sto"), ids.new_id("rdr")
    about = ("items", "items_tax", "fees", "fees_tax", "tip", "commission", "commission", "commission_tax")
    lines = tuple(Line(f"store:{store}", -100000 - number, part) for number, part in enumerate(about))
    whole = Line(f"customer:{order_id}", -sum(line.amount for line in lines), "payment")
    posted(entry(whole, *lines, order_id=order_id, store_id=store, rider_id=rider))
    (row,) = tables.query(EntryRow, order_key(order_id)).items
    size = sum(len(name) + len(value) for name, kept in row.serialize().items() for value in kept.values())
    assert size < 700
