"""Play every instance found with the planner and the baselines: `make bench-dispatch INSTANCES=… OUT=…`.

For each it writes OUT/<instance>/assignments.txt, checks and scores that file apart from the player, and writes a
table (OUT/results.md, OUT/results.csv) and a plot (OUT/results.svg). Exit code 1 where a rule was broken or an aim
that holds for these instances was missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.dispatch import instances, report
from benchmarks.dispatch.baselines import minute_matching, nearest_idle
from benchmarks.dispatch.day import Day, UncertainDay, write
from benchmarks.dispatch.play import Habits, play, play_live
from benchmarks.dispatch.report import DOORSTEP, MATCHING, NEAREST, Played
from benchmarks.dispatch.score import physical_bound, score
from chalicelib.dispatch.planner import Policy, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.dispatch.play import Decide
    from chalicelib.dispatch.planner import Delivery, Offer, Outlook, Rider, Travel


class Task(msgspec.Struct, frozen=True):
    """One instance to be played in one way."""

    instance: Path
    out: Path
    planner: str
    predicted: bool
    real: bool


class Stopwatch:
    """The planner with its policy, and how long (CPU milliseconds) each decision took."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.ms: list[float] = []

    def __call__(
        self,
        now: float,
        deliveries: Sequence[Delivery],
        riders: Sequence[Rider],
        travel: Travel,
        outlook: Sequence[Outlook],
        /,
    ) -> list[Offer]:
        began = time.process_time()
        offers = plan(now, deliveries, riders, travel, self.policy, outlook)
        self.ms.append(1_000 * (time.process_time() - began))
        return offers


def run(task: Task) -> Played:
    """Play, write, check and score."""
    instance = instances.load(task.instance)
    day = UncertainDay(instance) if task.predicted else Day(instance)
    watch = Stopwatch(policy_for(instance, real=task.real))
    planners: dict[str, Decide] = {DOORSTEP: watch, MATCHING: minute_matching, NEAREST: nearest_idle}
    decide = planners[task.planner]
    live = None
    if task.real:
        live = play_live(day, decide, Habits())
    else:
        play(day, decide)
    file = task.out / task.instance.name / "assignments.txt"
    write(file, day.written)
    return Played(
        instance=task.instance.name,
        planner=task.planner,
        score=score(task.instance, file),
        bound=physical_bound(task.instance),
        decision_ms=watch.ms,
        offers=live.offers if live else 0,
        declined=live.declined if live else 0,
        expired=live.expired if live else 0,
    )


def policy_for(instance: instances.Instance, *, real: bool) -> Policy:
    """The planner's policy with the hand-over times of the instance; with riders who poll, offers go out earlier."""
    service = instance.parameters
    policy = Policy(
        counter_before=service.pickup_service / 2 * instances.MINUTE,
        counter_after=service.pickup_service / 2 * instances.MINUTE,
        door_before=service.dropoff_service / 2 * instances.MINUTE,
        door_after=service.dropoff_service / 2 * instances.MINUTE,
    )
    return msgspec.structs.replace(policy, tick=Habits().tick, ahead=45.0) if real else policy


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, play, report."""
    parser = argparse.ArgumentParser(prog="benchmarks.dispatch", description="Play recorded days of orders.")
    parser.add_argument("--instances", type=Path, required=True, help="a directory of instances, or one instance")
    parser.add_argument("--out", type=Path, required=True, help="where assignments, tables and the plot are written")
    parser.add_argument("--prep", choices=("known", "predicted"), default="known")
    parser.add_argument("--real", action="store_true", help="riders poll every 15-30 s, decline a fifth of the offers")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only", default="", help="instances whose name contains this")
    parser.add_argument("--no-baselines", action="store_true", help="the planner alone")
    options = parser.parse_args(arguments)
    console = Console()
    found = [each for each in instances.found(options.instances) if options.only in each.name]
    if not found:
        console.print(f"no instances in {options.instances}")
        return 2
    planners = [DOORSTEP] if options.no_baselines else [DOORSTEP, MATCHING, NEAREST]
    tasks = [
        Task(
            each,
            options.out if planner == DOORSTEP else options.out / "baselines" / planner.replace(" ", "-"),
            planner,
            options.prep == "predicted",
            options.real,
        )
        for planner in planners
        for each in found
    ]
    played = _all(tasks, options.jobs, console)
    faults = report.write(options.out, played, predicted=options.prep == "predicted", real=options.real)
    console.print((options.out / "results.md").read_text(), markup=False, highlight=False, soft_wrap=True)
    for fault in faults:
        console.print(f"missed: {fault}")
    return 1 if faults else 0


def _all(tasks: Sequence[Task], jobs: int, console: Console) -> list[Played]:
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    played = []
    with Progress(*columns, console=console) as progress, ProcessPoolExecutor(max(1, jobs)) as pool:
        bar = progress.add_task("", total=len(tasks))
        futures = [pool.submit(run, task) for task in tasks]
        for number, future in enumerate(as_completed(futures), 1):
            each = future.result()
            played.append(each)
            told = f"{each.instance} {each.planner}"
            progress.update(bar, advance=1, description=told)
            if not console.is_terminal:
                console.print(f"{number}/{len(tasks)} {told}: click to door {each.score.ctd:.2f}", highlight=False)
    return sorted(played, key=lambda each: (each.planner, each.instance))


if __name__ == "__main__":
    sys.exit(main())
