"""Disputes, refunds and payouts as Stripe tells of them: in any order, twice, at once; each cent entered once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids
from chalicelib.kernel.errors import DomainError, NotFound
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import service
from chalicelib.payments.model.cases import Case, CaseState
from chalicelib.payments.model.terms import Terms
from chalicelib.payments.service import notices
from tests.payments.conftest import BILL, api, captured

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from tests.payments.conftest import Stripe


@pytest.fixture
def delivered(stripe: Stripe) -> Payment:
    return captured(stripe)


def disputed(stripe: Stripe, payment: Payment, amount: int | None = None) -> str:
    charge = api().payment_intents.retrieve(payment.intent_id).latest_charge
    body = f'{{"amount": {amount}}}' if amount else "{}"
    return str(stripe._call(f"/sandbox/charges/{charge}/dispute", body)["id"])


def follow(dispute_id: str) -> None:
    service.follow_dispute(dispute_id, ids.new_id("evt"))


def balance(payment: Payment, account: str) -> int:
    entries = service.entries_of_order(payment.order_id)
    assert set(service.trial_balance(entries).values()) == {0}
    return service.balances(entries).get(account, 0)


def a_case(kind: str, subject: str) -> Case:
    return service.get_case(Case(kind, subject).id)


# --- disputes ---------------------------------------------------------------------------------------------------------


def test_a_dispute_takes_the_money_freezes_the_stores_share_and_opens_a_case(
    stripe: Stripe, delivered: Payment
) -> None:
    earned = balance(delivered, f"store:{delivered.store_id}")
    dispute_id = disputed(stripe, delivered)

    for _ in range(2):
        follow(dispute_id)

    assert balance(delivered, "stripe:clearing") == 0
    assert balance(delivered, "disputes") == BILL.total
    assert balance(delivered, f"store:{delivered.store_id}") == earned
    assert service.frozen_of(delivered.store_id) == {"EUR": BILL.total}
    case = a_case("dispute", dispute_id)
    assert (case.state, case.order_id, case.store_id) == (CaseState.OPEN, delivered.order_id, delivered.store_id)
    assert case.evidence["amount"] == BILL.total
    assert case.evidence["answer_by"]


@pytest.mark.parametrize("heard", [True, False])
def test_a_dispute_that_is_won_gives_everything_back(stripe: Stripe, delivered: Payment, heard: bool) -> None:
    """Whether or not anybody heard of its beginning."""
    dispute_id = disputed(stripe, delivered, 1000)
    if heard:
        follow(dispute_id)
    stripe._call(f"/sandbox/disputes/{dispute_id}/won", "{}")

    for _ in range(2):
        follow(dispute_id)

    assert balance(delivered, "stripe:clearing") == BILL.total
    assert balance(delivered, "disputes") == 0
    assert service.frozen_of(delivered.store_id) == {}
    assert a_case("dispute", dispute_id).outcome == "no_action"


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("by", ["store", "platform"])
def test_a_dispute_that_is_lost_costs_who_bears_it_by_the_terms(
    stripe: Stripe, delivered: Payment, monkeypatch: pytest.MonkeyPatch, heard: bool, by: Any
) -> None:
    monkeypatch.setattr(notices, "terms_of", lambda *_: Terms(disputes_by=by))
    account = f"store:{delivered.store_id}" if by == "store" else "platform:revenue"
    before = balance(delivered, account)
    dispute_id = disputed(stripe, delivered, 1000)
    if heard:
        follow(dispute_id)
        assert service.frozen_of(delivered.store_id) == ({"EUR": 1000} if by == "store" else {})
    stripe._call(f"/sandbox/disputes/{dispute_id}/lost", "{}")

    for _ in range(2):
        follow(dispute_id)

    assert balance(delivered, "stripe:clearing") == BILL.total - 1000
    assert balance(delivered, "disputes") == 0
    assert balance(delivered, account) == before + 1000
    assert service.frozen_of(delivered.store_id) == {}
    assert a_case("dispute", dispute_id).outcome == "written_off"


def test_notices_of_a_dispute_all_at_once_are_entered_once(stripe: Stripe, delivered: Payment) -> None:
    dispute_id = disputed(stripe, delivered)
    stripe._call(f"/sandbox/disputes/{dispute_id}/won", "{}")

    def hear(_: int) -> None:
        for _ in range(9):
            with suppress(DomainError):  # its message comes again
                follow(dispute_id)
                return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(hear, range(6)))
    kinds = [entry.kind for entry in service.entries_of_order(delivered.order_id)]
    assert (kinds.count("dispute"), kinds.count("dispute_won")) == (1, 1)
    assert balance(delivered, "stripe:clearing") == BILL.total


def test_a_dispute_about_a_payment_that_nobody_knows_is_the_platforms(stripe: Stripe, dynamodb: Any) -> None:
    made = api().payment_intents.create(
        params={
            "amount": 900,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    dispute_id = str(stripe._call(f"/sandbox/charges/{made.latest_charge}/dispute", "{}")["id"])
    follow(dispute_id)
    assert a_case("dispute", dispute_id).store_id is None


@pytest.mark.parametrize("torn_at", [0, 1])
def test_a_crash_while_a_dispute_is_entered_is_made_up_for(
    stripe: Stripe, delivered: Payment, monkeypatch: pytest.MonkeyPatch, torn_at: int
) -> None:
    dispute_id = disputed(stripe, delivered)
    stripe._call(f"/sandbox/disputes/{dispute_id}/lost", "{}")
    numbers, event_id = itertools.count(), ids.new_id("evt")
    commit = Transaction.commit

    def die(tx: Transaction) -> None:
        if next(numbers) == torn_at:
            raise SystemExit
        commit(tx)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "commit", die)
        with pytest.raises(SystemExit):
            service.follow_dispute(dispute_id, event_id)
    service.follow_dispute(dispute_id, event_id)
    assert balance(delivered, "disputes") == 0
    assert a_case("dispute", dispute_id).state is CaseState.RESOLVED


# --- refunds ----------------------------------------------------------------------------------------------------------


def refunded(payment: Payment, amount: int) -> service.Refund:
    from tests.payments.test_refunds import key

    request = service.RefundRequest(reason="late", amount=amount, requested_by="usr-1")
    asked = service.request_refund(payment.order_id, BILL, request, key())
    return service.settle_refund(payment.order_id, asked.number)


def test_a_refund_that_fails_days_later_is_money_here_and_a_case(stripe: Stripe, delivered: Payment) -> None:
    made = refunded(delivered, 700)
    refund_id = made.provider_refund_id or ""
    event = ids.new_id("evt")
    service.follow_refunds(delivered.intent_id or "", refund_id, event)
    assert balance(delivered, "stripe:clearing") == BILL.total - 700
    stripe._call(f"/sandbox/refunds/{refund_id}/fail", '{"reason": "expired_or_canceled_card"}')

    for _ in range(2):
        service.follow_refunds(delivered.intent_id or "", refund_id, ids.new_id("evt"))

    assert balance(delivered, "stripe:clearing") == BILL.total
    assert balance(delivered, f"customer:{delivered.order_id}") == -700
    case = a_case("refund_failed", refund_id)
    assert (case.evidence["amount"], case.evidence["failure"]) == (700, "expired_or_canceled_card")


def test_a_refund_by_other_hands_is_entered_once_and_a_case(stripe: Stripe, delivered: Payment) -> None:
    refunded(delivered, 700)
    foreign = api().refunds.create(params={"payment_intent": delivered.intent_id, "amount": 300})

    for _ in range(2):
        service.follow_refunds(delivered.intent_id or "", "", ids.new_id("evt"))
        service.follow_refunds(delivered.intent_id or "", foreign.id, ids.new_id("evt"))

    assert balance(delivered, "stripe:clearing") == BILL.total - 1000
    assert a_case("refund_by_other_hands", foreign.id).evidence["amount"] == 300


def test_a_refund_that_stripe_refuses_is_a_case(
    stripe: Stripe, delivered: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispute_id = disputed(stripe, delivered)
    follow(dispute_id)
    refund = refunded(delivered, 700)
    assert refund.state == "failed"
    case = a_case("refund_refused", f"{delivered.order_id}/refund/{refund.number}")
    assert case.evidence["provider_code"] == refund.failure_code


def test_a_capture_that_fails_after_the_hand_over_is_a_case(stripe: Stripe) -> None:
    tx = Transaction()
    payment = service.open_payment(
        tx,
        order_id=ids.new_id("ord"),
        store_id=ids.new_id("sto"),
        customer_id="cus-1",
        amount=Money(2350, "EUR"),
        method="card",
    )
    tx.commit()
    stripe.confirm(service.start_intent(payment))
    tx = Transaction()
    service.record_authorised(tx, payment, service.look_up_provider(payment))
    tx.commit()
    stripe.expire_hold(service.get_payment(payment.order_id).intent_id or "")
    assert service.capture_payment(payment.order_id).state == "failed"
    case = a_case("capture_failed", payment.order_id)
    assert (case.evidence["due"], case.evidence["handed_over"]) == (2350, True)


# --- payouts ----------------------------------------------------------------------------------------------------------


def test_a_payout_that_the_bank_sends_back_is_a_case(stripe: Stripe, delivered: Payment) -> None:
    payout = api().payouts.create(params={"amount": 500, "currency": "eur"})
    service.follow_bank_payout(payout.id, "")
    with pytest.raises(NotFound):
        a_case("bank_payout_failed", payout.id)
    stripe._call(f"/sandbox/payouts/{payout.id}/failed", '{"failure_code": "account_closed"}')

    for _ in range(2):
        service.follow_bank_payout(payout.id, "")

    assert a_case("bank_payout_failed", payout.id).evidence["failure"] == "account_closed"
