"""Finding stores."""

from __future__ import annotations

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Public
from chalicelib.kernel import clock
from chalicelib.kernel.geo import Point
from chalicelib.stores import service
from chalicelib.stores.routes.blueprint import endpoints
from chalicelib.stores.routes.render import found_store_view
from chalicelib.stores.schemas import FoundStores, StoreSearch


@endpoints.get("/v1/stores", permission=Public(), query=StoreSearch, returns=FoundStores)
def find_stores(request: Request[None]) -> Reply[FoundStores]:
    """Find the stores that can serve a place, nearest first, open or not.

    For delivery: those with a zone that holds the place, with the fee and minimum of that zone. For pickup and dine-in:
    those within 5 km in a straight line. A page may hold fewer stores than asked for while there are more.
    """
    query: StoreSearch = request.query
    binding = ("stores", f"{query.lat:.6f}", f"{query.lng:.6f}", query.mode)
    found, next_key = service.find_stores(
        Point(query.lat, query.lng),
        query.mode,
        clock.now(),
        start=cursors.decode(query.cursor, *binding),
        limit=query.limit,
    )
    return Reply(
        FoundStores(
            items=tuple(found_store_view(store) for store in found),
            next_cursor=cursors.encode(next_key, *binding),
        )
    )
