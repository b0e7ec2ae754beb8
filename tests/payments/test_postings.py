"""What each fact means in the ledger: a sale shared out by the terms, refunds that undo it to the last cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.kernel.errors import Invalid
from chalicelib.kernel.money import Money
from chalicelib.payments.model import Method, Payment, State, postings
from chalicelib.payments.model.apportion import by_amount, by_quantity, sums_of
from chalicelib.payments.model.bill import Sums
from chalicelib.payments.model.ledger import Entry, balances
from chalicelib.payments.model.terms import DEFAULT, Commission, Schedule, Terms
from tests.payments.test_apportion import bills

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)


def paid(sums: Sums, **fields: object) -> Payment:
    total = sums.total
    told = {"method": Method.CARD, "mode": "delivery", "rider_id": "rdr", "is_fulfilled": True, **fields}
    return Payment(
        order_id="ord",
        store_id="sto",
        customer_id="cus",
        amount=Money(total, "EUR"),
        state=State.CAPTURED,
        captured_minor=total,
        sums=sums,
        **told,  # type: ignore[arg-type]
    )


def sale(payment: Payment, terms: Terms = DEFAULT) -> list[Entry]:
    taken = [postings.collected(payment, payment.captured_minor, AT)] if payment.captured_minor else []
    return [*taken, *postings.sold(payment, terms, AT)]


def test_a_delivery_is_shared_out_by_the_terms():
    payment = paid(Sums(items=4000, items_tax=262, fees=290, fees_tax=46, tip=300))

    assert balances(sale(payment)) == {
        "stripe:clearing": 4590,
        "store:sto": -(4000 - 561),  # 15 % of 37.38
        "platform:revenue": -(561 + 244 - 195),  # and 80 % of the fee to the rider
        "tax:platform": -46,
        "rider:rdr": -(300 + 195),
    }


def test_terms_decide_who_remits_tax_and_who_gets_the_fees():
    payment = paid(Sums(items=4000, items_tax=262, fees=290, fees_tax=46), rider_id=None)
    terms = Terms(
        commission=Commission(delivery=1000),
        fixed_fee=30,
        commission_tax_bps=1900,
        goods_tax_by="platform",
        fees_to="store",
    )

    assert balances(sale(payment, terms)) == {
        "stripe:clearing": 4290,
        "store:sto": -(3738 + 244 - 404 - 77),
        "platform:revenue": -404,
        "tax:platform": -(262 + 46 + 77),
    }


def test_cash_lies_with_whoever_took_it():
    sums = Sums(items=1000)
    at_the_door = sale(paid(sums, method=Method.CASH_ON_DELIVERY))
    at_the_till = sale(paid(sums, method=Method.PAY_AT_STORE, mode="dine_in", rider_id=None))

    assert balances(at_the_door)["cash:rider:rdr"] == 1000
    assert balances(at_the_till) == {"cash:till:sto": 1000, "store:sto": -1000}


@pytest.mark.parametrize(
    ("payer", "loser"),
    [("store", "store:sto"), ("platform", "platform:revenue"), ("rider", "rider:rdr"), ("supplier", "supplier:sto")],
)
def test_who_pays_for_a_refund_makes_good_what_the_others_gave_back(payer: str, loser: str):
    payment = paid(Sums(items=4000, items_tax=400, fees=300, tip=200))
    before = sale(payment)
    refund = postings.refunded(
        payment, "refund:1", Sums(items=2000, items_tax=200, tip=100), before, AT, back=2100, payer=payer
    )

    was, now = balances(before), balances([*before, refund])
    change = {account: now.get(account, 0) - was.get(account, 0) for account in {*was, *now}}
    # The platform's commission on what was refunded is not earned; the tax on it was the store's to remit.
    borne = {account: amount for account, amount in change.items() if amount and account != "stripe:clearing"}
    assert change["stripe:clearing"] == -2100
    assert borne.pop("platform:revenue", 0) + sum(borne.values()) == 2100
    assert change["rider:rdr"] == (1900 if payer == "rider" else 0)
    assert change[loser] > 0


terms_ = st.builds(
    Terms,
    commission=st.builds(Commission, delivery=st.integers(0, 4000)),
    fixed_fee=st.integers(0, 500),
    commission_tax_bps=st.sampled_from([0, 1900]),
    goods_tax_by=st.sampled_from(["store", "platform"]),
    fees_to=st.sampled_from(["store", "platform"]),
    rider_fee_share_bps=st.integers(0, 10_000),
    rider_pay=st.integers(0, 500),
)


@given(st.data(), bills(), terms_)
def test_refunding_everything_in_any_way_undoes_the_sale_whoever_pays(data: st.DataObject, bill, terms: Terms):
    payment = paid(bill.sums)
    entries = sale(payment, terms)
    assert "customer:ord" not in balances(entries)
    left, number = bill, 0
    while left.total and number < 6:
        number += 1
        if number == 6:
            shares = by_amount(left, left.total)
        elif data.draw(st.booleans()):
            shares = by_amount(left, data.draw(st.integers(1, left.total)))
        else:
            part = data.draw(st.sampled_from([part for part in left.parts if part.gross and part.quantity] or [None]))
            if part is None:
                continue
            shares = by_quantity(left, {part.ref: data.draw(st.integers(1, part.quantity))})
        sums = sums_of(shares)
        entries.append(postings.refunded(payment, f"refund:{number}", sums, entries, AT, back=sums.total, payer=None))
        left = left.less(shares)
    assert sum(balances(entries).values()) == 0
    earned = terms.rider_earns(bill.sums)  # the rider rode, whatever became of the goods
    fees_to = "store:sto" if terms.fees_to == "store" else "platform:revenue"
    assert balances(entries) == ({fees_to: earned, "rider:rdr": -earned} if earned else {})


def test_money_for_goods_that_never_left_goes_back_the_way_it_came():
    payment = replace(paid(Sums(items=1000)), is_fulfilled=False)
    assert balances([postings.collected(payment, 1000, AT), postings.returned(payment, 1000, AT)]) == {}


def test_what_is_held_or_let_go_moves_nothing():
    payment = paid(Sums(items=1000))
    assert postings.authorised(payment, AT).lines == postings.voided(payment, AT).lines == ()


def test_an_order_keeps_the_terms_that_held_when_it_was_placed():
    may, june = AT + timedelta(days=60), AT + timedelta(days=90)
    schedule = Schedule()
    assert schedule.at(AT) is DEFAULT
    schedule = schedule.extended(Terms(valid_from=may, fixed_fee=10), AT).extended(Terms(valid_from=june), AT)

    assert [schedule.at(day).version for day in (AT, may, june - timedelta(seconds=1), june)] == [0, 1, 1, 2]
    assert schedule.version(1).fixed_fee == 10
    for day in (AT - timedelta(seconds=1), june):
        with pytest.raises(Invalid):
            schedule.extended(Terms(valid_from=day), AT)


@given(st.integers(0, 10**6), st.data(), terms_)
def test_commission_and_its_tax_are_never_more_than_the_items(net: int, data: st.DataObject, terms: Terms):
    commission, tax = terms.commission_on(Sums(items=net), "delivery")
    assert 0 <= commission + tax <= net
