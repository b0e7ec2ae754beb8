"""One order from its quote to the taken money, and everything on the way that AWS would bill, call by call."""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import journey, use_cases
from benchmarks.machine import Answer, Cost, Json, Machine
from benchmarks.use_cases.ordering import quotes
from benchmarks.use_cases.place import Place, here, unless
from benchmarks.use_cases.setting_up import menus, merchants, stock

if TYPE_CHECKING:
    from infra.local.functions import Function
    from infra.local.httpd import HttpRequest

CONFIG = Path(__file__).parents[1] / ".chalice" / "config.json"
EMF_BYTES = 330  # a metric in the embedded format: counted for each call of `metrics`
WARM_UP = 5
COMPRESSED_FROM = 1024  # as `.chalice/config.json` says


@dataclass
class Call:
    """An invocation: what it used, and what it sent."""

    name: str
    memory_mb: int
    cpu_ms: float = 0.0
    requests: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    stripe: int = 0
    sends: int = 0
    """Requests to the bus and to queues."""
    events: int = 0
    """Entries that went to the bus."""
    queue_sends: int = 0
    """Batches that were sent to queues directly: timers."""
    received: int = 0
    """Messages of a queue: each was a SendMessage of the bus' rule."""
    log_bytes: int = 0
    answer_bytes: int = 0

    @property
    def is_api(self) -> bool:
        """Whether API Gateway is before it."""
        return self.name.startswith("api")

    @property
    def is_consumer(self) -> bool:
        """Whether a queue is before it."""
        return self.received > 0


@dataclass
class Bill:
    """What one order and those who wait for it cause."""

    journey: list[Call] = field(default_factory=list)
    menu: Call = field(default_factory=lambda: Call("api", 1024))
    look: Call = field(default_factory=lambda: Call("api", 1024))
    """At a menu that has not changed."""
    polls: dict[str, Call] = field(default_factory=dict)
    position: Call = field(default_factory=lambda: Call("api", 1024))


class Billed(Machine):
    """The machine, keeping what every invocation did."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.calls: list[Call] = []
        self._memory = _memory_by_function()
        self._now: Call | None = None

    def _start(self) -> None:
        super()._start()
        from chalicelib.kernel import events, metrics
        from chalicelib.kernel.logs import JsonFormatter

        for service, operation in (("events", "PutEvents"), ("sqs", "SendMessageBatch")):
            client = events._client(service)  # noqa: SLF001 (what it sends is counted)
            client.meta.events.register(f"before-parameter-build.{service}.{operation}", self._sent)
        write = metrics._write  # noqa: SLF001 (off Lambda nothing is written: the calls are counted)

        def counted(name: str, unit: str, value: float, **dimensions: str) -> None:
            if self._now is not None:
                self._now.log_bytes += EMF_BYTES
            write(name, unit, value, **dimensions)

        metrics._write = counted  # noqa: SLF001
        package = logging.getLogger("chalicelib")
        package.setLevel(logging.INFO)
        package.propagate = False
        package.handlers[:] = [_LogCounter(self, JsonFormatter())]

    def _sent(self, params: Json, model: Any, **_: Any) -> None:
        if self._now is None:
            return
        self._now.sends += 1
        if model.name == "PutEvents":
            self._now.events += len(params["Entries"])
        else:
            self._now.queue_sends += 1

    def logged(self, size: int) -> None:
        """A line was written to the log."""
        if self._now is not None:
            self._now.log_bytes += size

    @contextmanager
    def _billed(self, name: str) -> Iterator[Call]:
        call = Call(name, self._memory.get(name, self._memory[""]))
        before, began = self._cost(), time.thread_time()
        self._now = call
        try:
            yield call
        finally:
            self._now = None
        call.cpu_ms = (time.thread_time() - began) * 1000
        spent: Cost = self._cost() - before
        call.requests, call.stripe = spent.usage.requests, spent.stripe
        call.read_units, call.write_units = spent.usage.read_units, spent.usage.write_units
        self.calls.append(call)

    def _send(self, request: HttpRequest) -> Answer:
        with self._billed("api") as call:
            answer = super()._send(request)
            call.answer_bytes = _on_the_wire(answer.body)
        return answer

    def _invoke(self, function: Function, event: Json) -> Cost:
        with self._billed(function.name) as call:
            if function.name != "relay":
                call.received = len(event["Records"])
            return super()._invoke(function, event)

    def of(self, act: Any) -> Call:
        """The one call that something makes, warm: the median of several by CPU."""
        found = []
        for _ in range(WARM_UP):
            self.calls.clear()
            act()
            found.append(self.calls[-1])
        return sorted(found, key=lambda call: call.cpu_ms)[len(found) // 2]


class _LogCounter(logging.Handler):
    def __init__(self, machine: Billed, formatter: logging.Formatter) -> None:
        super().__init__()
        self._machine = machine
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        # CloudWatch adds 26 bytes to each event.
        self._machine.logged(len(self.format(record).encode()) + 26)


def _on_the_wire(body: Any) -> int:
    """Bytes of an answer's body: API Gateway compresses what is longer than a kilobyte, for apps that ask for it."""
    if body is None:
        return 0
    text = json.dumps(body).encode()
    return len(text) if len(text) < COMPRESSED_FROM else len(zlib.compress(text))


def _memory_by_function() -> dict[str, int]:
    config = json.loads(CONFIG.read_text())
    named = config["lambda_functions"]
    return {"": config["lambda_memory_size"]} | {name: each["lambda_memory_size"] for name, each in named.items()}


def count(directory: Path) -> Bill:
    """Play it. The first order warms everything up; the second is billed."""
    with Billed(directory) as machine:
        place = Place.of(machine)
        for scene in (merchants, menus, stock, quotes, use_cases.riders):
            scene(place)
        journey.of(place)
        machine.calls.clear()
        played = journey.of(place)
        bill = Bill(journey=_without_looks(machine.calls, played))
        order_id = place.place()["id"]
        machine.pass_time(timedelta(seconds=1))
        rider = place.riders[0]
        for name, path, user in (
            ("customer", f"/v1/orders/{order_id}", place.customer),
            ("map", f"/v1/orders/{order_id}/rider", place.customer),
            ("tablet", f"/v1/stores/{place.store_id}/board", place.owner),
            ("rider", "/v1/rider/feed", rider),
        ):
            etag = machine.call("GET", path, user).etag
            bill.polls[name] = machine.of(
                lambda path=path, user=user, etag=etag: machine.call("GET", path, user, headers=unless(etag))
            )
        menu = f"/v1/stores/{place.store_id}/menu"
        read = machine.call("GET", menu)
        bill.menu = machine.of(lambda: machine.call("GET", menu))
        bill.look = machine.of(lambda: machine.call("GET", menu, headers=unless(read.etag)))
        bill.position = machine.of(lambda: _move(place, rider))
        return bill


def _move(place: Place, rider: Any) -> None:
    place.machine.pass_time(timedelta(seconds=15))
    place.machine.call("PUT", "/v1/rider/position", rider, here())


def _without_looks(calls: list[Call], played: journey.Journey) -> list[Call]:
    """The journey's own calls: the quote, then what its steps are. Looks at versions, feeds and PINs are polls."""
    quote = next(call for call in calls if call.write_units and call.is_api)
    steps = [(cost.usage.requests, cost.usage.write_units) for _, cost in played.steps]
    kept, left = [quote], list(steps)
    for call in calls[calls.index(quote) + 1 :]:
        if left and (call.requests, call.write_units) == left[0]:
            kept.append(call)
            left.pop(0)
    if left:
        raise LookupError(f"{len(left)} steps of the journey were not billed")
    return kept
