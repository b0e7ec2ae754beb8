"""Refunds through Stripe's SDK."""

from __future__ import annotations

import pytest
import stripe

from tests.infra.stripe_sandbox.conftest import Caller, order_intent, pay


@pytest.fixture
def paid(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.capture(pay(client, order_intent(client)).id)


def test_a_whole_payment_is_refunded_by_its_intent(client: stripe.StripeClient, paid: stripe.PaymentIntent):
    refund = client.v1.refunds.create(
        {"payment_intent": paid.id, "reason": "requested_by_customer", "metadata": {"order_id": "ord_1"}}
    )

    assert (refund.amount, refund.currency, refund.status) == (2350, "eur", "succeeded")
    assert (refund.payment_intent, refund.charge, refund.reason) == (
        paid.id,
        paid.latest_charge,
        "requested_by_customer",
    )
    charge = client.v1.charges.retrieve(paid.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 2350)
    assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"
    assert client.v1.refunds.retrieve(refund.id) == refund


def test_partial_refunds_add_up_to_what_was_captured_and_no_further(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
):
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 1000})
    client.v1.refunds.create({"charge": paid.latest_charge, "amount": 1000})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount on charge") as refused:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 351})
    assert refused.value.param == "amount"

    assert client.v1.refunds.create({"payment_intent": paid.id}).amount == 350
    with pytest.raises(stripe.InvalidRequestError) as done:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert done.value.code == "charge_already_refunded"


def test_the_released_part_of_an_authorisation_can_not_be_refunded_again(client: stripe.StripeClient):
    held = pay(client, order_intent(client))
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2000})

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": held.id, "amount": 2001})

    assert client.v1.refunds.create({"payment_intent": held.id}).amount == 2000


def test_what_was_only_held_is_canceled_and_not_refunded(client: stripe.StripeClient):
    held = pay(client, order_intent(client))
    with pytest.raises(stripe.InvalidRequestError, match="You must cancel the PaymentIntent"):
        client.v1.refunds.create({"payment_intent": held.id})


def test_what_was_never_paid_can_not_be_refunded(client: stripe.StripeClient):
    unpaid = order_intent(client)
    canceled = client.v1.payment_intents.cancel(pay(client, order_intent(client)).id)
    for intent in (unpaid, canceled):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
            client.v1.refunds.create({"payment_intent": intent.id})


def test_a_refund_needs_to_know_what_to_refund(client: stripe.StripeClient, paid: stripe.PaymentIntent):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"amount": 100})
    assert refused.value.code == "parameter_missing"
    other = client.v1.payment_intents.capture(pay(client, order_intent(client)).id)
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        client.v1.refunds.create({"payment_intent": paid.id, "charge": other.latest_charge})


def test_refunds_are_listed_newest_first_by_payment(client: stripe.StripeClient, paid: stripe.PaymentIntent):
    other = client.v1.payment_intents.capture(pay(client, order_intent(client)).id)
    made = [client.v1.refunds.create({"payment_intent": paid.id, "amount": amount}).id for amount in (100, 200, 300)]
    client.v1.refunds.create({"payment_intent": other.id})

    first = client.v1.refunds.list({"payment_intent": paid.id, "limit": 2})

    assert [refund.id for refund in first.data] == [made[2], made[1]]
    assert first.has_more is True
    assert [refund.id for refund in client.v1.refunds.list({"charge": paid.latest_charge}).auto_paging_iter()] == made[
        ::-1
    ]


def test_the_summary_tells_captured_refunded_and_released_apart(client: stripe.StripeClient, call: Caller):
    partly = pay(client, order_intent(client, metadata={"order_id": "ord_partly"}))
    client.v1.payment_intents.capture(partly.id, {"amount_to_capture": 2000})
    client.v1.refunds.create({"payment_intent": partly.id, "amount": 500})
    client.v1.payment_intents.cancel(pay(client, order_intent(client)).id)
    pay(client, order_intent(client))
    with pytest.raises(stripe.CardError):
        pay(client, order_intent(client), "pm_card_chargeDeclined")

    _, summary = call("GET", "/sandbox/summary")

    assert summary["statuses"] == {
        "succeeded": 1,
        "canceled": 1,
        "requires_capture": 1,
        "requires_payment_method": 1,
    }
    assert summary["currencies"] == {
        "eur": {"capturable": 2350, "captured": 2000, "refunded": 500, "released": 350 + 2350}
    }
    line = next(line for line in summary["intents"] if line["id"] == partly.id)
    assert line["metadata"] == {"order_id": "ord_partly"}
    assert (line["captures"], line["captured"], line["refunds"], line["refunded"], line["released"]) == (
        1,
        2000,
        1,
        500,
        350,
    )
