"""Faults on demand: what goes wrong, a stated number of times, and what is left afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from infra.local.stripe_sandbox import Sandbox
from tests.infra.stripe_sandbox.conftest import (
    Caller,
    Receiver,
    available,
    client_of,
    connected,
    order_intent,
    paid,
    pay,
)


def cause(call: Caller, kind: str, **more: Any) -> None:
    status, answer = call("POST", "/sandbox/faults", body={"kind": kind, **more})
    assert status == 201, answer


def test_a_lost_answer_hides_an_effect_that_the_same_key_then_shows(client: stripe.StripeClient, call: Caller):
    held = pay(client, order_intent(client))
    cause(
        call,
        "timeout_after_success",
        match={"method": "POST", "path_prefix": "/v1/payment_intents/*/capture"},
    )

    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.capture(held.id, options={"idempotency_key": "c1"})

    assert client.v1.payment_intents.retrieve(held.id).status == "succeeded"
    again = client.v1.payment_intents.capture(held.id, options={"idempotency_key": "c1"})
    assert again.status == "succeeded"
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_the_sdk_gets_over_a_lost_answer_by_itself(sandbox: Sandbox, client: stripe.StripeClient, call: Caller):
    cause(call, "timeout_after_success", match={"path_prefix": "/v1/payment_intents"})

    order_intent(client_of(sandbox.url, retries=2))

    assert len(client.v1.payment_intents.list().data) == 1


def test_an_answer_can_be_kept_back_for_a_while(client: stripe.StripeClient, call: Caller):
    cause(call, "timeout_after_success", delay_ms=400)
    began = time.monotonic()
    with pytest.raises(stripe.APIConnectionError):
        order_intent(client)
    assert time.monotonic() - began >= 0.4


def test_a_decline_does_not_use_up_a_fault_that_waits_for_success(client: stripe.StripeClient, call: Caller):
    cause(call, "timeout_after_success", match={"path_prefix": "/v1/payment_intents/*/confirm"})
    intent = order_intent(client)
    with pytest.raises(stripe.CardError):
        pay(client, intent, "pm_card_chargeDeclined")
    with pytest.raises(stripe.APIConnectionError):
        pay(client, intent)
    assert call("GET", "/sandbox/faults")[1] == {"faults": []}


def test_a_server_error_changes_nothing_and_stays_with_its_key(client: stripe.StripeClient, call: Caller):
    held = pay(client, order_intent(client))
    cause(call, "error_500", match={"path_prefix": f"/v1/payment_intents/{held.id}/capture"})

    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            client.v1.payment_intents.capture(held.id, options={"idempotency_key": "c1"})
        assert failed.value.http_status == 500
        assert failed.value.headers["Stripe-Should-Retry"] == "false"

    assert client.v1.payment_intents.retrieve(held.id).status == "requires_capture"
    assert client.v1.payment_intents.capture(held.id, options={"idempotency_key": "c2"}).status == "succeeded"


def test_a_passing_server_error_is_gone_when_asked_again(client: stripe.StripeClient, call: Caller):
    cause(call, "error_500", remembered=False)
    intent = {"amount": 500, "currency": "eur"}

    with pytest.raises(stripe.APIError):
        client.v1.payment_intents.create(intent, {"idempotency_key": "k1"})

    assert client.v1.payment_intents.create(intent, {"idempotency_key": "k1"}).amount == 500


def test_too_many_requests_are_refused_as_often_as_stated(client: stripe.StripeClient, call: Caller):
    cause(call, "error_429", times=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            client.v1.payment_intents.create({"amount": 500, "currency": "eur"}, {"idempotency_key": "k1"})
    assert client.v1.payment_intents.create({"amount": 500, "currency": "eur"}, {"idempotency_key": "k1"})


def test_a_lost_webhook_arrives_only_when_sent_again(client: stripe.StripeClient, receiver: Receiver, call: Caller):
    cause(call, "webhook_lost", match={"event_type": "payment_intent.amount_capturable_updated"})
    pay(client, order_intent(client))
    receiver.wait_for(bool)
    time.sleep(0.2)
    assert receiver.types() == ["payment_intent.created"]
    assert call("GET", "/sandbox/health")[1]["webhooks"]["lost"] == 1

    call("POST", "/sandbox/events/resend?since=0")

    receiver.wait_for(lambda types: "payment_intent.amount_capturable_updated" in types)


def test_a_duplicated_webhook_arrives_twice(client: stripe.StripeClient, receiver: Receiver, call: Caller):
    cause(call, "webhook_duplicated", match={"method": "POST", "path_prefix": "/v1/payment_intents"})
    order_intent(client)
    receiver.wait_for(lambda types: len(types) == 2)
    assert receiver.received[0].event.id == receiver.received[1].event.id


def test_a_delayed_webhook_arrives_after_later_ones(client: stripe.StripeClient, receiver: Receiver, call: Caller):
    cause(call, "webhook_delayed", match={"event_type": "payment_intent.created"}, delay_ms=500)
    pay(client, order_intent(client))
    types = receiver.wait_for(lambda types: len(types) == 2)
    assert types == ["payment_intent.amount_capturable_updated", "payment_intent.created"]


def test_a_reordered_webhook_changes_places_with_the_next(
    client: stripe.StripeClient, receiver: Receiver, call: Caller
):
    cause(call, "webhook_reordered", match={"event_type": "payment_intent.created"})
    pay(client, order_intent(client))
    types = receiver.wait_for(lambda types: len(types) == 2, seconds=2)
    assert types == ["payment_intent.amount_capturable_updated", "payment_intent.created"]


def test_reordering_many_webhooks_swaps_them_in_pairs(client: stripe.StripeClient, receiver: Receiver, call: Caller):
    cause(call, "webhook_reordered", times=10)
    made = []
    for amount in (1000, 2000, 3000, 4000):
        made.append(order_intent(client, amount=amount).id)
        if len(made) % 2 == 0:
            receiver.wait_for(lambda types: len(types) == len(made))

    assert [received.event.data.object.id for received in receiver.received] == [made[1], made[0], made[3], made[2]]


def test_a_reordered_webhook_that_nothing_follows_is_only_late(
    client: stripe.StripeClient, receiver: Receiver, call: Caller
):
    cause(call, "webhook_reordered", delay_ms=400)
    began = time.monotonic()
    order_intent(client)
    receiver.wait_for(bool)
    assert time.monotonic() - began >= 0.4


def test_a_restart_does_not_forget_what_was_held_back(start: Callable[..., Sandbox], receiver: Receiver):
    first = start()
    cause(Caller(first.url), "webhook_reordered", delay_ms=60_000)
    held = order_intent(client_of(first.url)).id
    first.stop()

    later = order_intent(client_of(start().url)).id

    receiver.wait_for(lambda types: len(types) == 2)
    assert [received.event.data.object.id for received in receiver.received] == [later, held]


def test_an_error_after_success_stays_with_its_key_though_all_was_done(client: stripe.StripeClient, call: Caller):
    held = pay(client, order_intent(client))
    cause(call, "error_500_after_success", match={"path_prefix": "/v1/payment_intents/*/capture"})

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.payment_intents.capture(held.id, options={"idempotency_key": "c1"})

    assert client.v1.payment_intents.retrieve(held.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.payment_intents.capture(held.id, options={"idempotency_key": "c2"})
    assert again.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("error_500", stripe.APIError),
        ("error_429", stripe.RateLimitError),
        ("timeout_after_success", stripe.APIConnectionError),
        ("error_500_after_success", stripe.APIError),
    ],
)
def test_reading_fails_only_where_that_was_asked_for(
    client: stripe.StripeClient, call: Caller, kind: str, error: type[Exception]
):
    intent = order_intent(client)
    cause(call, kind, match={"path_prefix": "/v1/charges"})
    assert client.v1.charges.list().data == []
    call("DELETE", "/sandbox/faults")
    cause(call, kind, match={"method": "GET", "path_prefix": "/v1/payment_intents"})
    with pytest.raises(error):
        client.v1.payment_intents.retrieve(intent.id)
    assert client.v1.payment_intents.retrieve(intent.id).id == intent.id


def test_a_transfer_whose_answer_was_lost_is_made_once(client: stripe.StripeClient, call: Caller):
    store = connected(client, call)
    paid(client, 5000)
    wanted = {"amount": 1000, "currency": "eur", "destination": store.id}
    cause(call, "timeout_after_success", match={"path_prefix": "/v1/transfers"})

    with pytest.raises(stripe.APIConnectionError):
        client.v1.transfers.create(wanted, {"idempotency_key": "t1"})
    made = client.v1.transfers.create(wanted, {"idempotency_key": "t1"})

    assert [transfer.id for transfer in client.v1.transfers.list().data] == [made.id]
    assert available(client, store.id) == 1000


def test_webhooks_of_transfers_and_disputes_can_be_lost_too(start: Callable[..., Sandbox], receiver: Receiver):
    sandbox = start(events=frozenset({"transfer.*", "charge.dispute.*"}))
    client, call = client_of(sandbox.url), Caller(sandbox.url)
    cause(call, "webhook_lost", match={"event_type": "transfer.created"})
    cause(call, "webhook_lost", match={"method": "POST", "path_prefix": "/sandbox/charges/*/dispute"})
    store = connected(client, call)
    payment = paid(client, 5000)
    made = client.v1.transfers.create({"amount": 1000, "currency": "eur", "destination": store.id})
    client.v1.transfers.reversals.create(made.id)
    call("POST", f"/sandbox/charges/{payment.latest_charge}/dispute")

    types = receiver.wait_for(lambda types: len(types) == 2)

    assert sorted(types) == ["charge.dispute.funds_withdrawn", "transfer.reversed"]


def test_faults_survive_a_restart_and_can_be_cleared(start: Callable[..., Sandbox]):
    first = start()
    cause(Caller(first.url), "error_429", times=5)
    first.stop()
    second = start()
    with pytest.raises(stripe.RateLimitError):
        order_intent(client_of(second.url))

    assert Caller(second.url)("DELETE", "/sandbox/faults")[0] == 200

    assert order_intent(client_of(second.url)).amount == 2350


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "earthquake"},
        {"kind": ["error_500"]},
        {"kind": "error_500", "times": 0},
        {"kind": "error_500", "times": "many"},
        {"kind": "error_500", "match": {"path": "/v1"}},
        {"kind": "error_500", "match": ["POST"]},
        {"kind": "error_500", "match": {"method": 5}},
        {"kind": "webhook_delayed", "delay_ms": -1},
        {"kind": "error_500", "when": "now"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(client: stripe.StripeClient, call: Caller, wrong: dict[str, Any]):
    status, answer = call("POST", "/sandbox/faults", body=wrong)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert order_intent(client).amount == 2350
