"""A crowd on a local stack of its own: `python -m benchmarks.load --users 50 --seconds 60 [--speed 10]`.

Doorstep's time passes `speed` times as fast as the wall's, for the crowd as well: a user of a crowd at speed 10 asks as
often as ten people do. Progress is locust's; in the end there is a table, and nothing is left running. Exit code 1 when
more than one request in a hundred failed.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.load.stage import FILE, RIDERS_PER_STORE, set_scene
from infra.local.processes import ROOT, StackError
from infra.local.stack import LocalStack

MOST_FAILED = 0.01
SPAWN_SECONDS = 5.0
SHOWN_EVERY = 10


@dataclass(frozen=True)
class Line:
    """What one kind of request came to. Milliseconds."""

    method: str
    name: str
    count: int
    failed: int
    rate: float
    p50: float
    p95: float
    p99: float


def run(stack: LocalStack, directory: Path, users: int, seconds: int) -> list[Line]:
    """Let the crowd in for a while."""
    scene = set_scene(stack, users)
    stage = directory / "stage.json"
    scene.write(stage)
    staff = len(scene.stores) + len(scene.riders)
    command = [
        *(sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("crowd.py"))),
        *("--headless", "--users", str(users + staff), "--spawn-rate", str((users + staff) / SPAWN_SECONDS)),
        *("--run-time", f"{seconds}s", "--stop-timeout", "5", "--csv", str(directory / "load")),
        *("--only-summary", "--exit-code-on-error", "0", "--loglevel", "WARNING"),
    ]
    environment = {**os.environ, **stack.env, FILE: str(stage), "PYTHONPATH": str(ROOT)}
    with (directory / "locust.log").open("w") as log:
        crowd = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            _watch(crowd, directory, seconds)
        finally:
            if crowd.poll() is None:
                crowd.terminate()
                crowd.wait()
    told = directory / "load_stats.csv"
    if not told.exists():
        raise StackError(f"the crowd did not come: {(directory / 'locust.log').read_text()[-2000:]}")
    return [_line(row) for row in csv.DictReader(told.open())]


def _watch(crowd: subprocess.Popen[bytes], directory: Path, seconds: int) -> None:
    history = directory / "load_stats_history.csv"
    console = Console(stderr=True)
    while True:
        try:
            crowd.wait(SHOWN_EVERY)
        except subprocess.TimeoutExpired:
            rows = list(csv.DictReader(history.open())) if history.exists() else []
            if rows:
                last = rows[-1]
                console.print(
                    f"{last['User Count']} users, {float(last['Requests/s']):.0f} requests/s, "
                    f"{float(last['Failures/s']):.1f} failures/s, p95 {last['95%']} ms (of {seconds} s)",
                    highlight=False,
                )
        else:
            return


def _line(row: dict[str, str]) -> Line:
    def number(name: str) -> float:
        return float(row[name]) if row[name] not in ("", "N/A") else 0.0

    return Line(
        method=row["Type"],
        name=row["Name"],
        count=int(row["Request Count"]),
        failed=int(row["Failure Count"]),
        rate=number("Requests/s"),
        p50=number("50%"),
        p95=number("95%"),
        p99=number("99%"),
    )


def table(lines: list[Line], title: str) -> Table:
    """Throughput, failures, latencies."""
    told = Table(title=title)
    told.add_column("request", no_wrap=True)
    for column in ("requests", "per s", "failed", "p50 ms", "p95 ms", "p99 ms"):
        told.add_column(column, justify="right")
    for line in lines:
        told.add_row(
            f"{line.method} {line.name}".strip(),
            f"{line.count:,}",
            f"{line.rate:.1f}",
            f"{line.failed / line.count:.2%}" if line.failed and line.count else "·",
            *(f"{value:.0f}" for value in (line.p50, line.p95, line.p99)),
        )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=50, help="customers; stores and riders come with them")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--speed", type=float, default=10.0)
    parser.add_argument("--api-processes", type=int, default=2)
    asked = parser.parse_args()
    if min(asked.users, asked.seconds, asked.api_processes) < 1 or asked.speed <= 0:
        parser.error("users, seconds, speed and processes are positive")
    console = Console(width=max(120, Console().width))
    with tempfile.TemporaryDirectory(prefix="doorstep-load-", ignore_cleanup_errors=True) as folder:
        directory = Path(folder)
        with LocalStack(directory / "stack", speed=asked.speed, api_processes=asked.api_processes) as stack:
            if stack.warning:
                console.print(f"[yellow]{stack.warning}")
            lines = run(stack, directory, asked.users, asked.seconds)
    orders = [line for line in lines if line.method == "ORDER"]
    requests = [line for line in lines if line.method not in ("ORDER", "")]
    title = f"{asked.users} customers and {RIDERS_PER_STORE} riders a store at {asked.speed:g} times the pace of people"
    console.print(table(sorted(requests, key=lambda line: -line.count), f"{title}, {os.cpu_count()} cores"))
    console.print(table(orders, "Orders: seconds of the wall, from the basket"))
    count, failed = sum(line.count for line in requests), sum(line.failed for line in requests)
    share = failed / count if count else 1.0
    console.print(
        f"{count:,} requests, {sum(line.rate for line in requests):.1f} a second, {share:.2%} failed; "
        f"polls answered 304: {sum(line.count for line in requests if '(304)' in line.name) / max(1, count):.0%}"
    )
    if share > MOST_FAILED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
