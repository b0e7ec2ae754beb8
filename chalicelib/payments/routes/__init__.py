"""The payment centre over HTTP."""

from __future__ import annotations

from chalicelib.payments.routes import credit, payment, terms, webhooks
from chalicelib.payments.routes.blueprint import endpoints

__all__ = ["credit", "endpoints", "payment", "terms", "webhooks"]
