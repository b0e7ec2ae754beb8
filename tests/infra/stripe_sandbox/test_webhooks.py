"""Webhooks: told once for all that happens, signed, sent until they arrive."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import stripe

from infra.local.stripe_sandbox import Sandbox
from tests.infra.stripe_sandbox.conftest import (
    WEBHOOK_SECRET,
    Caller,
    Receiver,
    client_of,
    order_intent,
    pay,
)


def test_a_payments_life_is_told_event_by_event(client: stripe.StripeClient, receiver: Receiver):
    held = pay(client, order_intent(client))
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2000})
    client.v1.refunds.create({"payment_intent": held.id, "amount": 500})

    types = receiver.wait_for(lambda types: len(types) >= 6)

    assert sorted(types) == sorted(
        [
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "charge.captured",
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
        ]
    )
    by_type = {received.event.type: received.event.data.object for received in receiver.received}
    assert by_type["payment_intent.created"].status == "requires_payment_method"
    assert by_type["payment_intent.amount_capturable_updated"].amount_capturable == 2350
    assert by_type["payment_intent.succeeded"].amount_received == 2000
    assert by_type["payment_intent.succeeded"].metadata["order_id"] == "ord_1"
    assert by_type["charge.captured"].amount_captured == 2000
    assert by_type["refund.created"].amount == 500
    assert by_type["charge.refunded"].amount_refunded == 350 + 500


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("pm_card_chargeDeclined", "payment_intent.payment_failed"),
        ("pm_card_authenticationRequired", "payment_intent.requires_action"),
    ],
)
def test_what_went_otherwise_is_told_as_well(client: stripe.StripeClient, receiver: Receiver, card: str, expected: str):
    intent = order_intent(client)
    with contextlib.suppress(stripe.CardError):
        pay(client, intent, card)
    assert expected in receiver.wait_for(lambda types: expected in types)


def test_a_canceled_hold_is_told_as_a_refund_of_an_uncaptured_charge(client: stripe.StripeClient, receiver: Receiver):
    client.v1.payment_intents.cancel(pay(client, order_intent(client)).id)

    receiver.wait_for(lambda types: {"payment_intent.canceled", "charge.refunded"} <= set(types))

    charge = next(
        received.event.data.object for received in receiver.received if received.event.type == "charge.refunded"
    )
    assert (charge.captured, charge.amount_refunded) == (False, 2350)


def test_the_signature_covers_the_raw_body(client: stripe.StripeClient, receiver: Receiver):
    order_intent(client)
    receiver.wait_for(bool)
    received = receiver.received[0]

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(received.body + b" ", received.signature, WEBHOOK_SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(received.body, received.signature, "whsec_other")
    timestamp = int(received.signature.split(",")[0].removeprefix("t="))
    assert abs(time.time() - timestamp) < 30


def test_an_event_can_be_looked_up_by_the_id_that_was_sent(client: stripe.StripeClient, receiver: Receiver):
    client.v1.payment_intents.create({"amount": 500, "currency": "eur"}, {"idempotency_key": "order-1"})
    receiver.wait_for(bool)
    sent = receiver.received[0].event

    found = client.v1.events.retrieve(sent.id)

    assert (found.type, found.data.object.id) == (sent.type, sent.data.object.id)
    assert found.request.idempotency_key == "order-1"


def test_all_events_are_kept_and_only_the_wanted_ones_sent(start: Callable[..., Sandbox], receiver: Receiver):
    client = client_of(start(events=frozenset({"payment_intent.succeeded"})).url)
    paid = client.v1.payment_intents.capture(pay(client, order_intent(client)).id)

    assert receiver.wait_for(bool) == ["payment_intent.succeeded"]

    kept = [event.type for event in client.v1.events.list({"limit": 100}).data]
    assert kept == [
        "payment_intent.succeeded",
        "charge.captured",
        "payment_intent.amount_capturable_updated",
        "charge.succeeded",
        "payment_intent.created",
    ]
    only = client.v1.events.list({"type": "charge.captured"}).data
    assert [event.data.object.payment_intent for event in only] == [paid.id]
    assert receiver.types() == ["payment_intent.succeeded"]


def test_a_refused_webhook_is_sent_again_with_growing_pauses(
    client: stripe.StripeClient, receiver: Receiver, call: Caller
):
    receiver.answers = [500, 404, 503]

    order_intent(client)

    receiver.wait_for(lambda types: len(types) == 4)
    assert len({received.event.id for received in receiver.received}) == 1
    pauses = [after.at - before.at for before, after in pairwise(receiver.received)]
    assert pauses[0] >= 0.05
    assert pauses[1] >= 0.1
    assert pauses[2] >= 0.2
    _wait_until_delivered(call, 1)
    assert len(receiver.received) == 4


def test_an_endpoint_that_is_down_gets_its_events_when_it_is_up(start: Callable[..., Sandbox], receiver: Receiver):
    down = Receiver()
    down.close()
    sandbox = start(url=down.url)
    client = client_of(sandbox.url)
    intent = order_intent(client)
    time.sleep(0.3)
    assert client.v1.events.list().data[0].pending_webhooks == 1
    sandbox.stop()

    client = client_of(start().url)

    receiver.wait_for(bool)
    assert receiver.received[0].event.data.object.id == intent.id


def test_all_that_waited_arrives_soon_after_the_endpoint_is_back(start: Callable[..., Sandbox]):
    away = Receiver()
    away.close()
    client = client_of(start(url=away.url).url)
    for _ in range(10):
        order_intent(client)
    time.sleep(0.5)

    back = Receiver(away.port)
    try:
        back.wait_for(lambda types: len(types) == 10, seconds=4)
        assert len({received.event.id for received in back.received}) == 10
    finally:
        back.close()


def test_an_endpoint_that_does_not_answer_in_time_is_asked_again(
    start: Callable[..., Sandbox], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    answer_at_once = receiver._receive
    calls = []

    def first_too_late(request):
        calls.append(request)
        if len(calls) == 1:
            time.sleep(0.6)
        return answer_at_once(request)

    monkeypatch.setattr(receiver._server, "handle", first_too_late)
    order_intent(client_of(start(timeout=0.2).url))

    receiver.wait_for(lambda types: len(types) == 2)
    assert receiver.received[0].event.id == receiver.received[1].event.id


def test_one_event_can_be_sent_again(client: stripe.StripeClient, receiver: Receiver, call: Caller):
    order_intent(client)
    receiver.wait_for(bool)
    first = receiver.received[0]

    assert call("POST", f"/sandbox/events/{first.event.id}/resend") == (200, {"resent": 1})

    receiver.wait_for(lambda types: len(types) == 2)
    assert receiver.received[1].body == first.body
    assert call("POST", "/sandbox/events/evt_none/resend")[0] == 404


def test_all_events_since_a_time_can_be_sent_again(client: stripe.StripeClient, receiver: Receiver, call: Caller):
    pay(client, order_intent(client))
    receiver.wait_for(lambda types: len(types) == 2)

    assert call("POST", f"/sandbox/events/resend?since={int(time.time()) + 60}")[1] == {"resent": 0}
    assert call("POST", "/sandbox/events/resend", body={"since": int(time.time()) - 60})[1] == {"resent": 2}

    receiver.wait_for(lambda types: len(types) == 4)
    assert len({received.event.id for received in receiver.received}) == 2


def test_a_slow_event_does_not_hold_up_the_others(
    start: Callable[..., Sandbox], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    answer_at_once = receiver._receive

    def slow_for_created(request):
        if b"payment_intent.created" in request.body:
            time.sleep(1.5)
        return answer_at_once(request)

    monkeypatch.setattr(receiver._server, "handle", slow_for_created)
    client = client_of(start(timeout=5.0).url)
    began = time.monotonic()
    pay(client, order_intent(client))

    receiver.wait_for(lambda types: "payment_intent.amount_capturable_updated" in types)

    assert time.monotonic() - began < 1.4


def _wait_until_delivered(call: Caller, wanted: int) -> None:
    deadline = time.monotonic() + 5
    while (counts := call("GET", "/sandbox/health")[1]["webhooks"]) != {
        "due": 0,
        "delivered": wanted,
        "lost": 0,
        "abandoned": 0,
    }:
        assert time.monotonic() < deadline, counts
        time.sleep(0.02)
