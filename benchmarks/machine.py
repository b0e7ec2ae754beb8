"""Doorstep in this one process, on emulators: what the API does, what reactions do and what each of it costs.

Requests come as API Gateway's events, the stream and the queues are emptied by hand, and Doorstep's time stands still
until it is told to go on: so every figure is the same at each run.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.kernel import clock, settings
from infra import merge, resources
from infra.local.environment import queue_url
from infra.local.httpd import HttpRequest, HttpResponse, HttpServer
from infra.local.metering import Meter, Usage
from infra.local.queues import failed_ids
from infra.local.stack import LocalStack
from infra.local.stream import iterator, matches, stream_of
from infra.local.wire import SQS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from infra.local.functions import Function, Functions
    from infra.local.users import User

Json = dict[str, Any]

# The emulators' clock runs so fast that a queue lets delayed messages out at once; they are held here until due.
SPEED = 1000.0
PATIENCE_SECONDS = 10.0
NOTHING = Usage()


@dataclass(frozen=True)
class Cost:
    """What something cost: DynamoDB requests and units, requests to Stripe, functions that were invoked."""

    usage: Usage = NOTHING
    stripe: int = 0
    invocations: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.usage + other.usage, self.stripe + other.stripe, self.invocations + other.invocations)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.usage - other.usage, self.stripe - other.stripe, self.invocations - other.invocations)


@dataclass(frozen=True)
class Answer:
    """What the API answered; `body` is None where there is none."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def etag(self) -> str:
        """The entity tag, without its quotes."""
        return self.headers["etag"].strip('"')


class Refused(Exception):
    """The API answered with a problem where a benchmark expects none."""


class Machine:
    """Everything, in one process. Use as a context manager."""

    def __init__(self, directory: Path) -> None:
        # The rows' tables have their names since their import.
        prefix = settings.table_name("").removesuffix("-")
        self._emulated = LocalStack(directory, speed=SPEED, functions=False, prefix=prefix)
        self._ends = ExitStack()
        self._stripe_requests = 0
        self._counted: Counter[str] = Counter()
        self._webhooks: list[HttpRequest] = []
        self._arrived = threading.Condition()
        self._held: list[tuple[datetime, str, Json]] = []
        self.meter = Meter()

    # --- life ----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._ends.enter_context(self._emulated)
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def warning(self) -> str:
        """Why units can't be believed; empty where they can."""
        return self._emulated.warning

    def _start(self) -> None:
        os.environ.update(self._emulated.env)
        del os.environ["DOORSTEP_CLOCK_FILE"]
        from infra.local import functions

        app = importlib.import_module("app").app
        logging.getLogger("chalicelib").setLevel(logging.ERROR)
        clock.reload()
        settings.reload()
        self._time = ExitStack()
        self._ends.callback(self._time.close)
        self.stop_clock_at(clock.from_epoch_ms(int(time.time()) * 1000))
        self._functions: Functions = functions.of_app(app)
        from chalicelib.kernel import tables
        from infra.local.api import Gateway

        self.meter.attach(tables.connection().client)
        sys.addaudithook(self._watch_stripe)
        self._gateway = Gateway(app)
        self._stream = self._position_in_stream()
        server = HttpServer(self._emulated.ports.api[0], self._take_webhook)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._ends.callback(server.server_close)
        self._ends.callback(server.shutdown)

    def _watch_stripe(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count the requests that go to the sandbox, whichever client sends them: bodies follow in pieces."""
        if event != "http.client.send":
            return
        connection, data = arguments
        begins = isinstance(data, bytes) and data.partition(b" ")[0] in {b"GET", b"POST", b"DELETE"}
        if begins and connection.port == self._emulated.ports.stripe:
            self._stripe_requests += 1

    # --- time and people -----------------------------------------------------------------------------------

    def wait_for_beat(self) -> None:
        """Until a moment at which riders who wait are asked at once; at any other, their zone's ticks ask them."""
        self.stop_clock_at(STANDARD.on_slow_beat(clock.now()))

    def stop_clock_at(self, instant: datetime) -> None:
        """Doorstep's time is this instant, until it is told otherwise."""
        self._time.close()
        self._time.enter_context(clock.freeze(instant))

    def pass_time(self, span: timedelta) -> None:
        """Let Doorstep's time go on."""
        self.stop_clock_at(clock.now() + span)

    def user(self, role: str, name: str | None = None) -> User:
        """A signed-in user with a role."""
        return self._emulated.users.of_role(role, name)

    # --- the API -------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        user: User | None = None,
        body: Json | None = None,
        *,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """One request as API Gateway would hand it on. Raises Refused for a problem."""
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if user is not None:
            sent["authorization"] = f"Bearer {user.token}"
        if body is not None:
            sent["content-type"] = "application/json"
        target = f"{path}?{urlencode(query)}" if query else path
        content = b"" if body is None else json.dumps(body).encode()
        return self._send(HttpRequest(method, target, sent, content))

    def _send(self, request: HttpRequest) -> Answer:
        self._counted["api"] += 1
        response = self._gateway.handle(request)
        headers = {name.lower(): value for name, value in response.headers}
        body = json.loads(response.body) if response.body and "json" in headers.get("content-type", "") else None
        if response.status >= 400:
            raise Refused(f"{request.method} {request.target}: {response.status} {response.body.decode()}")
        return Answer(response.status, headers, body)

    def pay(self, placed: Json) -> None:
        """Confirm the card payment at the sandbox, as the customer's app does."""
        from infra.local.actors.card_form import CardForm

        key = self._emulated.env["STRIPE_API_KEY"].replace("sk_", "pk_", 1)
        payment = placed["payment"]
        CardForm(self._emulated.stripe_url, key).confirm(payment["payment_intent_id"], payment["client_secret"])

    def next_webhook(self, kind: str) -> HttpRequest:
        """The sandbox's next notice of a type; those of other types are put aside."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._arrived:
            while True:
                for notice in self._webhooks:
                    if json.loads(notice.body)["type"] == kind:
                        self._webhooks.remove(notice)
                        return notice
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"no {kind} from the sandbox in {PATIENCE_SECONDS} s")

    def take(self, notice: HttpRequest) -> Answer:
        """Hand a notice to the API, as Stripe would."""
        return self._send(notice)

    def _take_webhook(self, request: HttpRequest) -> HttpResponse:
        with self._arrived:
            self._webhooks.append(request)
            self._arrived.notify_all()
        return HttpResponse(200, b"{}", [("Content-Type", "application/json")])

    # --- the functions behind it ---------------------------------------------------------------------------

    def settle(self) -> Iterator[tuple[str, Cost]]:
        """Invoke whatever has something to do, one invocation at a time, until nothing is due; each with its cost."""
        while True:
            step = self._relay_next() or self._react_to_next()
            if step is None:
                return
            yield step

    def run_timers(self) -> Iterator[tuple[str, Cost]]:
        """Bring Doorstep's time to each timer that waits in a queue, in turn, and let it go off."""
        yield from self.settle()
        while self._held:
            self.stop_clock_at(max(clock.now(), min(due for due, _, _ in self._held)))
            yield from self.settle()

    def drain(self) -> None:
        """Settle, whatever it costs."""
        for _ in self.settle():
            pass

    @contextmanager
    def measured(self) -> Iterator[list[Cost]]:
        """What the block costs: one element, there when the block has ended."""
        before = self._cost()
        told: list[Cost] = []
        yield told
        told.append(self._cost() - before)

    def _cost(self) -> Cost:
        return Cost(self.meter.usage, self._stripe_requests, self._counted.total())

    def _position_in_stream(self) -> list[str]:
        dynamodb = self._emulated.dynamodb
        arn, shards = stream_of(dynamodb, self._emulated.table_name("events"))
        return [iterator(dynamodb, arn, shard, None) for shard in shards]

    def _relay_next(self) -> tuple[str, Cost] | None:
        for number, place in enumerate(self._stream):
            answer = self._emulated.dynamodb.call(STREAMS, "GetRecords", ShardIterator=place, Limit=100)
            self._stream[number] = answer["NextShardIterator"]
            if wanted := [record for record in answer["Records"] if matches(merge.RELAY_FILTER, record)]:
                relay = self._functions.relay
                if relay is None:
                    raise LookupError("the app declares no relay")
                return "relay", self._invoke(relay, {"Records": wanted})
        return None

    def _react_to_next(self) -> tuple[str, Cost] | None:
        for queue, consumer in self._functions.consumers.items():
            if messages := [*self._come_due(queue), *self._receive(queue)]:
                types = ", ".join(sorted({json.loads(message["body"])["detail-type"] for message in messages}))
                cost = self._invoke(consumer, {"Records": messages})
                return f"{consumer.name}: {types}", cost
        return None

    def _come_due(self, queue: str) -> list[Json]:
        due = [held for held in self._held if held[1] == queue and held[0] <= clock.now()]
        self._held = [held for held in self._held if held not in due]
        return [message for _, _, message in due]

    def _receive(self, queue: str) -> list[Json]:
        """What is in a queue and due by Doorstep's clock. A timer that is not is held here for `run_timers`."""
        url = queue_url(self._emulated.env["AWS_ENDPOINT_URL_SQS"], resources.queue_name(self._emulated.prefix, queue))
        moto = self._emulated.moto
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._waits(url):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{queue} keeps its messages")
            messages = moto.call(
                SQS, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
            ).get("Messages", ())
            if not messages:
                time.sleep(0.01)
                continue
            for message in messages:
                moto.call(SQS, "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            ready = []
            for message in messages:
                record = _record(message)
                due = json.loads(message["Body"])["detail"].get("due")
                if due and clock.parse(due) > clock.now():
                    self._held.append((clock.parse(due), queue, record))
                else:
                    ready.append(record)
            if ready:
                return ready
        return []

    def _waits(self, url: str) -> bool:
        attributes = self._emulated.moto.call(SQS, "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
        counts = ("", "NotVisible", "Delayed")
        return any(int(attributes["Attributes"][f"ApproximateNumberOfMessages{each}"]) for each in counts)

    def _invoke(self, function: Function, event: Json) -> Cost:
        with self.measured() as cost:
            self._counted[function.name] += 1
            answer = function.invoke(event)
        sent: Sequence[Json] = event["Records"]
        if failed := failed_ids(answer, {str(record.get("messageId")) for record in sent}):
            raise RuntimeError(f"{function.name} failed on {len(failed)} messages; its log says why")
        return cost[0]


def _record(message: Json) -> Json:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
