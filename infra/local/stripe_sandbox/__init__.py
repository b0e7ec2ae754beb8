"""A Stripe on one machine: the part of Stripe's HTTP API that Doorstep uses, stateful and durable.

The real `stripe` SDK talks to it: `StripeClient(key, base_addresses={"api": url})`. Payment intents with manual
capture, test cards, refunds, idempotency keys, signed webhooks with retry, and faults on demand.

    python -m infra.local.stripe_sandbox --port 12111 --db .local/stripe.sqlite --secret-key sk_test_local

What it doesn't know it refuses with Stripe's own errors rather than ignoring it.
"""

from __future__ import annotations

from infra.local.stripe_sandbox.sandbox import Config, Sandbox
from infra.local.stripe_sandbox.webhooks import DEFAULT_EVENTS, Endpoint

__all__ = ["DEFAULT_EVENTS", "Config", "Endpoint", "Sandbox"]
