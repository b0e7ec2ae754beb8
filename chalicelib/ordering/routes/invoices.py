"""Invoices and credit notes of orders: as JSON, as a page that prints well, and as PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.render_invoices import invoice_view
from chalicelib.ordering.schemas.invoices import InvoiceQuery, InvoiceView

if TYPE_CHECKING:
    from chalicelib.ordering.service import OrderPaper

_OWN = "/v1/orders/{order_id}"
_OF_STORE = "/v1/stores/{store_id}/orders/{order_id}"
_HTML, _PDF = "text/html", "application/pdf"
_PAPER: dict[str, Any] = {
    "query": InvoiceQuery,
    "returns": InvoiceView,
    "also": (_HTML, _PDF),
    "errors": ("order_not_found", "invoice_not_found"),
}


@endpoints.get(_OWN + "/invoice", permission=Role("customer"), **_PAPER)
def get_invoice(request: Request[None]) -> Reply[InvoiceView]:
    """See the invoice of an order of yours.

    It is there a moment after you have the goods. `Accept: text/html` gives a page to print, `application/pdf` a PDF
    (a page instead, where names have letters that it can't write).
    """
    return _reply(request, service.get_own_paper(request.principal.id, request.path["order_id"]))


@endpoints.get(_OWN + "/credit_notes/{credit_note_id}", permission=Role("customer"), **_PAPER)
def get_credit_note(request: Request[None]) -> Reply[InvoiceView]:
    """See a credit note that corrects the invoice of an order of yours. The invoice lists them."""
    path = request.path
    return _reply(request, service.get_own_paper(request.principal.id, path["order_id"], path["credit_note_id"]))


@endpoints.get(_OF_STORE + "/invoice", permission=StoreStaff("clerk"), **_PAPER)
def get_store_invoice(request: Request[None]) -> Reply[InvoiceView]:
    """See the invoice of an order of the store."""
    return _reply(request, service.get_store_paper(request.path["store_id"], request.path["order_id"]))


@endpoints.get(_OF_STORE + "/credit_notes/{credit_note_id}", permission=StoreStaff("clerk"), **_PAPER)
def get_store_credit_note(request: Request[None]) -> Reply[InvoiceView]:
    """See a credit note that corrects the invoice of an order of the store."""
    path = request.path
    return _reply(request, service.get_store_paper(path["store_id"], path["order_id"], path["credit_note_id"]))


def _reply(request: Request[None], paper: OrderPaper) -> Reply[InvoiceView]:
    """The paper as it is wanted. It never changes, but for the list of what corrects it, which is JSON's alone."""
    language, number = request.query.language or None, paper.sheet.invoice.number
    if request.wanted == _PDF and (file := service.pdf_of(paper.sheet, language)) is not None:
        told = {"Content-Disposition": f'inline; filename="{number}.pdf"'}
        return Reply(file, content_type=_PDF, headers=told)
    if request.wanted in (_PDF, _HTML):
        headers = {"Content-Security-Policy": service.HTML_POLICY}
        text: Any = service.html_of(paper.sheet, language)
        return Reply(text, content_type=f"{_HTML}; charset=utf-8", headers=headers)
    return Reply(invoice_view(paper), etag=f"{number}.{len(paper.credit_notes)}")
