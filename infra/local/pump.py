"""The functions behind the API, invoked as Lambda would: `python -m infra.local.pump --directory .local/default`.

The events table's stream feeds the relay, each queue its consumer, the clock the sweep (a minute of Doorstep's time,
which may run faster than the wall) and the schedules. Nothing is lost when the pump is killed: the stream's checkpoint
is in a file, and so is what the schedules fired last; messages stay in their queues until they were handled.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import traceback
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from infra import resources
from infra.local import functions, metering, type_info
from infra.local.environment import queue_url
from infra.local.invocations import Invocations
from infra.local.lifeline import follow_parent
from infra.local.queues import QueueConsumer
from infra.local.stream import Checkpoint, StreamReader
from infra.local.timetable import Timetable
from infra.local.wire import ACCOUNT, REGION, Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.functions import Function, Functions

CONSUMERS_PER_QUEUE = 2
SHORTEST_SWEEP_SECONDS = 0.25
READY_FILE = "pump.ready"


class Pump:
    """Every reader of a stack, each in a thread of its own."""

    def __init__(
        self,
        loaded: Functions,
        *,
        dynamodb_url: str,
        moto_url: str,
        prefix: str,
        directory: Path,
        retry_seconds: float = 1.0,
    ) -> None:
        self._stop = threading.Event()
        self._invocations = Invocations(directory, "pump")
        self._sweep = loaded.sweep
        moto = Emulator(moto_url)
        self._runs: list[Callable[[], None]] = []
        if loaded.relay is not None:
            self.stream = StreamReader(
                dynamodb=Emulator(dynamodb_url),
                moto=moto,
                table=resources.table_name(prefix, "events"),
                dead_letters_url=queue_url(moto_url, resources.dlq_name(prefix, resources.RELAY_DLQ)),
                relay=loaded.relay,
                checkpoint=Checkpoint(directory / "stream.json"),
                invocations=self._invocations,
                stop=self._stop,
            )
            self._runs.append(self.stream.run)
        for queue, consumer in loaded.consumers.items():
            name = resources.queue_name(prefix, queue)
            for _ in range(CONSUMERS_PER_QUEUE):
                reader = QueueConsumer(
                    moto=moto,
                    name=name,
                    url=queue_url(moto_url, name),
                    consumer=consumer,
                    invocations=self._invocations,
                    stop=self._stop,
                    retry_seconds=retry_seconds,
                )
                self._runs.append(reader.run)
        if loaded.sweep is not None:
            self._runs.append(self._run_sweep)
        self._timetable = Timetable(directory / "schedules.json")
        self._runs.append(self._run_schedules)

    def start(self) -> None:
        """Begin to read."""
        for run in self._runs:
            threading.Thread(target=run, daemon=True).start()

    def stop(self) -> None:
        """Take no further batch."""
        self._stop.set()

    def wait(self) -> None:
        """Until `stop`."""
        self._stop.wait()

    def _run_sweep(self) -> None:
        assert self._sweep is not None  # noqa: S101
        interval = max(SHORTEST_SWEEP_SECONDS, clock.to_wall(timedelta(minutes=1)))
        while not self._stop.is_set():
            _sweep_once(self._sweep, self._invocations)
            self._stop.wait(interval)

    def _run_schedules(self) -> None:
        interval = max(SHORTEST_SWEEP_SECONDS, clock.to_wall(timedelta(seconds=30)))
        while not self._stop.wait(interval):
            try:
                self._timetable.fire()
            except Exception:  # noqa: BLE001 (what could not be sent is due again at the next look)
                traceback.print_exc()


def _sweep_once(sweep: Function, invocations: Invocations) -> None:
    invocations.count(sweep.name)
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": clock.rfc3339(clock.now()),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{sweep.name}"],
        "detail": {},
    }
    try:
        sweep.invoke(event)
    except Exception:  # noqa: BLE001 (the next minute sweeps what this one could not)
        traceback.print_exc()


def main(arguments: list[str] | None = None) -> None:
    """Pump until SIGTERM or the supervisor's end."""
    parser = argparse.ArgumentParser(prog="infra.local.pump")
    parser.add_argument("--app", default="app", help="the module that has the Chalice app as `app`")
    parser.add_argument("--directory", type=Path, required=True, help="where checkpoint and counts are kept")
    options = parser.parse_args(arguments)
    follow_parent()
    metering.start(options.directory, "pump")
    loaded = functions.load(options.app)
    type_info.learn()
    pump = Pump(
        loaded,
        dynamodb_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
        moto_url=os.environ["AWS_ENDPOINT_URL_SQS"],
        prefix=os.environ["DOORSTEP_TABLE_PREFIX"],
        directory=options.directory,
    )
    signal.signal(signal.SIGTERM, lambda *_: pump.stop())
    pump.start()
    (options.directory / READY_FILE).write_text(str(os.getpid()))
    pump.wait()


if __name__ == "__main__":
    main()
