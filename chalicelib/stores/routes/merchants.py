"""Merchants, and the stores that they open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import MerchantOwner, Role
from chalicelib.edge.schemas import PageQuery
from chalicelib.stores import service
from chalicelib.stores.routes.blueprint import endpoints
from chalicelib.stores.routes.render import merchant_reply, store_line, store_reply
from chalicelib.stores.schemas import (
    ChangeMerchant,
    CreateMerchant,
    CreateStore,
    MerchantView,
    StoreLines,
    StoreView,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@endpoints.post(
    "/v1/merchants",
    permission=Role("admin"),
    body=CreateMerchant,
    returns=MerchantView,
    status=201,
    idempotent=True,
    answer=lambda merchant: merchant_reply(merchant, f"/v1/merchants/{merchant.id}"),
)
def create_merchant(request: Request[CreateMerchant]) -> service.Merchant:
    """Register a merchant for the user who owns it."""
    return service.create_merchant(request.body.name, request.body.owner_id, request.idempotency)


@endpoints.get(
    "/v1/merchants/{merchant_id}",
    permission=MerchantOwner(),
    returns=MerchantView,
    errors=("merchant_not_found",),
)
def get_merchant(request: Request[None]) -> Reply[MerchantView]:
    """See a merchant that you own."""
    return merchant_reply(service.get_merchant(request.path["merchant_id"]))


@endpoints.patch(
    "/v1/merchants/{merchant_id}",
    permission=MerchantOwner(),
    body=ChangeMerchant,
    returns=MerchantView,
    if_match=True,
    errors=("merchant_not_found", "version_conflict"),
)
def change_merchant(request: Request[ChangeMerchant]) -> Reply[MerchantView]:
    """Change a merchant that you own: its name, and what its invoices say of it."""
    changes: Mapping[str, Any] = msgspec.to_builtins(request.body)
    return merchant_reply(service.change_merchant(request.path["merchant_id"], changes, request.expected_version))


@endpoints.post(
    "/v1/merchants/{merchant_id}/stores",
    permission=MerchantOwner(),
    body=CreateStore,
    returns=StoreView,
    status=201,
    idempotent=True,
    answer=lambda store: store_reply(store, f"/v1/stores/{store.id}"),
    errors=("merchant_not_found",),
)
def create_store(request: Request[CreateStore]) -> service.Store:
    """Open a store.

    You become its first owner. Everything that is wrong with it is answered at once. It is found by customers as soon
    as it exists, unless its `status` is `inactive`.
    """
    return service.create_store(
        request.path["merchant_id"],
        request.principal.id,
        msgspec.to_builtins(request.body),
        request.idempotency,
    )


@endpoints.get(
    "/v1/merchants/{merchant_id}/stores",
    permission=MerchantOwner(),
    query=PageQuery,
    returns=StoreLines,
)
def list_stores(request: Request[None]) -> Reply[StoreLines]:
    """List the stores of a merchant that you own, oldest first."""
    merchant_id = request.path["merchant_id"]
    start = cursors.decode(request.query.cursor, "merchant_stores", merchant_id)
    found, next_key = service.list_stores(merchant_id, start, request.query.limit)
    return Reply(
        StoreLines(
            items=tuple(store_line(store) for store in found),
            next_cursor=cursors.encode(next_key, "merchant_stores", merchant_id),
        )
    )
