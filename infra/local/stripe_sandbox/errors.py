"""Stripe's errors: their types, codes, wording and HTTP statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.local.stripe_sandbox.methods import PaymentMethod
    from infra.local.stripe_sandbox.model import PaymentIntent, SetupIntent


class StripeError(Exception):
    """An answer other than 2xx, in Stripe's terms.

    `remembered` says whether an idempotency key keeps this answer. Stripe keeps whatever an operation answered
    once it ran, failures too; it keeps nothing when the parameters were refused before it ran.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        charge: str | None = None,
        intent: PaymentIntent | None = None,
        setup_intent: SetupIntent | None = None,
        payment_method: PaymentMethod | None = None,
        remembered: bool = False,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.charge = charge
        self.intent = intent
        self.setup_intent = setup_intent
        self.payment_method = payment_method
        self.remembered = remembered
        self.should_retry = should_retry


def unknown_url(method: str, path: str) -> StripeError:
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
    )


def missing_key() -> StripeError:
    return StripeError(
        "You did not provide an API key. You need to provide your API key in the Authorization header, using "
        "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        status=401,
    )


def invalid_key(key: str) -> StripeError:
    shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "*" * len(key)
    return StripeError(f"Invalid API Key provided: {shown}", status=401)


def secret_key_required() -> StripeError:
    return StripeError(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a "
        "list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        status=401,
        code="secret_key_required",
    )


def no_connected_account(account: str) -> StripeError:
    return StripeError(
        f"The provided key does not have access to account '{account}' (or that account does not exist). "
        "Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def missing_resource(kind: str, id_: str, param: str, status: int = 404) -> StripeError:
    """Status 404 for an id in the path, 400 for one among the parameters."""
    return StripeError(f"No such {kind}: '{id_}'", status=status, code="resource_missing", param=param, remembered=True)


def missing_payment_method(id_: str) -> StripeError:
    return StripeError(
        f"No such PaymentMethod: '{id_}'",
        code="resource_missing",
        param="payment_method",
        remembered=True,
    )


def client_secret_mismatch(kind: str = "PaymentIntent") -> StripeError:
    return StripeError(
        f"The client_secret provided does not match any associated {kind} on this account.",
        param="client_secret",
    )


def unexpected_state(message: str, intent: PaymentIntent, param: str | None = None) -> StripeError:
    return StripeError(message, code="payment_intent_unexpected_state", intent=intent, param=param, remembered=True)


def status_forbids(sentence: str, verb: str, intent: PaymentIntent, allowed: Iterable[str]) -> StripeError:
    """`sentence` begins Stripe's message ("This PaymentIntent could not be captured"), `verb` ends it."""
    return unexpected_state(
        f"{sentence} because it has a status of {intent.status}. Only a PaymentIntent with one of the following "
        f"statuses may be {verb}: {', '.join(allowed)}.",
        intent,
    )


def balance_insufficient(what: str) -> StripeError:
    """The account can't afford it now; asked again later, with another key, it may."""
    message = {
        "transfer": "You have insufficient available funds in your Stripe account. Try adding funds directly to your "
        "available balance by creating Charges using the 4000000000000077 test card. See: "
        "https://stripe.com/docs/testing#available-balance",
        "payout": "You have insufficient funds in your Stripe account for this transfer. Your card balance is too "
        "low. You can use the /v1/balance endpoint to view your Stripe balance (for more details, see "
        "stripe.com/docs/api#balance).",
        "reversal": "Insufficient funds in the connected account to reverse this transfer.",
    }[what]
    return StripeError(message, code="balance_insufficient", remembered=True)


def idempotency_mismatch(key: str) -> StripeError:
    return StripeError(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
        f"using a key other than '{key}' if you meant to execute a different request.",
        type="idempotency_error",
    )


def idempotency_key_in_use(key: str) -> StripeError:
    return StripeError(
        f"There is currently another in-progress request using this Idempotent Key: {key} (that probably means "
        "you submitted twice, and the other request is still going through). Please try again later.",
        status=409,
        code="idempotency_key_in_use",
    )


def rate_limited() -> StripeError:
    return StripeError(
        "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
    )


def server_error(*, remembered: bool) -> StripeError:
    """A 500. A remembered one tells the client not to retry: its key would only replay the same answer."""
    return StripeError(
        "An unknown error occurred",
        status=500,
        type="api_error",
        remembered=remembered,
        should_retry=False if remembered else None,
    )
