"""Payouts: one transfer for a statement whatever Stripe answers, in the ledger when sent, carried when it was not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict, DomainError, Unavailable
from chalicelib.payments import provider, service
from chalicelib.payments.model.payouts import payable
from chalicelib.payments.provider import connect
from chalicelib.payments.service import settlement
from chalicelib.payments.service.settlement import PayoutState
from tests.payments.settling import (
    BILL,
    CLOSING,
    WEDNESDAY,
    WEEK,
    Settled,
    balance,
    emitted,
    entries_of,
    key,
    moved,
    statements_of,
    until_it_works,
)

if TYPE_CHECKING:
    from tests.payments.conftest import Stripe

FAULTS = ("timeout_after_success", "error_500", "error_500_after_success", "error_429")


@pytest.fixture
def settled(stripe: Stripe) -> Settled:
    return Settled(stripe)


@pytest.fixture
def onboarded(settled: Settled) -> Settled:
    """An order was sold by card, and the store has an account that can be paid to; the platform has money."""
    with clock.freeze(WEDNESDAY):
        settled.sell()
        settled.onboard()
    settled.sandbox("balance/top_up", amount=100_000, currency="eur")
    return settled


def sent_once(settled: Settled, statement: settlement.Statement) -> None:
    """The money left once, at Stripe and in the ledger alike."""
    (transfer,) = settled.transfers()
    assert (transfer.amount, transfer.currency) == (statement.to_pay, "eur")
    payouts = [entry for entry in entries_of(statement.party) if entry.kind == "payout"]
    assert [entry.on("stripe:clearing") for entry in payouts] == [-statement.to_pay]
    assert payouts[0].memo == transfer.id
    assert settlement.get_payout(statement.party, "EUR", statement.number).transfer_id == transfer.id


def closed(settled: Settled, at: Any = CLOSING, party: settlement.Party | None = None) -> settlement.Statement:
    statement = settled.close(party, at)
    assert statement is not None
    return statement


class TestSending:
    def test_pays_what_the_statement_leaves(self, onboarded: Settled) -> None:
        statement = closed(onboarded)
        assert statement.to_pay == statement.closing == balance(onboarded.store) > 0
        assert settlement.get_payout(onboarded.store, "EUR", 1).state is PayoutState.PLANNED

        payout = onboarded.pay_out(statement)

        assert payout.state is PayoutState.SENT
        sent_once(onboarded, statement)
        assert balance(onboarded.store) == 0
        (transfer,) = onboarded.transfers()
        assert transfer.transfer_group == payout.group
        assert transfer.metadata["statement"] == "EUR-1"
        assert onboarded.pay_out(statement) == payout

    def test_is_a_line_of_the_next_statement(self, onboarded: Settled) -> None:
        first = closed(onboarded)
        onboarded.pay_out(first)
        with clock.freeze(WEDNESDAY + WEEK):
            onboarded.sell()
        second = closed(onboarded, CLOSING + WEEK)
        assert second.totals["payout"] == -first.to_pay
        assert (second.opening, second.in_flight) == (first.closing, 0)
        assert second.to_pay == second.closing == balance(onboarded.store)

    @pytest.mark.parametrize("kind", FAULTS)
    @pytest.mark.parametrize("times", [1, 2, 4])
    def test_whatever_stripe_answers_it_is_made_once(self, onboarded: Settled, kind: str, times: int) -> None:
        statement = closed(onboarded)
        onboarded.stripe.fault(kind, "/v1/transfers", times)
        payout = until_it_works(lambda: onboarded.pay_out(statement))
        onboarded.pay_out(statement)
        assert payout.state is PayoutState.SENT
        sent_once(onboarded, statement)

    @pytest.mark.parametrize("kind", ["error_500", "error_429"])
    def test_a_look_that_fails_is_no_answer(self, onboarded: Settled, kind: str) -> None:
        statement = closed(onboarded)
        onboarded.stripe.fault("timeout_after_success", "/v1/transfers", 3)
        onboarded.stripe.fault(kind, "/v1/transfers", 4, method="GET")
        until_it_works(lambda: onboarded.pay_out(statement))
        sent_once(onboarded, statement)

    def test_a_crash_between_the_transfer_and_the_books_is_made_up_for(
        self, onboarded: Settled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statement = closed(onboarded)
        asked = connect.transfer

        def die(payout: settlement.Payout) -> str:
            asked(payout)
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(connect, "transfer", die)
            with pytest.raises(SystemExit):
                onboarded.pay_out(statement)
        assert settlement.get_payout(onboarded.store, "EUR", 1).state is PayoutState.SENDING
        assert balance(onboarded.store) == statement.closing
        assert len(onboarded.transfers()) == 1

        onboarded.pay_out(statement)
        sent_once(onboarded, statement)

    def test_many_at_once_send_one(self, onboarded: Settled) -> None:
        statement = closed(onboarded)

        def pay(_: int) -> settlement.Payout:
            return until_it_works(lambda: settlement.settle_payout(onboarded.store, "EUR", 1))

        with clock.freeze(CLOSING), ThreadPoolExecutor(6) as pool:
            assert {payout.state for payout in pool.map(pay, range(6))} == {PayoutState.SENT}
        sent_once(onboarded, statement)

    def test_what_may_be_on_its_way_is_not_paid_again(
        self, onboarded: Settled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The statement after a payout of which nobody knows yet whether it went."""
        first = closed(onboarded)
        asked = connect.transfer

        def lose_the_answer(payout: settlement.Payout) -> str:
            asked(payout)
            raise Unavailable("payment_provider_unavailable", "lost")

        with monkeypatch.context() as patch:
            patch.setattr(connect, "transfer", lose_the_answer)
            with pytest.raises(Unavailable):
                onboarded.pay_out(first)
        with clock.freeze(WEDNESDAY + WEEK):
            onboarded.sell()
        second = closed(onboarded, CLOSING + WEEK)
        assert second.in_flight == first.to_pay
        assert second.to_pay == second.closing - first.to_pay

        onboarded.pay_out(first, CLOSING + WEEK)
        onboarded.pay_out(second, CLOSING + WEEK)
        assert sum(each.amount for each in onboarded.transfers()) == second.closing
        assert balance(onboarded.store) == 0
        with clock.freeze(WEDNESDAY + 2 * WEEK):
            onboarded.sell()
        third = closed(onboarded, CLOSING + 2 * WEEK)
        assert third.to_pay == third.closing == balance(onboarded.store)
        assert third.totals["payout"] == -second.closing


class TestWaiting:
    def test_without_an_account_it_is_held_and_carried(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
        settled.sandbox("balance/top_up", amount=100_000, currency="eur")
        first = closed(settled)
        held = settled.pay_out(first)
        assert (held.state, held.waits_for) == (PayoutState.PLANNED, "account_not_ready")
        assert settled.pay_out(first, CLOSING + timedelta(hours=1)) == held
        with clock.freeze(WEDNESDAY + WEEK):
            settled.sell()
        second = closed(settled, CLOSING + WEEK)
        assert (second.opening, second.to_pay) == (first.closing, second.closing)
        assert settlement.get_payout(settled.store, "EUR", 1).state is PayoutState.CARRIED
        assert settled.pay_out(first, CLOSING + WEEK).state is PayoutState.CARRIED
        assert settled.transfers() == []

    def test_a_week_without_orders_leaves_it_waiting(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
        first = closed(settled)
        settled.pay_out(first)
        assert settled.close(at=CLOSING + WEEK) is None
        assert settlement.get_payout(settled.store, "EUR", 1).state is PayoutState.PLANNED
        assert [each.number for each in statements_of(settled.store)] == [1]

    def test_an_account_that_becomes_able_is_paid_at_once(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
        settled.sandbox("balance/top_up", amount=100_000, currency="eur")
        statement = closed(settled)
        with clock.freeze(CLOSING):
            account = settlement.open_store_account(settled.store_id, "usr-1", key())
        assert settled.pay_out(statement).waits_for == "account_not_ready"
        settled.sandbox(f"accounts/{account.account_id}/onboard")
        with clock.freeze(CLOSING + timedelta(minutes=1)):
            before = len(emitted("PayoutDue", party_id=settled.store_id))
            assert settlement.follow_account(account.account_id).is_ready
            assert len(emitted("PayoutDue", party_id=settled.store_id)) == before + 1
        assert settled.pay_out(statement, CLOSING + timedelta(minutes=2)).state is PayoutState.SENT
        sent_once(settled, statement)

    def test_an_account_that_stripe_stopped_is_not_asked_for(self, onboarded: Settled) -> None:
        statement = closed(onboarded)
        with clock.freeze(CLOSING):
            account = settlement.see_account(onboarded.store)
            assert account.is_ready
        onboarded.sandbox(f"accounts/{account.account_id}/restrict", reason="requirements.past_due")
        waiting = onboarded.pay_out(statement)
        assert (waiting.state, waiting.waits_for) == (PayoutState.PLANNED, "account_not_ready")
        assert onboarded.transfers() == []
        onboarded.sandbox(f"accounts/{account.account_id}/onboard")
        assert onboarded.pay_out(statement, CLOSING + timedelta(days=2)).state is PayoutState.SENT

    def test_without_money_at_stripe_it_is_tried_later(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell("pay_at_store", BILL)
            settled.sell(given=BILL.total)
            settled.onboard()
        statement = closed(settled)
        assert statement.to_pay > 0
        first = settled.pay_out(statement)
        assert (first.state, first.waits_for, first.attempt) == (PayoutState.PLANNED, "insufficient_balance", 1)
        assert first.next_try_at == CLOSING + timedelta(minutes=15)
        assert settled.pay_out(statement, CLOSING + timedelta(minutes=14)) == first
        second = settled.pay_out(statement, CLOSING + timedelta(minutes=15))
        assert (second.attempt, second.next_try_at) == (2, CLOSING + timedelta(minutes=45))
        (timer, later) = [each for each in emitted("PayoutDue", party_id=settled.store_id) if each.due]
        assert (timer.due, later.due) == (clock.rfc3339(first.next_try_at), clock.rfc3339(second.next_try_at))
        settled.sandbox("balance/top_up", amount=100_000, currency="eur")
        assert settled.pay_out(statement, CLOSING + timedelta(hours=2)).state is PayoutState.SENT
        sent_once(settled, statement)

    def test_less_than_a_unit_is_carried(self, onboarded: Settled) -> None:
        onboarded.pay_out(closed(onboarded))
        moved(onboarded.store, 99, WEDNESDAY + WEEK)
        second = closed(onboarded, CLOSING + WEEK)
        assert (second.closing, second.to_pay, second.carried) == (99, 0, 99)
        with pytest.raises(DomainError, match="payout_not_found"):
            settlement.get_payout(onboarded.store, "EUR", 2)
        moved(onboarded.store, 1, WEDNESDAY + 2 * WEEK)
        assert closed(onboarded, CLOSING + 2 * WEEK).to_pay == 100

    def test_a_debt_is_carried_and_netted(self, onboarded: Settled) -> None:
        moved(onboarded.store, -balance(onboarded.store) - 700, WEDNESDAY)
        first = closed(onboarded)
        assert (first.closing, first.to_pay, first.carried) == (-700, 0, -700)
        moved(onboarded.store, 1_000, WEDNESDAY + WEEK)
        second = closed(onboarded, CLOSING + WEEK)
        assert (second.opening, second.closing, second.to_pay) == (-700, 300, 300)

    def test_what_stripe_refuses_is_a_case_and_carried(
        self, onboarded: Settled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = closed(onboarded)

        def refuse(_: settlement.Payout) -> str:
            raise DomainError("payment_refused", "no", provider_code="account_closed")

        with monkeypatch.context() as patch:
            patch.setattr(connect, "transfer", refuse)
            refused = onboarded.pay_out(first)
        assert (refused.state, refused.failure_code) == (PayoutState.FAILED, "account_closed")
        case = service.get_case(service.Case("payout_refused", f"{refused.group}/1").id)
        assert (case.store_id, case.evidence["amount"]) == (onboarded.store_id, first.to_pay)
        again = closed(onboarded, CLOSING + WEEK)
        assert (again.to_pay, again.lines) == (first.to_pay, 0)
        assert onboarded.pay_out(again, CLOSING + WEEK).state is PayoutState.SENT
        sent_once(onboarded, again)
        with clock.freeze(CLOSING + WEEK), pytest.raises(Conflict, match="payout_over"):
            settlement.retry_payout(onboarded.store, "EUR", 1)

    def test_a_person_may_have_it_tried_at_once(self, settled: Settled) -> None:
        with clock.freeze(WEDNESDAY):
            settled.sell()
            settled.onboard()
        statement = closed(settled)
        settled.pay_out(statement)
        settled.sandbox("balance/top_up", amount=100_000, currency="eur")
        with clock.freeze(CLOSING + timedelta(seconds=1)):
            assert settlement.retry_payout(settled.store, "EUR", 1).state is PayoutState.SENT
            assert settlement.retry_payout(settled.store, "EUR", 1).state is PayoutState.SENT
        sent_once(settled, statement)


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [(99, "EUR", 0), (100, "EUR", 100), (-5, "EUR", 0), (1, "JPY", 1), (999, "KWD", 0), (1239, "KWD", 1230)],
)
def test_what_of_a_balance_can_be_paid_out(amount: int, currency: str, told: int) -> None:
    assert payable(amount, currency) == told


class TestTheBank:
    def test_is_asked_until_it_has_the_money(self, onboarded: Settled) -> None:
        statement = closed(onboarded)
        sent = onboarded.pay_out(statement)
        tomorrow = CLOSING + timedelta(days=1)
        assert onboarded.pay_out(statement, tomorrow - timedelta(minutes=1)) == sent
        waiting = onboarded.pay_out(statement, tomorrow)
        assert (waiting.state, waiting.next_try_at) == (PayoutState.SENT, tomorrow + timedelta(days=1))
        bank = onboarded.sandbox("payouts", account=sent.account_id, currency="eur")
        onboarded.sandbox(f"payouts/{bank['id']}/in_transit")
        assert onboarded.pay_out(statement, tomorrow + timedelta(days=1)).state is PayoutState.SENT
        onboarded.sandbox(f"payouts/{bank['id']}/paid")
        paid = onboarded.pay_out(statement, tomorrow + timedelta(days=2))
        assert (paid.state, paid.bank_payout_id, paid.next_try_at) == (PayoutState.PAID, bank["id"], None)
        with clock.freeze(tomorrow + timedelta(days=3)):
            assert settlement.follow_account_payouts(sent.account_id or "") == [paid]
            onboarded.sandbox(f"payouts/{bank['id']}/failed", failure_code="account_frozen")
            (back,) = settlement.follow_account_payouts(sent.account_id or "")
        assert (back.state, back.failure_code) == (PayoutState.FAILED, "account_frozen")
        assert settlement.follow_account_payouts("acct_of_others") == []

    def test_sends_it_back(self, onboarded: Settled) -> None:
        statement = closed(onboarded)
        sent = onboarded.pay_out(statement)
        bank = onboarded.sandbox("payouts", account=sent.account_id, currency="eur")
        onboarded.sandbox(f"payouts/{bank['id']}/in_transit")
        onboarded.sandbox(f"payouts/{bank['id']}/failed", failure_code="account_closed")
        failed = onboarded.pay_out(statement, CLOSING + timedelta(days=1))
        assert (failed.state, failed.failure_code) == (PayoutState.FAILED, "account_closed")
        assert balance(onboarded.store) == 0  # the money is the store's, at Stripe
        case = service.get_case(service.Case("bank_payout_failed", bank["id"]).id)
        assert case.evidence["statement"] == statement.id
        with clock.freeze(WEDNESDAY + WEEK):
            onboarded.sell()
        second = closed(onboarded, CLOSING + WEEK)
        assert second.totals["payout"] == -statement.to_pay

    def test_is_not_asked_for_ever(self, onboarded: Settled) -> None:
        statement = closed(onboarded)
        onboarded.pay_out(statement)
        last = onboarded.pay_out(statement, CLOSING + timedelta(days=15))
        assert (last.state, last.next_try_at) == (PayoutState.SENT, None)


class TestAccounts:
    def test_are_opened_once(self, settled: Settled) -> None:
        first = settlement.open_store_account(settled.store_id, "usr-1", key())
        assert (first.country, first.is_ready, first.account_id[:5]) == ("DE", False, "acct_")
        with pytest.raises(Conflict, match="payout_account_exists"):
            settlement.open_store_account(settled.store_id, "usr-1", key())
        assert settlement.see_account(settled.store).account_id == first.account_id
        rider = settlement.open_rider_account(settled.rider_id, "AT", key())
        assert (rider.country, rider.party) == ("AT", settled.rider)
        with pytest.raises(DomainError, match="payout_account_not_found"):
            settlement.see_account(settlement.Party("rider", "nobody"))
        assert settlement.follow_account("acct_of_others") is None

    @pytest.mark.parametrize("kind", FAULTS)
    def test_are_opened_once_whatever_stripe_answers(self, settled: Settled, kind: str) -> None:
        settled.stripe.fault(kind, "/v1/accounts", 4)
        opened = until_it_works(lambda: settlement.open_store_account(settled.store_id, "usr-1", key()))
        listed = provider.client.connected().v1.accounts.list(params={"limit": 100}).data
        mine = [each.id for each in listed if each.metadata["party_id"] == settled.store_id]
        assert opened.account_id in mine
        # A failure that Stripe keeps for a key leaves an account behind that nobody was told of; it has no money.
        assert len(mine) <= (5 if kind == "error_500_after_success" else 1)

    def test_are_described_as_stripe_describes_them(self, settled: Settled) -> None:
        with clock.freeze(CLOSING):
            account = settlement.open_store_account(settled.store_id, "usr-1", key())
        with clock.freeze(CLOSING + timedelta(minutes=1)):
            told = settlement.see_account(settled.store).status
            assert (told.details_submitted, told.transfers_enabled, told.due[0]) == (False, False, "external_account")
        settled.sandbox(f"accounts/{account.account_id}/onboard")
        with clock.freeze(CLOSING + timedelta(minutes=2)):
            seen = settlement.see_account(settled.store)
            assert (seen.is_ready, seen.status.due) == (True, ())
        settled.stripe.fault("error_500", "/v1/accounts", 9, method="GET")
        with clock.freeze(CLOSING + timedelta(minutes=3)):
            assert settlement.see_account(settled.store) == seen

    def test_have_a_form_behind_a_link(self, settled: Settled) -> None:
        account = settlement.open_store_account(settled.store_id, "usr-1", key())
        told = [
            settlement.open_onboarding(settled.store, "https://shop.test/done", "https://shop.test/again", request)
            for request in ("req-1", "req-2")
        ]
        assert told[0].url.startswith(f"{settled.stripe.url}/sandbox/accounts/{account.account_id}/onboard")
        assert told[0].url != told[1].url


def test_all_that_was_ever_sold_is_paid_out_in_the_end(onboarded: Settled) -> None:
    """Over many weeks with failures: the statements' sum is the ledger's balance, and Stripe has sent what they say."""
    begun = balance(onboarded.store)
    for week in range(1, 6):
        at = WEDNESDAY + (week - 1) * WEEK
        with clock.freeze(at):
            payment = onboarded.sell()
            onboarded.sell("pay_at_store")
            if week % 2:
                onboarded.refund(payment, quantities={"0": 1})
        statement = onboarded.close(at=CLOSING + (week - 1) * WEEK)
        assert statement is not None
        if week == 3:
            onboarded.stripe.fault("error_500", "/v1/transfers", 1)
        until_it_works(lambda of=statement, week=week: onboarded.pay_out(of, CLOSING + (week - 1) * WEEK))
    statements = statements_of(onboarded.store)
    assert begun < sum(each.totals.get("sale", 0) for each in statements)
    last = statements[-1]
    sent = sum(each.amount for each in onboarded.transfers())
    assert sum(sum(each.totals.values()) for each in statements) == last.closing
    assert balance(onboarded.store) == last.closing - last.to_pay == 0
    assert sent == sum(each.to_pay for each in statements)
    assert service.trial_balance(entries_of(onboarded.store)) == {"EUR": 0}
