"""What is printed of an invoice or credit note: the numbers of the paper with the names of the goods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.payments.model.bill import RateSum, Sums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.payments.model.invoices import Invoice, Party

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = ("en", "de")
_GERMAN = frozenset(("DE", "AT", "CH", "LI", "LU"))

GOODS = "goods"
FEES = "fees"


class SheetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line: ``gross`` is paid for all ``quantity`` pieces of it, of which ``tax``.

    ``name`` is that of goods; without one, ``ref`` tells what it is. ``quantity`` 0: a part of something.
    """

    ref: str
    name: str = ""
    detail: str = ""
    quantity: int = 1
    gross: int
    tax: int
    tax_rate_bps: int


class SheetPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one seller sells, and the tax in it."""

    seller: Party
    lines: tuple[SheetLine, ...]

    @property
    def total(self) -> int:
        """What is paid for it."""
        return sum(line.gross for line in self.lines)

    @property
    def rates(self) -> tuple[RateSum, ...]:
        """Its lines summed up by tax rate."""
        return rates_of(self.lines)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A paper with its lines. The first part is the merchant's; a second one the platform's, where that sells fees."""

    invoice: Invoice
    parts: tuple[SheetPart, ...]
    delivered_to: tuple[str, ...] = ()

    @property
    def tip(self) -> int:
        """What goes to who served or brought it; nothing is sold for it."""
        return self.invoice.sums.tip

    @property
    def total(self) -> int:
        """What is paid, or given back."""
        return sum(part.total for part in self.parts) + self.tip


def sheet_of(
    invoice: Invoice, goods: Iterable[SheetLine], fees: Iterable[SheetLine], delivered_to: tuple[str, ...] = ()
) -> Sheet:
    """A sheet of lines that are what the ledger says was sold; of others, one of the ledger's sums by tax rate."""
    sold, charged = tuple(goods), tuple(fees)
    if _sums(sold, charged, invoice.sums.tip) != invoice.sums or rates_of((*sold, *charged)) != invoice.rates:
        sold, charged = _by_rates(invoice), ()
    if invoice.platform is None or not invoice.fees_by_platform:
        parts: tuple[SheetPart, ...] = (SheetPart(seller=invoice.seller, lines=(*sold, *charged)),)
    else:
        parts = tuple(
            SheetPart(seller=seller, lines=lines)
            for seller, lines in ((invoice.seller, sold), (invoice.platform, charged))
            if lines
        )
    return Sheet(invoice=invoice, parts=parts, delivered_to=delivered_to)


def language_of(country: str) -> Language:
    """The language of a country's papers, of those that are spoken here."""
    return "de" if country in _GERMAN else "en"


def rates_of(lines: Iterable[SheetLine]) -> tuple[RateSum, ...]:
    """Lines summed up by tax rate."""
    sums: dict[int, RateSum] = {}
    for line in lines:
        if line.gross:
            before = sums.get(line.tax_rate_bps, RateSum(line.tax_rate_bps, 0, 0))
            sums[line.tax_rate_bps] = RateSum(line.tax_rate_bps, before.gross + line.gross, before.tax + line.tax)
    return tuple(sums[rate] for rate in sorted(sums))


def _sums(goods: tuple[SheetLine, ...], fees: tuple[SheetLine, ...], tip: int) -> Sums:
    return Sums(
        items=sum(line.gross for line in goods),
        items_tax=sum(line.tax for line in goods),
        fees=sum(line.gross for line in fees),
        fees_tax=sum(line.tax for line in fees),
        tip=tip,
    )


def _by_rates(invoice: Invoice) -> tuple[SheetLine, ...]:
    """The ledger's sums as lines. Where it knows no rates (it once did not), one line of all."""
    if sum(rate.gross for rate in invoice.rates) == invoice.sums.items + invoice.sums.fees:
        return tuple(
            SheetLine(ref=GOODS, gross=rate.gross, tax=rate.tax, tax_rate_bps=rate.rate_bps) for rate in invoice.rates
        )
    sums = invoice.sums
    lines = ((GOODS, sums.items, sums.items_tax), (FEES, sums.fees, sums.fees_tax))
    return tuple(SheetLine(ref=ref, gross=gross, tax=tax, tax_rate_bps=0) for ref, gross, tax in lines if gross)
