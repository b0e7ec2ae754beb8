"""A quote as a bill: every minor unit of the breakdown, on the part that it is charged for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ordering.model.pricing import Fees, Taxation, price_basket
from chalicelib.ordering.model.quote import Line, Quote, taxed_amounts
from chalicelib.ordering.service.billing import bill_of
from chalicelib.payments import service as payments

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
CATEGORIES = ("alcohol", "food", "service")


def quoted(lines: list[tuple[int, int, str]], fees: Fees, tip: int, currency: str = "EUR", *, included: bool) -> Quote:
    taxation = Taxation(
        prices_include_tax=included, rates={"alcohol": 1900, "food": 700, "service": 1900}, fee_category="service"
    )
    priced = tuple(
        Line(
            sku=f"SKU-{number}",
            product_id="prd",
            name="x",
            quantity=quantity,
            unit_minor=unit,
            total_minor=unit * quantity,
            tax_category=category,
        )
        for number, (quantity, unit, category) in enumerate(lines)
    )
    return Quote(
        id="qte_1",
        customer_id="cus",
        store_id="sto",
        store_name="x",
        currency=currency,
        mode="delivery",
        lines=priced,
        breakdown=price_basket(taxed_amounts(priced), fees, taxation, tip_minor=tip),
        fees=fees,
        fee_category="service",
        menu_version=1,
        ready_at=AT,
        promised_at=AT,
        created_at=AT,
        expires_at=AT,
        payment_methods=("card",),
    )


def test_prices_without_tax_carry_it_on_the_bill():
    bill = bill_of(quoted([(2, 500, "food"), (1, 333, "alcohol")], Fees(delivery_minor=100), 50, included=False))

    # 70 on 1000; 82 on 433, of which 63 for the bottle and 19 for the fee.
    assert [(line.quantity, line.gross, line.tax, line.tax_rate_bps) for line in bill.lines] == [
        (2, 1070, 70, 700),
        (1, 396, 63, 1900),
    ]
    assert [(fee.ref, fee.gross, fee.tax) for fee in bill.fees] == [(payments.DELIVERY_FEE, 119, 19)]
    assert bill.total == 1070 + 396 + 119 + 50


@given(
    lines=st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 10**6), st.sampled_from(CATEGORIES)), min_size=1, max_size=8
    ),
    fees=st.builds(Fees, delivery_minor=st.integers(0, 999), small_order_below_minor=st.just(10**5)),
    tip=st.integers(0, 5000),
    currency=st.sampled_from(["JPY", "EUR", "KWD"]),
    included=st.booleans(),
)
def test_a_bill_is_its_breakdown_to_the_minor_unit(
    lines: list[tuple[int, int, str]], fees: Fees, tip: int, currency: str, included: bool
):
    quote = quoted(lines, fees, tip, currency, included=included)
    bill = bill_of(quote)

    assert bill.total == quote.breakdown.total_minor
    rates = Counter[int]()
    for tax in quote.breakdown.taxes:
        rates[tax.rate] += tax.tax_minor
    assert +Counter(bill.taxes) == +rates
    assert all(0 <= part.tax <= part.gross for part in bill.parts)
