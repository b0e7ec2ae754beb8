"""Settlement by its events: from the hour's schedule to the money, and back from a refund, each event twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock, events, schedules
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.event_types import AccountNotified, BankPayoutNotified, SettlementDue
from chalicelib.payments.service import settlement
from chalicelib.payments.service.settlement import PayoutState
from tests.ordering.world import deliver
from tests.payments.settling import CLOSING, WEDNESDAY, WEEK, Settled, balance, emitted, key, until_it_works

if TYPE_CHECKING:
    from tests.payments.conftest import Stripe


@pytest.fixture
def settled(stripe: Stripe) -> Settled:
    made = Settled(stripe)
    made.sandbox("balance/top_up", amount=100_000, currency="eur")
    return made


def delivered(*told: events.Envelope) -> None:
    for each in told:
        assert deliver("payments", each, each) == []


def fresh(event_type: str, settled: Settled, known: set[str]) -> list[events.Envelope]:
    """What was told of the store and nobody has heard yet."""
    found = [each for each in emitted(event_type, party_id=settled.store_id) if each.id not in known]
    known.update(each.id for each in found)
    return found


def test_from_the_hours_schedule_to_the_money_and_back(settled: Settled) -> None:
    with clock.freeze(WEDNESDAY):
        payment = settled.sell()
        settled.onboard()
    known: set[str] = set()
    (schedule,) = [each for each in schedules.SCHEDULES if each.event is SettlementDue]
    with clock.freeze(CLOSING + timedelta(minutes=10)):
        told = [schedule.envelope_at(clock.rfc3339(schedule.last_due(clock.now())))]
        for page in told:
            before = {each.id for each in emitted("SettlementDue")}
            delivered(page)
            told += [each for each in emitted("SettlementDue") if each.id not in before]
        (due,) = fresh("StatementDue", settled, known)
        delivered(due)
        (planned,) = fresh("PayoutDue", settled, known)
        delivered(planned)
    payout = settlement.get_payout(settled.store, "EUR", 1)
    assert payout.state is PayoutState.SENT
    assert [each.amount for each in settled.transfers()] == [payout.amount]
    assert balance(settled.store) == 0

    with clock.freeze(WEDNESDAY + WEEK):
        settled.refund(payment)
        delivered(*emitted("RefundSettled", order_id=payment.order_id))
    assert settlement.get_payout(settled.store, "EUR", 1).reversed > 0
    assert settled.transfers()[0].amount_reversed == settlement.get_payout(settled.store, "EUR", 1).reversed


def test_an_account_that_becomes_able_is_told_of(settled: Settled) -> None:
    with clock.freeze(WEDNESDAY):
        settled.sell()
        account = settlement.open_store_account(settled.store_id, "usr-1", key())
    statement = settled.close()
    assert statement is not None
    settled.pay_out(statement)
    known: set[str] = set()
    fresh("PayoutDue", settled, known)
    settled.sandbox(f"accounts/{account.account_id}/onboard")
    with clock.freeze(CLOSING + timedelta(minutes=5)):
        delivered(events.envelope(AccountNotified(account_id=account.account_id)))
        delivered(*fresh("PayoutDue", settled, known))
    sent = settlement.get_payout(settled.store, "EUR", 1)
    assert sent.state is PayoutState.SENT

    bank = settled.sandbox("payouts", account=account.account_id, currency="eur")
    settled.sandbox(f"payouts/{bank['id']}/in_transit")
    settled.sandbox(f"payouts/{bank['id']}/paid")
    with clock.freeze(CLOSING + timedelta(hours=1)):
        delivered(events.envelope(BankPayoutNotified(payout_id=bank["id"], account_id=account.account_id)))
    assert settlement.get_payout(settled.store, "EUR", 1).state is PayoutState.PAID


@pytest.mark.parametrize("path", ["/v1/transfers", "/v1/payouts", "/v1/balance_transactions"])
def test_a_silence_about_the_bank_changes_nothing(settled: Settled, path: str) -> None:
    with clock.freeze(WEDNESDAY):
        settled.sell()
        settled.onboard()
    statement = settled.close()
    assert statement is not None
    sent = settled.pay_out(statement)
    bank = settled.sandbox("payouts", account=sent.account_id, currency="eur")
    settled.sandbox(f"payouts/{bank['id']}/paid")
    settled.stripe.fault("error_500", path, 3, method="GET")
    tomorrow = CLOSING + timedelta(days=1)
    with pytest.raises(Unavailable):
        settled.pay_out(statement, tomorrow)
    assert settlement.get_payout(settled.store, "EUR", 1) == sent
    assert until_it_works(lambda: settled.pay_out(statement, tomorrow)).state is PayoutState.PAID


@pytest.mark.parametrize("kind", ["timeout_after_success", "error_500", "error_429"])
def test_a_link_is_got_whatever_stripe_answers(settled: Settled, kind: str) -> None:
    account = settlement.open_store_account(settled.store_id, "usr-1", key())
    settled.stripe.fault(kind, "/v1/account_links", 3)
    back = ("https://shop.test/done", "https://shop.test/again", "req-1")
    assert account.account_id in until_it_works(lambda: settlement.open_onboarding(settled.store, *back)).url
