"""Invoices of orders: what the payment centre numbered, with the names of what was ordered.

Every amount is the bill's, and so the quote's; their sums are compared with what the ledger says was sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel import tables
from chalicelib.kernel.errors import NotFound
from chalicelib.ordering.service.billing import bill_of
from chalicelib.ordering.service.reading import visible_to_store
from chalicelib.ordering.service.storing import read_document
from chalicelib.ordering.tables import document_ref, order_ref
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.ordering.model.quote import Line, Quote

_INVOICE = "invoice"
_REFUND = "refund:"


class OrderPaper(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or a credit note to be shown; ``credit_notes`` are all that correct the invoice."""

    sheet: payments.Sheet
    credit_notes: list[payments.Invoice]


def get_own_paper(customer_id: str, order_id: str, cause: str | None = None) -> OrderPaper:
    """The invoice of a customer's order, or the credit note for a cause. Two requests, one more after refunds.

    Raises ``order_not_found`` for anybody else's, ``invoice_not_found`` and ``credit_note_not_found``.
    """
    order, document, adjusted, invoice = tables.fetch(
        order_ref(order_id),
        document_ref(customer_id, order_id),
        payments.bill_ref(order_id),
        payments.invoice_ref(order_id),
    )
    if order is None or document is None:
        raise NotFound("order", order_id)
    return _paper(order_id, document, adjusted, invoice, cause)


def get_store_paper(store_id: str, order_id: str, cause: str | None = None) -> OrderPaper:
    """The same of a store's order, for its staff. A request more. Raises as ``get_own_paper``."""
    order, adjusted, invoice = tables.fetch(
        order_ref(order_id), payments.bill_ref(order_id), payments.invoice_ref(order_id)
    )
    found = visible_to_store(order, store_id, order_id)
    return _paper(order_id, read_document(found), adjusted, invoice, cause)


def _paper(
    order_id: str,
    document: Quote,
    adjusted: payments.Bill | None,
    invoice: payments.Invoice | None,
    cause: str | None,
) -> OrderPaper:
    if invoice is None:
        raise NotFound(_INVOICE, order_id)
    notes = payments.credit_notes_of(order_id)
    refunds = payments.refunds_of(order_id) if notes or invoice.before else []
    shares = {refund.number: refund.shares for refund in refunds if refund.given_back}
    sold = (adjusted or bill_of(document)).less(share for number in invoice.before for share in shares.get(number, ()))
    if cause is None:
        parts = [(part.ref, part.quantity, part.gross, part.tax, part.tax_rate_bps) for part in sold.parts]
        return OrderPaper(sheet=_sheet(invoice, document, sold, parts), credit_notes=notes)
    note = next((each for each in notes if each.cause == cause), None)
    if note is None:
        raise NotFound("credit_note", cause)
    undone = _shares(note, sold, shares, invoice.before)
    parts = [(share.ref, share.quantity, share.gross, share.tax, share.tax_rate_bps) for share in undone]
    return OrderPaper(sheet=_sheet(note, document, sold, parts), credit_notes=notes)


def _shares(
    note: payments.Invoice,
    sold: payments.Bill,
    shares: dict[int, tuple[payments.Share, ...]],
    before: tuple[int, ...],
) -> tuple[payments.Share, ...]:
    """What of the bill a credit note is for: a refund's shares; at an order's late end, all that was left."""
    if note.cause.startswith(_REFUND):
        return shares.get(int(note.cause.removeprefix(_REFUND)), ())
    left = sold.less(share for number, given in shares.items() if number not in before for share in given)
    return tuple(payments.all_of(left))


def _sheet(
    paper: payments.Invoice, document: Quote, sold: payments.Bill, parts: Iterable[tuple[str, int, int, int, int]]
) -> payments.Sheet:
    lines = {str(number): line for number, line in enumerate(document.lines)}
    names = {part.ref: part.name for part in sold.lines if part.name}
    fees = (payments.DELIVERY_FEE, payments.SMALL_ORDER_FEE)
    goods: list[payments.SheetLine] = []
    charged: list[payments.SheetLine] = []
    for ref, quantity, gross, tax, rate in parts:
        if ref == payments.TIP or not gross:
            continue
        line = lines.get(ref)
        row = payments.SheetLine(
            ref=ref if ref in fees else "goods",
            name=names.get(ref) or (line.name if line else ""),
            detail=_detail(line) if line and ref not in names else "",
            quantity=quantity,
            gross=gross,
            tax=tax,
            tax_rate_bps=rate,
        )
        (charged if ref in fees else goods).append(row)
    # Whom a paper must name that outlives its customer's data is kept with it.
    named = named_on_paper(document)
    if not named and document.destination is not None:
        named = tables.fetch(payments.recipient_ref(paper.order_id))[0]
    return payments.sheet_of(paper, goods, charged, named)


def _detail(line: Line) -> str:
    chosen = [f"{each.name} ×{each.quantity}" if each.quantity > 1 else each.name for each in line.modifiers]
    return ", ".join(part for part in (line.variant_name, *chosen) if part)


def named_on_paper(document: Quote) -> tuple[str, ...]:
    """The lines by which an order's papers name who received it: nobody where nothing was brought."""
    place = document.destination
    if place is None or not place.street:
        return ()
    lines = (place.contact_name, place.street, f"{place.postal_code} {place.city}".strip())
    return tuple(line for line in lines if line)
