"""The one client of Stripe, its errors as ours, and how a call that creates something is made again."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from chalicelib.kernel import secret_values, settings
from chalicelib.kernel.errors import DomainError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import stripe

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Stripe's own default is 80 seconds; API Gateway cuts after 29, and all attempts must end before that.
_TIMEOUT_SECONDS = (2.0, 8.0)  # to connect, to answer
_NETWORK_RETRIES = 2
_KEYS = 8
_NEW_KEYS_PER_CALL = 2  # an incident of some minutes must not use up the series

_client: stripe.StripeClient | None = None
_client_key = ""


def connected() -> stripe.StripeClient:
    """The process's client, made at its first use, and anew when the key has been rotated."""
    global _client, _client_key
    configured = settings.get()
    if _client is not None and not secret_values.is_reference(configured.stripe_api_key):
        return _client
    key = secret_values.current(configured.stripe_api_key, "STRIPE_API_KEY")
    if _client is None or key != _client_key:
        import stripe

        _client_key = key
        _client = stripe.StripeClient(
            key,
            base_addresses={"api": configured.stripe_api_base} if configured.stripe_api_base else {},
            max_network_retries=_NETWORK_RETRIES,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
        )
    return _client


def under_first_working_key(stem: str, call: Callable[[str], T]) -> T:
    """Make the call under the first key of the series whose kept outcome is not a 500 of Stripe's.

    Raises ``Unavailable`` when Stripe fails now, and ``payment_refused`` when it keeps a failure for every key: then
    nobody was ever told of an intent, and nobody will be.
    """
    import stripe

    new_keys = 0
    with translated_errors():
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


@contextmanager
def translated_errors() -> Iterator[None]:
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
