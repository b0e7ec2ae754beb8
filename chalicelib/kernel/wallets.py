"""Wallets that take the money at once, and the currencies that they are paid in.

The lists are Stripe's presentment currencies (docs.stripe.com/payments/alipay, "Payment method properties";
docs.stripe.com/payments/wechat-pay/accept-a-payment, "Supported currencies"). Which of them an account may use depends
on its country, which Stripe checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Wallet = Literal["alipay", "wechat_pay"]

ALIPAY: Final = "alipay"
WECHAT_PAY: Final = "wechat_pay"

_ALIPAY_CURRENCIES = ("AUD", "CAD", "CNY", "EUR", "GBP", "HKD", "JPY", "MYR", "NZD", "SGD", "USD")
_WECHAT_CURRENCIES = (
    "AUD", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "HKD", "JPY", "NOK", "SEK", "SGD", "USD",
)  # fmt: skip

CURRENCIES: Mapping[str, frozenset[str]] = {
    ALIPAY: frozenset(_ALIPAY_CURRENCIES),
    WECHAT_PAY: frozenset(_WECHAT_CURRENCIES),
}


def takes(method: str, currency: str) -> bool:
    """Whether this method can be paid in this currency; what is no wallet takes every one."""
    currencies = CURRENCIES.get(method)
    return currencies is None or currency in currencies
