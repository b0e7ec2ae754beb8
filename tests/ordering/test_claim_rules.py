"""The negotiation of a claim and the consent to a change: rules without I/O, and what holds however they are played."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound
from chalicelib.ordering.model import adjusting, aftersales, board, commands, news
from chalicelib.ordering.model.aftersales import Draft, Rules
from chalicelib.ordering.model.claim import MAX_CLAIMS, UNDECIDED, Remedy
from chalicelib.ordering.model.order import Order, Status
from chalicelib.ordering.model.proposal import Proposal
from chalicelib.ordering.tables import to_order, to_row
from tests.ordering.factories import (
    CUSTOMER,
    NOON,
    STAFF,
    SYSTEM,
    accepted,
    change,
    out_for_delivery,
    placed,
    preparing,
    ready,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = Rules(
    answer_within=timedelta(minutes=10),
    on_silence="reject",
    counter_within=timedelta(minutes=60),
    window=timedelta(hours=48),
)
CANCEL = Draft(kind="cancellation", reason="changed_mind")
COMPLAINT = Draft(kind="complaint", reason="damaged", wish=Remedy(quantities={"0": 1}))
CREDIT = Remedy(kind="credit", amount=500)


def asked(order: Order | None = None, draft: Draft = CANCEL, *, minutes: float = 5) -> Order:
    return aftersales.ask(order or accepted(), change(CUSTOMER, minutes=minutes), draft, RULES)


def completed() -> Order:
    return news.note_delivered(out_for_delivery(), change(minutes=40))


def test_a_claim_is_the_stores_turn_until_its_deadline() -> None:
    order = asked()
    (claim,) = order.claims
    assert (claim.state, claim.due_at) == ("open", NOON + timedelta(minutes=15))
    assert order.version == accepted().version + 1
    assert order.timeline[-1].step == "claim_opened"
    assert board.next_steps(order)[0] == "answer_claim"
    assert board.due_at(order) == claim.due_at
    assert aftersales.silent(order, 1, NOON + timedelta(minutes=14)) is None
    assert aftersales.silent(order, 1, NOON + timedelta(minutes=15)) == "store"


def test_a_complaint_brings_a_completed_order_back_to_the_board_until_it_is_answered() -> None:
    assert not completed().is_on_board
    order = asked(completed(), COMPLAINT, minutes=50)
    assert (order.is_on_board, board.next_steps(order)) == (True, ("answer_claim",))
    assert not aftersales.counter(order, change(STAFF), 1, CREDIT).is_on_board
    assert not aftersales.reject(order, change(STAFF), 1, answer="No.").is_on_board


@pytest.mark.parametrize(
    "order", [placed(), out_for_delivery(), completed(), commands.reject(placed(), change(STAFF), reason="closing")]
)
def test_nobody_asks_to_cancel_what_is_not_in_the_stores_hands(order: Order) -> None:
    with pytest.raises(Conflict) as refused:
        asked(order)
    assert refused.value.code == "order_status_conflict"


def test_what_came_back_can_be_given_up() -> None:
    back = news.note_delivery_returned(out_for_delivery(), change(minutes=60))
    assert asked(back, minutes=61).open_claim is not None


@pytest.mark.parametrize("order", [accepted(), preparing(), ready(), out_for_delivery()])
def test_nobody_complains_about_what_has_not_come(order: Order) -> None:
    with pytest.raises(Conflict):
        asked(order, COMPLAINT)


def test_complaints_have_their_time() -> None:
    assert asked(completed(), COMPLAINT, minutes=40 + 48 * 60 - 1).open_claim is not None
    with pytest.raises(Conflict) as refused:
        asked(completed(), COMPLAINT, minutes=40 + 48 * 60)
    assert refused.value.code == "claim_window_over"


def test_a_counter_makes_it_the_customers_turn() -> None:
    countered = aftersales.counter(asked(), change(STAFF, minutes=6), 1, CREDIT, answer="Please stay.")
    (claim,) = countered.claims
    assert (claim.state, claim.answer, claim.due_at) == ("countered", "Please stay.", NOON + timedelta(minutes=66))
    for answer in (
        lambda: aftersales.accept(countered, change(STAFF), 1),
        lambda: aftersales.reject(countered, change(STAFF), 1, answer="No."),
        lambda: aftersales.counter(countered, change(STAFF), 1, CREDIT),
    ):
        with pytest.raises(Conflict) as refused:
            answer()
        assert refused.value.code == "claim_out_of_turn"
    agreed = aftersales.agree(countered, change(CUSTOMER, minutes=7), 1)
    assert agreed.claims[0].remedy == CREDIT
    assert aftersales.lapse(countered, change(SYSTEM, minutes=65), 1) is countered
    assert aftersales.lapse(countered, change(SYSTEM, minutes=66), 1).claims[0].state == "lapsed"
    assert aftersales.lapse(agreed, change(SYSTEM, minutes=66), 1) is agreed
    with pytest.raises(Conflict):
        aftersales.agree(countered, change(CUSTOMER, minutes=66), 1)


@pytest.mark.parametrize(
    ("offer", "method"),
    [(Remedy(kind="resend"), "card"), (Remedy(amount=100), "cash_on_delivery"), (Remedy(kind="credit"), "card")],
)
def test_an_offer_must_make_sense(offer: Remedy, method: str) -> None:
    with pytest.raises(Invalid):
        aftersales.counter(asked(accepted(payment_method=method)), change(STAFF), 1, offer)


def test_what_the_stores_silence_means() -> None:
    claim = asked(completed(), COMPLAINT, minutes=50).claims[0]
    from msgspec.structs import replace

    assert aftersales.policy_remedy(claim) is None
    assert aftersales.policy_remedy(replace(claim, on_silence="accept")) == COMPLAINT.wish
    fees_kept = replace(claim, on_silence="refund_without_fees")
    assert aftersales.policy_remedy(fees_kept) == COMPLAINT.wish, "no fees among the pieces"
    assert aftersales.policy_remedy(replace(fees_kept, wish=Remedy())) == Remedy(without_fees=True)


@pytest.mark.parametrize("end", ["delivered", "cancelled"])
def test_the_end_of_an_order_overtakes_a_cancellation_and_no_complaint(end: str) -> None:
    order = asked(ready(), minutes=21)
    ended = (
        news.note_delivered(order, change(minutes=40))
        if end == "delivered"
        else commands.cancel_by_store(order, change(STAFF), reason="other")
    )
    assert ended.claims[0].state == "overtaken"
    assert ended.open_claim is None


_MOVES: dict[str, Callable[[Order, float], Order]] = {
    "ask": lambda order, at: aftersales.ask(order, change(CUSTOMER, minutes=at), CANCEL, RULES),
    "complain": lambda order, at: aftersales.ask(order, change(CUSTOMER, minutes=at), COMPLAINT, RULES),
    "accept": lambda order, at: aftersales.accept(order, change(STAFF, minutes=at), len(order.claims)),
    "reject": lambda order, at: aftersales.reject(order, change(STAFF, minutes=at), len(order.claims), answer="No."),
    "counter": lambda order, at: aftersales.counter(order, change(STAFF, minutes=at), len(order.claims), CREDIT),
    "agree": lambda order, at: aftersales.agree(order, change(CUSTOMER, minutes=at), len(order.claims)),
    "decline": lambda order, at: aftersales.decline(order, change(CUSTOMER, minutes=at), len(order.claims)),
    "withdraw": lambda order, at: aftersales.withdraw(order, change(CUSTOMER, minutes=at), len(order.claims)),
    "lapse": lambda order, at: aftersales.lapse(order, change(SYSTEM, minutes=at), len(order.claims)),
    "leave": lambda order, at: news.note_picked_up(order, change(minutes=at)),
    "deliver": lambda order, at: news.note_delivered(order, change(minutes=at)),
    "cancel": lambda order, at: commands.cancel_by_store(order, change(STAFF, minutes=at), reason="other"),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(_MOVES)), st.integers(0, 90)), max_size=25))
def test_whatever_is_played_a_claim_is_decided_once(moves: list[tuple[str, int]]) -> None:
    order, at = accepted(), 5
    for name, later in moves:
        at += later
        before = order
        try:
            order = _MOVES[name](order, at)
        except DomainError:
            assert order is before
            continue
        if order is before:
            continue
        assert order.version == before.version + 1
        assert len(order.timeline) == len(before.timeline) + 1
        assert sum(claim.is_undecided for claim in order.claims) <= 1
        assert len(order.claims) <= MAX_CLAIMS
        for old, new in zip(before.claims, order.claims, strict=False):
            assert old == new or old.state in UNDECIDED, "what is decided stays"
            assert (new.decided_at is None) == new.is_undecided
        assert to_order(to_row(order)) == order


# --- the consent to a change ------------------------------------------------------------------------------------------

PROPOSAL = Proposal(
    number=1,
    due_at=NOON + timedelta(minutes=8),
    reason="substituted",
    total_minor=5000,
    unasked_minor=4000,
    extra_minor=350,
    reserved={"HAM": 2},
)


def proposed() -> Order:
    return adjusting.propose(preparing(also_reserved={"HAM": 1}), change(STAFF, minutes=3), PROPOSAL)


def test_a_proposal_changes_nothing_until_it_is_answered() -> None:
    order = proposed()
    assert (order.total.amount, order.also_reserved) == (4650, {"HAM": 3})
    assert to_order(to_row(order)) == order
    agreed = adjusting.agree(order, change(CUSTOMER))
    assert (agreed.total.amount, agreed.also_reserved, agreed.proposal) == (5000, {"HAM": 3}, None)
    declined = adjusting.decline(order, change(CUSTOMER))
    assert (declined.total.amount, declined.also_reserved, declined.proposal) == (4000, {"HAM": 1}, None)
    assert adjusting.next_number(declined) == 2
    for late in (agreed, declined):
        with pytest.raises(NotFound):
            adjusting.agree(late, change(CUSTOMER))


def test_an_undecided_order_is_not_made_ready_nor_changed_again() -> None:
    for move in (
        lambda: commands.make_ready(proposed(), change(STAFF)),
        lambda: adjusting.adjust(proposed(), change(STAFF), total_minor=1, reserved={}, reason="other"),
        lambda: adjusting.propose(proposed(), change(STAFF), PROPOSAL),
    ):
        with pytest.raises(Conflict) as refused:
            move()
        assert refused.value.code == "proposal_open"


@pytest.mark.parametrize("order", [placed(), out_for_delivery(), completed()])
def test_nothing_is_adjusted_outside_the_kitchen(order: Order) -> None:
    with pytest.raises(Conflict) as refused:
        adjusting.demand_adjustable(order)
    assert refused.value.extra["order_status"] == order.status


def test_nobody_is_asked_about_what_is_ready() -> None:
    with pytest.raises(Conflict):
        adjusting.propose(ready(), change(STAFF, minutes=21), PROPOSAL)
    assert adjusting.adjust(ready(), change(STAFF), total_minor=9, reserved={}, reason="other").total.amount == 9


def test_the_end_of_an_order_ends_a_proposal() -> None:
    ended = commands.cancel_by_store(proposed(), change(STAFF), reason="other")
    assert (ended.status, ended.proposal) == (Status.CANCELLED, None)
