"""What is kept of a customer: handed out to them, and forgotten. For customers, and for admins on their behalf."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel.limits import Limit
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.render_privacy import erasure_view, export_item
from chalicelib.ordering.schemas.privacy import ErasureView, Export, OrderErasure, RequestErasure

_CUSTOMER = "/v1/customers/{customer_id}"
_REFUSED = ("orders_open", "credit_left")
_NOT_YET = ("erasure_not_found", "erasure_begun")


@endpoints.get(
    "/v1/me/export",
    permission=Role("customer"),
    query=PageQuery,
    returns=Export,
    errors=("accounts_unavailable",),
    # A page reads twenty orders with all that belongs to them.
    limit=Limit(name="exports", window=timedelta(minutes=1), per_principal=30, shared=False),
)
def export_own_data(request: Request[None]) -> Reply[Export]:
    """Get everything that is kept of you, page by page: account, quotes, credit, orders with money and delivery.

    Follow `next_cursor` to the end, and keep the pages: together they are the answer to a request for access.
    """
    return _export(request.principal.id, request.query)


@endpoints.get(
    _CUSTOMER + "/export",
    permission=Role("admin"),
    query=PageQuery,
    returns=Export,
    errors=("accounts_unavailable",),
)
def export_data_of_customer(request: Request[None]) -> Reply[Export]:
    """Get everything that is kept of a customer, who asked by another way. It is noted in the audit trail."""
    return _export(request.path["customer_id"], request.query)


def _export(customer_id: str, query: PageQuery) -> Reply[Export]:
    start = cursors.decode(query.cursor, "export", customer_id)
    page = service.export_page(customer_id, limit=query.limit, start=start)
    items = [export_item(record) for record in page.records]
    return Reply(Export(items=items, next_cursor=cursors.encode(page.next_key, "export", customer_id)))


@endpoints.post(
    "/v1/me/erasure",
    permission=Role("customer"),
    body=RequestErasure,
    returns=ErasureView,
    status=202,
    errors=_REFUSED,
)
def request_erasure(request: Request[RequestErasure]) -> Reply[ErasureView]:
    """Ask to be forgotten. From now on you can order nothing; until `due_at` you can take it back.

    Then your name, phone, addresses and notes are taken out of everything, your orders are kept under an id that is
    nobody's, as the law on invoices demands, and your account is deleted. Refused while orders are open
    (`orders_open`: cancel them, or wait), and while you have store credit that you do not give up (`credit_left`).
    Asked again, it answers how far it is.
    """
    customer_id = request.principal.id
    asked = service.request_erasure(customer_id, "customer", forfeits_credit=request.body.forfeit_credit)
    return Reply(erasure_view(asked), location="/v1/me/erasure")


@endpoints.get("/v1/me/erasure", permission=Role("customer"), returns=ErasureView, errors=("erasure_not_found",))
def get_erasure(request: Request[None]) -> Reply[ErasureView]:
    """See how far it is that you are forgotten."""
    found = service.get_erasure(request.principal.id)
    return Reply(erasure_view(found), etag=found.step)


@endpoints.delete("/v1/me/erasure", permission=Role("customer"), status=204, errors=_NOT_YET)
def withdraw_erasure(request: Request[None]) -> Reply[None]:
    """Take it back: everything stays, and you can order again."""
    service.withdraw_erasure(request.principal.id)
    return Reply()


@endpoints.post(
    _CUSTOMER + "/erasure",
    permission=Role("admin"),
    body=OrderErasure,
    returns=ErasureView,
    status=202,
    errors=_REFUSED,
)
def request_erasure_of_customer(request: Request[OrderErasure]) -> Reply[ErasureView]:
    """Have a customer forgotten who asked by another way. Asked again, it sets going what has stopped."""
    customer_id, body = request.path["customer_id"], request.body
    asked = service.request_erasure(
        customer_id, request.principal.id, forfeits_credit=body.forfeit_credit, at_once=body.at_once
    )
    return Reply(erasure_view(asked), location=f"/v1/customers/{customer_id}/erasure")


@endpoints.get(_CUSTOMER + "/erasure", permission=Role("admin"), returns=ErasureView, errors=("erasure_not_found",))
def get_erasure_of_customer(request: Request[None]) -> Reply[ErasureView]:
    """See how far it is that a customer is forgotten."""
    found = service.get_erasure(request.path["customer_id"])
    return Reply(erasure_view(found), etag=found.step)


@endpoints.delete(_CUSTOMER + "/erasure", permission=Role("admin"), status=204, errors=_NOT_YET)
def withdraw_erasure_of_customer(request: Request[None]) -> Reply[None]:
    """Take it back for a customer."""
    service.withdraw_erasure(request.path["customer_id"])
    return Reply()
