"""The payment centre over HTTP."""

from __future__ import annotations

from chalicelib.payments.routes import (
    cases,
    credit,
    invoices,
    payment,
    payout_accounts,
    reconciliation,
    statements,
    terms,
    webhooks,
)
from chalicelib.payments.routes.blueprint import endpoints

__all__ = [
    "cases",
    "credit",
    "endpoints",
    "invoices",
    "payment",
    "payout_accounts",
    "reconciliation",
    "statements",
    "terms",
    "webhooks",
]
