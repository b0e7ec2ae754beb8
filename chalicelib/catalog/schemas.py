"""What the catalog's API takes and gives, around the menu document itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from chalicelib.catalog.document import MenuDocument, Product

__all__ = [
    "AvailabilityView",
    "DraftView",
    "EightySixItem",
    "EightySixView",
    "MenuDocument",
    "MenuVersionPage",
    "MenuVersionView",
    "MenuView",
    "Product",
    "ProductQuery",
    "PublishMenu",
    "SavedDraftView",
    "ViolationView",
]

Instant = Annotated[str, Meta(description="RFC 3339 instant in UTC.", examples=["2026-03-01T12:30:00.000Z"])]
Note = Annotated[str, Meta(max_length=200, description="For the list of versions.", examples=["Winter prices"])]


class MenuView(msgspec.Struct, frozen=True, kw_only=True):
    """A published menu."""

    store_id: str
    version: Annotated[int, Meta(description="Counts up with each publication.")]
    published_at: Instant
    menu: MenuDocument


class DraftView(msgspec.Struct, frozen=True, kw_only=True):
    """The draft; version 0 is the empty one that every store begins with."""

    store_id: str
    version: int
    updated_at: Instant | None
    updated_by: str | None
    menu: MenuDocument


class ViolationView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that stands against publishing the draft."""

    code: str
    pointer: Annotated[str, Meta(description="JSON pointer into the menu.")]
    detail: str
    params: dict[str, Any] = {}


class SavedDraftView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an edit. A draft with violations is kept, and can't be published."""

    store_id: str
    version: int
    size_bytes: Annotated[int, Meta(description="Of the menu as JSON.")]
    products: int
    skus: int
    violations: list[ViolationView]


class ProductQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where a product is put."""

    category_id: (
        Annotated[str, Meta(min_length=1, max_length=64, description="Also list it at this category's end.")] | None
    ) = None


class PublishMenu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a version is published."""

    note: Note = ""


class MenuVersionView(msgspec.Struct, frozen=True, kw_only=True):
    """A published version."""

    store_id: str
    version: int
    etag: Annotated[str, Meta(description="Of the menu that customers read.")]
    published_at: Instant
    published_by: str
    note: str
    republished_from: Annotated[int | None, Meta(description="The older version that was brought back.")]
    size_bytes: int


class MenuVersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of versions, newest first."""

    items: list[MenuVersionView]
    next_cursor: str | None


class EightySixItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long something is off sale: until the store's next day, until `time`, or until further notice."""

    until: Literal["tomorrow", "time", "further_notice"]
    time: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description='RFC 3339 instant within a year, with until "time".',
                examples=["2026-03-01T17:00:00Z"],
            ),
        ]
        | None
    ) = None


class EightySixView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is off sale."""

    kind: Literal["product", "sku", "option"]
    id: str
    until: Annotated[Instant | None, Meta(description="null: until further notice.")]


class AvailabilityView(msgspec.Struct, frozen=True, kw_only=True):
    """What of the menu can't be had now. Everything that is not named can."""

    store_id: str
    eighty_sixed: list[EightySixView]
    sold_out: Annotated[list[str], Meta(description="Counted SKUs of which none is left.")]
