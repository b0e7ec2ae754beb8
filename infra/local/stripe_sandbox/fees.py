"""What the sandbox charges for its service: one fixed schedule, so that every fee can be worked out by hand.

    card, apple_pay, google_pay   1.4 % + 25
    alipay, wechat_pay            3.0 % + 25
    us_bank_account               0.8 %, at most 500
    a dispute                     2000

Fixed parts are minor units (0.25 and 20.00 of a currency with two decimals; as many of one without decimals), ten
times that in a currency with three. The percentage is of what was captured, rounded half up to a minor unit. A
refund gives no fee back, nor does a dispute that was won. Transfers and payouts cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.local.stripe_sandbox.currencies import decimals


@dataclass(frozen=True, slots=True)
class _Rate:
    basis_points: int
    fixed: int = 0
    most: int | None = None


_RATES: Final = {
    "card": _Rate(140, 25),
    "alipay": _Rate(300, 25),
    "wechat_pay": _Rate(300, 25),
    "us_bank_account": _Rate(80, most=500),
}
_DISPUTE: Final = 2000
_WHOLE: Final = 10_000


def payment_fee(method_type: str, amount: int, currency: str) -> int:
    """The fee of capturing `amount` (minor units) from this type of method."""
    rate = _RATES[method_type]
    share = (2 * amount * rate.basis_points + _WHOLE) // (2 * _WHOLE)
    fee = share + _scaled(rate.fixed, currency)
    return fee if rate.most is None else min(fee, _scaled(rate.most, currency))


def dispute_fee(currency: str) -> int:
    """The fee of a dispute, whoever wins it, in minor units."""
    return _scaled(_DISPUTE, currency)


def _scaled(minor: int, currency: str) -> int:
    return minor * 10 if decimals(currency) == 3 else minor
