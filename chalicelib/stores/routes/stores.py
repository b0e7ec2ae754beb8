"""One store: seeing it, changing it, pausing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Public, StoreStaff
from chalicelib.stores import service
from chalicelib.stores.routes.blueprint import endpoints
from chalicelib.stores.routes.render import store_reply
from chalicelib.stores.schemas import ChangeStore, PauseStore, StoreView

if TYPE_CHECKING:
    from collections.abc import Mapping


@endpoints.get(
    "/v1/stores/{store_id}",
    permission=Public(),
    returns=StoreView,
    errors=("store_not_found",),
)
def get_store(request: Request[None]) -> Reply[StoreView]:
    """See a store: where it is, when it is open, how and on what terms it serves."""
    return store_reply(service.get_store(request.path["store_id"], consistent=False))


@endpoints.patch(
    "/v1/stores/{store_id}",
    permission=StoreStaff("manager"),
    body=ChangeStore,
    returns=StoreView,
    if_match=True,
    errors=("store_not_found", "version_conflict"),
)
def change_store(request: Request[ChangeStore]) -> Reply[StoreView]:
    """Change a store's settings.

    Each field that is given replaces the one before, whole. The store is checked as it would then be, and every fault
    is answered at once.
    """
    changes: Mapping[str, Any] = msgspec.to_builtins(request.body)
    return store_reply(service.change_store(request.path["store_id"], changes, request.expected_version))


@endpoints.post(
    "/v1/stores/{store_id}/pauses",
    permission=StoreStaff("clerk"),
    body=PauseStore,
    returns=StoreView,
    status=201,
    errors=("store_not_found", "too_many_pauses"),
)
def pause_store(request: Request[PauseStore]) -> Reply[StoreView]:
    """Pause a store: closed, or busy with so many minutes more, for a while.

    The pause ends by itself. It needs no `If-Match`, so that a tablet in a rush is not refused.
    """
    asked = service.PauseRequest(**msgspec.structs.asdict(request.body))
    return store_reply(service.pause_store(request.path["store_id"], asked))


@endpoints.delete(
    "/v1/stores/{store_id}/pauses/{pause_id}",
    permission=StoreStaff("clerk"),
    returns=StoreView,
    errors=("store_not_found", "pause_not_found"),
)
def end_pause(request: Request[None]) -> Reply[StoreView]:
    """End a pause before its time."""
    return store_reply(service.end_pause(request.path["store_id"], request.path["pause_id"]))
