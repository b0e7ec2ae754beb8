"""Customers at the same moment, over several processes of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import stock_race
from tests.stack import started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.stack import LocalStack

pytestmark = [pytest.mark.stack, pytest.mark.fault]


@pytest.fixture(scope="module")
def wide_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with two API processes."""
    running = started(tmp_path_factory.mktemp("wide-stack"), api_processes=2)
    yield running
    running.stop()


def test_fifty_orders_for_ten_pieces_sell_ten(wide_stack: LocalStack) -> None:
    race = stock_race.for_the_last(wide_stack, units=10, customers=50)

    assert race.answers == {(201, ""): 10, (409, "out_of_stock"): 40}
    assert (race.orders, race.payments, race.left) == (10, 10, 0)


def test_one_key_sent_twenty_times_at_once_is_one_order(wide_stack: LocalStack) -> None:
    race = stock_race.with_one_key(wide_stack, repeats=20)

    assert set(race.answers) <= {(201, ""), (409, "request_in_flight")}
    assert race.answers[201, ""] - race.repeats == 1
    assert (race.orders, race.payments, race.left) == (1, 1, stock_race.UNITS - 1)
