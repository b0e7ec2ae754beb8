"""The bills that an amendment makes, and what is taken of several holds: rules without I/O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.errors import Conflict, Invalid
from chalicelib.payments.model.amending import Amendment, Swap, Weighed, amend
from chalicelib.payments.model.bill import DELIVERY_FEE, Bill, BillLine
from chalicelib.payments.model.extras import spread

BILL = Bill(
    currency="EUR",
    lines=(
        BillLine(ref="0", quantity=3, gross=1000, tax=65, tax_rate_bps=700),
        BillLine(ref="1", gross=850, tax=136, tax_rate_bps=1900),
    ),
    fees=(BillLine(ref=DELIVERY_FEE, gross=300, tax=48, tax_rate_bps=1900),),
    tip=200,
)
CEILING = BILL.total


def wine(gross: int, quantity: int = 1) -> BillLine:
    return BillLine(ref="", quantity=quantity, gross=gross, tax=round(gross * 19 / 119), tax_rate_bps=1900, name="Wine")


def amended(change: Amendment, ceiling: int = CEILING):
    return amend(BILL, change, ceiling=ceiling, least_extra=50)


def test_what_is_missing_needs_no_consent() -> None:
    told = amended(Amendment(missing={"0": 1}))
    assert not told.asks
    assert told.wanted.total == BILL.total - 334
    assert told.wanted.lines[0].quantity == 2


def test_a_lighter_line_costs_less_with_its_tax() -> None:
    told = amended(Amendment(weighed=(Weighed(ref="0", gross=930, tax=61),)))
    assert (told.asks, told.wanted.lines[0].gross, told.wanted.lines[0].tax) == (False, 930, 61)


def test_a_heavier_line_within_what_is_held_needs_no_consent() -> None:
    told = amended(Amendment(missing={"1": 1}, weighed=(Weighed(ref="0", gross=1100, tax=72),)))
    assert (told.asks, told.wanted.total) == (False, BILL.total - 850 + 100)


def test_a_heavier_line_beyond_what_is_held_is_asked_for() -> None:
    told = amended(Amendment(weighed=(Weighed(ref="0", gross=1100, tax=72),)))
    assert (told.asks, told.extra) == (True, 100)
    assert told.unasked == BILL


def test_what_is_too_little_to_be_charged_apart_is_the_stores_loss() -> None:
    told = amended(Amendment(weighed=(Weighed(ref="0", gross=1049, tax=69),)))
    assert (told.asks, told.wanted.total, told.extra) == (False, CEILING, 0)


def test_a_substitute_costs_at_most_what_it_replaces() -> None:
    told = amended(Amendment(swaps=(Swap(ref="1", quantity=1, by=wine(1200), asks=False),)))
    assert not told.asks
    assert told.wanted.total == BILL.total
    assert (told.wanted.lines[2].ref, told.wanted.lines[2].gross, told.wanted.lines[2].name) == ("2", 850, "Wine")
    cheaper = amended(Amendment(swaps=(Swap(ref="1", quantity=1, by=wine(500), asks=False),)))
    assert cheaper.wanted.total == BILL.total - 350


def test_a_customer_who_wants_to_be_asked_is_asked_even_for_less() -> None:
    told = amended(Amendment(swaps=(Swap(ref="1", quantity=1, by=wine(500), asks=True),)))
    assert (told.asks, told.extra) == (True, 0)
    assert told.wanted.total == BILL.total - 350
    assert told.unasked.total == BILL.total - 850


def test_all_of_it_missing_is_a_cancellation() -> None:
    with pytest.raises(Conflict) as refused:
        amended(Amendment(missing={"0": 3, "1": 1}))
    assert refused.value.code == "nothing_left"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (Amendment(missing={"0": 1, "7": 1}), "/missing/1/line"),
        (Amendment(missing={"0": 4}), "/missing/0/quantity"),
        (Amendment(swaps=(Swap(ref="7", quantity=1, by=wine(1), asks=False),)), "/substituted/0/line"),
        (Amendment(swaps=(Swap(ref="1", quantity=2, by=wine(1), asks=False),)), "/substituted/0/quantity"),
    ],
)
def test_a_fault_is_told_where_it_is(change: Amendment, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        amended(change)
    assert [violation.pointer for violation in refused.value.violations] == [pointer]


@given(
    missing=st.integers(0, 2),
    grams=st.integers(0, 5000),
    price=st.integers(0, 5000),
    asks=st.booleans(),
    swapped=st.booleans(),
    ceiling=st.integers(BILL.total, BILL.total + 3000),
)
def test_without_consent_nothing_is_dearer_than_what_may_be_taken(
    *, missing: int, grams: int, price: int, asks: bool, swapped: bool, ceiling: int
) -> None:
    swaps = (Swap(ref="1", quantity=1, by=wine(price), asks=asks),) if swapped else ()
    weighed = (Weighed(ref="0", gross=grams, tax=round(grams * 7 / 107)),)
    try:
        told = amended(Amendment(missing={"0": missing}, weighed=weighed, swaps=swaps), ceiling)
    except Conflict:
        return
    assert told.unasked.total <= ceiling
    assert told.extra == max(0, told.wanted.total - ceiling)
    assert told.asks or told.wanted == told.unasked
    assert told.extra == 0 or told.extra >= 50
    for bill in (told.wanted, told.unasked):
        assert all(0 <= line.tax <= line.gross for line in bill.lines)
        assert bill.total == bill.sums.total


@pytest.mark.parametrize(
    ("due", "holds", "taken"),
    [
        (3000, [3000], [3000]),
        (2500, [3000], [2500]),
        (49, [3000], [0]),
        (0, [3000], [0]),
        (3200, [3000, 200], [3000, 200]),
        (3020, [3000, 200], [2970, 50]),
        (80, [60, 50], [60, 0]),
        (3100, [3000, 60, 60], [3000, 50, 50]),
        (100, [0, 200], [0, 100]),
        (20, [0, 200], [0, 0]),
    ],
)
def test_what_is_due_is_spread_over_the_holds(due: int, holds: list[int], taken: list[int]) -> None:
    assert spread(due, holds, 50) == taken


@given(st.integers(0, 10_000), st.lists(st.integers(50, 5000), min_size=1, max_size=4), st.integers(1, 50))
def test_never_more_than_is_due_or_held_and_never_too_little(due: int, holds: list[int], least: int) -> None:
    taken = spread(due, holds, least)
    assert sum(taken) <= min(due, sum(holds))
    assert all(part == 0 or least <= part <= hold for part, hold in zip(taken, holds, strict=True))
    assert sum(taken) > min(due, sum(holds)) - least or due < least
