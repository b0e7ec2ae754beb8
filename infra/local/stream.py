"""The events table's stream and the relay function: batches in order, retried until they succeed, as Lambda does."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from infra import merge
from infra.local.wire import DYNAMODB, REGION, SQS, STREAMS, EmulatorError

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from infra.local.functions import Function
    from infra.local.invocations import Invocations
    from infra.local.wire import Emulator

IDLE_SECONDS = 0.04
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


def matches(pattern: Any, value: Any) -> bool:
    """Whether a value passes an event source's filter: lists are alternatives, objects must match in every key."""
    if isinstance(pattern, list):
        return value in pattern
    return isinstance(value, dict) and all(matches(each, value.get(key)) for key, each in pattern.items())


class Checkpoint:
    """How far the stream has been relayed: in a file, so that a killed pump goes on where it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._positions: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def read(self, shard: str) -> str | None:
        """The last sequence number of a shard that needs no more work."""
        return self._positions.get(shard)

    def write(self, shard: str, sequence_number: str) -> None:
        """Move on; what was written before survives a kill at any moment."""
        self._positions[shard] = sequence_number
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._positions))
        new.replace(self._path)


def stream_of(dynamodb: Emulator, table: str) -> tuple[str, list[str]]:
    """The ARN of a table's stream and its shards' ids."""
    arn = dynamodb.call(DYNAMODB, "DescribeTable", TableName=table)["Table"]["LatestStreamArn"]
    shards = dynamodb.call(STREAMS, "DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    return arn, [shard["ShardId"] for shard in shards]


def iterator(dynamodb: Emulator, arn: str, shard: str, after: str | None) -> str:
    """An iterator that begins after a sequence number, or at the oldest record."""
    place: dict[str, Any] = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    if after is not None:
        place |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
    return str(dynamodb.call(STREAMS, "GetShardIterator", **place)["ShardIterator"])


class StreamReader:
    """Invokes the relay with what the stream has, one batch after the other."""

    def __init__(
        self,
        *,
        dynamodb: Emulator,
        moto: Emulator,
        table: str,
        dead_letters_url: str,
        relay: Function,
        checkpoint: Checkpoint,
        invocations: Invocations,
        stop: threading.Event,
    ) -> None:
        self._dynamodb = dynamodb
        self._moto = moto
        self._table = table
        self._dead_letters_url = dead_letters_url
        self._relay = relay
        self._checkpoint = checkpoint
        self._invocations = invocations
        self._stop = stop
        self.retries = merge.RELAY_RETRIES

    def run(self) -> None:
        """Follow the stream until told to stop; an emulator that is away is asked again."""
        while not self._stop.is_set():
            try:
                self._follow()
            except (OSError, EmulatorError) as error:
                print(f"stream: {error}", file=sys.stderr)
                self._stop.wait(1.0)

    def _follow(self) -> None:
        arn, shards = stream_of(self._dynamodb, self._table)
        places = {
            shard: iterator(self._dynamodb, arn, shard, self._checkpoint.read(f"{arn} {shard}")) for shard in shards
        }
        while not self._stop.is_set():
            idle = True
            for shard, place in places.items():
                answer = self._dynamodb.call(STREAMS, "GetRecords", ShardIterator=place, Limit=self._relay.batch_size)
                if answer["Records"]:
                    idle = False
                    self._relay_batch(arn, answer["Records"])
                    if self._stop.is_set():
                        return
                    last = answer["Records"][-1]["dynamodb"]["SequenceNumber"]
                    self._checkpoint.write(f"{arn} {shard}", last)
                places[shard] = answer["NextShardIterator"]
            if idle:
                self._stop.wait(IDLE_SECONDS)

    def _relay_batch(self, arn: str, records: list[dict[str, Any]]) -> None:
        wanted = [
            {**record, "eventSourceARN": arn, "awsRegion": REGION}
            for record in records
            if matches(merge.RELAY_FILTER, record)
        ]
        if wanted:
            self._invoke(wanted, attempt=0)

    def _invoke(self, records: list[dict[str, Any]], attempt: int) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            self._invocations.count(self._relay.name, len(records))
            try:
                self._relay.invoke({"Records": records})
            except Exception:  # noqa: BLE001 (Lambda retries whatever the function raises)
                traceback.print_exc()
            else:
                return
            attempt += 1
            if attempt > self.retries:
                self._put_aside(records)
                return
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if len(records) > 1:
                middle = len(records) // 2
                self._invoke(records[:middle], attempt)
                self._invoke(records[middle:], attempt)
                return

    def _put_aside(self, records: list[dict[str, Any]]) -> None:
        first, last = (record["dynamodb"]["SequenceNumber"] for record in (records[0], records[-1]))
        letter = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "DDBStreamBatchInfo": {
                "streamArn": records[0]["eventSourceARN"],
                "startSequenceNumber": first,
                "endSequenceNumber": last,
                "batchSize": len(records),
            },
        }
        self._moto.call(SQS, "SendMessage", QueueUrl=self._dead_letters_url, MessageBody=json.dumps(letter))
