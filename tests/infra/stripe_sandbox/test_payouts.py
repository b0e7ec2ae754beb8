"""Payouts: money on its way to a bank, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from infra.local.stripe_sandbox import Sandbox
from tests.infra.stripe_sandbox.conftest import Caller, Receiver, available, client_of, connected, paid

EUR_1000 = {"amount": 1000, "currency": "eur"}


@pytest.fixture
def store(client: stripe.StripeClient, call: Caller) -> stripe.Account:
    """An account with 15.00 EUR."""
    account = connected(client, call)
    paid(client, 2000)
    client.v1.transfers.create({"amount": 1500, "currency": "eur", "destination": account.id})
    return account


def pay_out(client: stripe.StripeClient, account: stripe.Account, **changes: Any) -> stripe.Payout:
    return client.v1.payouts.create({**EUR_1000, **changes}, {"stripe_account": account.id})


def test_a_payout_leaves_the_balance_at_once_and_arrives_later(
    client: stripe.StripeClient, call: Caller, store: stripe.Account
):
    payout = pay_out(client, store, metadata={"statement_id": "stm_1"}, statement_descriptor="DOORSTEP")

    assert (payout.status, payout.amount, payout.automatic, payout.method) == ("pending", 1000, False, "standard")
    assert payout.destination == store.external_accounts.data[0].id
    assert payout.arrival_date > payout.created
    assert available(client, store.id) == 500
    line = client.v1.balance_transactions.retrieve(payout.balance_transaction, options={"stripe_account": store.id})
    assert (line.type, line.net, line.source) == ("payout", -1000, payout.id)
    for step, status in (("in_transit", "in_transit"), ("paid", "paid")):
        assert call("POST", f"/sandbox/payouts/{payout.id}/{step}")[1]["status"] == status
    assert client.v1.payouts.retrieve(payout.id, options={"stripe_account": store.id}).status == "paid"
    assert available(client, store.id) == 500


@pytest.mark.parametrize("steps", [[], ["in_transit"], ["in_transit", "paid"], ["paid"]])
def test_a_payout_that_fails_comes_back_even_after_it_was_paid(
    client: stripe.StripeClient, call: Caller, store: stripe.Account, steps: list[str]
):
    payout = pay_out(client, store)
    for step in steps:
        call("POST", f"/sandbox/payouts/{payout.id}/{step}")

    status, failed = call("POST", f"/sandbox/payouts/{payout.id}/failed", body={"failure_code": "account_closed"})

    assert (status, failed["status"], failed["failure_code"]) == (200, "failed", "account_closed")
    assert failed["failure_message"] == "The bank account has been closed."
    back = client.v1.balance_transactions.retrieve(
        failed["failure_balance_transaction"], options={"stripe_account": store.id}
    )
    assert (back.type, back.net) == ("payout_failure", 1000)
    assert available(client, store.id) == 1500
    assert call("POST", f"/sandbox/payouts/{payout.id}/paid")[0] == 400
    assert call("POST", f"/sandbox/payouts/{payout.id}/failed")[0] == 400


def test_a_payout_can_be_canceled_while_it_is_pending(client: stripe.StripeClient, call: Caller, store: stripe.Account):
    options = {"stripe_account": store.id}
    canceled = client.v1.payouts.cancel(pay_out(client, store).id, options=options)
    assert canceled.status == "canceled"
    assert available(client, store.id) == 1500
    sent = pay_out(client, store)
    call("POST", f"/sandbox/payouts/{sent.id}/in_transit")
    with pytest.raises(stripe.InvalidRequestError, match="only be canceled while they are pending"):
        client.v1.payouts.cancel(sent.id, options=options)


def test_no_account_pays_out_more_than_it_has(client: stripe.StripeClient, store: stripe.Account):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay_out(client, store, amount=1501)
    assert refused.value.code == "balance_insufficient"
    assert pay_out(client, store, amount=1500).amount == 1500


def test_an_account_without_a_bank_or_in_trouble_is_not_paid_out(
    client: stripe.StripeClient, call: Caller, store: stripe.Account
):
    with pytest.raises(stripe.InvalidRequestError, match="don't have any external accounts in that currency"):
        pay_out(client, store, currency="usd")
    fresh = client.v1.accounts.create({"type": "express"})
    with pytest.raises(stripe.InvalidRequestError, match="external accounts"):
        pay_out(client, fresh)
    call("POST", f"/sandbox/accounts/{store.id}/restrict")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay_out(client, store)
    assert refused.value.code == "payouts_not_allowed"


def test_payouts_belong_to_their_account(client: stripe.StripeClient, store: stripe.Account):
    theirs = pay_out(client, store)
    ours = client.v1.payouts.create({"amount": 100, "currency": "eur"})

    assert [payout.id for payout in client.v1.payouts.list().data] == [ours.id]
    found = client.v1.payouts.list({"status": "pending"}, {"stripe_account": store.id}).data
    assert [payout.id for payout in found] == [theirs.id]
    assert client.v1.payouts.list({"status": "paid"}, {"stripe_account": store.id}).data == []
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payouts.retrieve(theirs.id)
    assert missing.value.code == "resource_missing"


def test_an_automatic_payout_says_what_it_carried(client: stripe.StripeClient, call: Caller, store: stripe.Account):
    options = {"stripe_account": store.id}
    manual = pay_out(client, store, amount=500)

    status, payout = call("POST", "/sandbox/payouts", body={"account": store.id, "currency": "eur"})

    assert (status, payout["amount"], payout["automatic"]) == (200, 1000, True)
    carried = client.v1.balance_transactions.list({"payout": payout["id"]}, options).data
    assert sorted(line.net for line in carried) == [-1000, -500, 1500]
    assert sum(line.net for line in carried) == 0
    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic transfers"):
        client.v1.balance_transactions.list({"payout": manual.id}, options)
    assert call("POST", "/sandbox/payouts", body={"account": store.id, "currency": "eur"})[0] == 409

    # What comes back goes with the next one.
    call("POST", f"/sandbox/payouts/{payout['id']}/failed")
    _, again = call("POST", "/sandbox/payouts", body={"account": store.id, "currency": "eur"})
    lines = client.v1.balance_transactions.list({"payout": again["id"]}, options).data
    assert sorted(line.type for line in lines) == ["payout", "payout_failure"]


def test_the_platform_pays_itself_out_as_well(client: stripe.StripeClient, call: Caller):
    payment = paid(client, 2000)
    _, payout = call("POST", "/sandbox/payouts", body={"currency": "eur"})
    assert payout["amount"] == 1947
    lines = client.v1.balance_transactions.list({"payout": payout["id"]}).data
    assert [line.source for line in lines] == [payout["id"], payment.latest_charge]
    assert available(client) == 0


def test_its_life_is_told_with_the_account(start: Callable[..., Sandbox], receiver: Receiver):
    sandbox = start(events=frozenset({"payout.*"}))
    client, call = client_of(sandbox.url), Caller(sandbox.url)
    store = connected(client, call)
    paid(client, 2000)
    client.v1.transfers.create({"amount": 1500, "currency": "eur", "destination": store.id})
    payout = pay_out(client, store)
    for step in ("in_transit", "paid", "failed"):
        call("POST", f"/sandbox/payouts/{payout.id}/{step}")

    types = receiver.wait_for(lambda types: len(types) == 4)

    assert sorted(types) == ["payout.created", "payout.failed", "payout.paid", "payout.updated"]
    assert {received.event.account for received in receiver.received} == {store.id}
