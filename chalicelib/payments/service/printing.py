"""Invoices and credit notes as pages: HTML, or PDF where their names can be written with its faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.payments.model.sheet import language_of

if TYPE_CHECKING:
    from chalicelib.payments.model.sheet import Language, Sheet

HTML_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def html_of(sheet: Sheet, language: Language | None = None) -> str:
    """A sheet as a page that loads nothing; in its store's language, unless another is asked for."""
    from chalicelib.payments.printing.html import page  # most processes never print

    return page(sheet, language or language_of(sheet.invoice.country))


def pdf_of(sheet: Sheet, language: Language | None = None) -> bytes | None:
    """A sheet as PDF; None where it has letters that PDF's own faces lack (outside Windows-1252)."""
    from chalicelib.payments.printing.pdf import document

    return document(sheet, language or language_of(sheet.invoice.country))
