"""A Stripe on one machine: the part of Stripe's HTTP API that Doorstep uses, stateful and durable.

The real `stripe` SDK talks to it: `StripeClient(key, base_addresses={"api": url})`. Payment intents with manual
capture, test cards, refunds, idempotency keys, signed webhooks with retry, and faults on demand.

    python -m infra.local.stripe_sandbox --port 12111 --db .local/stripe.sqlite --secret-key sk_test_local

Besides `/v1` it answers, without a key:

    GET    /sandbox/health                              alive, and how many webhooks wait
    GET    /sandbox/summary                             every payment and the sums by currency
    POST   /sandbox/payment_intents/{id}/authenticate   the customer's answer to 3-D Secure: {"outcome": "failed"}
    POST   /sandbox/payment_intents/{id}/settle         the end of a delayed payment
    POST   /sandbox/payment_intents/{id}/expire         the bank lets go of a hold
    POST   /sandbox/events/{id}/resend                  one event again
    POST   /sandbox/events/resend?since=<seconds>       all events from a time on again
    POST   /sandbox/faults                              {"kind", "match": {"method", "path_prefix", "event_type"},
                                                         "times", "delay_ms"}: see `faults`; also GET and DELETE

What it doesn't know it refuses with Stripe's own errors rather than ignoring it.
"""

from __future__ import annotations

from infra.local.stripe_sandbox.sandbox import Config, Sandbox
from infra.local.stripe_sandbox.webhooks import DEFAULT_EVENTS, Endpoint

__all__ = ["DEFAULT_EVENTS", "Config", "Endpoint", "Sandbox"]
