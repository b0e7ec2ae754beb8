"""Codes, tenders, refunds to tenders and what becomes of a rest: rules without I/O."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.ids import is_id
from chalicelib.payments.model import credit as rules
from chalicelib.payments.model.credit import Credit, CreditPart, Kind, State, Till, Wanted

NOW = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
SYMBOLS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def card(available: int = 2000, **changes: object) -> Credit:
    fields = {"id": "gft_a", "kind": Kind.GIFT_CARD, "currency": "EUR", "available": available, **changes}
    return Credit(**fields)  # type: ignore[arg-type]


def want(credit: Credit | None, amount: int | None = None, number: int = 0) -> Wanted:
    return Wanted(
        pointer=f"/tenders/{number}", kind=credit.kind if credit else Kind.GIFT_CARD, credit=credit, amount=amount
    )


def till(total: int = 3000) -> Till:
    return Till(total=total, currency="EUR", merchant_id="mer_1", now=NOW)


# --- codes ------------------------------------------------------------------------------------------------------------


def test_a_code_is_read_however_it_is_typed() -> None:
    code = rules.new_code(random.Random(1).randrange)
    assert rules.read_code(rules.printed(code)) == code
    assert rules.read_code(f" {rules.printed(code).lower().replace('-', ' ')} ") == code


@given(st.randoms(use_true_random=False), st.integers(0, 15), st.sampled_from(SYMBOLS))
def test_one_wrong_symbol_is_noticed(drawn: random.Random, place: int, symbol: str) -> None:
    code = rules.new_code(drawn.randrange)
    mistyped = code[:place] + symbol + code[place + 1 :]
    assert (rules.read_code(mistyped) is None) == (mistyped != code)


@given(st.randoms(use_true_random=False), st.integers(0, 14))
def test_swapped_neighbours_are_noticed(drawn: random.Random, place: int) -> None:
    code = rules.new_code(drawn.randrange)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (rules.read_code(swapped) is None) == (swapped != code)


@pytest.mark.parametrize("typed", ["", "x" * 16, "ß" * 16, "0" * 16, "2222-2222-2222-222", "\x00" * 16])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert rules.read_code(typed) is None


def test_a_cards_id_needs_the_key_and_tells_nothing() -> None:
    code = rules.new_code(random.Random(2).randrange)
    assert rules.card_id(code, "k1") == rules.card_id(code, "k1") != rules.card_id(code, "k2")
    assert is_id(rules.card_id(code, "k1"), "gft")
    assert code.lower() not in rules.card_id(code, "k1")


# --- tenders ----------------------------------------------------------------------------------------------------------


def test_a_card_pays_what_it_has_and_the_next_tender_the_rest() -> None:
    own = Credit(id="cus:1", kind=Kind.STORE_CREDIT, currency="EUR", available=5000)
    parts, faults = rules.apply(till(), [want(card()), want(own, number=1)])
    assert not faults
    assert parts == (CreditPart("gft_a", Kind.GIFT_CARD, 2000), CreditPart("cus:1", Kind.STORE_CREDIT, 1000))


def test_a_stated_amount_is_taken_exactly() -> None:
    parts, faults = rules.apply(till(), [want(card(), 700)])
    assert not faults
    assert [part.amount for part in parts] == [700]


@pytest.mark.parametrize(
    ("credit", "amount", "code"),
    [
        (None, None, "gift_card_not_found"),
        (card(currency="USD"), None, "currency_mismatch"),
        (card(merchant_id="mer_2"), None, "gift_card_not_valid_here"),
        (card(expires_at=NOW), None, "credit_expired"),
        (card(state=State.REVOKED), None, "credit_expired"),
        (card(0), None, "insufficient_credit"),
        (card(500), 501, "insufficient_credit"),
        (card(9000), 3001, "tender_too_large"),
    ],
)
def test_what_a_credit_can_not_pay_is_told(credit: Credit | None, amount: int | None, code: str) -> None:
    parts, faults = rules.apply(till(), [want(credit, amount)])
    assert parts == ()
    assert [fault.code for fault in faults] == [code]


def test_all_faults_are_told_at_once_and_a_card_counts_once() -> None:
    wanted = [want(None), want(card(), 100, 1), want(card(), 100, 2), want(card(0, id="gft_b"), number=3)]
    parts, faults = rules.apply(till(), wanted)
    assert [part.amount for part in parts] == [100]
    assert [(fault.code, fault.pointer) for fault in faults] == [
        ("gift_card_not_found", "/tenders/0/code"),
        ("tender_repeated", "/tenders/2"),
        ("insufficient_credit", "/tenders/3"),
    ]


def test_a_card_of_the_merchant_is_taken_until_the_last_moment() -> None:
    own = card(merchant_id="mer_1", expires_at=NOW + timedelta(milliseconds=1))
    assert rules.apply(till(), [want(own)])[1] == []


def test_what_is_not_charged_stays_on_the_card() -> None:
    parts = (CreditPart("gft_a", Kind.GIFT_CARD, 1000), CreditPart("cus:1", Kind.STORE_CREDIT, 500))
    assert [part.amount for part in rules.taken(parts, 3000)] == [1000, 500]
    assert [part.amount for part in rules.taken(parts, 1200)] == [1000, 200]
    assert [part.amount for part in rules.taken(parts, 0)] == [0, 0]


amounts = st.integers(0, 100_000)


@given(amounts, st.lists(st.integers(1, 100_000), max_size=4), st.lists(st.integers(0, 100_000), max_size=6))
def test_any_refunds_give_each_tender_what_it_paid(on_card: int, on_credits: list[int], steps: list[int]) -> None:
    parts = [CreditPart(f"gft_{number}", Kind.GIFT_CARD, amount) for number, amount in enumerate(on_credits)]
    captured = on_card + sum(on_credits)
    refunded, back = 0, {"card": 0, **{part.credit_id: 0 for part in parts}}
    for step in [*steps, captured]:
        amount = min(step, captured - refunded)
        to_card, to_credits = rules.give_back(parts, captured=captured, refunded=refunded, amount=amount)
        assert to_card + sum(part.amount for part in to_credits) == amount
        back["card"] += to_card
        for part in to_credits:
            back[part.credit_id] += part.amount
        refunded += amount
    assert back == {"card": on_card, **{part.credit_id: part.amount for part in parts}}


def test_more_than_was_captured_is_never_given_back() -> None:
    with pytest.raises(ValueError, match="captured"):
        rules.give_back([], captured=100, refunded=60, amount=41)


# --- what is left at the end ------------------------------------------------------------------------------------------


def test_who_paid_for_a_credit_gets_back_what_was_never_spent() -> None:
    assert rules.written_off(100, {"promotions": 200, "store:sto_1": 100}) == {"promotions": 67, "store:sto_1": 33}
    assert rules.written_off(7, {"cash:till:sto_1": 50, "stripe:clearing": 50}) == {"platform:breakage": 7}


@given(st.integers(1, 10**9), st.dictionaries(st.sampled_from(["promotions", "store:a", "cash:till:a"]), amounts))
def test_a_rest_is_written_off_to_the_unit(rest: int, funding: dict[str, int]) -> None:
    told = rules.written_off(rest, funding)
    assert sum(told.values()) == rest
    assert all(share > 0 for share in told.values())


def test_an_expiry_is_only_ever_put_off() -> None:
    soon, late = NOW, NOW + timedelta(days=1)
    assert rules.later(soon, late) == rules.later(late, soon) == late
    assert rules.later(soon, None) is None
