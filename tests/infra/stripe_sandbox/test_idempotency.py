"""Idempotency keys: one effect, one answer, also when twenty ask at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from infra.local.stripe_sandbox import Sandbox
from tests.infra.stripe_sandbox.conftest import Caller, client_of, order_intent, pay


def with_key(key: str) -> dict[str, Any]:
    return {"idempotency_key": key}


def create(client: stripe.StripeClient, key: str, amount: int = 2350) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create({"amount": amount, "currency": "eur"}, with_key(key))


def test_the_same_request_again_gets_the_stored_answer(client: stripe.StripeClient):
    first, again = create(client, "k1"), create(client, "k1")

    assert again.id == first.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.body == first.last_response.body
    assert len(client.v1.payment_intents.list().data) == 1


def test_the_stored_answer_does_not_follow_later_changes(client: stripe.StripeClient):
    intent = create(client, "k1")
    client.v1.payment_intents.cancel(intent.id)

    assert create(client, "k1").status == "requires_payment_method"


def test_the_key_of_another_request_is_refused(client: stripe.StripeClient):
    intent = create(client, "k1")

    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        create(client, "k1", amount=9900)
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.cancel(intent.id, options=with_key("k1"))
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_decline_is_the_answer_of_its_key(client: stripe.StripeClient):
    intent = order_intent(client)
    form = {"payment_method": "pm_card_chargeDeclined", "return_url": "https://shop.test"}

    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(intent.id, form, with_key("pay"))

    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_a_refusal_by_state_is_the_answer_of_its_key_even_when_the_state_changes(client: stripe.StripeClient):
    intent = order_intent(client)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(intent.id, options=with_key("capture"))
    pay(client, intent)

    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.payment_intents.capture(intent.id, options=with_key("capture"))

    assert again.value.headers["Idempotent-Replayed"] == "true"
    assert client.v1.payment_intents.capture(intent.id, options=with_key("capture-2")).status == "succeeded"


def test_refused_parameters_leave_the_key_unused(client: stripe.StripeClient):
    with pytest.raises(stripe.InvalidRequestError):
        create(client, "k1", amount=1)

    assert create(client, "k1").amount == 2350


def test_a_key_of_a_running_request_is_in_use(sandbox: Sandbox, client: stripe.StripeClient, call: Caller):
    call("POST", "/sandbox/faults", body={"kind": "slow_request", "match": {"method": "POST"}, "delay_ms": 700})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(create, client, "k1")
        time.sleep(0.25)

        with pytest.raises(stripe.APIError) as refused:
            create(client_of(sandbox.url), "k1")

        assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
        assert create(client_of(sandbox.url), "k2").id != running.result().id


def test_twenty_at_once_with_one_key_charge_once(sandbox: Sandbox, client: stripe.StripeClient):
    intent = order_intent(client)

    def attempt(_: int) -> str | int | None:
        own = client_of(sandbox.url)
        form = {"payment_method": "pm_card_visa", "return_url": "https://shop.test"}
        try:
            return own.v1.payment_intents.confirm(intent.id, form, with_key("pay")).status
        except stripe.APIError as error:
            return error.http_status

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(attempt, range(20)))

    assert set(results) <= {"requires_capture", 409}
    assert "requires_capture" in results
    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_twenty_at_once_that_retry_all_get_the_one_intent(sandbox: Sandbox, client: stripe.StripeClient):
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: create(client_of(sandbox.url, retries=6), "k1").id, range(20)))

    assert len(set(made)) == 1
    assert [intent.id for intent in client.v1.payment_intents.list().data] == [made[0]]


def test_captures_racing_without_keys_take_the_money_once(sandbox: Sandbox, client: stripe.StripeClient, call: Caller):
    held = pay(client, order_intent(client))

    def capture(_: int) -> bool:
        try:
            client_of(sandbox.url).v1.payment_intents.capture(held.id)
        except stripe.InvalidRequestError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(capture, range(8))) == 1
    assert call("GET", "/sandbox/summary")[1]["currencies"]["eur"]["captured"] == 2350
