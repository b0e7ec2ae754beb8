"""An order's intent at Stripe: made once, looked at, taken or let go."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, settings
from chalicelib.kernel.errors import DomainError
from chalicelib.payments.model import ABSENT, WALLETS, Method, ProviderState
from chalicelib.payments.provider import client
from chalicelib.payments.provider.actions import ClientAction, action_of

if TYPE_CHECKING:
    import stripe
    from stripe.params import PaymentIntentConfirmParams, PaymentIntentCreateParams

    from chalicelib.payments.model import Payment


def open_intent(payment: Payment) -> ClientAction:
    """Create the order's intent, or get the one that was created before: the same call, the same key.

    A wallet's is confirmed with it, so that the answer says where the customer pays.
    """
    intent = client.under_first_working_key(
        f"{payment.order_id}:intent",
        lambda key: client.connected().v1.payment_intents.create(
            params=_asked_of(payment), options={"idempotency_key": key}
        ),
    )
    return action_of(intent)


def resume_wallet(payment: Payment) -> ClientAction:
    """What the customer can do now to pay by a wallet; after a refusal the wallet is asked anew.

    The key of a new try is derived from the method that was refused: each refusal leads to one new try.
    """
    intent_id = payment.intent_id or open_intent(payment).intent_id
    with client.translated_errors():
        intent = client.connected().v1.payment_intents.retrieve(intent_id)
    refused = intent.last_payment_error
    if intent.status != "requires_payment_method" or refused is None or refused.payment_method is None:
        return action_of(intent)
    again = client.under_first_working_key(
        f"{payment.order_id}:again:{refused.payment_method.id}",
        lambda key: client.connected().v1.payment_intents.confirm(
            intent_id, params=_confirmed_by(payment), options={"idempotency_key": key}
        ),
    )
    return action_of(again)


def look_up(payment: Payment, named: str | None = None) -> ProviderState:
    """How the order's intent stands at Stripe right now.

    An intent whose id was neither noted nor ``named`` is found by the call that made it; one that Stripe refuses to
    make is absent. A named intent that was made for another order is not looked at.
    """
    try:
        intent_id = payment.intent_id or named or open_intent(payment).intent_id
    except DomainError as error:
        if error.code != "payment_refused":
            raise
        return ProviderState("", ABSENT, payment.provider_minor, 0, 0, str(error.extra.get("provider_code")))
    with client.translated_errors():
        intent = client.connected().v1.payment_intents.retrieve(intent_id, params={"expand": ["latest_charge"]})
    check_made_for(payment, intent)
    return state_of(intent)


def capture(intent_id: str, amount_minor: int) -> ProviderState:
    """Take the held money; what is not taken is released."""
    with client.translated_errors():
        return state_of(
            client.connected().v1.payment_intents.capture(intent_id, params={"amount_to_capture": amount_minor})
        )


def cancel(intent_id: str) -> ProviderState:
    """Let the held money go and close the intent."""
    with client.translated_errors():
        return state_of(
            client.connected().v1.payment_intents.cancel(intent_id, params={"cancellation_reason": "abandoned"})
        )


def check_made_for(payment: Payment, made: stripe.PaymentIntent | stripe.SetupIntent) -> None:
    """Raise ``payment_of_another_order`` for what was not made for this order."""
    metadata = made.metadata
    if not metadata or "order_id" not in metadata or metadata["order_id"] != payment.order_id:
        raise DomainError("payment_of_another_order", "The intent was made for another order.", status=409)


def state_of(intent: stripe.PaymentIntent) -> ProviderState:
    """An intent in our words."""
    failure = intent.last_payment_error
    return ProviderState(
        intent_id=intent.id,
        status=intent.status,
        amount_minor=intent.amount,
        capturable_minor=intent.amount_capturable or 0,
        received_minor=intent.amount_received or 0,
        # Stripe leaves `decline_code` out where the bank gave none, and the SDK then has no such attribute.
        failure_code=(getattr(failure, "decline_code", None) or failure.code) if failure else None,
        hold_until=_hold_until(intent),
    )


def _asked_of(payment: Payment) -> PaymentIntentCreateParams:
    params: PaymentIntentCreateParams = {
        "amount": payment.provider_minor,
        "currency": payment.amount.currency.lower(),
        "metadata": {"order_id": payment.order_id, "store_id": payment.store_id},
    }
    if payment.method not in WALLETS:
        return {**params, "capture_method": "manual", "automatic_payment_methods": {"enabled": True}}
    return_url = _return_url(payment)
    params = {**params, "capture_method": "automatic", "confirm": True, "return_url": return_url}
    if payment.method is Method.ALIPAY:
        return {**params, "allowed_payment_method_types": ["alipay"], "payment_method_data": {"type": "alipay"}}
    return {
        **params,
        "allowed_payment_method_types": ["wechat_pay"],
        "payment_method_data": {"type": "wechat_pay"},
        "payment_method_options": {"wechat_pay": {"client": "web"}},
    }


def _confirmed_by(payment: Payment) -> PaymentIntentConfirmParams:
    return_url = _return_url(payment)
    if payment.method is Method.ALIPAY:
        return {"return_url": return_url, "payment_method_data": {"type": "alipay"}}
    return {
        "return_url": return_url,
        "payment_method_data": {"type": "wechat_pay"},
        "payment_method_options": {"wechat_pay": {"client": "web"}},
    }


def _return_url(payment: Payment) -> str:
    """Where the wallet leads the customer back to."""
    return f"{settings.get().payment_return_url}?order_id={payment.order_id}"


def _hold_until(intent: stripe.PaymentIntent) -> datetime | None:
    """When the bank lets go, where the charge was fetched and says so: by our clock, as far from now as by Stripe's."""
    import stripe

    charge = intent.latest_charge
    if not isinstance(charge, stripe.Charge) or intent.status != "requires_capture":
        return None
    details = charge.payment_method_details
    card = getattr(details, "card", None)
    before: int | None = getattr(card, "capture_before", None)
    return None if before is None else clock.now() + timedelta(seconds=before - int(time.time()))
