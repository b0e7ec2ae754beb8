"""Menus and availability over HTTP: for customers to read, for staff to edit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

import msgspec

from chalicelib.catalog import service
from chalicelib.catalog.document import MAX_DOCUMENT_BYTES
from chalicelib.catalog.schemas import (
    AvailabilityView,
    DraftView,
    EightySixItem,
    EightySixView,
    MenuDocument,
    MenuVersionPage,
    MenuVersionView,
    MenuView,
    Product,
    ProductQuery,
    PublishMenu,
    SavedDraftView,
    ViolationView,
)
from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Endpoints, Reply, Request
from chalicelib.edge.permissions import Public, StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, NotFound, Violation

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.catalog.service import EightySix, Kind, MenuHead, SavedDraft

endpoints = Endpoints("catalog", "Menus: edited as a draft, published as versions, read as one document; and 86.")

_MENU_CACHING = {"Cache-Control": "public, max-age=30"}
_AVAILABILITY_CACHING = {"Cache-Control": "public, max-age=5"}
_POLL_AVAILABILITY_AFTER = 30
_KINDS: dict[str, Kind] = {"product": "product", "sku": "sku", "option": "option"}


@endpoints.get(
    "/v1/stores/{store_id}/menu",
    permission=Public(),
    returns=MenuView,
    errors=("menu_not_found",),
)
def get_menu(request: Request[None]) -> Reply[MenuView]:
    """Read a store's menu: one document.

    It changes only when the store publishes; what can't be had at the moment is told by `…/availability`, so that
    the menu stays in caches. Send the ETag as `If-None-Match` and get 304 while it holds. Prices are minor units
    of the menu's `currency`. Ask for gzip: a large menu is a megabyte of text.
    """
    head = service.get_menu_head(request.path["store_id"], consistent=False)
    if request.if_none_match == head.etag:
        reply: Reply[MenuView] = Reply.not_modified(head.etag)
    else:
        reply = Reply(_menu_view(head), etag=head.etag)
    reply.headers.update(_MENU_CACHING)
    return reply


@endpoints.get("/v1/stores/{store_id}/menu/draft", permission=StoreStaff("manager"), returns=DraftView)
def get_draft(request: Request[None]) -> Reply[DraftView]:
    """Read the draft of the menu. A store that has none yet gets an empty one with version 0."""
    draft = service.get_draft(request.path["store_id"])
    view = DraftView(
        store_id=draft.store_id,
        version=draft.version,
        updated_at=_instant(draft.updated_at),
        updated_by=draft.updated_by,
        menu=_as_written(draft.document_json),
    )
    return Reply(view, etag=draft.version)


@endpoints.put(
    "/v1/stores/{store_id}/menu/draft",
    permission=StoreStaff("manager"),
    body=MenuDocument,
    returns=SavedDraftView,
    if_match=True,
    max_body=MAX_DOCUMENT_BYTES,
)
def save_draft(request: Request[MenuDocument]) -> Reply[SavedDraftView]:
    """Replace the whole draft.

    The answer lists everything that stands against publishing it. Up to 4 MB of JSON.
    """
    return _saved(
        service.save_draft(request.path["store_id"], request.body, request.expected_version, request.principal.id)
    )


@endpoints.put(
    "/v1/stores/{store_id}/menu/draft/products/{product_id}",
    permission=StoreStaff("manager"),
    body=Product,
    query=ProductQuery,
    returns=SavedDraftView,
    if_match=True,
    errors=("category_not_found",),
)
def put_product(request: Request[Product]) -> Reply[SavedDraftView]:
    """Add a product to the draft or replace it; `category_id` also lists it in a category."""
    if request.body.id != request.path["product_id"]:
        raise Invalid([Violation("id_mismatch", "/id", "The id in the path and the one in the body differ.")])
    return _saved(
        service.put_product(
            request.path["store_id"],
            request.body,
            request.expected_version,
            request.principal.id,
            category_id=request.query.category_id,
        )
    )


@endpoints.delete(
    "/v1/stores/{store_id}/menu/draft/products/{product_id}",
    permission=StoreStaff("manager"),
    returns=SavedDraftView,
    if_match=True,
    errors=("product_not_found",),
)
def remove_product(request: Request[None]) -> Reply[SavedDraftView]:
    """Take a product off the draft and out of its categories."""
    return _saved(
        service.remove_product(
            request.path["store_id"],
            request.path["product_id"],
            request.expected_version,
            request.principal.id,
        )
    )


@endpoints.post(
    "/v1/stores/{store_id}/menu/draft/publish",
    permission=StoreStaff("manager"),
    body=PublishMenu,
    returns=MenuVersionView,
    if_match=True,
    errors=("published_meanwhile",),
)
def publish_draft(request: Request[PublishMenu]) -> Reply[MenuVersionView]:
    """Make the draft the menu that customers read.

    `If-Match` is the draft's version. Either it becomes a new version, which never changes again, or the answer
    lists every fault. Sent again it changes nothing.
    """
    return _published(
        service.publish_draft(
            request.path["store_id"],
            request.expected_version,
            request.principal.id,
            request.body.note,
        )
    )


@endpoints.get(
    "/v1/stores/{store_id}/menu/versions",
    permission=StoreStaff("manager"),
    query=PageQuery,
    returns=MenuVersionPage,
)
def list_menu_versions(request: Request[None]) -> Reply[MenuVersionPage]:
    """List the versions that were published, newest first."""
    store_id = request.path["store_id"]
    page = service.list_versions(
        store_id,
        limit=request.query.limit,
        cursor_key=cursors.decode(request.query.cursor, "menu_versions", store_id),
    )
    return Reply(
        MenuVersionPage(
            items=[_version_view(head) for head in page.items],
            next_cursor=cursors.encode(page.next_key, "menu_versions", store_id),
        )
    )


@endpoints.get(
    "/v1/stores/{store_id}/menu/versions/{version}",
    permission=StoreStaff("clerk"),
    returns=MenuView,
    errors=("menu_version_not_found",),
)
def get_menu_version(request: Request[None]) -> Reply[MenuView]:
    """Read one published version, current or not."""
    head = service.get_version(request.path["store_id"], _version(request))
    if request.if_none_match == head.etag:
        return Reply.not_modified(head.etag)
    return Reply(_menu_view(head), etag=head.etag)


@endpoints.post(
    "/v1/stores/{store_id}/menu/versions/{version}/republish",
    permission=StoreStaff("manager"),
    body=PublishMenu,
    returns=MenuVersionView,
    errors=("menu_version_not_found", "published_meanwhile"),
)
def republish_menu(request: Request[PublishMenu]) -> Reply[MenuVersionView]:
    """Bring an older version back, as the newest.

    The draft is left alone. Sent again it changes nothing.
    """
    return _published(
        service.republish(request.path["store_id"], _version(request), request.principal.id, request.body.note)
    )


@endpoints.get(
    "/v1/stores/{store_id}/availability",
    permission=Public(),
    returns=AvailabilityView,
    errors=("menu_not_found",),
)
def get_availability(request: Request[None]) -> Reply[AvailabilityView]:
    """See what of the menu can't be had now: 86'd by the staff, or sold out.

    Small and to be polled, with `If-None-Match`, beside a menu that is cached. A product, SKU or option that is
    not named can be had. Quotes always know the latest.
    """
    store_id = request.path["store_id"]
    current = service.read_availability(store_id)
    view = AvailabilityView(
        store_id=store_id,
        eighty_sixed=[_eighty_six_view(entry) for entry in current.eighty_sixed],
        sold_out=list(current.sold_out),
    )
    etag = hashlib.sha256(msgspec.json.encode(view)).hexdigest()[:16]
    return Reply(view, etag=etag, retry_after=_POLL_AVAILABILITY_AFTER, headers=dict(_AVAILABILITY_CACHING))


@endpoints.put(
    "/v1/stores/{store_id}/availability/{kind}/{item_id}",
    permission=StoreStaff("clerk"),
    body=EightySixItem,
    returns=EightySixView,
    errors=("menu_item_not_found", "too_many_86"),
)
def eighty_six(request: Request[EightySixItem]) -> Reply[EightySixView]:
    """86 something: take it off sale at once, without a new menu.

    `kind` is `product`, `sku` or `option`; `item_id` is its id on the menu. "tomorrow" is when the store next
    opens after the night. Sent again it replaces the end.
    """
    store_id, kind, item_id = request.path["store_id"], _kind(request), request.path["item_id"]
    if request.body.until == "tomorrow":
        return Reply(_eighty_six_view(service.eighty_six_until_tomorrow(store_id, kind, item_id)))
    if request.body.until == "further_notice":
        return Reply(_eighty_six_view(service.eighty_six(store_id, kind, item_id, None)))
    if request.body.time is None:
        raise Invalid([Violation("required", "/time", 'With until "time", say which.')])
    return Reply(_eighty_six_view(service.eighty_six(store_id, kind, item_id, request.body.time)))


@endpoints.delete(
    "/v1/stores/{store_id}/availability/{kind}/{item_id}",
    permission=StoreStaff("clerk"),
    status=204,
    errors=("menu_item_not_found",),
)
def put_back(request: Request[None]) -> Reply[None]:
    """Put something back on sale. What is on sale already stays so."""
    service.put_back(request.path["store_id"], _kind(request), request.path["item_id"])
    return Reply()


def _kind(request: Request[EightySixItem] | Request[None]) -> Kind:
    kind = _KINDS.get(request.path["kind"])
    if kind is None:
        raise NotFound("menu_item", request.path["item_id"])
    return kind


def _version(request: Request[PublishMenu] | Request[None]) -> int:
    text = request.path["version"]
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NotFound("menu_version", text)
    return int(text)


def _menu_view(head: MenuHead) -> MenuView:
    return MenuView(
        store_id=head.store_id,
        version=head.version,
        published_at=clock.rfc3339(head.published_at),
        menu=_as_written(service.read_menu_json(head)),
    )


def _as_written(raw: bytes) -> MenuDocument:
    """The stored JSON, to go into the answer as it is: a large menu needs no decoding to be sent."""
    return cast("MenuDocument", msgspec.Raw(raw))


def _instant(at: datetime | None) -> str | None:
    return None if at is None else clock.rfc3339(at)


def _saved(saved: SavedDraft) -> Reply[SavedDraftView]:
    violations = [
        ViolationView(code=found.code, pointer=found.pointer, detail=found.detail, params=dict(found.params))
        for found in saved.violations
    ]
    view = SavedDraftView(
        store_id=saved.store_id,
        version=saved.version,
        size_bytes=saved.size_bytes,
        products=saved.products,
        skus=saved.skus,
        violations=violations,
    )
    return Reply(view, etag=saved.version)


def _published(head: MenuHead) -> Reply[MenuVersionView]:
    return Reply(_version_view(head), location=f"/v1/stores/{head.store_id}/menu/versions/{head.version}")


def _version_view(head: MenuHead) -> MenuVersionView:
    return MenuVersionView(
        store_id=head.store_id,
        version=head.version,
        etag=head.etag,
        published_at=clock.rfc3339(head.published_at),
        published_by=head.published_by,
        note=head.note,
        republished_from=head.republished_from,
        size_bytes=head.size_bytes,
    )


def _eighty_six_view(entry: EightySix) -> EightySixView:
    return EightySixView(kind=entry.kind, id=entry.id, until=_instant(entry.until))
