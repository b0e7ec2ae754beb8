"""Invoices and credit notes: what the ledger says of a sale, and of what is undone of it, with a number for good.

Amounts are minor units; on a credit note, too, they are positive. What a paper says of amounts is read from the
ledger's entry that it is for; which goods those are, the order's bill tells.
"""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib.payments.model import ledger
from chalicelib.payments.model.bill import RateSum, Sums

if TYPE_CHECKING:
    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.payment import Payment

_PARTS: Final = ("items", "items_tax", "fees", "fees_tax", "tip")
CREDIT: Final = "credit"
WAIVED: Final = "waived"
"""The tenders of gift cards and store credit, and of what is too little to be charged, beside the payment's method."""


class Paper(StrEnum):
    """What a number is for. Each kind counts for itself."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who sells: as the law wants it named, on the day of the invoice."""

    legal_name: str
    address: tuple[str, ...] = ()
    vat_id: str | None = None


class Invoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invoice, or a credit note that ``corrects`` one; written once.

    ``sequence`` counts the merchant's papers of this kind in a year, from 1 and without a gap. ``cause`` is that of the
    ledger's entry. ``fees_by_platform``: delivery and the other fees are sold by the ``platform``, and not by
    the merchant; ``tax_by_platform``: it remits the tax in the goods. ``tenders`` are how it was paid, or given back.
    ``before`` are the refunds that had made the sale smaller before it was one.
    """

    kind: Paper
    number: str
    year: int
    sequence: int
    cause: str
    order_id: str
    store_id: str
    merchant_id: str
    currency: str
    issued_at: datetime
    supplied_at: datetime
    seller: Party
    store_name: str
    country: str
    time_zone: str
    sums: Sums
    rates: tuple[RateSum, ...] = ()
    platform: Party | None = None
    fees_by_platform: bool = False
    tax_by_platform: bool = False
    tenders: tuple[tuple[str, int], ...] = ()
    corrects: str | None = None
    reason: str = ""
    before: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """What is paid, or given back."""
        return self.sums.total


class Counter(msgspec.Struct, frozen=True):
    """The last number that was given, and when: the next is given neither twice nor earlier."""

    last: int = 0
    at: datetime | None = None


def is_papered(entry: Entry) -> bool:
    """Whether an entry of the ledger has a paper: a sale that somebody pays, or what is undone of one."""
    if entry.order_id is None or not any(line.about in _PARTS for line in entry.lines):
        return False
    if entry.kind == ledger.SALE:
        return entry.on(ledger.customer(entry.order_id)) > 0
    return entry.kind == ledger.REFUNDED


def paper_of(entry_kind: str) -> Paper:
    """Which paper an entry of this kind has."""
    return Paper.INVOICE if entry_kind == ledger.SALE else Paper.CREDIT_NOTE


def number_of(kind: Paper, prefix: str, year: int, sequence: int) -> str:
    """A number as it is printed: ``LINA-2026-000042``, of a credit note ``LINA-C2026-000003``."""
    letter = "C" if kind is Paper.CREDIT_NOTE else ""
    return f"{prefix}{letter}{year}-{sequence:06d}"


def sums_in(entry: Entry) -> Sums:
    """What an entry says was sold or undone, summed up; positive in both."""
    sign = -1 if entry.kind == ledger.SALE else 1
    part = dict.fromkeys(_PARTS, 0)
    for line in entry.lines:
        if line.about in part:
            part[line.about] += sign * line.amount
    return Sums(
        items=part["items"] + part["items_tax"],
        items_tax=part["items_tax"],
        fees=part["fees"] + part["fees_tax"],
        fees_tax=part["fees_tax"],
        tip=part["tip"],
    )


def rates_in(entry: Entry) -> tuple[RateSum, ...]:
    """What an entry says was sold or undone at each tax rate; positive in both."""
    sign = 1 if entry.kind == ledger.SALE else -1
    return tuple(RateSum(each.rate_bps, sign * each.gross, sign * each.tax) for each in entry.rates)


def is_platforms(entry: Entry, about: str) -> bool:
    """Whether a part of a sale (``fees``, ``items_tax``) is the platform's, and not the merchant's."""
    return any(line.about == about and line.account in (ledger.PLATFORM, ledger.PLATFORM_TAX) for line in entry.lines)


def paid_with(payment: Payment, total: int) -> tuple[tuple[str, int], ...]:
    """How a sale was paid: what credit does not, the payment's method does, unless it is too little to be charged."""
    credit = payment.captured_credit_minor
    waived = max(0, total - payment.captured_minor)
    parts = ((CREDIT, credit), (payment.method.value, payment.captured_minor - credit), (WAIVED, waived))
    return tuple((tender, amount) for tender, amount in parts if amount)


def given_back_with(payment: Payment, entry: Entry) -> tuple[tuple[str, int], ...]:
    """How the amount of a credit note went back: the way it came, and the rest to credits."""
    customer = ledger.customer(payment.order_id)
    back = -sum(line.amount for line in entry.lines if line.about == "payment" and line.account != customer)
    parts = ((payment.method.value, back), (CREDIT, sums_in(entry).total - back))
    return tuple((tender, amount) for tender, amount in parts if amount)


def made_before_sale(entry: Entry) -> int | None:
    """The number of the refund that an entry is of, if there was no sale yet that it could undo."""
    number = entry.cause.removeprefix("refund:")
    if entry.kind != ledger.REFUNDED or is_papered(entry) or not number.isdigit():
        return None
    return int(number)
