"""Disputes: a bank takes a payment back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.infra.stripe_sandbox.conftest import Caller, available, order_intent, paid, pay

FEE = 2000


@pytest.fixture
def payment(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return paid(client, 5000)


def dispute(client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent, **body: Any) -> stripe.Dispute:
    status, opened = call("POST", f"/sandbox/charges/{payment.latest_charge}/dispute", body=body)
    assert status == 200, opened
    return client.v1.disputes.retrieve(opened["id"])


def told(client: stripe.StripeClient) -> list[str]:
    events = client.v1.events.list({"limit": 100}).data
    return [event.type for event in events if event.type.startswith("charge.dispute.")][::-1]


def test_a_dispute_withdraws_the_money_and_a_fee(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    before = available(client)

    opened = dispute(client, call, payment, reason="product_not_received")

    assert (opened.status, opened.reason, opened.amount) == ("needs_response", "product_not_received", 5000)
    assert (opened.charge, opened.payment_intent) == (payment.latest_charge, payment.id)
    (line,) = opened.balance_transactions
    assert (line.type, line.reporting_category, line.source) == ("adjustment", "dispute", opened.id)
    assert (line.amount, line.fee, line.net) == (-5000, FEE, -5000 - FEE)
    assert available(client) == before - 5000 - FEE
    assert client.v1.charges.retrieve(payment.latest_charge).disputed is True
    assert opened.evidence_details.due_by > opened.created
    assert told(client) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_a_disputed_payment_can_not_be_refunded_until_it_was_won(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    opened = dispute(client, call, payment)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": payment.id})
    assert refused.value.code == "charge_disputed"

    call("POST", f"/sandbox/disputes/{opened.id}/won")

    assert client.v1.refunds.create({"payment_intent": payment.id}).amount == 5000


def test_winning_brings_back_the_money_but_not_the_fee(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    before = available(client)
    opened = dispute(client, call, payment, amount=3000)
    client.v1.disputes.update(opened.id, {"evidence": {"customer_name": "Ann"}, "submit": True})

    status, won = call("POST", f"/sandbox/disputes/{opened.id}/won")

    assert (status, won["status"]) == (200, "won")
    assert [line["net"] for line in won["balance_transactions"]] == [-3000 - FEE, 3000]
    assert available(client) == before - FEE
    assert told(client)[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


@pytest.mark.parametrize("how", ["closed", "lost"])
def test_losing_leaves_the_money_with_the_customer(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent, how: str
):
    opened = dispute(client, call, payment)
    if how == "closed":
        client.v1.disputes.close(opened.id)
    else:
        call("POST", f"/sandbox/disputes/{opened.id}/lost")

    lost = client.v1.disputes.retrieve(opened.id)
    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    assert told(client)[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(opened.id)
    assert call("POST", f"/sandbox/disputes/{opened.id}/won")[0] == 400


def test_evidence_is_gathered_then_submitted_once(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    opened = dispute(client, call, payment)
    staged = client.v1.disputes.update(
        opened.id, {"evidence": {"shipping_address": "Hauptstr. 1"}, "submit": False, "metadata": {"case_id": "cas_1"}}
    )
    assert (staged.status, staged.evidence.shipping_address) == ("needs_response", "Hauptstr. 1")
    assert (staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (True, 0)

    sent = client.v1.disputes.update(opened.id, {"evidence": {"service_date": "2026-11-22"}})

    assert (sent.status, sent.evidence.shipping_address) == ("under_review", "Hauptstr. 1")
    assert sent.evidence_details.submission_count == 1
    with pytest.raises(stripe.InvalidRequestError, match="already been submitted"):
        client.v1.disputes.update(opened.id, {"evidence": {"service_date": "2026-11-23"}})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.update(opened.id, {"evidence": {"horoscope": "good"}})


def test_a_bank_may_take_back_what_was_partly_refunded(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    client.v1.refunds.create({"payment_intent": payment.id, "amount": 4000})
    assert dispute(client, call, payment).amount == 5000


def test_disputes_are_found_by_charge_and_intent(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    opened = dispute(client, call, payment)
    dispute(client, call, paid(client, 1000))
    assert [one.id for one in client.v1.disputes.list({"payment_intent": payment.id}).data] == [opened.id]
    assert [one.id for one in client.v1.disputes.list({"charge": payment.latest_charge}).data] == [opened.id]
    assert len(client.v1.disputes.list().data) == 2


def test_only_what_was_captured_can_be_disputed_once(
    client: stripe.StripeClient, call: Caller, payment: stripe.PaymentIntent
):
    held = pay(client, order_intent(client))
    assert call("POST", f"/sandbox/charges/{held.latest_charge}/dispute")[0] == 400
    path = f"/sandbox/charges/{payment.latest_charge}/dispute"
    assert call("POST", path, body={"amount": 5001})[0] == 400
    assert call("POST", path, body={"reason": "bad mood"})[0] == 400
    assert call("POST", path)[0] == 200
    assert call("POST", path)[0] == 400
