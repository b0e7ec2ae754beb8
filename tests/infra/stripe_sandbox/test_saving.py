"""Payment methods saved for later: customers, setup intents, payments while the customer is absent."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.infra.stripe_sandbox.conftest import Caller, Receiver, order_intent, pay

ABSENT = {"allowed_payment_method_types": ["card"], "off_session": True, "confirm": True, "capture_method": "manual"}


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    return client.v1.customers.create({"email": "ann@example.org", "metadata": {"customer_id": "cst_1"}})


def set_up(client: stripe.StripeClient, customer: stripe.Customer, card: str = "pm_card_visa") -> stripe.SetupIntent:
    return client.v1.setup_intents.create(
        {"customer": customer.id, "payment_method": card, "confirm": True, "return_url": "https://shop.test/back"}
    )


def charge_absent(client: stripe.StripeClient, customer: stripe.Customer, method: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {**ABSENT, "amount": 1800, "currency": "eur", "customer": customer.id, "payment_method": method}
    )


class TestCustomers:
    def test_are_made_found_and_changed(self, client: stripe.StripeClient, customer: stripe.Customer):
        assert customer.id.startswith("cus_")
        assert client.v1.customers.retrieve(customer.id) == customer

        changed = client.v1.customers.update(
            customer.id, {"name": "Ann", "email": "", "metadata": {"customer_id": "", "vip": "yes"}}
        )

        assert (changed.name, changed.email, changed.metadata.to_dict()) == ("Ann", None, {"vip": "yes"})

    def test_have_one_of_their_methods_as_default(self, client: stripe.StripeClient, customer: stripe.Customer):
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

        changed = client.v1.customers.update(
            customer.id,
            {
                "invoice_settings": {"default_payment_method": method.id},
                "expand": ["invoice_settings.default_payment_method"],
            },
        )

        assert changed.invoice_settings.default_payment_method.card.last4 == "4242"
        other = client.v1.customers.create({"payment_method": "pm_card_mastercard"})
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.update(other.id, {"invoice_settings": {"default_payment_method": method.id}})

    def test_must_exist_to_pay(self, client: stripe.StripeClient):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer") as missing:
            order_intent(client, customer="cus_nobody")
        assert (missing.value.http_status, missing.value.code, missing.value.param) == (
            400,
            "resource_missing",
            "customer",
        )


class TestAttaching:
    def test_a_test_method_becomes_a_method_of_the_customers_own(
        self, client: stripe.StripeClient, customer: stripe.Customer
    ):
        first = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        second = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})

        assert first.id not in ("pm_card_visa", second.id)
        assert (first.customer, first.card.brand) == (customer.id, "visa")
        listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"})
        assert [method.id for method in listed.data] == [second.id, first.id]
        assert [method.id for method in client.v1.customers.payment_methods.list(customer.id).data] == [
            second.id,
            first.id,
        ]
        assert client.v1.customers.payment_methods.retrieve(customer.id, first.id) == first

    def test_a_detached_method_is_gone_for_good(self, client: stripe.StripeClient, customer: stripe.Customer):
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

        assert client.v1.payment_methods.detach(method.id).customer is None

        assert client.v1.payment_methods.list({"customer": customer.id}).data == []
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            client.v1.payment_methods.attach(method.id, {"customer": customer.id})
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            charge_absent(client, customer, method.id)
        with pytest.raises(stripe.InvalidRequestError, match="not attached to a customer"):
            client.v1.payment_methods.detach(method.id)

    def test_a_method_belongs_to_one_customer(self, client: stripe.StripeClient, customer: stripe.Customer):
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        other = client.v1.customers.create()

        with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
            client.v1.payment_methods.attach(method.id, {"customer": other.id})
        with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
            charge_absent(client, other, method.id)
        with pytest.raises(stripe.InvalidRequestError, match="must include its Customer"):
            pay(client, order_intent(client), method.id)

    def test_the_bank_is_asked_when_a_card_is_attached(self, client: stripe.StripeClient, customer: stripe.Customer):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
        assert declined.value.code == "card_declined"

        broken = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
        with pytest.raises(stripe.CardError):
            charge_absent(client, customer, broken.id)

    def test_a_method_used_once_without_being_saved_is_used_up(self, client: stripe.StripeClient):
        method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
        assert pay(client, order_intent(client), method.id).payment_method == method.id

        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            pay(client, order_intent(client), method.id)

    def test_card_numbers_are_not_for_servers(self, client: stripe.StripeClient):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_methods.create(
                {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}}
            )
        with pytest.raises(stripe.InvalidRequestError, match="generally unsafe"):
            client.v1.payment_methods.create({"type": "card"})


class TestSettingUp:
    def test_a_card_is_set_up_and_then_paid_with_in_absence(
        self, client: stripe.StripeClient, customer: stripe.Customer, receiver: Receiver
    ):
        setup = set_up(client, customer)

        assert (setup.status, setup.usage) == ("succeeded", "off_session")
        method = client.v1.payment_methods.retrieve(setup.payment_method)
        assert method.customer == customer.id
        held = charge_absent(client, customer, method.id)
        assert (held.status, held.customer, held.payment_method) == ("requires_capture", customer.id, method.id)
        taken = client.v1.payment_intents.capture(held.id, {"expand": ["latest_charge", "payment_method", "customer"]})
        assert taken.latest_charge.payment_method == method.id
        assert (taken.payment_method.card.last4, taken.customer.id) == ("4242", customer.id)

    def test_the_app_confirms_with_the_client_secret(
        self, client: stripe.StripeClient, customer: stripe.Customer, call: Caller
    ):
        setup = client.v1.setup_intents.create({"customer": customer.id, "usage": "off_session"})
        form = {"client_secret": setup.client_secret, "payment_method": "pm_card_visa"}

        status, shown = call("POST", f"/v1/setup_intents/{setup.id}/confirm", form)

        assert (status, shown["status"]) == (200, "succeeded")
        assert "metadata" not in shown
        other = client.v1.setup_intents.create({"customer": customer.id})
        status, shown = call("POST", f"/v1/setup_intents/{other.id}/confirm", form)
        assert (status, shown["error"]["param"]) == (400, "client_secret")

    def test_a_card_that_asks_once_is_silent_after_it_was_set_up(
        self, client: stripe.StripeClient, customer: stripe.Customer, call: Caller
    ):
        waiting = set_up(client, customer, "pm_card_authenticationRequiredOnSetup")
        assert waiting.status == "requires_action"

        status, done = call("POST", f"/sandbox/setup_intents/{waiting.id}/authenticate")

        assert (status, done["status"]) == (200, "succeeded")
        assert charge_absent(client, customer, done["payment_method"]).status == "requires_capture"

    def test_merely_attaching_it_is_not_enough(self, client: stripe.StripeClient, customer: stripe.Customer):
        method = client.v1.payment_methods.attach("pm_card_authenticationRequiredOnSetup", {"customer": customer.id})

        with pytest.raises(stripe.CardError) as declined:
            charge_absent(client, customer, method.id)

        assert declined.value.code == "authentication_required"
        assert declined.value.error.payment_method.id == method.id
        intent = client.v1.payment_intents.retrieve(declined.value.error.payment_intent.id)
        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error.payment_method.id == method.id

    def test_a_card_that_always_asks_can_not_be_charged_in_absence(
        self, client: stripe.StripeClient, customer: stripe.Customer, call: Caller
    ):
        waiting = set_up(client, customer, "pm_card_authenticationRequired")
        _, done = call("POST", f"/sandbox/setup_intents/{waiting.id}/authenticate")

        with pytest.raises(stripe.CardError) as declined:
            charge_absent(client, customer, done["payment_method"])
        assert declined.value.code == "authentication_required"

        # The customer comes back and confirms the same intent.
        intent = declined.value.error.payment_intent.id
        again = client.v1.payment_intents.confirm(intent, {"payment_method": done["payment_method"]})
        assert again.status == "requires_action"
        call("POST", f"/sandbox/payment_intents/{intent}/authenticate")
        assert client.v1.payment_intents.retrieve(intent).status == "requires_capture"

    def test_a_card_set_up_elsewhere_is_silent_in_absence(self, client: stripe.StripeClient, customer: stripe.Customer):
        method = client.v1.payment_methods.attach(
            "pm_card_authenticationRequiredSetupForOffSession", {"customer": customer.id}
        )
        assert charge_absent(client, customer, method.id).status == "requires_capture"
        present = order_intent(client, customer=customer.id)
        assert pay(client, present, method.id).status == "requires_action"

    def test_a_failed_authentication_or_a_decline_asks_for_another_card(
        self, client: stripe.StripeClient, customer: stripe.Customer, call: Caller
    ):
        waiting = set_up(client, customer, "pm_card_authenticationRequired")
        _, failed = call("POST", f"/sandbox/setup_intents/{waiting.id}/authenticate", body={"outcome": "failed"})
        assert failed["status"] == "requires_payment_method"
        assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"

        with pytest.raises(stripe.CardError) as declined:
            client.v1.setup_intents.confirm(
                waiting.id, {"payment_method": "pm_card_chargeDeclined", "return_url": "https://shop.test"}
            )
        assert declined.value.error.setup_intent.status == "requires_payment_method"

        done = client.v1.setup_intents.confirm(
            waiting.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.test"}
        )
        assert (done.status, done.last_setup_error) == ("succeeded", None)
        with pytest.raises(stripe.InvalidRequestError) as over:
            client.v1.setup_intents.cancel(done.id)
        assert over.value.code == "setup_intent_unexpected_state"

    def test_is_canceled_listed_and_changed(self, client: stripe.StripeClient, customer: stripe.Customer):
        setup = client.v1.setup_intents.create({"customer": customer.id})
        client.v1.setup_intents.create()
        assert client.v1.setup_intents.update(setup.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
        assert [one.id for one in client.v1.setup_intents.list({"customer": customer.id}).data] == [setup.id]

        canceled = client.v1.setup_intents.cancel(setup.id, {"cancellation_reason": "abandoned"})

        assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})

    def test_is_told_in_order(self, client: stripe.StripeClient, customer: stripe.Customer):
        set_up(client, customer)
        told = [event.type for event in client.v1.events.list({"limit": 100}).data][::-1]
        assert told == [
            "customer.created",
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]


class TestPayingAndSaving:
    def test_the_card_of_a_first_payment_is_kept_for_later_ones(
        self, client: stripe.StripeClient, customer: stripe.Customer
    ):
        first = pay(client, order_intent(client, customer=customer.id, setup_future_usage="off_session"))

        assert first.payment_method.startswith("pm_")
        assert first.payment_method != "pm_card_visa"
        assert client.v1.payment_methods.retrieve(first.payment_method).customer == customer.id
        assert charge_absent(client, customer, first.payment_method).status == "requires_capture"

    @pytest.mark.parametrize(("outcome", "kept"), [("succeeded", True), ("failed", False)])
    def test_it_is_kept_only_when_the_payment_succeeds(
        self, client: stripe.StripeClient, customer: stripe.Customer, call: Caller, outcome: str, kept: bool
    ):
        intent = order_intent(client, customer=customer.id, setup_future_usage="off_session")
        waiting = pay(client, intent, "pm_card_authenticationRequiredOnSetup")
        assert client.v1.payment_methods.list({"customer": customer.id}).data == []

        call("POST", f"/sandbox/payment_intents/{waiting.id}/authenticate", body={"outcome": outcome})

        found = client.v1.payment_methods.list({"customer": customer.id}).data
        assert bool(found) is kept
        if kept:
            assert charge_absent(client, customer, found[0].id).status == "requires_capture"

    def test_more_than_was_authorised_is_a_second_payment_with_the_same_card(
        self, client: stripe.StripeClient, customer: stripe.Customer
    ):
        first = pay(client, order_intent(client, customer=customer.id, setup_future_usage="off_session"))
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.capture(first.id, {"amount_to_capture": 2351})
        assert refused.value.code == "amount_too_large"

        second = charge_absent(client, customer, first.payment_method)

        taken = [client.v1.payment_intents.capture(intent.id).amount_received for intent in (first, second)]
        assert taken == [2350, 1800]

    def test_payments_can_be_listed_by_customer(self, client: stripe.StripeClient, customer: stripe.Customer):
        mine = pay(client, order_intent(client, customer=customer.id))
        pay(client, order_intent(client))
        assert [intent.id for intent in client.v1.payment_intents.list({"customer": customer.id}).data] == [mine.id]
        assert [charge.id for charge in client.v1.charges.list({"customer": customer.id}).data] == [mine.latest_charge]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"allowed_payment_method_types": ["alipay"]}, "allowed_payment_method_types"),
        ({"payment_method_data": {"type": "alipay"}}, "payment_method"),
        ({"usage": "always"}, "usage"),
        ({"customer": "cus_none"}, "customer"),
        ({"single_use": {"amount": 1}}, "single_use"),
    ],
)
def test_a_setup_that_can_not_be_is_refused(client: stripe.StripeClient, params: dict[str, Any], param: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.create(params)
    assert refused.value.param == param
