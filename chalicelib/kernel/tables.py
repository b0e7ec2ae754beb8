"""The base of every PynamoDB row, one shared client under all of them, and reads that cost one request.

One table per context, named ``<prefix>-<context>``, each with ``pk`` and ``sk`` strings and a ``ttl`` in epoch seconds.
"""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import msgspec
from botocore.config import Config
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.constants import ALL, BINARY
from pynamodb.exceptions import QueryError
from pynamodb.models import Model

from chalicelib.kernel import schema, settings
from chalicelib.kernel.errors import Invalid, Unavailable, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pynamodb.connection.table import TableConnection
    from pynamodb.expressions.condition import Condition

T = TypeVar("T")
R = TypeVar("R", bound="Row")

_BATCH_GET_LIMIT = 100
_UNPROCESSED_ATTEMPTS = 6
_MAX_CONNECTIONS = 50
_TIMEOUT_SECONDS = 5.0


class Meta:
    """Base of the rows' ``Meta``: naming the context names the table."""

    context: ClassVar[str]
    table_name: str
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-central-1"
    max_pool_connections = _MAX_CONNECTIONS
    connect_timeout_seconds = _TIMEOUT_SECONDS
    read_timeout_seconds = _TIMEOUT_SECONDS

    def __init_subclass__(cls) -> None:
        cls.table_name = settings.table_name(cls.context)


_shared: Connection | None = None
_lock = threading.Lock()


def connection() -> Connection:
    """The process's one DynamoDB connection: a client costs tens of milliseconds to make, so all rows share it."""
    global _shared
    if _shared is None:
        with _lock:
            if _shared is None:
                made = Connection(
                    region=Meta.region,
                    max_pool_connections=_MAX_CONNECTIONS,
                    connect_timeout_seconds=_TIMEOUT_SECONDS,
                    read_timeout_seconds=_TIMEOUT_SECONDS,
                )
                # Without a name of its own botocore puts a long one together anew for each request, twice.
                made.session.set_default_client_config(Config(user_agent=settings.USER_AGENT))
                _ = made.client
                _shared = made
    return _shared


class JsonZ(Attribute[Any]):
    """Any JSON value as a zlib-compressed binary: documents that are written once and read whole."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        """Compressed UTF-8 JSON without spaces."""
        return zlib.compress(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), 9)

    def deserialize(self, value: bytes) -> Any:
        """The value that was written."""
        return json.loads(zlib.decompress(value))


class Row(Model):
    """An item of a context's table.

    ``MIGRATIONS`` make of an item of schema n, as it was read, one of n + 1, in place; the first is for n = 1. Each may
    be run again on what it made. ``KEYS`` is how the keys of such a row begin, so that a backfill finds its items.
    """

    MIGRATIONS: ClassVar[tuple[Callable[[Any], None], ...]] = ()
    KEYS: ClassVar[tuple[str, str] | None] = None

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    ttl = NumberAttribute(null=True)

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """The row in a whole item of any schema, as it is in today's; nothing is written."""
        row = super().from_raw_data(data)
        if cls.MIGRATIONS:
            schema.bring_up(row, schema.number_of(data))
        return row

    @classmethod
    def of_projection(cls, data: dict[str, Any]) -> Self:
        """The row in what an index keeps of its item."""
        return super().from_raw_data(data)

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:  # noqa: FBT001, FBT002
        """The item of this row, in today's schema."""
        return {**super().serialize(null_check=null_check), **schema.marks(type(self))}

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        # PynamoDB makes a client for each model; they would all be the same, so each is handed the shared one.
        table.connection._client = connection().client
        return table


class Ref(msgspec.Struct, Generic[T], frozen=True):
    """One item to read, and what its context makes of it (``parse`` gets None where it does not exist)."""

    row: type[Row]
    pk: str
    sk: str
    parse: Callable[[Any], T]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a query; ``next_key`` starts the next one, None after the last."""

    items: list[T]
    next_key: dict[str, Any] | None


def get(row: type[R], pk: str, sk: str, *, consistent: bool = True) -> R | None:
    """One item, or None."""
    try:
        return row.get(pk, sk, consistent_read=consistent)
    except row.DoesNotExist:
        return None


def fetch(*refs: Ref[Any], consistent: bool = True) -> tuple[Any, ...]:
    """Read items of any tables in one BatchGetItem; each answer is parsed by its own context, in the order asked."""
    rows = batch_get([(ref.row, ref.pk, ref.sk) for ref in refs], consistent=consistent)
    return tuple(ref.parse(row) for ref, row in zip(refs, rows, strict=True))


def batch_get(keys: Sequence[tuple[type[Row], str, str]], *, consistent: bool = True) -> list[Row | None]:
    """Items by key, in the order asked, None where there is none.

    One request for up to 100 distinct keys; keys that DynamoDB left unprocessed are asked again with a growing pause.
    """
    wanted = list(dict.fromkeys((row.Meta.table_name, pk, sk) for row, pk, sk in keys))
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for start in range(0, len(wanted), _BATCH_GET_LIMIT):
        _batch_get_chunk(wanted[start : start + _BATCH_GET_LIMIT], found, consistent=consistent)
    answers: list[Row | None] = []
    for row, pk, sk in keys:
        item = found.get((row.Meta.table_name, pk, sk))
        answers.append(None if item is None else row.from_raw_data(item))
    return answers


def _batch_get_chunk(
    keys: Sequence[tuple[str, str, str]],
    found: dict[tuple[str, str, str], dict[str, Any]],
    *,
    consistent: bool,
) -> None:
    request: dict[str, Any] = {}
    for table, pk, sk in keys:
        entry = request.setdefault(table, {"Keys": [], "ConsistentRead": consistent})
        entry["Keys"].append({"pk": {"S": pk}, "sk": {"S": sk}})
    for attempt in range(_UNPROCESSED_ATTEMPTS):
        data = connection().dispatch("BatchGetItem", {"RequestItems": request})
        for table, items in data.get("Responses", {}).items():
            for item in items:
                found[table, item["pk"]["S"], item["sk"]["S"]] = item
        request = data.get("UnprocessedKeys") or {}
        if not request:
            return
        time.sleep(0.02 * 2**attempt)
    raise Unavailable("read_throttled", "The store of data is too busy to answer: try again.")


def query(
    row: type[R],
    pk: str,
    range_condition: Condition | None = None,
    *,
    index: str | None = None,
    limit: int | None = None,
    cursor_key: Mapping[str, Any] | None = None,
    ascending: bool = True,
    consistent: bool = False,
    filter_condition: Condition | None = None,
) -> Page[R]:
    """One page (one request) of the items under ``pk`` of the table or of an index.

    Raises ``Invalid`` for a cursor key that is not of this query: cursors come from outside and may be made by hand.
    """
    if cursor_key is not None and not _is_key_under(pk, f"{index}_pk" if index else "pk", cursor_key):
        raise _foreign_cursor()
    try:
        data = row._get_connection().query(
            pk,
            range_key_condition=range_condition,
            filter_condition=filter_condition,
            consistent_read=consistent,
            exclusive_start_key=cast("Any", cursor_key),
            index_name=index,
            limit=limit,
            scan_index_forward=ascending,
        )
    except QueryError as error:
        if cursor_key is not None and error.cause_response_code == "ValidationException":
            raise _foreign_cursor() from error
        raise
    read = row.from_raw_data if index is None or _is_whole(row, index) else row.of_projection
    return Page([read(item) for item in data["Items"]], data.get("LastEvaluatedKey"))


def _is_whole(row: type[Row], index: str) -> bool:
    return bool(row._indexes[index].Meta.projection.projection_type == ALL)


def _is_key_under(pk: str, attribute: str, key: Mapping[str, Any]) -> bool:
    """Whether the key's partition is ``pk`` and all its parts are texts, which every part of our keys is."""
    texts = all(isinstance(value, dict) and isinstance(value.get("S"), str) for value in key.values())
    return texts and "sk" in key and key.get(attribute) == {"S": pk}


def _foreign_cursor() -> Invalid:
    return Invalid([Violation("invalid_cursor", "?cursor", "The cursor is not of this list: start without one.")])
