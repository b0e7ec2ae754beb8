"""Payment intents through Stripe's SDK."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.infra.stripe_sandbox.conftest import PUBLISHABLE_KEY, SECRET_KEY, Caller, client_of, order_intent, pay


def test_a_created_intent_waits_for_a_payment_method(client: stripe.StripeClient):
    intent = order_intent(client)

    assert intent.id.startswith("pi_")
    assert intent.status == "requires_payment_method"
    assert (intent.amount, intent.currency, intent.capture_method) == (2350, "eur", "manual")
    assert intent.metadata["order_id"] == "ord_1"
    assert intent.automatic_payment_methods.enabled is True
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (intent.amount_capturable, intent.amount_received, intent.latest_charge) == (0, 0, None)
    assert client.v1.payment_intents.retrieve(intent.id) == intent


def test_authorise_then_capture_part_and_release_the_rest(client: stripe.StripeClient):
    held = pay(client, order_intent(client))
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 2350, 0)

    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2000, "expand": ["latest_charge.refunds"]})

    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 2000)
    charge = taken.latest_charge
    assert (charge.captured, charge.amount_captured, charge.amount_refunded, charge.refunded) == (
        True,
        2000,
        350,
        False,
    )
    assert [refund.amount for refund in charge.refunds.data] == [350]


def test_create_and_confirm_in_one_call(client: stripe.StripeClient):
    intent = client.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "jpy",
            "allowed_payment_method_types": ["card"],
            "payment_method": "pm_card_mastercard",
            "confirm": True,
        }
    )

    assert (intent.status, intent.amount_received) == ("succeeded", 500)
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert charge.payment_method_details.card.brand == "mastercard"
    assert charge.payment_intent == intent.id


def test_an_intent_made_with_a_payment_method_waits_for_confirmation(client: stripe.StripeClient):
    intent = order_intent(client, payment_method="pm_card_visa")

    assert intent.status == "requires_confirmation"
    held = client.v1.payment_intents.confirm(intent.id, {"return_url": "https://shop.test"})
    assert held.status == "requires_capture"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_declined_card_leaves_the_intent_open_for_another(
    client: stripe.StripeClient, card: str, code: str, decline_code: str
):
    intent = order_intent(client)

    with pytest.raises(stripe.CardError) as declined:
        pay(client, intent, card)

    assert declined.value.http_status == 402
    assert declined.value.code == code
    assert declined.value.error.decline_code == decline_code
    assert declined.value.error.payment_intent.id == intent.id
    open_again = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (open_again.status, open_again.payment_method) == ("requires_payment_method", None)
    assert open_again.last_payment_error.decline_code == decline_code
    assert open_again.latest_charge.status == "failed"
    paid = pay(client, open_again)
    assert (paid.status, paid.last_payment_error) == ("requires_capture", None)


def test_a_card_that_wants_authentication_waits_for_the_customer(client: stripe.StripeClient, call: Caller):
    waiting = pay(client, order_intent(client), "pm_card_threeDSecure2Required")
    assert waiting.status == "requires_action"
    assert waiting.next_action.type == "redirect_to_url"
    assert waiting.next_action.redirect_to_url.return_url == "https://shop.test/back"
    assert waiting.latest_charge is None

    status, _ = call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate", body={"outcome": "succeeded"})

    assert status == 200
    held = client.v1.payment_intents.retrieve(waiting.id)
    assert (held.status, held.amount_capturable, held.next_action) == ("requires_capture", 2350, None)


def test_a_failed_authentication_asks_for_another_card(client: stripe.StripeClient, call: Caller):
    waiting = pay(client, order_intent(client), "pm_card_authenticationRequired")

    call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate", body={"outcome": "failed"})

    intent = client.v1.payment_intents.retrieve(waiting.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"


def test_a_card_can_be_declined_after_authentication(client: stripe.StripeClient, call: Caller):
    waiting = pay(client, order_intent(client), "pm_card_threeDSecureRequiredChargeDeclined")

    call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate")

    intent = client.v1.payment_intents.retrieve(waiting.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == "generic_decline"


def test_with_nobody_there_to_authenticate_the_card_is_declined(client: stripe.StripeClient):
    with pytest.raises(stripe.CardError) as declined:
        order_intent(
            client,
            automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
            payment_method="pm_card_authenticationRequired",
            confirm=True,
            off_session=True,
        )

    assert declined.value.code == "authentication_required"
    kept = client.v1.payment_intents.retrieve(declined.value.error.payment_intent.id)
    assert (kept.status, kept.latest_charge) == ("requires_payment_method", None)


def test_a_bank_debit_is_processing_until_it_settles(client: stripe.StripeClient, call: Caller):
    intent = order_intent(client, currency="usd", capture_method="automatic")
    waiting = pay(client, intent, "pm_usBankAccount_success")
    assert (waiting.status, waiting.amount_received) == ("processing", 0)

    call("POST", f"/sandbox/payment_intents/{intent.id}/settle", body={"outcome": "succeeded"})

    settled = client.v1.payment_intents.retrieve(intent.id)
    assert (settled.status, settled.amount_received) == ("succeeded", 2350)


class TestTheCustomersApp:
    """What a phone does: it holds the client secret and at most the publishable key."""

    @pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}])
    def test_confirms_with_the_client_secret(self, client: stripe.StripeClient, call: Caller, headers: dict[str, str]):
        intent = order_intent(client)

        status, shown = call(
            "POST",
            f"/v1/payment_intents/{intent.id}/confirm",
            {"client_secret": intent.client_secret, "payment_method": "pm_card_visa"},
            headers=headers,
        )

        assert (status, shown["status"]) == (200, "requires_capture")
        assert "metadata" not in shown
        assert "latest_charge" not in shown

    def test_confirms_with_the_publishable_key_in_the_form(self, client: stripe.StripeClient, call: Caller):
        intent = order_intent(client)
        form = {"client_secret": intent.client_secret, "payment_method": "pm_card_visa", "key": PUBLISHABLE_KEY}

        assert call("POST", f"/v1/payment_intents/{intent.id}/confirm", form)[0] == 200

    def test_sees_how_the_intent_stands(self, client: stripe.StripeClient, call: Caller):
        intent = pay(client, order_intent(client))

        status, shown = call("GET", f"/v1/payment_intents/{intent.id}?client_secret={intent.client_secret}")

        assert (status, shown["status"]) == (200, "requires_capture")

    def test_learns_of_a_decline_without_what_is_none_of_its_business(self, client: stripe.StripeClient, call: Caller):
        intent = order_intent(client)

        status, shown = call(
            "POST",
            f"/v1/payment_intents/{intent.id}/confirm",
            {"client_secret": intent.client_secret, "payment_method": "pm_card_chargeDeclined"},
        )

        assert (status, shown["error"]["decline_code"]) == (402, "generic_decline")
        assert "metadata" not in shown["error"]["payment_intent"]

    def test_is_refused_with_another_intents_secret(self, client: stripe.StripeClient, call: Caller):
        mine, other = order_intent(client), order_intent(client)

        status, shown = call(
            "POST",
            f"/v1/payment_intents/{other.id}/confirm",
            {"client_secret": mine.client_secret, "payment_method": "pm_card_visa"},
        )

        assert (status, shown["error"]["param"]) == (400, "client_secret")
        assert client.v1.payment_intents.retrieve(other.id).status == "requires_payment_method"

    @pytest.mark.parametrize(("verb", "what"), [("POST", "/capture"), ("POST", "/cancel"), ("POST", "")])
    def test_may_do_nothing_else(self, client: stripe.StripeClient, call: Caller, verb: str, what: str):
        intent = pay(client, order_intent(client))

        status, shown = call(
            verb,
            f"/v1/payment_intents/{intent.id}{what}",
            {"client_secret": intent.client_secret},
            headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        )

        assert (status, shown["error"]["code"]) == (401, "secret_key_required")


def test_no_key_or_a_wrong_key_is_refused(sandbox: Any, call: Caller):
    assert call("GET", "/v1/payment_intents")[0] == 401
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        order_intent(client_of(sandbox.url, key="sk_test_somebody_else"))


def test_a_key_may_come_as_the_user_of_basic_authentication(call: Caller):
    import base64

    credentials = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()

    assert call("GET", "/v1/payment_intents", headers={"Authorization": f"Basic {credentials}"})[0] == 200


def test_a_connected_account_is_refused_rather_than_ignored(client: stripe.StripeClient):
    with pytest.raises(stripe.PermissionError):
        client.v1.payment_intents.list(options={"stripe_account": "acct_1"})


class TestCancel:
    def test_releases_what_was_held(self, client: stripe.StripeClient):
        held = pay(client, order_intent(client))

        canceled = client.v1.payment_intents.cancel(
            held.id, {"cancellation_reason": "abandoned", "expand": ["latest_charge"]}
        )

        assert (canceled.status, canceled.cancellation_reason, canceled.amount_capturable) == (
            "canceled",
            "abandoned",
            0,
        )
        assert canceled.canceled_at is not None
        charge = canceled.latest_charge
        assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 2350)

    def test_is_refused_once_the_money_was_taken(self, client: stripe.StripeClient):
        paid = client.v1.payment_intents.capture(pay(client, order_intent(client)).id)

        with pytest.raises(stripe.InvalidRequestError, match="status of succeeded") as refused:
            client.v1.payment_intents.cancel(paid.id)

        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.status == "succeeded"

    def test_wants_one_of_stripes_reasons(self, client: stripe.StripeClient):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.cancel(order_intent(client).id, {"cancellation_reason": "automatic"})
        assert refused.value.param == "cancellation_reason"


class TestCapture:
    def test_takes_all_when_no_amount_is_given(self, client: stripe.StripeClient):
        held = pay(client, order_intent(client))
        taken = client.v1.payment_intents.capture(held.id, {"metadata": {"handed_over": "yes"}})
        assert taken.amount_received == 2350
        assert taken.metadata.to_dict() == {"order_id": "ord_1", "handed_over": "yes"}

    def test_is_bounded_by_what_is_held(self, client: stripe.StripeClient):
        held = pay(client, order_intent(client))
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2351})
        assert refused.value.code == "amount_too_large"
        assert client.v1.payment_intents.retrieve(held.id).status == "requires_capture"

    def test_happens_once(self, client: stripe.StripeClient):
        held = pay(client, order_intent(client))
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1000})
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1000})
        assert refused.value.code == "payment_intent_unexpected_state"

    def test_is_refused_before_authorisation(self, client: stripe.StripeClient):
        with pytest.raises(stripe.InvalidRequestError, match="status of requires_payment_method"):
            client.v1.payment_intents.capture(order_intent(client).id)

    def test_is_refused_after_the_hold_ran_out(self, client: stripe.StripeClient, call: Caller):
        held = pay(client, order_intent(client))
        assert call("POST", f"/sandbox/payment_intents/{held.id}/expire")[0] == 200
        with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
            client.v1.payment_intents.capture(held.id)
        assert client.v1.payment_intents.retrieve(held.id).cancellation_reason == "automatic"


class TestUpdate:
    def test_changes_amount_and_metadata_before_confirmation(self, client: stripe.StripeClient):
        intent = order_intent(client, metadata={"order_id": "ord_1", "basket": "b1"})

        changed = client.v1.payment_intents.update(
            intent.id, {"amount": 2500, "metadata": {"basket": "", "note": "ring twice"}}
        )

        assert (changed.amount, changed.metadata.to_dict()) == (2500, {"order_id": "ord_1", "note": "ring twice"})
        assert pay(client, changed).amount_capturable == 2500

    def test_changes_no_amount_that_is_already_held(self, client: stripe.StripeClient):
        held = pay(client, order_intent(client))
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.update(held.id, {"amount": 2500})
        assert (refused.value.code, refused.value.param) == ("payment_intent_unexpected_state", "amount")
        assert client.v1.payment_intents.update(held.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "9" * 40}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"currency": "zzz"}, None, "currency"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"no_such_thing": "1"}, "parameter_unknown", "no_such_thing"),
        ({"transfer_data": {"destination": "acct_1"}}, "parameter_unknown", "transfer_data"),
        ({"payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        ({"metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 40}]"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"allowed_payment_method_types": ["card"]}, None, "automatic_payment_methods"),
        ({"automatic_payment_methods": {}, "amount": 100, "currency": ""}, "parameter_invalid_empty", "currency"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(
    client: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str
):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        order_intent(client, **params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert client.v1.payment_intents.list().data == []


def test_a_required_parameter_is_asked_for(client: stripe.StripeClient):
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: currency") as refused:
        client.v1.payment_intents.create({"amount": 1000})
    assert refused.value.code == "parameter_missing"


def test_confirming_on_the_server_needs_a_return_url_when_methods_may_redirect(client: stripe.StripeClient):
    intent = order_intent(client)

    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    never = order_intent(client, automatic_payment_methods={"enabled": True, "allow_redirects": "never"})
    assert client.v1.payment_intents.confirm(never.id, {"payment_method": "pm_card_visa"}).status == "requires_capture"


def test_confirming_without_a_payment_method_is_refused(client: stripe.StripeClient):
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refused:
        client.v1.payment_intents.confirm(order_intent(client).id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_an_intent_is_confirmed_once(client: stripe.StripeClient):
    held = pay(client, order_intent(client))
    with pytest.raises(stripe.InvalidRequestError, match="status of requires_capture"):
        pay(client, held)
    paid = client.v1.payment_intents.capture(held.id)
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded"):
        pay(client, paid)
    assert len(client.v1.charges.list({"payment_intent": held.id}).data) == 1


def test_what_is_not_there_is_404(client: stripe.StripeClient, call: Caller):
    for look_up in (
        client.v1.payment_intents.retrieve,
        client.v1.charges.retrieve,
        client.v1.refunds.retrieve,
        client.v1.events.retrieve,
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such") as missing:
            look_up("nothing_1")
        assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    status, shown = call("GET", "/v1/customers", headers={"Authorization": f"Bearer {SECRET_KEY}"})
    assert (status, shown["error"]["type"]) == (404, "invalid_request_error")


def test_an_unknown_expansion_is_refused(client: stripe.StripeClient):
    intent = order_intent(client)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.payment_intents.retrieve(intent.id, {"expand": ["amount"]})
