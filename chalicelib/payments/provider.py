"""Stripe behind the five questions that the payment centre has for it.

Calls that create something (an intent, a refund) carry an idempotency key derived from the order, so that a retry after
a time-out or a crash gets the first call's outcome instead of a second charge. Stripe keeps an outcome for 24 hours
at least, its own 500s included (docs.stripe.com/api/idempotent_requests), so after a 500 that is kept the next key of a
fixed series is used: an intent that was made behind it has a secret that nobody ever saw, and a full refund can't be
made twice. A failure that is not kept is no outcome: the same key is asked again, now or later, for whoever walks the
series must come to the same intent. Capture and cancel happen once per intent by Stripe's own state machine; they are
asked after a look at it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from chalicelib.kernel import settings
from chalicelib.kernel.errors import DomainError, Unavailable
from chalicelib.payments.model import ABSENT, ProviderState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import stripe

    from chalicelib.payments.model import Payment

logger = logging.getLogger(__name__)

T = TypeVar("T")

# The notices that the webhook endpoint is to be subscribed to; every other type would only cost invocations.
WEBHOOK_TYPES = frozenset(
    (
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
    )
)
SIGNATURE_TOLERANCE_SECONDS = 300
# Stripe's own default is 80 seconds; API Gateway cuts after 29, and all attempts must end before that.
_TIMEOUT_SECONDS = (2.0, 8.0)  # to connect, to answer
_NETWORK_RETRIES = 2
_KEYS = 8
_NEW_KEYS_PER_CALL = 2  # an incident of some minutes must not use up the series

_client: stripe.StripeClient | None = None


class ClientAction(msgspec.Struct, frozen=True):
    """What the customer's app needs to confirm the payment. The secret is passed on and never stored."""

    intent_id: str
    client_secret: str


def open_intent(payment: Payment) -> ClientAction:
    """Create the order's intent, or get the one that was created before: the same call, the same key."""
    intent = _under_first_working_key(
        f"{payment.order_id}:intent",
        lambda key: _stripe().v1.payment_intents.create(
            params={
                "amount": payment.amount.amount,
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
        return ProviderState("", ABSENT, payment.amount.amount, 0, 0, str(error.extra.get("provider_code")))
    with _translated_errors():
        intent = _stripe().v1.payment_intents.retrieve(intent_id)
    if "order_id" not in intent.metadata or intent.metadata["order_id"] != payment.order_id:
        raise DomainError("payment_of_another_order", "The intent was made for another order.", status=409)
    return _state(intent)


def capture(intent_id: str, amount_minor: int) -> ProviderState:
    """Take the held money; what is not taken is released."""
    with _translated_errors():
        return _state(_stripe().v1.payment_intents.capture(intent_id, params={"amount_to_capture": amount_minor}))


def cancel(intent_id: str) -> ProviderState:
    """Let the held money go and close the intent."""
    with _translated_errors():
        return _state(_stripe().v1.payment_intents.cancel(intent_id, params={"cancellation_reason": "abandoned"}))


def refund(payment: Payment, intent_id: str, amount_minor: int) -> None:
    """Give all of the money back that was taken."""
    try:
        _under_first_working_key(
            f"{payment.order_id}:refund",
            lambda key: _stripe().v1.refunds.create(
                params={
                    "payment_intent": intent_id,
                    "amount": amount_minor,
                    "metadata": {"order_id": payment.order_id},
                },
                options={"idempotency_key": key},
            ),
        )
    except DomainError as error:
        if error.extra.get("provider_code") != "charge_already_refunded":
            raise


def verify_signature(payload: bytes, header: str) -> None:
    """Check a webhook's signature over its raw body. Raises ``DomainError`` 400 ``invalid_signature``."""
    import stripe

    secret = settings.get().stripe_webhook_secret
    if not secret:
        raise settings.SettingsError("STRIPE_WEBHOOK_SECRET is not set")
    try:
        if not header.isascii():
            raise ValueError("no signature has other letters, and the SDK's comparison fails on them")
        stripe.WebhookSignature.verify_header(payload.decode(), header, secret, SIGNATURE_TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError) as error:
        raise DomainError("invalid_signature", "The signature does not match the body.", status=400) from error


def _stripe() -> stripe.StripeClient:
    global _client
    if _client is None:
        import stripe

        configured = settings.get()
        if not configured.stripe_api_key:
            raise settings.SettingsError("STRIPE_API_KEY is not set")
        _client = stripe.StripeClient(
            configured.stripe_api_key,
            base_addresses={"api": configured.stripe_api_base} if configured.stripe_api_base else {},
            max_network_retries=_NETWORK_RETRIES,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
        )
    return _client


def _under_first_working_key(stem: str, call: Callable[[str], T]) -> T:
    """Make the call under the first key of the series whose kept outcome is not a 500 of Stripe's.

    Raises ``Unavailable`` when Stripe fails now, and ``payment_refused`` when it keeps a failure for every key: then
    nobody was ever told of an intent, and nobody will be.
    """
    import stripe

    new_keys = 0
    with _translated_errors():
        for key in (f"{stem}:{number}" for number in range(_KEYS)):
            try:
                return call(key)
            except stripe.APIError as failed:
                if not _failed_inside(failed):
                    raise
                if not _is_replayed(failed):
                    new_keys += 1
                    try:
                        return call(key)
                    except stripe.APIError as again:
                        if not _is_kept(again) or new_keys == _NEW_KEYS_PER_CALL:
                            raise
            logger.warning("stripe keeps a failure; the next idempotency key is used", extra={"key": key})
    raise DomainError("payment_refused", "The payment provider failed too often.", provider_code="api_error")


def _failed_inside(error: stripe.APIError) -> bool:
    return error.http_status is not None and error.http_status >= 500


def _is_replayed(error: stripe.APIError) -> bool:
    """Whether this is what Stripe answered to the key before."""
    return _told(error, "Idempotent-Replayed") == "true"


def _is_kept(error: stripe.APIError) -> bool:
    """Whether Stripe answers this to the key from now on, asked after the key had failed once already."""
    return _failed_inside(error) and (_is_replayed(error) or _told(error, "Stripe-Should-Retry") == "false")


def _told(error: stripe.APIError, header: str) -> str | None:
    told: dict[str, str] = {name.lower(): value for name, value in (error.headers or {}).items()}
    return told.get(header.lower())


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


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Stripe's errors as ours. What may pass by itself is retryable; the rest is for a person to look at."""
    import stripe

    try:
        yield
    except stripe.StripeError as error:
        logger.warning("stripe refused or failed", extra={"stripe_code": error.code, "status": error.http_status})
        if error.http_status == 409:
            raise Unavailable(
                "payment_in_flight", "The payment is being worked on: try again.", retry_after=1
            ) from error
        passing = isinstance(error, stripe.APIConnectionError | stripe.RateLimitError)
        if passing or error.http_status is None or error.http_status >= 500:
            raise Unavailable(
                "payment_provider_unavailable", "The payment provider does not answer: try again."
            ) from error
        raise DomainError(
            "payment_refused", "The payment provider refused this.", status=409, provider_code=error.code
        ) from error
