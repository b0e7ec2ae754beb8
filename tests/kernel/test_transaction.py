"""One use case, one transaction: all of it or nothing, with the refusal that the failed condition means."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pynamodb.attributes import NumberAttribute

from chalicelib.kernel import clock, events, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Violation
from chalicelib.kernel.event_types import OrderDeadlineReached, OrderHandedOver
from chalicelib.kernel.idempotency import AlreadyAnswered, IdempotencyKey
from chalicelib.kernel.transaction import AlreadyHandled, Transaction, find_answer

if TYPE_CHECKING:
    from infra.local.wire import Emulator

pytestmark = pytest.mark.usefixtures("dynamodb")


class Shelf(tables.Row):
    class Meta(tables.Meta):
        context = "inventory"

    available = NumberAttribute(default=0)


def shelf(available: int) -> Shelf:
    row = Shelf(pk=ids.new_id("shf"), sk="-", available=available)
    tx = Transaction()
    tx.put(row, Shelf.pk.does_not_exist())
    tx.commit()
    return row


def left(row: Shelf) -> int:
    found = tables.get(Shelf, row.pk, row.sk)
    assert found is not None
    return int(found.available)


def take(tx: Transaction, row: Shelf, quantity: int = 1) -> None:
    def refusal(old: dict[str, Any] | None) -> DomainError:
        available = old["available"] if old else 0
        return DomainError("out_of_stock", "…", violations=[Violation("out_of_stock", row.pk, f"{available} left")])

    tx.update(
        Shelf,
        row.pk,
        row.sk,
        actions=[Shelf.available.add(-quantity)],
        condition=Shelf.available >= quantity,
        error=refusal,
    )


def outbox_row_of(event: events.Event) -> Transaction:
    tx = Transaction()
    tx.emit(event)
    return tx


def test_a_failed_condition_changes_nothing_anywhere() -> None:
    full, empty = shelf(5), shelf(0)
    tx = Transaction()
    take(tx, full)
    take(tx, empty)
    with pytest.raises(DomainError) as refused:
        tx.commit()
    assert refused.value.code == "out_of_stock"
    assert [v.detail for v in refused.value.violations] == ["0 left"]
    assert left(full) == 5


def test_refusals_of_the_same_kind_are_told_at_once() -> None:
    one, two, full = shelf(1), shelf(0), shelf(9)
    tx = Transaction()
    for row in (one, two, full):
        take(tx, row, 2)
    with pytest.raises(DomainError) as refused:
        tx.commit()
    assert {(v.pointer, v.detail) for v in refused.value.violations} == {(one.pk, "1 left"), (two.pk, "0 left")}


def test_each_kind_of_write_gets_its_own_refusal() -> None:
    """PynamoDB sends checks, deletes, puts and updates in that order, whatever order they were added in."""
    present = shelf(1)
    for broken in ("update", "put", "delete", "check"):
        tx = Transaction()
        target = {kind: shelf(1) for kind in ("update", "put", "delete", "check")}
        wrong = Shelf.available == 77
        right = Shelf.available == 1
        for kind in ("put", "update", "check", "delete"):
            condition = wrong if kind == broken else right
            error = Conflict(f"broken_{kind}", "…")
            row = target[kind]
            if kind == "put":
                tx.put(Shelf(pk=row.pk, sk=row.sk, available=3), condition, error)
            elif kind == "update":
                tx.update(Shelf, row.pk, row.sk, actions=[Shelf.available.set(3)], condition=condition, error=error)
            elif kind == "check":
                tx.check(Shelf, row.pk, row.sk, condition=condition, error=error)
            else:
                tx.delete(Shelf, row.pk, row.sk, condition=condition, error=error)
        with pytest.raises(Conflict) as refused:
            tx.commit()
        assert refused.value.code == f"broken_{broken}"
        assert all(left(row) == 1 for row in target.values())
    assert left(present) == 1


def test_a_lone_write_is_refused_with_its_error_too() -> None:
    empty = shelf(0)
    tx = Transaction()
    take(tx, empty)
    with pytest.raises(DomainError) as refused:
        tx.commit()
    assert [v.detail for v in refused.value.violations] == ["0 left"]


def test_an_item_can_not_be_written_twice_in_one_transaction() -> None:
    row, tx = shelf(1), Transaction()
    take(tx, row)
    with pytest.raises(ValueError, match="twice"):
        take(tx, row)


def test_fifty_buyers_of_ten_get_exactly_ten() -> None:
    row = shelf(10)

    def buy(number: int) -> bool:
        tx = Transaction()
        take(tx, row)
        tx.emit(OrderHandedOver(order_id=f"o{number}", store_id="s"))
        try:
            tx.commit()
        except DomainError as refused:
            if refused.code != "out_of_stock":
                raise
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(buy, range(50))) == 10
    assert left(row) == 0


def test_an_event_is_handled_once_per_consumer() -> None:
    row, event_id = shelf(10), ids.new_id("evt")

    def handle(consumer: str) -> None:
        tx = Transaction()
        tx.claim(consumer, event_id)
        take(tx, row)
        tx.commit()

    handle("ordering")
    with pytest.raises(AlreadyHandled):
        handle("ordering")
    handle("dispatch")
    assert left(row) == 8


def test_a_repeat_outranks_the_refusals_that_the_first_copy_caused() -> None:
    row, key = shelf(1), IdempotencyKey("scope", ids.new_id("key"), "f", lambda result: {"was": result})
    for attempt in range(2):
        tx = Transaction()
        tx.remember(key, attempt)
        take(tx, row)
        if attempt == 0:
            tx.commit()
            continue
        with pytest.raises(AlreadyAnswered):
            tx.commit()
    stored = find_answer(key)
    assert stored is not None
    assert (stored.fingerprint, stored.answer) == ("f", {"was": 0})


def test_claim_answer_and_outbox_of_one_transaction_share_a_row() -> None:
    event_id = ids.new_id("evt")
    tx = Transaction()
    tx.claim("ordering", event_id)
    tx.emit(OrderHandedOver(order_id="ord_1", store_id="sto_1"))
    tx.emit_at(clock.now() + timedelta(minutes=5), OrderDeadlineReached(order_id="ord_1"))
    tx.commit()
    row = tables.get(events.EventsRow, f"INBOX#ordering#{event_id}", "-")
    assert row is not None
    assert row.relay == "now"
    assert [(entry["type"], "due" in entry) for entry in row.outbox] == [
        ("OrderHandedOver", False),
        ("OrderDeadlineReached", True),
    ]


def test_a_timer_beyond_a_queues_delay_waits_in_the_due_index() -> None:
    due = clock.now() + timedelta(hours=3)
    tx = Transaction()
    tx.emit_at(due, OrderDeadlineReached(order_id=ids.new_id("ord")))
    envelope = tx._later[0]
    tx.commit()
    row = tables.get(events.EventsRow, f"OUT#{envelope.id}", "-")
    assert row is not None
    assert row.relay is None
    assert row.due_sk == clock.epoch_ms(due)


def test_what_follows_a_commit_follows_only_a_commit_and_undoes_nothing() -> None:
    row, done = shelf(1), []
    for number in range(2):
        tx = Transaction()
        take(tx, row)
        tx.afterwards(lambda number=number: done.append(number))  # type: ignore[misc]
        tx.afterwards(lambda: 1 // 0)
        if number == 0:
            tx.commit()
        else:
            with pytest.raises(DomainError):
                tx.commit()
    assert (done, left(row)) == ([0], 0)


def test_an_empty_transaction_does_nothing() -> None:
    Transaction().commit()


def test_reads_of_many_items_come_back_in_the_order_asked(dynamodb: Emulator) -> None:
    rows = [shelf(number) for number in range(120)]
    keys: list[tuple[type[tables.Row], str, str]] = [(Shelf, row.pk, row.sk) for row in rows]
    keys.insert(3, (Shelf, "absent", "-"))
    found = tables.batch_get(keys)
    assert found[3] is None
    assert [int(row.available) for row in found if isinstance(row, Shelf)] == list(range(120))
