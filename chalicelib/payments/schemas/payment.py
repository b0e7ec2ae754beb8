"""An order's payment, and amounts of money."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chalicelib.kernel.money import Money


class PaymentAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money."""

    amount: Annotated[int, msgspec.Meta(description="Minor units of the currency.")]
    currency: str


class WalletStep(msgspec.Struct, frozen=True, kw_only=True):
    """Where a wallet is paid: lead the customer to `url`, or show `data` as a QR code, which `image_url` shows too."""

    kind: Literal["redirect", "qr_code"]
    url: str
    data: str | None = None
    image_url: str | None = None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """How an order's payment stands, and what the customer's app needs to pay it."""

    order_id: str
    method: Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery", "credit", "free"]
    state: Literal[
        "requires_payment",
        "method_saved",
        "authorised",
        "captured",
        "partially_refunded",
        "refunded",
        "voided",
        "failed",
    ]
    amount: PaymentAmount
    captured: PaymentAmount
    refunded: PaymentAmount
    failure_code: str | None = None
    payment_intent_id: str | None = None
    setup_intent_id: Annotated[
        str | None, msgspec.Meta(description="Instead of an intent, where a card is saved now and charged later.")
    ] = None
    client_secret: Annotated[
        str | None,
        msgspec.Meta(description="For the app's payment form; only while the payment is required."),
    ] = None
    next_step: WalletStep | None = None


class StripeIntent(msgspec.Struct, frozen=True):
    """What of a payment intent in a notice is looked at."""

    id: str
    metadata: dict[str, str] | None = None
    capture_method: str | None = None


class StripeSubject(msgspec.Struct, frozen=True):
    """What a notice about a payment is about."""

    object: StripeIntent


class StripeMoney(msgspec.Struct, frozen=True):
    """What of a dispute, a refund or a payout in a notice is looked at."""

    id: str
    payment_intent: str | None = None


class StripeMoneySubject(msgspec.Struct, frozen=True):
    """What a notice about a dispute, a refund or a payout is about."""

    object: StripeMoney


class StripeNotice(msgspec.Struct, frozen=True):
    """A notice from Stripe. What it is about has a shape for each type, and waits until the type is known."""

    id: str
    type: str
    data: msgspec.Raw
    account: str | None = None


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """The webhook was taken."""

    received: bool = True


def amount_view(amount: int, currency: str) -> PaymentAmount:
    """An amount for the API."""
    return PaymentAmount(amount=amount, currency=currency)


def money_view(money: Money) -> PaymentAmount:
    """Money for the API."""
    return PaymentAmount(amount=money.amount, currency=money.currency)
