"""moto's DynamoDB streams, so that a cancelled transaction leaves no trace in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.dynamodbstreams.models import ShardIterator

if TYPE_CHECKING:
    from moto.dynamodb.models.table import StreamShard


def follow_restored_tables() -> None:
    """From here on an iterator reads the stream that its table has now.

    moto copies the tables before a transaction and puts the copies in their place when it is cancelled (seen in 5.2.5).
    An iterator from before would go on reading the table that was put away: it would see what the cancelled
    transaction wrote, and nothing that was written ever after.
    """

    def keep_table(iterator: ShardIterator, shard: StreamShard) -> None:
        iterator.__dict__["table_name"] = shard.table.name

    def shard_now(iterator: ShardIterator) -> StreamShard | None:
        table = iterator.streams_backend.dynamodb.get_table(iterator.__dict__["table_name"])
        return table.stream_shard

    ShardIterator.stream_shard = property(shard_now, keep_table)  # type: ignore[assignment]
