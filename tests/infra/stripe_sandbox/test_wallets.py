"""Alipay and WeChat Pay, which take the money at once, and cards in a phone's wallet."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.infra.stripe_sandbox.conftest import Caller, order_intent, pay

AT_ONCE = {"capture_method": "automatic"}
HELD_WHERE_POSSIBLE = {**AT_ONCE, "payment_method_options": {"card": {"capture_method": "manual"}}}


def pay_by(client: stripe.StripeClient, intent: stripe.PaymentIntent, type_: str, **more: Any) -> stripe.PaymentIntent:
    options = {"wechat_pay": {"client": "web"}} if type_ == "wechat_pay" else {}
    return client.v1.payment_intents.confirm(
        intent.id,
        {
            "payment_method_data": {"type": type_},
            "payment_method_options": options,
            "return_url": "https://shop.test/back",
            **more,
        },
    )


@pytest.mark.parametrize(
    ("type_", "action"), [("alipay", "alipay_handle_redirect"), ("wechat_pay", "wechat_pay_display_qr_code")]
)
def test_the_money_is_taken_when_the_customer_pays_in_the_app(
    client: stripe.StripeClient, call: Caller, type_: str, action: str
):
    waiting = pay_by(client, order_intent(client, **AT_ONCE), type_)
    assert (waiting.status, waiting.next_action.type, waiting.latest_charge) == ("requires_action", action, None)

    call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate")

    intent = client.v1.payment_intents.retrieve(waiting.id, {"expand": ["latest_charge", "payment_method"]})
    assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", 2350, 0)
    assert intent.latest_charge.id.startswith("py_")
    assert intent.latest_charge.payment_method_details.type == type_
    assert intent.payment_method.type == type_


def test_the_redirect_of_alipay_leads_to_where_it_is_paid(client: stripe.StripeClient, call: Caller):
    waiting = pay_by(client, order_intent(client, **AT_ONCE), "alipay")
    link = waiting.next_action.alipay_handle_redirect
    assert link.return_url == "https://shop.test/back"
    assert link.url.endswith(f"/sandbox/payment_intents/{waiting.id}/authenticate")


@pytest.mark.parametrize("client_kind", ["ios", "android"])
def test_wechat_can_be_opened_from_an_app(client: stripe.StripeClient, client_kind: str):
    intent = order_intent(client, **AT_ONCE)
    options = {"wechat_pay": {"client": client_kind}}
    waiting = pay_by(client, intent, "wechat_pay", payment_method_options=options)
    assert waiting.next_action.type == f"wechat_pay_redirect_to_{client_kind}_app"


def test_a_customer_who_turns_back_has_paid_nothing(client: stripe.StripeClient, call: Caller):
    waiting = pay_by(client, order_intent(client, **AT_ONCE), "alipay")

    call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate", body={"outcome": "failed"})

    intent = client.v1.payment_intents.retrieve(waiting.id)
    assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
    assert client.v1.charges.list({"payment_intent": intent.id}).data == []


def test_a_rejected_order_is_refunded_since_nothing_can_be_released(client: stripe.StripeClient, call: Caller):
    waiting = pay_by(client, order_intent(client, **AT_ONCE), "wechat_pay")
    call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate")
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        client.v1.payment_intents.cancel(waiting.id)

    refund = client.v1.refunds.create({"payment_intent": waiting.id, "expand": ["balance_transaction"]})

    assert (refund.status, refund.balance_transaction.type) == ("succeeded", "payment_refund")
    assert refund.destination_details.type == "wechat_pay"


@pytest.mark.parametrize("type_", ["alipay", "wechat_pay"])
def test_what_can_not_be_held_is_left_out_with_manual_capture(client: stripe.StripeClient, type_: str):
    params = {"amount": 2000, "currency": "eur", "capture_method": "manual"}
    held = client.v1.payment_intents.create({**params, "allowed_payment_method_types": ["card", type_]})
    assert held.payment_method_types == ["card"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({**params, "allowed_payment_method_types": [type_]})
    assert refused.value.param == "allowed_payment_method_types"
    at_once = client.v1.payment_intents.create({**params, "capture_method": "automatic"})
    with pytest.raises(stripe.InvalidRequestError, match="capture_method=automatic"):
        client.v1.payment_intents.update(at_once.id, {"capture_method": "manual"})
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        client.v1.payment_intents.create(
            {**params, "capture_method": "automatic", "payment_method_options": {type_: {"capture_method": "manual"}}}
        )


def test_left_to_stripe_manual_capture_offers_only_what_can_be_held(client: stripe.StripeClient):
    assert order_intent(client).payment_method_types == ["card"]
    assert order_intent(client, **AT_ONCE).payment_method_types == ["card", "alipay", "wechat_pay"]
    with pytest.raises(stripe.InvalidRequestError, match="not allowed for this PaymentIntent"):
        pay_by(client, order_intent(client), "alipay")


def test_one_intent_holds_a_card_and_takes_alipay_at_once(client: stripe.StripeClient, call: Caller):
    by_card = pay(client, order_intent(client, **HELD_WHERE_POSSIBLE))
    by_app = pay_by(client, order_intent(client, **HELD_WHERE_POSSIBLE), "alipay")
    call("POST", f"/sandbox/payment_intents/{by_app.id}/authenticate")

    assert by_card.status == "requires_capture"
    assert client.v1.payment_intents.retrieve(by_app.id).status == "succeeded"


def test_wallets_are_paid_by_somebody_who_is_there(client: stripe.StripeClient):
    intent = order_intent(client, **AT_ONCE)
    with pytest.raises(stripe.InvalidRequestError, match="off-session"):
        pay_by(client, intent, "alipay", off_session=True)
    with pytest.raises(stripe.InvalidRequestError, match="setup_future_usage"):
        pay_by(client, intent, "alipay", setup_future_usage="off_session")
    customer = client.v1.customers.create()
    method = client.v1.payment_methods.create({"type": "alipay"})
    with pytest.raises(stripe.InvalidRequestError, match="can't be attached"):
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


@pytest.mark.parametrize(
    ("type_", "missing"),
    [
        ("alipay", {"return_url": None}),
        ("wechat_pay", {"payment_method_options": None}),
        ("wechat_pay", {"payment_method_options": {"wechat_pay": {"client": "desktop"}}}),
    ],
)
def test_what_the_wallet_needs_is_asked_for(client: stripe.StripeClient, type_: str, missing: dict[str, Any]):
    intent = client.v1.payment_intents.create(
        {"amount": 900, "currency": "eur", "allowed_payment_method_types": [type_]}
    )
    with pytest.raises(stripe.InvalidRequestError):
        pay_by(client, intent, type_, **missing)


def test_a_wallet_pays_in_its_own_currencies(client: stripe.StripeClient):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(
            {"amount": 9000, "currency": "pln", "allowed_payment_method_types": ["alipay"]}
        )
    assert refused.value.param == "allowed_payment_method_types"
    offered = client.v1.payment_intents.create({"amount": 9000, "currency": "pln"}).payment_method_types
    assert offered == ["card"]


@pytest.mark.parametrize(
    ("card", "wallet"), [("pm_card_applePay", "apple_pay"), ("pm_card_googlePay", "google_pay"), ("pm_card_visa", None)]
)
def test_a_card_in_a_phone_is_a_card_with_a_wallet(client: stripe.StripeClient, card: str, wallet: str | None):
    held = pay(client, order_intent(client), card)
    assert held.status == "requires_capture"
    shown = client.v1.charges.retrieve(held.latest_charge).payment_method_details.card.wallet
    assert (shown and shown.type) == wallet


def test_the_token_of_a_phone_is_taken_as_well(client: stripe.StripeClient):
    token = {"payment_method_data": {"type": "card", "card": {"token": "tok_applePay"}}, "return_url": "https://x.test"}
    held = client.v1.payment_intents.confirm(order_intent(client).id, {**token, "expand": ["payment_method"]})
    assert (held.status, held.payment_method.card.wallet.type) == ("requires_capture", "apple_pay")
