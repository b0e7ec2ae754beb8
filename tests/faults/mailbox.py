"""EventBridge and SQS in a test's hands: every message is held until the test lets it arrive, as often as it likes.

Everything but the two services is real: the events table's stream, the relay, the consumers of `app.py`.
"""

from __future__ import annotations

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, events
from infra import merge
from infra.local import functions
from infra.local.stream import matches, stream_of
from infra.local.wire import REGION, STREAMS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from infra.local.wire import Emulator

_numbers = itertools.count(1)


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
        detail: dict[str, Any] = json.loads(self.body)["detail"]
        return detail

    @property
    def type(self) -> str:
        return str(self.detail["type"])

    @property
    def is_due(self) -> bool:
        return self.due <= clock.now()

    def concerns(self, ulids: set[str]) -> bool:
        return any(
            str(value).partition("_")[2] in ulids
            for name, value in self.detail["data"].items()
            if name in ("order_id", "delivery_id")
        )

    def record(self) -> dict[str, Any]:
        """As Lambda gets it."""
        return {
            "messageId": f"{self.number}-{next(_numbers)}",
            "receiptHandle": f"receipt-{next(_numbers)}",
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
        self.lost = 0

    def follow(self, order_id: str) -> None:
        """Speak of this order from now on."""
        self._ulids.add(order_id.partition("_")[2])

    @property
    def messages(self) -> list[Message]:
        """Everything that was ever sent about the orders, oldest first."""
        self.collect()
        with self._lock:
            return [message for message in self._held if message.concerns(self._ulids)]

    def owing(self, copies: int = 1) -> list[Message]:
        """What has not arrived often enough yet."""
        return [message for message in self.messages if message.arrived < copies]

    # --- what the app calls -------------------------------------------------------------------------------------------

    def client(self, _service: str) -> Mailbox:
        """In place of `events._client`."""
        return self

    def put_events(self, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (the SDK's name)
        """The bus: its rules are those of ROUTES."""
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            body = json.dumps({"detail-type": entry["DetailType"], "source": entry["Source"], "detail": detail})
            for queue in events.ROUTES.get(entry["DetailType"], ()):
                self._hold(Message(queue, body, clock.now()))
        return {"Entries": [{"EventId": "-"} for _ in Entries]}

    def send_message_batch(self, QueueUrl: str, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """A queue with a delay."""
        queue = QueueUrl.rpartition("-")[2]
        for entry in Entries:
            due = clock.now() + timedelta(seconds=entry["DelaySeconds"])
            self._hold(Message(queue, entry["MessageBody"], due))
        return {}

    def change_message_visibility(self, **_told: Any) -> None:
        """When a failed message comes again is the test's to say."""

    def _hold(self, message: Message) -> None:
        with self._lock:
            self._held.append(message)

    # --- what Lambda does ---------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Let the relay have what is in the stream."""
        with self._lock:
            records = [record for shard in self._places for record in self._read(shard)]
        wanted = [
            {**record, "eventSourceARN": self._arn, "awsRegion": REGION}
            for record in records
            if matches(merge.RELAY_FILTER, record)
        ]
        if wanted:
            assert self._functions.relay is not None
            self._functions.relay.invoke({"Records": wanted})

    def sweep(self) -> None:
        """A minute has passed."""
        assert self._functions.sweep is not None
        self._functions.sweep.invoke(
            {
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
        )

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


# --- the order in which messages arrive -------------------------------------------------------------------------------


class Post:
    """Brings the messages of a mailbox. `move_clock` lets Doorstep's time pass until an instant."""

    MOST_ROUNDS = 2000

    def __init__(self, mailbox: Mailbox, move_clock: Callable[[datetime], None]) -> None:
        self.mailbox = mailbox
        self._move_clock = move_clock

    def until(self, holds: Callable[[], Any]) -> Any:
        """Bring messages until something holds; what it answers then."""
        for _ in range(self.MOST_ROUNDS):
            if answer := holds():
                return answer
            if not self._bring_some():
                raise AssertionError(f"nothing is under way that could make it true: {self.mailbox.messages}")
        raise AssertionError("no end of messages")

    def bring_what_is_due(self) -> None:
        """Bring everything that is due now."""
        for _ in range(self.MOST_ROUNDS):
            if not self._bring_some():
                return
        raise AssertionError("no end of messages")

    def settle(self) -> None:
        """Bring everything, and let time pass until no timer is left."""
        for _ in range(self.MOST_ROUNDS):
            if self._bring_some():
                continue
            owing = self._owing()
            if not owing:
                return
            self._move_clock(min(message.due for message in owing))
        raise AssertionError("no end of messages")

    def _owing(self) -> list[Message]:
        return self.mailbox.owing()

    def _bring_some(self) -> bool:
        raise NotImplementedError


class Orderly(Post):
    """Each message once, in the order in which they were sent."""

    def _bring_some(self) -> bool:
        first = next((message for message in self._owing() if message.is_due), None)
        if first is None:
            return False
        assert self.mailbox.arrive(first) == [], f"{first} failed"
        return True


class Patient(Post):
    """Like orderly, and brings again what failed, as a queue does: five times, then it is put aside."""

    RECEIVES = 5

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        first = min(due, key=lambda message: (message.tried, message.number))
        self.mailbox.arrive(first)
        assert first.arrived or first.tried < self.RECEIVES, f"{first} is put aside after {first.tried} tries"
        return True


class Unruly(Post):
    """Every message at least `copies` times, in any order, timers early and late, some of them long after."""

    def __init__(
        self, mailbox: Mailbox, move_clock: Callable[[datetime], None], chance: random.Random, copies: int
    ) -> None:
        super().__init__(mailbox, move_clock)
        self._chance = chance
        self._copies = copies

    def _owing(self) -> list[Message]:
        return self.mailbox.owing(self._copies)

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        # Beside one that is owed: any that were ever sent, long handled or not due for minutes.
        batch = [self._chance.choice(due)]
        batch += self._chance.choices(self.mailbox.messages, k=self._chance.randrange(3))
        self._chance.shuffle(batch)
        assert self.mailbox.arrive(*batch) == [], f"one of {batch} failed"
        return True

    def until(self, holds: Callable[[], Any]) -> Any:
        """As soon as it holds, or some messages later, if it holds still."""
        super().until(holds)
        for _ in range(self._chance.randrange(5)):
            self._bring_some()
        return super().until(holds)

    def settle(self) -> None:
        super().settle()
        again = self.mailbox.messages
        self._chance.shuffle(again)
        for message in again:
            assert self.mailbox.arrive(message) == [], f"{message} failed"
        super().settle()


class Crowded(Post):
    """Every message to three functions at the same moment, the youngest messages first; what failed comes again."""

    COPIES = 3

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        last = due[-1]
        self.mailbox.arrive_at_once(last, self.COPIES)
        assert last.arrived or last.tried < 10 * self.COPIES, f"{last} fails for ever"
        return True
