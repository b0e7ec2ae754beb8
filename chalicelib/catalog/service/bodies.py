"""Documents at rest: compressed JSON in pieces that an item can hold, written once."""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from chalicelib.catalog.document import MAX_CARRIED_BYTES, MAX_DOCUMENT_BYTES, MenuDocument
from chalicelib.catalog.service.cache import WeighedCache
from chalicelib.catalog.tables import PUBLISHED, BodyRow, body_pk, chunk_sk
from chalicelib.kernel import ids, tables
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.transaction import Transaction

_CHUNK_BYTES = 300_000
_CACHE_BYTES = 16_000_000

_packed_bodies: WeighedCache[str, bytes] = WeighedCache(_CACHE_BYTES)


class Body(msgspec.Struct, frozen=True):
    """Where a document lies. `size` is that of the JSON in bytes."""

    body_id: str
    chunks: int
    size: int


def encode(document: MenuDocument) -> bytes:
    """The document as JSON. Raises ``Invalid`` when it is larger than an answer can carry."""
    raw = msgspec.json.encode(document)
    carried = len(raw) + raw.count(b'"') + raw.count(b"\\")
    if len(raw) > MAX_DOCUMENT_BYTES or carried > MAX_CARRIED_BYTES:
        sizes = {"bytes": len(raw), "max": MAX_DOCUMENT_BYTES}
        detail = f"The menu has {len(raw):,} bytes; {MAX_DOCUMENT_BYTES:,} can be carried."
        raise Invalid([Violation("menu_too_large", "", detail, sizes)])
    return raw


def decode(raw: bytes) -> MenuDocument:
    """The document of stored JSON."""
    return msgspec.json.decode(raw, type=MenuDocument)


def digest(raw: bytes) -> str:
    """Twelve hex digits that tell documents apart."""
    return hashlib.sha256(raw).hexdigest()[:12]


def write_body(store_id: str, raw: bytes) -> Body:
    """Store a document under an id of its own. 1 write unit for each KB of the compressed text."""
    body_id = ids.new_id("bdy")
    packed = zlib.compress(raw, 6)
    pieces = [packed[start : start + _CHUNK_BYTES] for start in range(0, len(packed), _CHUNK_BYTES)]
    for number, piece in enumerate(pieces):
        tx = Transaction()
        # The id is new, so there is nothing to overwrite; written twice by a retry, it is the same.
        tx.put(BodyRow(pk=body_pk(store_id, body_id), sk=chunk_sk(number), data=piece))
        tx.commit()
    _packed_bodies.put(body_id, packed, len(packed))
    return Body(body_id, len(pieces), len(raw))


def read_body(store_id: str, body_id: str, chunks: int) -> bytes | None:
    """The JSON of a document; None when it was discarded meanwhile (only an unpublished draft's can be)."""
    packed = _packed_bodies.get(body_id)
    if packed is None:
        pk = body_pk(store_id, body_id)
        rows = tables.batch_get([(BodyRow, pk, chunk_sk(number)) for number in range(chunks)])
        pieces = [row.data for row in rows if isinstance(row, BodyRow)]
        if len(pieces) < chunks:
            return None
        packed = b"".join(pieces)
        _packed_bodies.put(body_id, packed, len(packed))
    return zlib.decompress(packed)


def forget() -> None:
    """Hold no document in memory."""
    _packed_bodies.clear()


def discard_body(store_id: str, body_id: str, chunks: int) -> None:
    """Remove a draft's document that nothing points to any more, unless it was published."""
    pk = body_pk(store_id, body_id)
    if tables.get(BodyRow, pk, PUBLISHED) is not None:
        return
    for number in range(chunks):
        tx = Transaction()
        # Removing what is gone already is no fault, so the condition holds either way.
        gone_or_not = BodyRow.pk.exists() | BodyRow.pk.does_not_exist()
        tx.delete(BodyRow, pk, chunk_sk(number), condition=gone_or_not)
        tx.commit()


def mark_published(tx: Transaction, store_id: str, body_id: str) -> None:
    """Keep a document for good, in the transaction that publishes it."""
    # The mark says one thing only and is never taken back: writing it twice changes nothing.
    tx.put(BodyRow(pk=body_pk(store_id, body_id), sk=PUBLISHED))
