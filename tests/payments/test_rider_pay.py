"""Rider pay in the books: entered once, on the next statement by its kind, undone by no refund."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock, ids
from chalicelib.kernel.event_types import RiderEarned
from chalicelib.payments import service
from tests.payments.settling import WEDNESDAY, Settled, balance, entries_of

if TYPE_CHECKING:
    from tests.payments.conftest import Stripe


@pytest.fixture
def settled(stripe: Stripe) -> Settled:
    return Settled(stripe)


def earned(settled: Settled, amount: int, order_id: str | None) -> RiderEarned:
    return RiderEarned(
        rider_id=settled.rider_id,
        shift_id=ids.new_id("shf"),
        cause=ids.retag(order_id, "dlv") if order_id else "guarantee",
        amount=amount,
        currency="EUR",
        at=clock.rfc3339(clock.now()),
        order_id=order_id,
        rules="everywhere:3",
    )


def test_what_was_earned_is_entered_once_however_often_it_is_told(settled: Settled) -> None:
    payment = settled.sell()
    before = balance(settled.rider)
    events = [earned(settled, 340, payment.order_id), earned(settled, 1200, None)]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(service.enter_rider_pay, events * 4))

    assert balance(settled.rider) == before + 340 + 1200
    kinds = [entry.kind for entry in entries_of(settled.rider) if entry.memo == "everywhere:3"]
    assert sorted(kinds) == ["rider_guarantee", "rider_pay"]


def test_the_statement_says_what_was_pay_and_what_a_guarantee(settled: Settled) -> None:
    with clock.freeze(WEDNESDAY):
        service.enter_rider_pay(earned(settled, 340, settled.sell().order_id))
        service.enter_rider_pay(earned(settled, 1200, None))

    statement = settled.close(settled.rider)

    assert statement is not None
    assert statement.totals["rider_guarantee"] == 1200
    assert statement.totals["rider_pay"] >= 340
    assert statement.closing == sum(statement.totals.values()) == balance(settled.rider)


def test_a_refund_leaves_the_rider_what_was_earned(settled: Settled) -> None:
    payment = settled.sell()
    service.enter_rider_pay(earned(settled, 340, payment.order_id))
    before = balance(settled.rider)
    settled.refund(payment, amount=500)
    assert balance(settled.rider) == before
