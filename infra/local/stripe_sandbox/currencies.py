"""Which currencies Stripe charges in, how much it charges at least, and how it writes amounts."""

from __future__ import annotations

from typing import Final

from infra.local.stripe_sandbox.errors import StripeError

_TWO_DECIMAL_CODES: Final = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc "
    "cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr "
    "kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk "
    "php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu "
    "uzs wst xcd yer zar zmw"
)
_ZERO_DECIMAL_CODES: Final = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
_ZERO_DECIMAL: Final = frozenset(_ZERO_DECIMAL_CODES.split())
_THREE_DECIMAL: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_SUPPORTED: Final = _ZERO_DECIMAL | _THREE_DECIMAL | frozenset(_TWO_DECIMAL_CODES.split())
_MINIMUM: Final = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_MAXIMUM: Final = 99_999_999
_SIGNS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def check_currency(currency: str) -> str:
    """The currency in Stripe's lower case. Raises an invalid request for one that Stripe doesn't charge in."""
    lowered = currency.lower()
    if lowered not in _SUPPORTED:
        raise StripeError(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(_SUPPORTED))}",
            param="currency",
        )
    return lowered


def check_amount(amount: int, currency: str) -> int:
    """The amount (minor units) if Stripe would charge it; raises `amount_too_small` or `amount_too_large`."""
    least = _MINIMUM.get(currency, 1)
    if amount < least:
        raise StripeError(
            f"Amount must be at least {written(least, currency)} {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount > _MAXIMUM:
        raise StripeError(
            f"Amount must be no more than {written(_MAXIMUM, currency)} {currency}",
            code="amount_too_large",
            param="amount",
        )
    return amount


def decimals(currency: str) -> int:
    """How many decimals the currency has: 0, 2 or 3."""
    return 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2


def written(amount: int, currency: str) -> str:
    """The amount as Stripe writes it in messages: `$12.50`, `¥500`."""
    places = decimals(currency)
    number = f"{amount / 10**places:,.{places}f}"
    sign = _SIGNS.get(currency)
    return f"{sign}{number}" if sign else f"{number} {currency.upper()}"
