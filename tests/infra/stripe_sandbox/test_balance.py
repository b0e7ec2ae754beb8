"""Balances: what every movement adds and costs, when it becomes available, and how it is found."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from infra.local.stripe_sandbox import Config, Sandbox, fees
from tests.infra.stripe_sandbox.conftest import SECRET_KEY, Caller, available, client_of, order_intent, paid, pay


def line_of(client: stripe.StripeClient, source: str) -> stripe.BalanceTransaction:
    """The only line of this source."""
    (line,) = client.v1.balance_transactions.list({"source": source}).data
    return line


@pytest.mark.parametrize(
    ("method", "amount", "currency", "fee"),
    [
        ("card", 2350, "eur", 33 + 25),
        ("card", 2000, "eur", 28 + 25),
        ("card", 2036, "eur", 29 + 25),  # 28.504, rounded half up
        ("card", 2035, "eur", 28 + 25),  # 28.49
        ("card", 1250, "eur", 18 + 25),  # 17.5 exactly
        ("card", 500, "jpy", 7 + 25),
        ("card", 10_000, "kwd", 140 + 250),
        ("alipay", 2350, "eur", 71 + 25),
        ("wechat_pay", 1000, "cny", 30 + 25),
        ("us_bank_account", 10_000, "usd", 80),
        ("us_bank_account", 99_000_000, "usd", 500),
    ],
)
def test_the_schedule_of_fees(method: str, amount: int, currency: str, fee: int):
    assert fees.payment_fee(method, amount, currency) == fee


@given(amount=st.integers(1, 99_999_999))
def test_a_cards_fee_is_the_percentage_to_the_nearest_cent_and_the_fixed_part(amount: int):
    assert abs((fees.payment_fee("card", amount, "eur") - 25) - amount * 0.014) <= 0.5 + 1e-6


def test_a_payment_adds_what_was_captured_less_the_fee(client: stripe.StripeClient):
    held = pay(client, order_intent(client, description="Order 1"))
    assert client.v1.balance_transactions.list().data == []
    assert client.v1.charges.retrieve(held.latest_charge).balance_transaction is None

    taken = client.v1.payment_intents.capture(
        held.id, {"amount_to_capture": 2000, "expand": ["latest_charge.balance_transaction"]}
    )

    line = taken.latest_charge.balance_transaction
    assert (line.type, line.reporting_category, line.source) == ("charge", "charge", taken.latest_charge.id)
    assert (line.amount, line.fee, line.net, line.currency) == (2000, 53, 1947, "eur")
    assert [(fee.amount, fee.type) for fee in line.fee_details] == [(53, "stripe_fee")]
    assert (line.description, line.status) == ("Order 1", "available")
    assert client.v1.balance_transactions.retrieve(line.id).to_dict() == line.to_dict()
    assert available(client) == 1947


def test_a_refund_takes_the_whole_amount_and_brings_no_fee_back(client: stripe.StripeClient):
    payment = paid(client, 2000)
    refund = client.v1.refunds.create({"payment_intent": payment.id, "amount": 500, "expand": ["balance_transaction"]})

    line = refund.balance_transaction
    assert (line.type, line.source, line.amount, line.fee, line.net) == ("refund", refund.id, -500, 0, -500)
    assert available(client) == 2000 - 53 - 500


def test_what_was_only_held_never_touches_the_balance(client: stripe.StripeClient, call: Caller):
    canceled = client.v1.payment_intents.cancel(pay(client, order_intent(client)).id)
    expired = pay(client, order_intent(client))
    call("POST", f"/sandbox/payment_intents/{expired.id}/expire")
    with pytest.raises(stripe.CardError):
        pay(client, order_intent(client), "pm_card_chargeDeclined")

    assert client.v1.balance_transactions.list().data == []
    assert client.v1.balance.retrieve().available == []
    (released,) = client.v1.refunds.list({"payment_intent": canceled.id}).data
    assert released.balance_transaction is None


def test_a_refund_that_the_bank_sends_back_is_money_again(client: stripe.StripeClient, call: Caller):
    payment = paid(client, 2000)
    refund = client.v1.refunds.create({"payment_intent": payment.id, "amount": 500})

    status, failed = call("POST", f"/sandbox/refunds/{refund.id}/fail", body={"reason": "lost_or_stolen_card"})

    assert (status, failed["status"], failed["failure_reason"]) == (200, "failed", "lost_or_stolen_card")
    line = client.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (line.type, line.net, line.source) == ("refund_failure", 500, refund.id)
    assert available(client) == 2000 - 53
    assert client.v1.charges.retrieve(payment.latest_charge).amount_refunded == 0
    assert [event.type for event in client.v1.events.list({"limit": 3}).data][::-1] == [
        "refund.updated",
        "refund.failed",
        "charge.refund.updated",
    ]
    assert call("POST", f"/sandbox/refunds/{refund.id}/fail")[0] == 400
    assert client.v1.refunds.create({"payment_intent": payment.id}).amount == 2000


def test_a_debit_counts_from_when_it_settled(client: stripe.StripeClient, call: Caller):
    waiting = pay(client, order_intent(client, currency="usd", capture_method="automatic"), "pm_usBankAccount_success")
    assert client.v1.balance_transactions.list().data == []
    call("POST", f"/sandbox/payment_intents/{waiting.id}/settle")
    assert line_of(client, waiting.latest_charge).net == 2350 - 19
    assert available(client, currency="usd") == 2350 - 19


def test_every_currency_has_a_balance_of_its_own(client: stripe.StripeClient):
    paid(client, 2000)
    paid(client, 500, currency="jpy")
    balance = client.v1.balance.retrieve()
    assert {funds.currency: funds.amount for funds in balance.available} == {"eur": 1947, "jpy": 468}
    assert [line.currency for line in client.v1.balance_transactions.list({"currency": "jpy"}).data] == ["jpy"]


class TestFinding:
    def test_goes_page_by_page_from_new_to_old(self, client: stripe.StripeClient):
        charges = [paid(client, amount).latest_charge for amount in (1000, 2000, 3000)][::-1]
        first = client.v1.balance_transactions.list({"limit": 2})
        assert ([line.source for line in first.data], first.has_more) == (charges[:2], True)
        assert [line.source for line in first.auto_paging_iter()] == charges
        back = client.v1.balance_transactions.list({"ending_before": first.data[1].id})
        assert [line.id for line in back.data] == [first.data[0].id]

    def test_is_narrowed_by_type_source_and_time(self, client: stripe.StripeClient):
        payment = paid(client, 2000)
        refund = client.v1.refunds.create({"payment_intent": payment.id, "amount": 100})
        now = int(time.time())

        def sources(**wanted: object) -> list[str]:
            return [str(line.source) for line in client.v1.balance_transactions.list(wanted).data]

        assert sources(type="charge") == [payment.latest_charge]
        assert sources(source=refund.id) == [refund.id]
        assert sources(type="charge", source=refund.id) == []
        assert sources(created={"gte": now - 60}) == [refund.id, payment.latest_charge]
        assert sources(created={"gt": now + 60}) == []

    def test_carries_the_sources_along(self, client: stripe.StripeClient):
        payment = paid(client, 2000)
        (line,) = client.v1.balance_transactions.list({"expand": ["data.source.payment_intent"]}).data
        assert line.source.payment_intent.id == payment.id

    def test_of_what_is_not_there_is_refused(self, client: stripe.StripeClient):
        with pytest.raises(stripe.InvalidRequestError) as missing:
            client.v1.balance_transactions.retrieve("txn_none")
        assert missing.value.code == "resource_missing"


class TestWaitingForMoney:
    @pytest.fixture
    def slow(self, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Sandbox]:
        return lambda: Sandbox(Config(tmp_path_factory.mktemp("slow") / "s.sqlite", SECRET_KEY, funds_after=172_800))

    def test_a_payment_is_pending_first(self, slow: Callable[[], Sandbox]):
        with slow() as sandbox:
            client, call = client_of(sandbox.url), Caller(sandbox.url)
            payment = paid(client, 2000)
            balance = client.v1.balance.retrieve()
            assert (balance.available[0].amount, balance.pending[0].amount) == (0, 1947)
            line = line_of(client, payment.latest_charge)
            assert (line.status, line.available_on - line.created) == ("pending", 172_800)

            assert call("POST", "/sandbox/balance/settle") == (200, {"settled": 1})

            balance = client.v1.balance.retrieve()
            assert (balance.available[0].amount, balance.pending[0].amount) == (1947, 0)
            assert line_of(client, payment.latest_charge).status == "available"

    def test_a_card_made_for_it_skips_the_wait(self, slow: Callable[[], Sandbox]):
        with slow() as sandbox:
            client = client_of(sandbox.url)
            held = pay(client, order_intent(client, amount=2000), "pm_card_bypassPending")
            client.v1.payment_intents.capture(held.id)
            assert available(client) == 1947


def test_the_platform_can_put_money_in(client: stripe.StripeClient, call: Caller):
    status, line = call("POST", "/sandbox/balance/top_up", body={"amount": 5000, "currency": "eur"})
    assert (status, line["type"], line["net"]) == (201, "topup", 5000)
    assert available(client) == 5000
