"""The stock of a store over HTTP, for its staff."""

from __future__ import annotations

from typing import Any

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Endpoints, Reply, Request
from chalicelib.edge.permissions import StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.inventory import service
from chalicelib.inventory.schemas import AdjustedStock, AdjustStock, SetStock, StockPage, StockView, view_of
from chalicelib.kernel.errors import NotFound

endpoints = Endpoints("inventory", "What a store counts, and how much of it is left.")


@endpoints.get("/v1/stores/{store_id}/stock", permission=StoreStaff("clerk"), query=PageQuery, returns=StockPage)
def list_stock(request: Request[None]) -> Reply[StockPage]:
    """List what the store counts and how much of it is left, by SKU."""
    store_id = request.path["store_id"]
    page = service.list_stock(
        store_id,
        limit=request.query.limit,
        cursor_key=cursors.decode(request.query.cursor, "stock", store_id),
    )
    return Reply(
        StockPage(
            items=[view_of(stock.sku, stock.available, stock.counted_at) for stock in page.items],
            next_cursor=cursors.encode(page.next_key, "stock", store_id),
        )
    )


@endpoints.get(
    "/v1/stores/{store_id}/stock/{sku}",
    permission=StoreStaff("clerk"),
    returns=StockView,
    errors=("stock_not_found",),
)
def get_stock(request: Request[None]) -> Reply[StockView]:
    """See how many of a SKU are left. The ETag is that number."""
    stock = service.get_stock(request.path["store_id"], request.path["sku"])
    return Reply(view_of(stock.sku, stock.available, stock.counted_at), etag=stock.available)


@endpoints.put(
    "/v1/stores/{store_id}/stock/{sku}",
    permission=StoreStaff("clerk"),
    body=SetStock,
    returns=StockView,
    errors=("version_conflict",),
)
def set_stock(request: Request[SetStock]) -> Reply[StockView]:
    """State how many of a SKU are left for new orders, and count it from now on.

    With `If-Match` (the ETag of the stock, which is the number itself) only if nothing was sold since it was read;
    without it the new count stands whatever was there.
    """
    stock = service.set_stock(
        request.path["store_id"],
        request.path["sku"],
        request.body.available,
        expected=request.expected_version,
    )
    return Reply(view_of(stock.sku, stock.available, stock.counted_at), etag=stock.available)


def _adjusted(result: tuple[str, int]) -> Reply[AdjustedStock]:
    sku, delta = result
    return Reply(AdjustedStock(sku=sku, delta=delta, available=None))


def _with_what_is_left(request: Request[Any], body: dict[str, Any]) -> dict[str, Any]:
    try:
        return body | {"available": service.get_stock(request.path["store_id"], request.path["sku"]).available}
    except NotFound:
        return body


@endpoints.post(
    "/v1/stores/{store_id}/stock/{sku}",
    permission=StoreStaff("clerk"),
    body=AdjustStock,
    returns=AdjustedStock,
    idempotent=True,
    answer=_adjusted,
    finish=_with_what_is_left,
    errors=("stock_not_found", "stock_below_zero"),
)
def adjust_stock(request: Request[AdjustStock]) -> tuple[str, int]:
    """Add a delivery to the stock of a SKU, or take waste off it.

    Unlike stating the number, this is right beside orders that are placed at the same moment.
    """
    return service.adjust_stock(request.path["store_id"], request.path["sku"], request.body.delta, request.key)
