"""What DynamoDB is asked and what that consumes: requests (retries too), read units, write units, indexes included.

In a process of its own choosing: `meter = Meter(); meter.attach(tables.connection().client)`. In the processes of a
stack: set DOORSTEP_METER=1 before it starts, then `read(stack.directory)`, or `read_by_use` for what each route and
function behind the API used.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SWITCH = "DOORSTEP_METER"
FLUSH_SECONDS = 0.1
_READS = frozenset(("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"))

_thread = threading.local()


@dataclass(frozen=True)
class Usage:
    """Requests and the capacity units that they consumed."""

    requests: int = 0
    read_units: float = 0.0
    write_units: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.read_units + other.read_units,
            self.write_units + other.write_units,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.requests - other.requests,
            self.read_units - other.read_units,
            self.write_units - other.write_units,
        )


@contextmanager
def on_behalf_of(use: str) -> Iterator[None]:
    """What this thread asks of DynamoDB in the block is also counted under this name: a route, a function."""
    _thread.use = use
    try:
        yield
    finally:
        _thread.use = ""


def acting() -> str:
    """On whose behalf this thread asks: a route, a function, or nobody ("")."""
    return str(getattr(_thread, "use", ""))


class Meter:
    """Counts what the clients that it is attached to do. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._units: Counter[tuple[str, str, bool]] = Counter()  # operation, table, whether it reads
        self._uses: dict[str, Usage] = {}
        self.changed = threading.Event()

    def attach(self, client: Any) -> None:
        """Count what this botocore client does from now on; every request then asks for what it consumed."""
        told = client.meta.events
        told.register("before-parameter-build.dynamodb", self._ask)
        told.register("request-created.dynamodb", self._count)
        told.register("after-call.dynamodb", self._take)

    @property
    def usage(self) -> Usage:
        """Everything so far."""
        with self._lock:
            return self._total(self._units)

    def by_operation(self) -> dict[str, Usage]:
        """Everything so far, by the name of DynamoDB's operation."""
        with self._lock:
            return {
                name: Usage(requests, self._sum(reads=True, operation=name), self._sum(reads=False, operation=name))
                for name, requests in sorted(self._requests.items())
            }

    def by_table(self) -> dict[str, Usage]:
        """Units so far by table; requests belong to no table, as one may go to several."""
        with self._lock:
            names = sorted({table for _, table, _ in self._units})
            return {
                name: Usage(0, self._sum(reads=True, table=name), self._sum(reads=False, table=name)) for name in names
            }

    def by_use(self) -> dict[str, Usage]:
        """Everything so far, by what it was done on behalf of."""
        with self._lock:
            return dict(self._uses)

    def _total(self, units: Mapping[tuple[str, str, bool], float]) -> Usage:
        read = sum(consumed for (_, _, reads), consumed in units.items() if reads)
        return Usage(sum(self._requests.values()), read, sum(units.values()) - read)

    def _sum(self, *, reads: bool, operation: str | None = None, table: str | None = None) -> float:
        return sum(
            consumed
            for (name, place, reading), consumed in self._units.items()
            if reading is reads and operation in (None, name) and table in (None, place)
        )

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "INDEXES"

    def _count(self, operation_name: str, **_: Any) -> None:
        with self._lock:
            self._requests[operation_name] += 1
            self._add(Usage(1))
        self.changed.set()

    def _take(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        told = parsed.get("ConsumedCapacity", [])  # a refusal does not say
        with self._lock:
            for each in told if isinstance(told, list) else [told]:
                reads, units = model.name in _READS, each["CapacityUnits"]
                self._units[model.name, each["TableName"], reads] += units
                self._add(Usage(0, units, 0.0) if reads else Usage(0, 0.0, units))
        self.changed.set()

    def _add(self, usage: Usage) -> None:
        use = acting()
        self._uses[use] = self._uses.get(use, Usage()) + usage


def start(directory: Path, process: str) -> None:
    """Meter this process of a stack if the switch is set: `metering-<process>.json`, a tenth of a second behind."""
    path = directory / f"metering-{process}.json"
    path.unlink(missing_ok=True)
    if os.environ.get(SWITCH) != "1":
        return
    from chalicelib.kernel import tables

    meter = Meter()
    meter.attach(tables.connection().client)
    threading.Thread(target=_write, args=(meter, path), name="metering", daemon=True).start()


def _write(meter: Meter, path: Path) -> None:
    while meter.changed.wait():
        time.sleep(FLUSH_SECONDS)
        meter.changed.clear()
        new = path.with_suffix(".new")
        told = {name: asdict(usage) for name, usage in meter.by_use().items()}
        new.write_text(json.dumps(told))
        new.replace(path)


def read(directory: Path) -> dict[str, Usage]:
    """What each metered process of a stack has used since it started, by process."""
    return {process: total(uses.values()) for process, uses in _read(directory)}


def read_by_use(directory: Path) -> dict[str, Usage]:
    """What a metered stack has used since it started: `GET /v1/rider/feed` or the name of a function behind the API."""
    found: dict[str, Usage] = {}
    for _, uses in _read(directory):
        for use, usage in uses.items():
            found[use] = found.get(use, Usage()) + usage
    return found


def _read(directory: Path) -> Iterator[tuple[str, dict[str, Usage]]]:
    time.sleep(2 * FLUSH_SECONDS)
    for path in sorted(directory.glob("metering-*.json")):
        uses = {use: Usage(**each) for use, each in json.loads(path.read_text()).items()}
        yield path.stem.removeprefix("metering-"), uses


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of several."""
    return sum(usages, Usage())
