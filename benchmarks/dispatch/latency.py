"""How long one decision takes on one core: `python -m benchmarks.dispatch.latency [--check]`. CPU milliseconds."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.dispatch.snapshots import snapshot
from chalicelib.dispatch.planner import Policy, StraightLine, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = ((100, 200, 50.0), (200, 400, 150.0))


def decision_ms(deliveries: int, riders: int, rounds: int) -> list[float]:
    """Sorted CPU milliseconds of that many decisions, each at another moment."""
    travel, policy = StraightLine(), Policy(tick=20.0)
    spent = []
    for seed in range(rounds):
        moment = snapshot(seed, deliveries, riders)
        began = time.process_time()
        plan(moment.now, moment.deliveries, moment.riders, travel, policy, moment.outlook)
        spent.append(1_000 * (time.process_time() - began))
    return sorted(spent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; with --check, exit code 1 where the 99th percentile is over its limit."""
    parser = argparse.ArgumentParser(prog="benchmarks.dispatch.latency")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    decision_ms(20, 20, 3)
    table = Table("deliveries", "riders", "median ms", "p99 ms", "limit ms")
    late = False
    for deliveries, riders, limit in SIZES:
        spent = decision_ms(deliveries, riders, options.rounds)
        p99 = spent[int(0.99 * (len(spent) - 1))]
        late |= p99 >= limit
        table.add_row(str(deliveries), str(riders), f"{spent[len(spent) // 2]:.1f}", f"{p99:.1f}", f"{limit:.0f}")
    Console().print(table)
    return 1 if late and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
