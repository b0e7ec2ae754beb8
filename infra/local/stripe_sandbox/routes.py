"""Every URL, what it does, and who may call it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.local.stripe_sandbox import errors
from infra.local.stripe_sandbox.endpoints import (
    accounts,
    balance,
    charges,
    control,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    payouts,
    setup_intents,
    summary,
    transfers,
)
from infra.local.stripe_sandbox.work import Answer, Work

_ID: Final = r"([A-Za-z0-9_.\-]+)"
_INTENT: Final = f"/v1/payment_intents/{_ID}"
_SETUP: Final = f"/v1/setup_intents/{_ID}"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    operation: Callable[[Work], Answer]
    access: str
    """secret: the secret key. client: that, or an intent's client secret. open: anybody (/sandbox)."""
    connected: bool
    """Whether it can be called for a connected account (header `Stripe-Account`)."""


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route and the ids in its path. Raises Stripe's answer to an unknown URL."""
    for route in _ROUTES:
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route, match.groups()
    raise errors.unknown_url(method, path[:200])


def _secret(method: str, pattern: str, operation: Callable[[Work], Answer]) -> Route:
    return Route(method, re.compile(pattern), operation, "secret", connected=False)


def _connected(method: str, pattern: str, operation: Callable[[Work], Answer]) -> Route:
    return Route(method, re.compile(pattern), operation, "secret", connected=True)


def _client(method: str, pattern: str, operation: Callable[[Work], Answer]) -> Route:
    return Route(method, re.compile(pattern), operation, "client", connected=False)


def _open(method: str, pattern: str, operation: Callable[[Work], Answer]) -> Route:
    return Route(method, re.compile(pattern), operation, "open", connected=False)


_ROUTES: Final = (
    # What an order needs comes first: looking up a route goes through them in this order.
    _secret("POST", "/v1/payment_intents", payment_intents.create),
    _secret("GET", "/v1/payment_intents", payment_intents.list_),
    _secret("GET", "/v1/payment_intents/search", payment_intents.search_),
    _client("GET", _INTENT, payment_intents.retrieve),
    _secret("POST", _INTENT, payment_intents.update),
    _client("POST", f"{_INTENT}/confirm", payment_intents.confirm),
    _secret("POST", f"{_INTENT}/capture", payment_intents.capture),
    _secret("POST", f"{_INTENT}/cancel", payment_intents.cancel),
    _secret("GET", "/v1/charges", charges.list_),
    _connected("GET", f"/v1/charges/{_ID}", charges.retrieve),
    _secret("POST", "/v1/refunds", charges.create_refund),
    _secret("GET", "/v1/refunds", charges.list_refunds),
    _secret("GET", f"/v1/refunds/{_ID}", charges.retrieve_refund),
    _connected("GET", "/v1/events", events.list_),
    _connected("GET", f"/v1/events/{_ID}", events.retrieve),
    _secret("POST", "/v1/customers", customers.create),
    _secret("GET", f"/v1/customers/{_ID}", customers.retrieve),
    _secret("POST", f"/v1/customers/{_ID}", customers.update),
    _secret("GET", f"/v1/customers/{_ID}/payment_methods", customers.list_payment_methods),
    _secret("GET", f"/v1/customers/{_ID}/payment_methods/{_ID}", customers.retrieve_payment_method),
    _secret("POST", "/v1/payment_methods", payment_methods.create),
    _secret("GET", "/v1/payment_methods", payment_methods.list_),
    _secret("GET", f"/v1/payment_methods/{_ID}", payment_methods.retrieve),
    _secret("POST", f"/v1/payment_methods/{_ID}", payment_methods.update),
    _secret("POST", f"/v1/payment_methods/{_ID}/attach", payment_methods.attach),
    _secret("POST", f"/v1/payment_methods/{_ID}/detach", payment_methods.detach),
    _secret("POST", "/v1/setup_intents", setup_intents.create),
    _secret("GET", "/v1/setup_intents", setup_intents.list_),
    _client("GET", _SETUP, setup_intents.retrieve),
    _secret("POST", _SETUP, setup_intents.update),
    _client("POST", f"{_SETUP}/confirm", setup_intents.confirm),
    _secret("POST", f"{_SETUP}/cancel", setup_intents.cancel),
    _connected("GET", "/v1/balance", balance.retrieve),
    _connected("GET", "/v1/balance_transactions", balance.list_transactions),
    _connected("GET", f"/v1/balance_transactions/{_ID}", balance.retrieve_transaction),
    _secret("POST", "/v1/accounts", accounts.create),
    _secret("GET", "/v1/accounts", accounts.list_),
    _secret("GET", f"/v1/accounts/{_ID}", accounts.retrieve),
    _secret("POST", f"/v1/accounts/{_ID}", accounts.update),
    _secret("POST", "/v1/account_links", accounts.create_link),
    _secret("POST", "/v1/transfers", transfers.create),
    _secret("GET", "/v1/transfers", transfers.list_),
    _secret("GET", f"/v1/transfers/{_ID}", transfers.retrieve),
    _secret("POST", f"/v1/transfers/{_ID}", transfers.update),
    _secret("POST", f"/v1/transfers/{_ID}/reversals", transfers.reverse),
    _secret("GET", f"/v1/transfers/{_ID}/reversals", transfers.list_reversals),
    _secret("GET", f"/v1/transfers/{_ID}/reversals/{_ID}", transfers.retrieve_reversal),
    _connected("POST", "/v1/payouts", payouts.create),
    _connected("GET", "/v1/payouts", payouts.list_),
    _connected("GET", f"/v1/payouts/{_ID}", payouts.retrieve),
    _connected("POST", f"/v1/payouts/{_ID}", payouts.update),
    _connected("POST", f"/v1/payouts/{_ID}/cancel", payouts.cancel),
    _secret("GET", "/v1/disputes", disputes.list_),
    _secret("GET", f"/v1/disputes/{_ID}", disputes.retrieve),
    _secret("POST", f"/v1/disputes/{_ID}", disputes.update),
    _secret("POST", f"/v1/disputes/{_ID}/close", disputes.close),
    _open("GET", "/sandbox/health", control.health),
    _open("GET", "/sandbox/summary", summary.summary),
    _open("POST", f"/sandbox/payment_intents/{_ID}/authenticate", control.authenticate),
    _open("POST", f"/sandbox/payment_intents/{_ID}/settle", control.settle),
    _open("POST", f"/sandbox/payment_intents/{_ID}/expire", control.expire),
    _open("POST", f"/sandbox/setup_intents/{_ID}/authenticate", control.authenticate_setup),
    _open("POST", f"/sandbox/refunds/{_ID}/fail", control.fail_refund),
    _open("POST", f"/sandbox/charges/{_ID}/dispute", disputes.open_),
    _open("POST", f"/sandbox/disputes/{_ID}/won", disputes.win),
    _open("POST", f"/sandbox/disputes/{_ID}/lost", disputes.lose),
    _open("POST", f"/sandbox/accounts/{_ID}/onboard", accounts.onboard),
    _open("POST", f"/sandbox/accounts/{_ID}/restrict", accounts.restrict),
    _open("POST", "/sandbox/payouts", payouts.automatic),
    _open("POST", f"/sandbox/payouts/{_ID}/in_transit", payouts.send),
    _open("POST", f"/sandbox/payouts/{_ID}/paid", payouts.arrive),
    _open("POST", f"/sandbox/payouts/{_ID}/failed", payouts.fail),
    _open("POST", "/sandbox/balance/top_up", control.top_up),
    _open("POST", "/sandbox/balance/settle", control.settle_balances),
    _open("POST", "/sandbox/events/resend", control.resend_since),
    _open("POST", f"/sandbox/events/{_ID}/resend", control.resend),
    _open("POST", "/sandbox/faults", control.add_fault),
    _open("GET", "/sandbox/faults", control.list_faults),
    _open("DELETE", "/sandbox/faults", control.clear_faults),
)
