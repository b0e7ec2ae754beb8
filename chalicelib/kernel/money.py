"""Money in minor units of an ISO 4217 currency, and the two operations on it that must never lose a cent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from fractions import Fraction

# ISO 4217 (list one, 2024): the active currencies whose minor unit is not a hundredth; all others have two digits.
_EXPONENTS = dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
_TWO_DIGITS = frozenset(
    [
        "AED",
        "AFN",
        "ALL",
        "AMD",
        "ANG",
        "AOA",
        "ARS",
        "AUD",
        "AWG",
        "AZN",
        "BAM",
        "BBD",
        "BDT",
        "BGN",
        "BMD",
        "BND",
        "BOB",
        "BRL",
        "BSD",
        "BTN",
        "BWP",
        "BYN",
        "BZD",
        "CAD",
        "CDF",
        "CHF",
        "CNY",
        "COP",
        "CRC",
        "CUP",
        "CVE",
        "CZK",
        "DKK",
        "DOP",
        "DZD",
        "EGP",
        "ERN",
        "ETB",
        "EUR",
        "FJD",
        "FKP",
        "GBP",
        "GEL",
        "GHS",
        "GIP",
        "GMD",
        "GTQ",
        "GYD",
        "HKD",
        "HNL",
        "HTG",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "IRR",
        "JMD",
        "KES",
        "KGS",
        "KHR",
        "KPW",
        "KYD",
        "KZT",
        "LAK",
        "LBP",
        "LKR",
        "LRD",
        "LSL",
        "MAD",
        "MDL",
        "MGA",
        "MKD",
        "MMK",
        "MNT",
        "MOP",
        "MRU",
        "MUR",
        "MVR",
        "MWK",
        "MXN",
        "MYR",
        "MZN",
        "NAD",
        "NGN",
        "NIO",
        "NOK",
        "NPR",
        "NZD",
        "PAB",
        "PEN",
        "PGK",
        "PHP",
        "PKR",
        "PLN",
        "QAR",
        "RON",
        "RSD",
        "RUB",
        "SAR",
        "SBD",
        "SCR",
        "SDG",
        "SEK",
        "SGD",
        "SHP",
        "SLE",
        "SOS",
        "SRD",
        "SSP",
        "STN",
        "SVC",
        "SYP",
        "SZL",
        "THB",
        "TJS",
        "TMT",
        "TOP",
        "TRY",
        "TTD",
        "TWD",
        "TZS",
        "UAH",
        "USD",
        "UYU",
        "UZS",
        "VED",
        "VES",
        "WST",
        "XCD",
        "YER",
        "ZAR",
        "ZMW",
        "ZWG",
    ]
)


class Money(msgspec.Struct, frozen=True):
    """``amount`` minor units of ``currency``."""

    amount: int
    currency: str


def is_currency(code: str) -> bool:
    """Whether ``code`` is an active ISO 4217 currency."""
    return code in _EXPONENTS or code in _TWO_DIGITS


def exponent(currency: str) -> int:
    """Decimal digits of the currency's minor unit: 0, 2 or 3."""
    return _EXPONENTS.get(currency, 2)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` in proportion to ``weights`` by largest remainder: the parts add up to it exactly.

    Equal remainders go to the earlier part. Weights of zero (or none but zeros) get nothing beyond the first part.
    """
    if not weights:
        raise ValueError("nothing to allocate to")
    scale = sum(weights)
    if scale == 0:
        return [total, *([0] * (len(weights) - 1))]
    parts = [total * weight // scale for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % scale), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def round_half_up(value: Fraction | Decimal) -> int:
    """The nearest integer; a half goes away from zero (the commercial rounding of receipts)."""
    numerator, denominator = value.as_integer_ratio()
    magnitude = (abs(numerator) * 2 + denominator) // (denominator * 2)
    return magnitude if numerator >= 0 else -magnitude
