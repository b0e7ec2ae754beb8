"""What HTML and PDF say alike of parties, lines and tenders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.payments.model.invoices import Party
    from chalicelib.payments.model.sheet import Sheet, SheetLine
    from chalicelib.payments.printing.words import Wording


def particulars(party: Party, words: Wording) -> list[str]:
    """A party's name, address and tax number, a line each."""
    lines = [party.legal_name, *party.address]
    return [*lines, f"{words('vat_id')} {party.vat_id}"] if party.vat_id else lines


def described(line: SheetLine, words: Wording) -> tuple[str, str]:
    """A line's name, and what stands below it."""
    name = line.name or words(line.ref)
    detail = [line.detail] if line.detail else []
    if not line.quantity:
        detail.append(words("part_of"))
    return name, ", ".join(detail)


def tender(name: str, words: Wording, *, is_invoice: bool) -> str:
    """How an amount was paid, or went back: ``Paid: card``."""
    return f"{words('paid' if is_invoice else 'refunded')}: {words(name)}"


def tax_note(sheet: Sheet, words: Wording) -> str:
    """Who remits the tax in the goods, where it is not who sells them."""
    invoice = sheet.invoice
    if invoice.platform is None or not invoice.tax_by_platform:
        return ""
    return words("tax_by_platform", name=invoice.platform.legal_name)
