"""Splitting and rounding money never makes or loses a minor unit."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel import money


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_allocated_parts_add_up_to_the_total(total: int, weights: list[int]) -> None:
    assert sum(money.allocate(total, weights)) == total


@given(st.integers(0, 10**9), st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_each_part_is_within_one_minor_unit_of_its_exact_share(total: int, weights: list[int]) -> None:
    for part, weight in zip(money.allocate(total, weights), weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_the_largest_remainder_gets_the_odd_cent() -> None:
    assert money.allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert money.allocate(10, [5, 3, 2, 1]) == [4, 3, 2, 1]


def test_nothing_to_allocate_to_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        money.allocate(1, [])


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(5, 2), 3),
        (Fraction(49, 100), 0),
        (Fraction(-3), -3),
    ],
)
def test_a_half_rounds_away_from_zero(value: Fraction, rounded: int) -> None:
    assert money.round_half_up(value) == rounded


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_minor_units_follow_iso_4217(currency: str, digits: int) -> None:
    assert money.is_currency(currency)
    assert money.exponent(currency) == digits


def test_an_unknown_code_is_no_currency() -> None:
    assert not money.is_currency("XXX")
