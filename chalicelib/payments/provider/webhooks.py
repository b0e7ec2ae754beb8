"""What Stripe tells of its own accord, and how it is known to be Stripe."""

from __future__ import annotations

import contextlib

from chalicelib.kernel import secret_values, settings
from chalicelib.kernel.errors import DomainError

# The notices that the webhook endpoint is to be subscribed to; every other type would only cost invocations.
WEBHOOK_TYPES = frozenset(
    (
        "account.updated",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.refunded",
        "payout.failed",
        "payout.paid",
        "refund.failed",
        "refund.updated",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
    )
)
SIGNATURE_TOLERANCE_SECONDS = 300


def verify_signature(payload: bytes, header: str) -> None:
    """Check a webhook's signature over its raw body. Raises ``DomainError`` 400 ``invalid_signature``."""
    import stripe

    secrets = secret_values.accepted(settings.get().stripe_webhook_secret, "STRIPE_WEBHOOK_SECRET")
    try:
        if not header.isascii():
            raise ValueError("no signature has other letters, and the SDK's comparison fails on them")
        for secret in secrets[:-1]:
            with contextlib.suppress(stripe.SignatureVerificationError):
                stripe.WebhookSignature.verify_header(payload.decode(), header, secret, SIGNATURE_TOLERANCE_SECONDS)
                return
        stripe.WebhookSignature.verify_header(payload.decode(), header, secrets[-1], SIGNATURE_TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError) as error:
        raise DomainError("invalid_signature", "The signature does not match the body.", status=400) from error
