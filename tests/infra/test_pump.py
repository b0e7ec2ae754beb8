"""Batches, retries, partial failures and dead letters: the pump invokes functions as Lambda's event sources do."""

from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra import resources
from infra.local import processes, provision
from infra.local.environment import free_ports, queue_url, url
from infra.local.functions import Function
from infra.local.invocations import Invocations
from infra.local.queues import QueueConsumer, failed_ids
from infra.local.stream import Checkpoint, StreamReader, matches
from infra.local.wire import DYNAMODB, SQS, Emulator
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.stack
_numbers = itertools.count(1)


class Handler:
    """A function that does what a test tells it to, and remembers its batches."""

    def __init__(self, react: Callable[[list[dict[str, Any]]], Any] = lambda _: None) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._react = react

    def __call__(self, event: dict[str, Any], _context: Any) -> Any:
        self.batches.append(event["Records"])
        return self._react(event["Records"])

    def as_function(self, batch_size: int = 10) -> Function:
        return Function("tested", batch_size, self)


class World:
    """Emulators with the resources of one prefix, and readers that are stopped at the end."""

    def __init__(self, dynamodb: Emulator, moto: Emulator, moto_url: str, directory: Path) -> None:
        self.dynamodb, self.moto = dynamodb, moto
        self.prefix = f"pump-{next(_numbers)}"
        self.directory = directory
        self.table = resources.table_name(self.prefix, "events")
        self.queue = queue_url(moto_url, resources.queue_name(self.prefix, "ordering"))
        self.dead_letters = queue_url(moto_url, resources.dlq_name(self.prefix, "ordering"))
        self.relay_dead_letters = queue_url(moto_url, resources.dlq_name(self.prefix, "relay"))
        self.invocations = Invocations(directory, "pump")
        self.stop = threading.Event()
        provision.create_tables(dynamodb, self.prefix)
        provision.create_messaging(moto, self.prefix)

    def consume(self, handler: Handler, *, retry_seconds: float = 0.0) -> None:
        consumer = QueueConsumer(
            moto=self.moto,
            name=resources.queue_name(self.prefix, "ordering"),
            url=self.queue,
            consumer=handler.as_function(),
            invocations=self.invocations,
            stop=self.stop,
            retry_seconds=retry_seconds,
        )
        threading.Thread(target=consumer.run, daemon=True).start()

    def relay(self, handler: Handler, *, retries: int = 100, batch_size: int = 100) -> StreamReader:
        reader = StreamReader(
            dynamodb=self.dynamodb,
            moto=self.moto,
            table=self.table,
            dead_letters_url=self.relay_dead_letters,
            relay=handler.as_function(batch_size),
            checkpoint=Checkpoint(self.directory / "stream.json"),
            invocations=self.invocations,
            stop=self.stop,
        )
        reader.retries = retries
        threading.Thread(target=reader.run, daemon=True).start()
        return reader

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.moto.call(SQS, "SendMessage", QueueUrl=self.queue, MessageBody=body)

    def put(self, *keys: str) -> None:
        for key in keys:
            item = {"pk": {"S": key}, "sk": {"S": "-"}, "relay": {"S": "now"}}
            self.dynamodb.call(DYNAMODB, "PutItem", TableName=self.table, Item=item)

    def depth(self, queue: str) -> int:
        attributes = self.moto.call(SQS, "GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        names = ("", "NotVisible", "Delayed")
        return sum(int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in names)

    def messages(self, queue: str) -> list[dict[str, Any]]:
        answer = self.moto.call(SQS, "ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)
        return list(answer.get("Messages", ()))


@pytest.fixture(scope="module")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("moto")
    (port,) = free_ports(1)
    command = ["infra.local.moto_server", "--port", str(port), "--state", str(directory / "moto.db")]
    ready = processes.answers(f"{url(port)}/health")
    child = processes.Child("moto", command, ready, directory / "moto.log", {})
    child.start()
    child.wait_until_ready(time.monotonic() + 30)
    yield url(port)
    processes.kill([child])


@pytest.fixture
def world(dynamodb: Emulator, moto_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(dynamodb, Emulator(moto_url), moto_url, tmp_path)
    yield made
    made.stop.set()


def bodies(batches: list[list[dict[str, Any]]]) -> list[str]:
    return [record["body"] for batch in batches for record in batch]


def keys(batches: list[list[dict[str, Any]]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for batch in batches for record in batch]


# --- queues -----------------------------------------------------------------------------------------------------------


def test_handled_messages_leave_the_queue(world: World) -> None:
    handler = Handler()
    world.send("a", "b", "c")
    world.consume(handler)
    assert eventually(lambda: world.depth(world.queue) == 0)
    assert sorted(bodies(handler.batches)) == ["a", "b", "c"]
    assert max(len(batch) for batch in handler.batches) == 3, "what waits together is handed over together"


def test_only_the_reported_failures_come_again(world: World) -> None:
    failures = iter([True])

    def fail_b_once(records: list[dict[str, Any]]) -> Any:
        failed = [each["messageId"] for each in records if each["body"] == "b" and next(failures, False)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    handler = Handler(fail_b_once)
    world.send("a", "b", "c")
    world.consume(handler)
    assert eventually(lambda: len(bodies(handler.batches)) == 4 and world.depth(world.queue) == 0)
    assert sorted(bodies(handler.batches)) == ["a", "b", "b", "c"]
    again = handler.batches[-1][0]
    assert again["attributes"]["ApproximateReceiveCount"] == "2"


def test_an_exception_brings_the_whole_batch_again(world: World) -> None:
    failures = iter([True])

    def fail_once(_records: list[dict[str, Any]]) -> None:
        if next(failures, False):
            raise RuntimeError("not today")

    handler = Handler(fail_once)
    world.send("a", "b")
    world.consume(handler)
    assert eventually(lambda: len(bodies(handler.batches)) == 4 and world.depth(world.queue) == 0)
    assert sorted(bodies(handler.batches)) == ["a", "a", "b", "b"]


def test_what_always_fails_is_put_aside_in_the_end_and_the_rest_goes_on(world: World) -> None:
    def fail_poison(records: list[dict[str, Any]]) -> Any:
        poison = [each["messageId"] for each in records if each["body"] == "poison"]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in poison]}

    handler = Handler(fail_poison)
    world.consume(handler)
    world.send("poison", "good")
    assert eventually(lambda: world.depth(world.dead_letters) == 1)
    assert bodies(handler.batches).count("poison") == resources.MAX_RECEIVE_COUNT
    assert bodies(handler.batches).count("good") == 1
    assert [message["Body"] for message in world.messages(world.dead_letters)] == ["poison"]
    assert world.depth(world.queue) == 0


def test_a_failed_message_waits_longer_each_time(world: World) -> None:
    at: list[float] = []

    def fail(records: list[dict[str, Any]]) -> Any:
        at.append(time.monotonic())
        if len(at) < 3:
            raise RuntimeError("not today")

    world.consume(Handler(fail), retry_seconds=1.0)
    world.send("late")
    assert eventually(lambda: len(at) == 3)
    assert 0.9 < at[1] - at[0] < 1.9
    assert 1.9 < at[2] - at[1] < 2.9


def test_a_delayed_message_arrives_when_its_delay_ends_and_not_before(world: World) -> None:
    handler = Handler()
    world.consume(handler)
    began = time.monotonic()
    message = {"QueueUrl": world.queue, "MessageBody": "timer", "DelaySeconds": 1}
    world.moto.call(SQS, "SendMessage", **message)
    assert eventually(lambda: bool(handler.batches))
    assert 0.95 < time.monotonic() - began < 1.3, "the waiting reader is woken, it does not look once a second"


def test_nothing_is_lost_when_many_send_while_many_delete(world: World) -> None:
    handler = Handler()
    for _ in range(3):
        world.consume(handler)
    sent = [[f"{sender}-{number}" for number in range(40)] for sender in range(4)]
    senders = [threading.Thread(target=world.send, args=each) for each in sent]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert eventually(lambda: world.depth(world.queue) == 0)
    assert sorted(bodies(handler.batches)) == sorted(itertools.chain(*sent))


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "nobody"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
        ("done", {"a", "b"}),
    ],
)
def test_an_answer_that_makes_no_sense_fails_the_whole_batch(answer: Any, failed: set[str]) -> None:
    assert failed_ids(answer, {"a", "b"}) == failed


# --- stream -----------------------------------------------------------------------------------------------------------


def test_records_come_in_order_and_in_batches(world: World) -> None:
    world.put("1", "2", "3")
    handler = Handler()
    world.relay(handler, batch_size=2)
    assert eventually(lambda: len(keys(handler.batches)) == 3)
    assert [keys([batch]) for batch in handler.batches] == [["1", "2"], ["3"]]
    world.put("4")
    assert eventually(lambda: keys(handler.batches)[-1] == "4", 1.0)


def test_a_batch_that_fails_is_tried_again_before_anything_later(world: World) -> None:
    failures = iter([True, True])

    def fail_twice(_records: list[dict[str, Any]]) -> None:
        if next(failures, False):
            raise RuntimeError("the bus is away")

    handler = Handler(fail_twice)
    world.put("1")
    world.relay(handler)
    assert eventually(lambda: len(handler.batches) == 1)
    world.put("2")
    assert eventually(lambda: "2" in keys(handler.batches))
    assert keys(handler.batches) == ["1", "1", "1", "2"]
    assert world.depth(world.relay_dead_letters) == 0


def test_a_poisonous_record_is_put_aside_alone(world: World) -> None:
    def fail_poison(records: list[dict[str, Any]]) -> None:
        if any(each["dynamodb"]["Keys"]["pk"]["S"] == "poison" for each in records):
            raise RuntimeError("never")

    handler = Handler(fail_poison)
    world.put("1", "poison", "2", "3")
    world.relay(handler, retries=3)
    assert eventually(lambda: world.depth(world.relay_dead_letters) == 1)
    assert eventually(lambda: ["3"] in [keys([batch])[-1:] for batch in handler.batches[-2:]])
    (letter,) = world.messages(world.relay_dead_letters)
    told = json.loads(letter["Body"])["DDBStreamBatchInfo"]
    assert told["batchSize"] == 1
    assert told["startSequenceNumber"] == told["endSequenceNumber"]
    good = [batch for batch in handler.batches if "poison" not in keys([batch])]
    assert sorted(set(keys(good))) == ["1", "2", "3"]


def test_a_reader_goes_on_after_the_last_record_that_was_done(world: World) -> None:
    first = Handler()
    world.put("1", "2")
    world.relay(first)
    assert eventually(lambda: len(keys(first.batches)) == 2)
    assert eventually((world.directory / "stream.json").exists)
    world.stop.set()
    time.sleep(0.2)
    world.stop = threading.Event()
    world.put("3")
    second = Handler()
    world.relay(second)
    assert eventually(lambda: bool(second.batches))
    assert keys(second.batches) == ["3"]


def test_a_reader_that_ends_while_its_batch_fails_has_not_moved_on(world: World) -> None:
    def fail(_records: list[dict[str, Any]]) -> None:
        raise RuntimeError("the bus is away")

    failing = Handler(fail)
    world.put("1")
    world.relay(failing)
    assert eventually(lambda: bool(failing.batches))
    world.stop.set()
    time.sleep(0.2)
    world.stop = threading.Event()
    handler = Handler()
    world.relay(handler)
    assert eventually(lambda: bool(handler.batches))
    assert keys(handler.batches) == ["1"]


@pytest.mark.parametrize(
    ("pattern", "value", "passes"),
    [
        ({"a": ["x"]}, {"a": "x", "b": 1}, True),
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "z"}, False),
        ({"a": ["x"]}, {}, False),
        ({"a": {"b": ["x"]}}, {"a": {"b": "x"}}, True),
        ({"a": {"b": ["x"]}}, {"a": "x"}, False),
        ({"a": {"b": ["x"]}}, {"a": None}, False),
    ],
)
def test_a_filter_matches_as_an_event_source_mapping_does(pattern: Any, value: Any, passes: bool) -> None:
    assert matches(pattern, value) is passes
