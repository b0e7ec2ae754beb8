"""Taking a bill apart: whatever the pieces, they are the bill, per part and per tax rate."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.errors import Invalid
from chalicelib.kernel.money import exponent
from chalicelib.payments.model.apportion import Share, all_of, by_amount, by_quantity, sums_of
from chalicelib.payments.model.bill import DELIVERY_FEE, SMALL_ORDER_FEE, TIP, Bill, BillLine

RATES = (0, 700, 825, 1900)


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """Bills as shops of three kinds of currencies write them; a part's tax is never more than the part."""
    currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
    top = 50 * 10 ** exponent(currency)

    def part(ref: str, quantity: int) -> BillLine:
        gross = draw(st.integers(0, top))
        tax = draw(st.integers(0, gross // 3)) if gross else 0
        rate = draw(st.sampled_from(RATES)) if tax else 0
        return BillLine(ref=ref, quantity=quantity, gross=gross, tax=tax, tax_rate_bps=rate)

    lines = tuple(part(str(number), draw(st.integers(1, 5))) for number in range(draw(st.integers(1, 5))))
    fees = tuple(part(ref, 1) for ref in (DELIVERY_FEE, SMALL_ORDER_FEE) if draw(st.booleans()))
    return Bill(currency=currency, lines=lines, fees=fees, tip=draw(st.integers(0, top // 5)))


def test_a_line_of_unequal_pieces_gives_the_dearer_ones_back_first():
    bill = Bill(currency="EUR", lines=(BillLine(ref="0", quantity=3, gross=1000, tax=65, tax_rate_bps=700),))

    assert by_quantity(bill, {"0": 1}) == [Share("0", 334, 22, 700, 1)]
    assert by_quantity(bill, {"0": 3}) == [Share("0", 1000, 65, 700, 3)]


def test_an_amount_is_spread_over_lines_fees_and_tip_in_proportion():
    bill = Bill(
        currency="EUR",
        lines=(BillLine(ref="0", gross=1000, tax=160), BillLine(ref="1", gross=600, tax=40)),
        fees=(BillLine(ref=DELIVERY_FEE, gross=300, tax=48),),
        tip=100,
    )

    shares = by_amount(bill, 1000)

    assert {share.ref: (share.gross, share.tax) for share in shares} == {
        "0": (500, 80),
        "1": (300, 20),
        DELIVERY_FEE: (150, 24),
        TIP: (50, 0),
    }
    sums = sums_of(shares)
    assert (sums.items, sums.items_tax, sums.fees, sums.fees_tax, sums.tip) == (800, 100, 150, 24, 50)


def test_what_is_not_left_can_not_be_taken():
    bill = Bill(currency="EUR", lines=(BillLine(ref="0", quantity=2, gross=500),))

    with pytest.raises(Invalid) as refused:
        by_quantity(bill, {"0": 3, "7": 1})
    assert [fault.code for fault in refused.value.violations] == ["quantity_not_left", "line_not_on_bill"]
    with pytest.raises(Invalid):
        by_amount(bill, 501)


@given(st.data())
def test_any_split_by_quantity_and_amount_gives_back_exactly_the_bill(data: st.DataObject):
    bill = left = data.draw(bills())
    taken: list[Share] = []
    for _ in range(data.draw(st.integers(0, 8))):
        if data.draw(st.booleans()):
            shares = by_amount(left, data.draw(st.integers(0, left.total)))
        else:
            part = data.draw(st.sampled_from(list(left.parts)))
            shares = by_quantity(left, {part.ref: data.draw(st.integers(0, part.quantity))})
        assert all(0 <= share.tax <= share.gross for share in shares)
        taken += shares
        left = left.less(shares)
        assert all(0 <= part.tax <= part.gross for part in left.parts)
        assert left.total + sum(share.gross for share in taken) == bill.total
    taken += all_of(left)
    assert left.less(all_of(left)).total == 0

    grosses, taxes = Counter[str](), Counter[int]()
    for share in taken:
        grosses[share.ref] += share.gross
        taxes[share.tax_rate_bps] += share.tax
    assert +grosses == +Counter({part.ref: part.gross for part in bill.parts})
    assert +taxes == +Counter(bill.taxes)
    assert sums_of(taken) == bill.sums


@given(bills(), st.randoms(use_true_random=False))
def test_refunding_piece_by_piece_in_any_order_gives_back_exactly_the_bill(bill: Bill, chance: object):
    pieces = [part.ref for part in bill.parts for _ in range(part.quantity)]
    chance.shuffle(pieces)  # type: ignore[attr-defined]
    left, taxes = bill, Counter[int]()
    for ref in pieces:
        shares = by_quantity(left, {ref: 1})
        for share in shares:
            taxes[share.tax_rate_bps] += share.tax
        left = left.less(shares)
    assert left.total == 0
    assert +taxes == +Counter(bill.taxes)
