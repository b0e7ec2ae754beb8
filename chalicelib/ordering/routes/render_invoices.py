"""From invoices to what the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.ordering.schemas.invoices import (
    CreditNoteLine,
    InvoiceLineView,
    InvoicePart,
    InvoiceTax,
    InvoiceTender,
    InvoiceView,
    SellerView,
)
from chalicelib.ordering.schemas.values import OrderAmount

if TYPE_CHECKING:
    from chalicelib.ordering import service


def invoice_view(paper: service.OrderPaper) -> InvoiceView:
    """An invoice or credit note."""
    sheet, invoice = paper.sheet, paper.sheet.invoice
    currency = invoice.currency
    remits = invoice.platform.legal_name if invoice.platform and invoice.tax_by_platform else None
    return InvoiceView(
        kind=invoice.kind.value,
        number=invoice.number,
        corrects=invoice.corrects,
        reason=invoice.reason,
        order_id=invoice.order_id,
        store_name=invoice.store_name,
        issued_at=clock.rfc3339(invoice.issued_at),
        supplied_at=clock.rfc3339(invoice.supplied_at),
        delivered_to=list(sheet.delivered_to),
        parts=[_part(part, currency) for part in sheet.parts],
        tip=_amount(sheet.tip, currency),
        total=_amount(sheet.total, currency),
        tenders=[InvoiceTender(method=name, amount=_amount(amount, currency)) for name, amount in invoice.tenders],
        tax_remitted_by=remits,
        credit_notes=[credit_note_line(note) for note in paper.credit_notes],
    )


def credit_note_line(note: service.Invoice) -> CreditNoteLine:
    """A credit note in the list of what corrects an invoice."""
    return CreditNoteLine(
        id=note.cause,
        number=note.number,
        issued_at=clock.rfc3339(note.issued_at),
        total=_amount(note.total, note.currency),
    )


def _part(part: service.SheetPart, currency: str) -> InvoicePart:
    return InvoicePart(
        seller=SellerView(
            legal_name=part.seller.legal_name, address=list(part.seller.address), vat_id=part.seller.vat_id
        ),
        lines=[
            InvoiceLineView(
                kind=line.ref,
                name=line.name or line.ref.replace("_", " ").capitalize(),
                detail=line.detail,
                quantity=line.quantity,
                gross=_amount(line.gross, currency),
                tax=_amount(line.tax, currency),
                tax_rate_basis_points=line.tax_rate_bps,
            )
            for line in part.lines
        ],
        taxes=[
            InvoiceTax(
                rate_basis_points=rate.rate_bps,
                net=_amount(rate.gross - rate.tax, currency),
                tax=_amount(rate.tax, currency),
                gross=_amount(rate.gross, currency),
            )
            for rate in part.rates
        ],
        total=_amount(part.total, currency),
    )


def _amount(amount: int, currency: str) -> OrderAmount:
    return OrderAmount(amount=amount, currency=currency)
