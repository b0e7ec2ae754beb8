"""Menus at rest.

==============================  ======================================  =======================================
Access                          Key                                     Cost
==============================  ======================================  =======================================
which menu is current           STO#<store>, MENU                       0.5 read units (a poll's 304), 1 in a quote
what is 86'd                    STO#<store>, AVAILABILITY               0.5 to 1 read unit, 4 KB with 150 entries
the draft's head                STO#<store>, DRAFT                      1 read unit
a version's head                STO#<store>#MENU, V#<number>            0.5 read units; listed newest first
a document                      STO#<store>#BODY#<body>, CHUNK#<n>      its compressed size / 4 KB read units
whether a body was published    STO#<store>#BODY#<body>, PUBLISHED      1 read unit
==============================  ======================================  =======================================

A document is written once under an id of its own and never changed; heads point at it. So saving a draft and
publishing are single writes of small items, whatever the size of the menu, and a reader never sees half of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BinaryAttribute, MapAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.catalog.model import Availability, EightySix, MenuHead
from chalicelib.kernel import clock, tables

if TYPE_CHECKING:
    from datetime import datetime

MENU = "MENU"
DRAFT = "DRAFT"
AVAILABILITY = "AVAILABILITY"
PUBLISHED = "PUBLISHED"
VERSION = "V#"


class MenuRow(tables.Row):
    """The head of a published version. Written twice: under its number for ever, and as the current one."""

    class Meta(tables.Meta):
        context = "catalog"

    version = NumberAttribute()
    etag = UnicodeAttribute()
    published_at = NumberAttribute()
    published_by = UnicodeAttribute()
    note = UnicodeAttribute(default="")
    republished_from = NumberAttribute(null=True)
    body_id = UnicodeAttribute()
    chunks = NumberAttribute()
    size = NumberAttribute()
    currency = UnicodeAttribute()
    counted = NumberAttribute(default=0)  # how many SKUs of it are counted


class DraftRow(tables.Row):
    """The head of the draft: its version and where its document lies."""

    class Meta(tables.Meta):
        context = "catalog"

    version = NumberAttribute()
    body_id = UnicodeAttribute()
    chunks = NumberAttribute()
    size = NumberAttribute()
    updated_at = NumberAttribute()
    updated_by = UnicodeAttribute()


class BodyRow(tables.Row):
    """A piece of a document as compressed JSON, or the mark that the document was published."""

    class Meta(tables.Meta):
        context = "catalog"

    data = BinaryAttribute(legacy_encoding=False, null=True)


class AvailabilityRow(tables.Row):
    """What is 86'd: by "kind:id" the end in epoch milliseconds, 0 for until further notice.

    Each entry is an attribute of its own, so that two tablets never overwrite each other's.
    """

    class Meta(tables.Meta):
        context = "catalog"

    version = NumberAttribute()
    entries: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]


def store_pk(store_id: str) -> str:
    """The partition of a store's heads."""
    return f"STO#{store_id}"


def versions_pk(store_id: str) -> str:
    """The partition of a store's published versions."""
    return f"STO#{store_id}#MENU"


def version_sk(version: int) -> str:
    """The sort key of a version; numbers sort as text."""
    return f"{VERSION}{version:010d}"


def body_pk(store_id: str, body_id: str) -> str:
    """The partition of a document."""
    return f"STO#{store_id}#BODY#{body_id}"


def chunk_sk(number: int) -> str:
    """The sort key of a document's piece."""
    return f"CHUNK#{number:03d}"


def entry_key(kind: str, identifier: str) -> str:
    """The name of an 86 in the availability item."""
    return f"{kind}:{identifier}"


def to_head(store_id: str, row: MenuRow) -> MenuHead:
    """The menu head that an item keeps."""
    return MenuHead(
        store_id=store_id,
        version=int(row.version),
        etag=row.etag,
        published_at=clock.from_epoch_ms(int(row.published_at)),
        published_by=row.published_by,
        note=row.note,
        republished_from=int(row.republished_from) if row.republished_from else None,
        body_id=row.body_id,
        chunks=int(row.chunks),
        size_bytes=int(row.size),
        currency=row.currency,
        counted_skus=int(row.counted),
    )


def to_row(head: MenuHead, pk: str, sk: str) -> MenuRow:
    """The item that keeps this head, as the current one or under its number."""
    return MenuRow(
        pk=pk,
        sk=sk,
        version=head.version,
        etag=head.etag,
        published_at=clock.epoch_ms(head.published_at),
        published_by=head.published_by,
        note=head.note,
        republished_from=head.republished_from,
        body_id=head.body_id,
        chunks=head.chunks,
        size=head.size_bytes,
        currency=head.currency,
        counted=head.counted_skus,
    )


def to_availability(row: AvailabilityRow | None, now: datetime) -> Availability:
    """What is 86'd now: entries that have ended are left out."""
    if row is None:
        return Availability()
    entries = []
    for key, until_ms in sorted(row.entries.attribute_values.items()):
        kind, _, identifier = key.partition(":")
        until = clock.from_epoch_ms(int(until_ms)) if until_ms else None
        entries.append(EightySix(kind, identifier, until))  # type: ignore[arg-type]  # we wrote the key
    return Availability(int(row.version), tuple(entries)).still_at(now)
