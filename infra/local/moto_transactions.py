"""moto's DynamoDB transactions: undone where they fail, at a price that does not grow with the tables."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

if TYPE_CHECKING:
    from moto.dynamodb.models.dynamo_type import Item


def undo_what_is_cancelled() -> None:
    """From here on a cancelled transaction takes back its own writes, in the tables as they are.

    moto copies each table whole, stream included, before a transaction, and puts the copies in their place when it is
    cancelled (seen in 5.2.5). That costs seconds once a table has some thousand items, and whoever reads the stream
    goes on reading the table that was put away.
    """
    commit = DynamoDBBackend.transact_write_items

    def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = _Before(backend, transact_items)
        try:
            commit(backend, transact_items)
        except BaseException:
            before.restore()
            raise

    DynamoDBBackend.transact_write_items = transact_write_items  # type: ignore[assignment]
    Table.__deepcopy__ = lambda table, _memo: table  # type: ignore[attr-defined]


class _Before:
    """The items that a transaction names, and how long the streams of their tables are."""

    def __init__(self, backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        self._items: list[tuple[Table, DynamoType, DynamoType, Item | None]] = []
        self._streams: dict[str, tuple[Table, int]] = {}
        for operation in (operation for item in transact_items for operation in item.values()):
            table = backend.tables.get(operation.get("TableName"))
            key = operation.get("Key") or operation.get("Item") or {}
            if table is not None and table.hash_key_attr in key and table.range_key_attr in key:
                self._note(table, DynamoType(key[table.hash_key_attr]), DynamoType(key[table.range_key_attr]))

    def restore(self) -> None:
        """Everything as it was."""
        for table, hash_key, range_key, item in self._items:
            if item is None:
                table.items[hash_key].pop(range_key, None)
            else:
                table.items[hash_key][range_key] = item
        for table, length in self._streams.values():
            if table.stream_shard is not None:
                del table.stream_shard.items[length:]

    def _note(self, table: Table, hash_key: DynamoType, range_key: DynamoType) -> None:
        self._items.append((table, hash_key, range_key, copy.deepcopy(table.get_item(hash_key, range_key))))
        if table.stream_shard is not None:
            self._streams.setdefault(table.name, (table, len(table.stream_shard.items)))
