"""Entries of the ledger in words that a customer and a store's staff understand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel.money import exponent
from chalicelib.payments.model import ledger

if TYPE_CHECKING:
    from chalicelib.payments.model.ledger import Entry

_WORDS = {
    ledger.AUTHORISED: "The bank holds {amount}.",
    ledger.VOIDED: "The hold of {amount} was let go.",
    ledger.CAPTURED: "{amount} was taken by card or wallet.",
    ledger.CASH_COLLECTED: "{amount} was paid in cash.",
    ledger.SALE: "The goods changed hands: {amount} was shared out.",
    ledger.RIDER_PAY: "The rider earned {amount} for bringing it.",
    ledger.RIDER_GUARANTEE: "A shift was short of its guarantee by {amount}.",
    ledger.REFUNDED: "{amount} was refunded.",
    ledger.TIPPED: "A tip of {amount} was paid.",
    ledger.TIP_SHARED: "The tip of {amount} went to whoever brought the order.",
    ledger.TIP_REFUNDED: "The tip of {amount} was refunded.",
    ledger.WRITTEN_OFF: "{amount} is too little to be charged, and was waived.",
    "refund_failed": "A refund of {amount} could not be paid out and came back.",
    "dispute": "The customer's bank took {amount} back: the payment is disputed.",
    "dispute_won": "The dispute was won: {amount} came back.",
    "dispute_lost": "The dispute was lost: {amount} stays with the customer.",
    "provider_fee": "The payment provider charged {amount}.",
    "resent": "The goods were brought once more: {amount}.",
    "credit_redeemed": "{amount} was paid with a gift card or store credit.",
    "credit_refunded": "{amount} went back to a gift card or store credit.",
}
# What happens between the customer and the money; the rest is between the platform, the store and the rider.
_DISPUTES = ("dispute", "dispute_won", "dispute_lost")
_RIDERS = (ledger.RIDER_PAY, ledger.RIDER_GUARANTEE)
_CUSTOMERS = frozenset(_WORDS) - {ledger.SALE, "resent", "provider_fee", *_RIDERS, *_DISPUTES}
_HELD = (ledger.AUTHORISED, ledger.VOIDED)


def concerns_customer(entry: Entry) -> bool:
    """Whether its customer should see it."""
    return entry.kind in _CUSTOMERS


def amount_of(entry: Entry) -> int:
    """The amount that an entry is about, in minor units: what was held, paid, given back or earned."""
    if entry.kind in _HELD:
        return int(entry.memo or 0)
    if entry.kind == ledger.REFUNDED:
        # The sale's parts that were undone, or, for goods that were never handed over, what the customer had paid.
        undone = sum(line.amount for line in entry.lines if line.about in _PARTS)
        return undone or -sum(line.amount for line in entry.lines if line.amount < 0)
    return sum(line.amount for line in entry.lines if line.amount > 0 and line.about not in _COMMISSION)


_PARTS = ("items", "items_tax", "fees", "fees_tax", "tip")
_COMMISSION = ("commission", "commission_tax")


def in_words(entry: Entry) -> str:
    """An entry as a sentence."""
    template = _WORDS.get(entry.kind, entry.kind.replace("_", " ").capitalize() + ": {amount}.")
    return template.format(amount=written(amount_of(entry), entry.currency))


def written(amount: int, currency: str) -> str:
    """An amount as people write it: ``12.50 EUR``."""
    digits = exponent(currency)
    if not digits:
        return f"{amount} {currency}"
    sign, whole = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d} {currency}"
