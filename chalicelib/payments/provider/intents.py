"""An order's intent at Stripe: made once, looked at, taken or let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.payments.model import ABSENT, ProviderState
from chalicelib.payments.provider import client

if TYPE_CHECKING:
    import stripe

    from chalicelib.payments.model import Payment


class ClientAction(msgspec.Struct, frozen=True):
    """What the customer's app needs to confirm the payment. The secret is passed on and never stored."""

    intent_id: str
    client_secret: str


def open_intent(payment: Payment) -> ClientAction:
    """Create the order's intent, or get the one that was created before: the same call, the same key."""
    intent = client.under_first_working_key(
        f"{payment.order_id}:intent",
        lambda key: client.connected().v1.payment_intents.create(
            params={
                "amount": payment.provider_minor,
                "currency": payment.amount.currency.lower(),
                "capture_method": "manual",
                "automatic_payment_methods": {"enabled": True},
                "metadata": {"order_id": payment.order_id, "store_id": payment.store_id},
            },
            options={"idempotency_key": key},
        ),
    )
    return ClientAction(intent.id, intent.client_secret or "")


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
        intent = client.connected().v1.payment_intents.retrieve(intent_id)
    if "order_id" not in intent.metadata or intent.metadata["order_id"] != payment.order_id:
        raise DomainError("payment_of_another_order", "The intent was made for another order.", status=409)
    return _state(intent)


def capture(intent_id: str, amount_minor: int) -> ProviderState:
    """Take the held money; what is not taken is released."""
    with client.translated_errors():
        return _state(
            client.connected().v1.payment_intents.capture(intent_id, params={"amount_to_capture": amount_minor})
        )


def cancel(intent_id: str) -> ProviderState:
    """Let the held money go and close the intent."""
    with client.translated_errors():
        return _state(
            client.connected().v1.payment_intents.cancel(intent_id, params={"cancellation_reason": "abandoned"})
        )


def _state(intent: stripe.PaymentIntent) -> ProviderState:
    failure = intent.last_payment_error
    return ProviderState(
        intent_id=intent.id,
        status=intent.status,
        amount_minor=intent.amount,
        capturable_minor=intent.amount_capturable or 0,
        received_minor=intent.amount_received or 0,
        # Stripe leaves `decline_code` out where the bank gave none, and the SDK then has no such attribute.
        failure_code=(getattr(failure, "decline_code", None) or failure.code) if failure else None,
    )
