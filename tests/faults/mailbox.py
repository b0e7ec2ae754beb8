"""EventBridge and SQS in a test's hands: every message is held until the test lets it arrive, as often as it likes.

Everything but the two services is real: the events table's stream, the relay, the consumers of `app.py`.
"""

from __future__ import annotations

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, events
from infra import merge
from infra.local import functions
from infra.local.stream import matches, stream_of
from infra.local.wire import REGION, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from infra.local.wire import Emulator

_numbers = itertools.count(1)
_running = threading.local()


@dataclass(eq=False)
class Message:
    """A message of a queue. `arrived` counts the times that its function took it, once it was due."""

    queue: str
    body: str
    due: datetime
    number: int = field(default_factory=lambda: next(_numbers))
    arrived: int = 0
    tried: int = 0

    @property
    def detail(self) -> dict[str, Any]:
        try:
            detail: dict[str, Any] = json.loads(self.body)["detail"]
        except ValueError:
            return {}  # nobody can read it
        return detail

    @property
    def type(self) -> str:
        return str(self.detail.get("type", "?"))

    @property
    def is_due(self) -> bool:
        return self.due <= clock.now()

    def concerns(self, ulids: set[str]) -> bool:
        return any(
            str(value).partition("_")[2] in ulids
            for name, value in self.detail.get("data", {}).items()
            if name in ("order_id", "delivery_id")
        )

    def record(self) -> dict[str, Any]:
        """As Lambda gets it."""
        return {
            "messageId": f"{self.number}-{next(_numbers)}",
            "receiptHandle": f"receipt-{self.number}-{next(_numbers)}",
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": str(self.tried)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:{self.queue}",
            "awsRegion": REGION,
        }

    def __repr__(self) -> str:
        return f"{self.type}→{self.queue}#{self.number}"


class Mailbox:
    """Holds what was sent. It only speaks of the orders that it was told to `follow`."""

    def __init__(self, dynamodb: Emulator) -> None:
        from app import app

        self._functions = functions.of_app(app)
        self._dynamodb = dynamodb
        self._arn, shards = stream_of(dynamodb, events.EventsRow.Meta.table_name)
        self._places = {shard: self._latest(shard) for shard in shards}
        self._held: list[Message] = []
        self._lock = threading.Lock()
        self._ulids: set[str] = set()
        self._unrelayed: list[dict[str, Any]] = []
        self.refuses: Callable[[str, int], bool] = lambda _service, _number: False
        """Whether the bus ("events") or a queue ("sqs") does not take the entry of this number."""
        self.relays = True
        self.hides = False
        self.follows_ticks = False
        self.skews: dict[str, timedelta] = {}
        """How far the clocks of functions are ahead, by name: a queue's, "relay", "sweep"."""

    def follow(self, order_id: str) -> None:
        """Speak of this order from now on."""
        self._ulids.add(order_id.partition("_")[2])

    @property
    def messages(self) -> list[Message]:
        """Everything that was ever sent about the orders, oldest first."""
        self.collect()
        with self._lock:
            return [
                message
                for message in self._held
                if message.concerns(self._ulids) or (self.follows_ticks and message.type == "ZoneTickDue")
            ]

    def owing(self, copies: int = 1) -> list[Message]:
        """What has not arrived often enough yet."""
        return [message for message in self.messages if message.arrived < copies]

    # --- what the app calls -------------------------------------------------------------------------------------------

    def client(self, _service: str) -> Mailbox:
        """In place of `events._client`."""
        return self

    def put_events(self, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (the SDK's name)
        """The bus: its rules are those of ROUTES."""
        told = []
        for number, entry in enumerate(Entries):
            if self.refuses("events", number):
                told.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "not now"})
                continue
            told.append({"EventId": "-"})
            detail = json.loads(entry["Detail"])
            body = json.dumps({"detail-type": entry["DetailType"], "source": entry["Source"], "detail": detail})
            for queue in events.ROUTES.get(entry["DetailType"], ()):
                self._hold(Message(queue, body, self._now()))
        return {"Entries": told, "FailedEntryCount": sum("ErrorCode" in each for each in told)}

    def send_message_batch(self, QueueUrl: str, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """A queue with a delay."""
        queue = QueueUrl.rpartition("-")[2]
        failed = []
        for number, entry in enumerate(Entries):
            if self.refuses("sqs", number):
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            due = self._now() + timedelta(seconds=entry["DelaySeconds"])
            self._hold(Message(queue, entry["MessageBody"], due))
        return {"Failed": failed}

    def change_message_visibility(self, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        """When a failed message comes again is the test's to say, unless it leaves that to the functions."""
        if not self.hides:
            return
        number = int(ReceiptHandle.partition("-")[2].partition("-")[0])
        with self._lock:
            message = next(each for each in self._held if each.number == number)
            message.due = self._now() + timedelta(seconds=VisibilityTimeout)

    def send(self, queue: str, body: str) -> Message:
        """A message that somebody put on a queue by hand."""
        message = Message(queue, body, clock.now())
        self._hold(message)
        return message

    def lose(self, lost: Callable[[Message], bool]) -> int:
        """Messages are gone as if they had never been sent; how many."""
        with self._lock:
            kept = [message for message in self._held if not lost(message)]
            gone, self._held = len(self._held) - len(kept), kept
        return gone

    def _hold(self, message: Message) -> None:
        with self._lock:
            self._held.append(message)

    def _now(self) -> datetime:
        """The right time, while a function's own clock is wrong."""
        return clock.now() - getattr(_running, "skew", timedelta())

    @contextmanager
    def _by_its_clock(self, function: str) -> Iterator[None]:
        skew = self.skews.get(function)
        if skew is None:
            yield
            return
        with clock.freeze(clock.now() + skew):
            _running.skew = skew
            try:
                yield
            finally:
                del _running.skew

    # --- what Lambda does ---------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Let the relay have what is in the stream; what it fails on comes again before anything else."""
        if not self.relays:
            return
        with self._lock:
            records = [record for shard in self._places for record in self._read(shard)]
            self._unrelayed += [
                {**record, "eventSourceARN": self._arn, "awsRegion": REGION}
                for record in records
                if matches(merge.RELAY_FILTER, record)
            ]
            wanted = list(self._unrelayed)
        if not wanted:
            return
        assert self._functions.relay is not None
        with self._by_its_clock("relay"):
            self._functions.relay.invoke({"Records": wanted})
        with self._lock:
            self._unrelayed = [record for record in self._unrelayed if record not in wanted]

    def sweep(self) -> None:
        """A minute has passed."""
        assert self._functions.sweep is not None
        event = {
            "version": "0",
            "id": "sweep",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "123456789012",
            "time": clock.rfc3339(clock.now()),
            "region": REGION,
            "resources": [],
            "detail": {},
        }
        with self._by_its_clock("sweep"):
            self._functions.sweep.invoke(event)

    def arrive(self, *messages: Message) -> list[Message]:
        """Hand messages to their functions, one batch a queue; those that failed. One may come twice in a batch."""
        failed: list[Message] = []
        for queue in dict.fromkeys(message.queue for message in messages):
            batch = [message for message in messages if message.queue == queue]
            failed += self._invoke(queue, batch)
        self.collect()
        return failed

    def arrive_at_once(self, message: Message, copies: int) -> None:
        """Hand copies of a message to as many running functions at the same moment."""
        barrier = threading.Barrier(copies)

        def invoke(_: int) -> None:
            barrier.wait()
            self._invoke(message.queue, [message])

        with ThreadPoolExecutor(copies) as pool:
            list(pool.map(invoke, range(copies)))
        self.collect()

    def _invoke(self, queue: str, batch: list[Message]) -> list[Message]:
        sent = []
        for message in batch:
            message.tried += 1
            sent.append((message, message.record()))
        with self._by_its_clock(queue):
            answer = self._functions.consumers[queue].invoke({"Records": [record for _, record in sent]})
        refused = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        failed = []
        for message, record in sent:
            if record["messageId"] in refused:
                failed.append(message)
            elif message.is_due:
                message.arrived += 1
        return failed

    def _latest(self, shard: str) -> str:
        place = {"StreamArn": self._arn, "ShardId": shard, "ShardIteratorType": "LATEST"}
        return str(self._dynamodb.call(STREAMS, "GetShardIterator", **place)["ShardIterator"])

    def _read(self, shard: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self._dynamodb.call(STREAMS, "GetRecords", ShardIterator=self._places[shard], Limit=100)
            self._places[shard] = answer["NextShardIterator"]
            if not answer["Records"]:
                return found
            found += answer["Records"]
