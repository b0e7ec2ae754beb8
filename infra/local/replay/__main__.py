"""`make replay INSTANCE=dir SPEED=60 ORDERS=60`: a recorded day, through HTTP, on an accelerated clock.

Everything is made in an empty stack, which is gone afterwards. Exit code 1 when anything does not add up in the end.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from infra.local import metering
from infra.local.processes import Child, StackError, watch
from infra.local.replay import audit, report
from infra.local.replay.instance import Instance, NoInstance, load
from infra.local.replay.stage import Stage, set_stage
from infra.local.stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # ten in the morning of a Monday in Atlanta
OVERTIME = timedelta(hours=4)
BEHIND = {"api", "sweep"}


class _Stopped(Exception):
    pass


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="infra.local.replay", description=__doc__)
    parser.add_argument("--instance", type=Path, required=True, help="folder of an MDRP instance")
    parser.add_argument("--speed", type=float, default=60.0, help="seconds that pass in one of the wall's")
    parser.add_argument("--orders", type=int, default=60, help="so many of the day's orders, from all over the day")
    parser.add_argument("--between", help="only this part of the day, in minutes from midnight: 660-840")
    parser.add_argument("--counts", type=Path, help="write what `benchmarks.cost` asks for into this file")
    parser.add_argument("--api-processes", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep data and logs in this (empty) folder")
    options = parser.parse_args(arguments)
    if options.speed <= 0 or options.orders < 1:
        parser.error("speed and orders are positive")
    options.between = _minutes(options.between, parser)
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty")
    return options


def _minutes(told: str | None, parser: argparse.ArgumentParser) -> tuple[int, int] | None:
    if told is None:
        return None
    first, _, last = told.partition("-")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        parser.error("between is two minutes of the day: 660-840")
    return int(first), int(last)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the day; 0 when everything held, 1 for a breach, 2 when it could not be played."""
    options = options_of(arguments)
    console = Console(highlight=False)
    try:
        instance = load(options.instance)
        if options.between is not None:
            instance = instance.between(*options.between)
        instance = instance.with_orders(options.orders)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        with _folder(options.keep) as folder:
            stack = LocalStack(folder, speed=options.speed, start_at=START_AT, api_processes=options.api_processes)
            if stack.warning:
                console.print(f"[yellow]warning:[/] {stack.warning}")
            stack.env[metering.SWITCH] = "1"
            with stack:
                return _play(stack, instance, options, console)
    except (NoInstance, StackError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except _Stopped:
        print("stopped", file=sys.stderr)
        return 130


def _play(stack: LocalStack, instance: Instance, options: argparse.Namespace, console: Console) -> int:
    speed = options.speed
    began = time.monotonic()
    died: list[Child] = []
    watching = watch(stack.children, died.append)
    with _progress(console) as progress:
        task = progress.add_task("the stage is set", total=None)
        stage = set_stage(
            stack,
            instance,
            lambda what, made, total: progress.update(task, description=f"{what}", completed=made, total=total),
        )
        before, invoked = metering.read_by_use(stack.directory), _invoked(stack)
        progress.update(task, description="the day", completed=0, total=instance.minutes)

        def look() -> None:
            if died:
                raise StackError(f"{died[0].name} ended by itself; {died[0].last_words()}")
            minute = max(0.0, stage.day.minute(stage.cast.watch.now()))
            progress.update(task, completed=minute, description=_told(stage, minute))

        finished = stage.clockwork.run(stage.day.at(instance.minutes) + OVERTIME, look)
        progress.update(task, description="the books are checked", completed=instance.minutes)
        found = audit.breaches(stack, stage, finished=finished)
        reactions = audit.reactions(stage)
    watching.set()
    after = metering.read_by_use(stack.directory)
    used = {use: usage - before.get(use, metering.Usage()) for use, usage in after.items()}
    console.print(report.service_table(stage, reactions, speed, time.monotonic() - began))
    console.print(report.cost_table(stage, used, _invoked(stack) - invoked))
    console.print(report.too_late(stage))
    if options.counts is not None:
        options.counts.write_text(json.dumps(report.counts(stage), indent=2))
    return _judge(found, console)


def _judge(found: list[str], console: Console) -> int:
    if not found:
        console.print(
            "Every order ended, every payment was captured or voided exactly once, stock and money add up, "
            "all queues are empty, nothing was put aside."
        )
        return 0
    console.print(f"[red]{len(found)} breaches:[/]")
    for breach in found:
        console.print(f"  {breach}", markup=False)
    return 1


def _told(stage: Stage, minute: float) -> str:
    ended = sum(played.has_ended for played in stage.day.orders)
    couriers = sum(courier.on_shift for courier in stage.couriers)
    counted = stage.day.tally
    return (
        f"{int(minute // 60):02d}:{int(minute % 60):02d}  {counted['placed']} placed, "
        f"{counted['delivered']} delivered, {ended} ended, {couriers} couriers"
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<58}"), BarColumn(bar_width=40), TimeRemainingColumn(), console=console
    )


def _invoked(stack: LocalStack) -> int:
    return sum(count for function, count in stack.invocations().items() if function not in BEHIND)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="doorstep-replay-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _stop(*_: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main())
