"""What the payment centre's API takes and gives."""

from __future__ import annotations

from chalicelib.payments.schemas.payment import (
    PaymentAmount,
    PaymentView,
    Received,
    StripeIntent,
    StripeMoneySubject,
    StripeNotice,
    StripeSubject,
    WalletStep,
    amount_view,
    money_view,
)

__all__ = [
    "PaymentAmount",
    "PaymentView",
    "Received",
    "StripeIntent",
    "StripeMoneySubject",
    "StripeNotice",
    "StripeSubject",
    "WalletStep",
    "amount_view",
    "money_view",
]
