"""A Stripe on one machine: the part of Stripe's HTTP API that Doorstep uses, stateful and durable.

The real `stripe` SDK talks to it: `StripeClient(key, base_addresses={"api": url})`. Payment intents with manual
capture, test cards, wallets, refunds, customers with saved payment methods, balances with fees, connected accounts
with transfers and payouts, disputes, idempotency keys, signed webhooks with retry, and faults on demand.

    python -m infra.local.stripe_sandbox --port 12111 --db .local/stripe.sqlite --secret-key sk_test_local

Besides `/v1` it answers, without a key:

    GET    /sandbox/health                              alive, and how many webhooks wait
    GET    /sandbox/summary                             payments, transfers, payouts, disputes, balances, fees
    POST   /sandbox/payment_intents/{id}/authenticate   the customer's answer to 3-D Secure, or in the app of Alipay or
                                                         WeChat: {"outcome": "failed"}
    POST   /sandbox/payment_intents/{id}/settle         the end of a delayed payment: {"outcome"}
    POST   /sandbox/payment_intents/{id}/expire         the bank lets go of a hold
    POST   /sandbox/setup_intents/{id}/authenticate     the customer's answer when a method is saved: {"outcome"}
    POST   /sandbox/refunds/{id}/fail                   a refund comes back after days: {"reason"}
    POST   /sandbox/charges/{id}/dispute                the customer disputes a charge: {"amount", "reason"}
    POST   /sandbox/disputes/{id}/won, …/lost           how the bank decides
    POST   /sandbox/accounts/{id}/onboard               a connected account becomes able to be paid
    POST   /sandbox/accounts/{id}/restrict              and loses that: {"reason"}
    POST   /sandbox/payouts/{id}/in_transit, …/paid     how a payout goes on
    POST   /sandbox/payouts/{id}/failed                 and how not, even after it was paid: {"failure_code"}
    POST   /sandbox/payouts                             all that is available goes out: {"account", "currency"}
    POST   /sandbox/balance/top_up                      money from the platform's bank: {"amount", "currency"}
    POST   /sandbox/balance/settle                      what is pending becomes available
    POST   /sandbox/events/{id}/resend                  one event again
    POST   /sandbox/events/resend?since=<seconds>       all events from a time on again
    POST   /sandbox/faults                              {"kind", "match": {"method", "path_prefix", "event_type"},
                                                         "times", "delay_ms"}: see `faults`; also GET and DELETE

What it doesn't know it refuses with Stripe's own errors rather than ignoring it. Fees are those of `fees`, test
methods those of `methods`. Money of payments is available at once unless `--funds-after` says when. Times are the
wall's; nothing expires or arrives by itself, the endpoints above make it.
"""

from __future__ import annotations

from infra.local.stripe_sandbox.sandbox import Config, Sandbox
from infra.local.stripe_sandbox.webhooks import DEFAULT_EVENTS, Endpoint

__all__ = ["DEFAULT_EVENTS", "Config", "Endpoint", "Sandbox"]
