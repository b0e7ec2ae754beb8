"""What a basket costs."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.money import exponent
from chalicelib.ordering.model.pricing import Fees, Taxation, TaxedAmount, price_basket

US = Taxation(prices_include_tax=False, rates={"food": 825, "alcohol": 1000, "service": 825}, fee_category="service")
DE = Taxation(prices_include_tax=True, rates={"food": 700, "drink": 1900, "service": 1900}, fee_category="service")

amounts = st.integers(0, 10**9)
rates = st.integers(0, 10_000)
categories = st.sampled_from(["food", "drink", "service"])


def test_prices_without_tax_get_it_added_per_category():
    breakdown = price_basket(
        [TaxedAmount(1000, "food"), TaxedAmount(599, "food"), TaxedAmount(2000, "alcohol")],
        Fees(delivery_minor=299),
        US,
        tip_minor=500,
    )

    assert [(t.category, t.base_minor, t.tax_minor) for t in breakdown.taxes] == [
        ("alcohol", 2000, 200),
        ("food", 1599, 132),  # 131.9175
        ("service", 299, 25),  # 24.6675
    ]
    assert breakdown.total_minor == 3599 + 299 + 357 + 500


def test_prices_with_tax_contain_it():
    breakdown = price_basket([TaxedAmount(1070, "food"), TaxedAmount(238, "drink")], Fees(delivery_minor=119), DE)

    assert [(t.category, t.tax_minor) for t in breakdown.taxes] == [
        ("drink", 38),
        ("food", 70),
        ("service", 19),
    ]
    assert breakdown.total_minor == 1070 + 238 + 119
    assert breakdown.added_tax_minor == 0


def test_tax_is_rounded_once_per_category_and_not_per_line():
    # 3 x 0.0825 x 10 = 2.475; rounding line by line would make 3.
    breakdown = price_basket([TaxedAmount(10, "food")] * 3, Fees(), US)

    assert breakdown.tax_minor == 2


def test_half_a_minor_unit_is_rounded_up():
    taxation = Taxation(prices_include_tax=False, rates={"food": 500}, fee_category="food")

    assert price_basket([TaxedAmount(10, "food")], Fees(), taxation).tax_minor == 1  # 0.5
    assert price_basket([TaxedAmount(9, "food")], Fees(), taxation).tax_minor == 0  # 0.45


def test_fees_are_taxed_together_with_the_lines_of_their_category():
    taxation = Taxation(prices_include_tax=False, rates={"all": 500}, fee_category="all")

    breakdown = price_basket([TaxedAmount(105, "all")], Fees(delivery_minor=105), taxation)

    assert [(t.base_minor, t.tax_minor) for t in breakdown.taxes] == [(210, 11)]  # 10.5, not 5.25 twice


@pytest.mark.parametrize(("items", "fee"), [(2999, 290), (3000, 0), (3001, 0)])
def test_delivery_is_free_from_the_threshold_on(items, fee):
    breakdown = price_basket([TaxedAmount(items, "food")], Fees(delivery_minor=290, free_from_minor=3000), DE)

    assert breakdown.delivery_fee_minor == fee


@pytest.mark.parametrize(("items", "fee"), [(999, 150), (1000, 0)])
def test_a_small_order_pays_its_fee(items, fee):
    fees = Fees(small_order_below_minor=1000, small_order_minor=150)

    assert price_basket([TaxedAmount(items, "food")], fees, DE).small_order_fee_minor == fee


def test_the_tip_is_not_taxed():
    assert price_basket([TaxedAmount(1000, "food")], Fees(), US, tip_minor=10_000).tax_minor == 83


def test_a_category_without_a_rate_is_not_taxed_at_zero_by_accident():
    with pytest.raises(KeyError, match="toys"):
        price_basket([TaxedAmount(1000, "toys")], Fees(), DE)


@given(
    lines=st.lists(st.builds(TaxedAmount, amounts, categories), max_size=20),
    fees=st.builds(
        Fees,
        delivery_minor=amounts,
        free_from_minor=st.none() | amounts,
        small_order_below_minor=amounts,
        small_order_minor=amounts,
    ),
    taxation=st.builds(
        Taxation,
        prices_include_tax=st.booleans(),
        rates=st.fixed_dictionaries({"food": rates, "drink": rates, "service": rates}),
        fee_category=categories,
    ),
    tip=amounts,
)
def test_every_breakdown_adds_up(lines, fees, taxation, tip):
    b = price_basket(lines, fees, taxation, tip_minor=tip)

    parts = b.items_minor + b.delivery_fee_minor + b.small_order_fee_minor + b.added_tax_minor + b.tip_minor
    assert parts == b.total_minor
    assert b.items_minor == sum(line.amount_minor for line in lines)
    # What is taxed is what is charged, apart from the tip.
    assert sum(t.base_minor for t in b.taxes) == b.items_minor + b.delivery_fee_minor + b.small_order_fee_minor
    assert len({t.category for t in b.taxes}) == len(b.taxes)


@given(base=st.integers(0, 10**7), rate=rates, currency=st.sampled_from(["JPY", "EUR", "USD", "KWD"]))
def test_each_tax_is_within_half_a_minor_unit_of_the_exact_one(base, rate, currency):
    # Prices of any currency: 0 (JPY), 2 and 3 (KWD) decimals are all whole minor units here.
    amount = base * 10 ** exponent(currency)
    added = Taxation(prices_include_tax=False, rates={"food": rate}, fee_category="food")
    included = Taxation(prices_include_tax=True, rates={"food": rate}, fee_category="food")

    on_top = price_basket([TaxedAmount(amount, "food")], Fees(), added)
    within = price_basket([TaxedAmount(amount, "food")], Fees(), included)

    assert abs(on_top.tax_minor - Fraction(amount * rate, 10_000)) <= Fraction(1, 2)
    assert abs(within.tax_minor - (amount - Fraction(amount * 10_000, 10_000 + rate))) <= Fraction(1, 2)
    assert within.total_minor == amount
