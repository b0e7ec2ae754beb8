"""The assignment alone, by several solvers on the same moments: `python -m benchmarks.dispatch.solvers`.

Needs scipy, lap, highspy and ortools (none of them is shipped, see docs/adr/0050): a solver that is missing is left
out. Quality is the sum of costs above the best that any found; megabytes are those of the installed package and what
it alone needs; imports are measured in a process of their own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.dispatch.snapshots import snapshot
from chalicelib.dispatch.planner import Policy, StraightLine
from chalicelib.dispatch.planner.assignment import HOLD, assign
from chalicelib.dispatch.planner.candidates import candidates
from chalicelib.dispatch.planner.cover import worth
from chalicelib.dispatch.planner.world import NEVER, World

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = list[list[tuple[int, float]]]
SIZES = ((100, 200), (200, 400))
_FORBIDDEN = 1e7


def rows_of(seed: int, deliveries: int, riders: int) -> tuple[Rows, list[float]]:
    """Each delivery alone with its candidates, and what holding costs."""
    moment = snapshot(seed, deliveries, riders)
    policy = Policy()
    world = World(moment.now, moment.deliveries, moment.riders, StraightLine(), policy)
    world.worth = worth(world, moment.outlook)
    rows = []
    for order, able in enumerate(candidates(world)):
        costs = [(rider, world.cost(rider, (world.single(order, world.vehicle_of[rider]),))) for rider in able]
        rows.append([(rider, cost) for rider, cost in costs if cost < NEVER])
    return rows, [policy.unserved] * len(rows)


def total(rows: Rows, hold: list[float], chosen: list[int]) -> float:
    """The sum of costs of an assignment."""
    return sum(
        dict(row)[each] if each != HOLD else hold[n] for n, (row, each) in enumerate(zip(rows, chosen, strict=True))
    )


def _dense(rows: Rows, hold: list[float], columns: int) -> Any:
    import numpy as np

    matrix = np.full((len(rows), columns + len(rows)), _FORBIDDEN)
    for number, row in enumerate(rows):
        for column, cost in row:
            matrix[number, column] = cost
        matrix[number, columns + number] = hold[number]
    return matrix


def by_scipy(rows: Rows, hold: list[float], columns: int) -> list[int]:
    """Scipy's dense assignment."""
    from scipy.optimize import linear_sum_assignment

    _, chosen = linear_sum_assignment(_dense(rows, hold, columns))
    return [int(each) if each < columns else HOLD for each in chosen]


def by_lap(rows: Rows, hold: list[float], columns: int) -> list[int]:
    """Jonker and Volgenant in C++."""
    import lap

    _, chosen, _ = lap.lapjv(_dense(rows, hold, columns), extend_cost=True)
    return [int(each) if each < columns else HOLD for each in chosen]


def by_highs(rows: Rows, hold: list[float], columns: int) -> list[int]:
    """As a linear programme, whose corners are whole."""
    import highspy
    import numpy as np

    arcs = [(n, column, cost) for n, row in enumerate(rows) for column, cost in [*row, (columns + n, hold[n])]]
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(arcs), len(rows) + columns
    model.col_cost_ = np.array([cost for _, _, cost in arcs])
    model.col_lower_, model.col_upper_ = np.zeros(len(arcs)), np.ones(len(arcs))
    model.row_lower_ = np.array([1.0] * len(rows) + [0.0] * columns)
    model.row_upper_ = np.ones(len(rows) + columns)
    starts, index = [0], []
    for row, column, _ in arcs:
        index += [row] if column >= columns else [row, len(rows) + column]
        starts.append(len(index))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = np.array(starts), np.array(index)
    model.a_matrix_.value_ = np.ones(len(index))
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(model)
    solver.run()
    chosen = [HOLD] * len(rows)
    for (row, column, _), value in zip(arcs, solver.getSolution().col_value, strict=True):
        if value > 0.5 and column < columns:
            chosen[row] = column
    return chosen


def by_ortools(rows: Rows, hold: list[float], columns: int) -> list[int]:
    """OR-Tools' min-cost flow, costs in milliseconds."""
    from ortools.graph.python import min_cost_flow

    flow = min_cost_flow.SimpleMinCostFlow()
    count, sink = len(rows), len(rows) + columns
    arcs = []
    for number, row in enumerate(rows):
        flow.set_node_supply(number, 1)
        for column, cost in row:
            arcs.append(
                (flow.add_arc_with_capacity_and_unit_cost(number, count + column, 1, round(1000 * cost)), column)
            )
        flow.add_arc_with_capacity_and_unit_cost(number, sink, 1, round(1000 * hold[number]))
    for column in range(columns):
        flow.add_arc_with_capacity_and_unit_cost(count + column, sink, 1, 0)
    flow.set_node_supply(sink, -count)
    flow.solve()
    chosen = [HOLD] * count
    for arc, column in arcs:
        if flow.flow(arc):
            chosen[flow.tail(arc)] = column
    return chosen


SOLVERS: tuple[tuple[str, str, Callable[[Rows, list[float], int], list[int]], tuple[str, ...]], ...] = (
    ("own code", "chalicelib.dispatch.planner.assignment", assign, ()),
    ("lap", "lap", by_lap, ("lap", "numpy")),
    ("scipy", "scipy.optimize", by_scipy, ("scipy", "numpy")),
    ("OR-Tools", "ortools.graph.python.min_cost_flow", by_ortools, ("ortools", "numpy", "pandas", "google", "absl")),
    ("HiGHS", "highspy", by_highs, ("highspy", "numpy")),
)


def megabytes(packages: tuple[str, ...]) -> float:
    """What the packages take on disk, their bundled libraries included."""
    size = 0
    for name in packages:
        spec = find_spec(name)
        for where in (spec.submodule_search_locations or ()) if spec else ():
            for folder in (Path(where), Path(where).parent / f"{name}.libs"):
                size += sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    return size / 1e6


def import_ms(module: str) -> float:
    """The least of five imports in processes of their own, above that of starting Python."""
    script = f"import time; began = time.process_time(); import {module}; print(time.process_time() - began)"
    runs = [float(subprocess.check_output([sys.executable, "-c", script], text=True)) for _ in range(5)]
    return 1_000 * min(runs)


def measured(name: str, deliveries: int, riders: int, moments: int) -> tuple[list[float], list[float]]:
    """Sorted CPU milliseconds, and the cost of each moment's assignment."""
    solve = next(each for other, _, each, _ in SOLVERS if other == name)
    questions = [rows_of(seed, deliveries, riders) for seed in range(moments)]
    solve(*questions[0], riders)
    spent, costs = [], []
    for rows, hold in questions:
        began = time.process_time()
        chosen = solve(rows, hold, riders)
        spent.append(1_000 * (time.process_time() - began))
        costs.append(total(rows, hold, chosen))
    return sorted(spent), costs


def main(moments: int = 20) -> None:
    """Measure and tell. Each solver has a process of its own: OR-Tools and highspy don't load into one."""
    table = Table("solver", "size", "median ms", "above the best", "MB", "import ms")
    present = [each for each in SOLVERS if find_spec(each[1].split(".")[0]) is not None]
    for deliveries, riders in SIZES:
        found = {}
        for name, *_ in present:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found[name] = pool.submit(measured, name, deliveries, riders, moments).result()
        best = [min(costs[n] for _, costs in found.values()) for n in range(moments)]
        for name, module, _, packages in present:
            spent, costs = found[name]
            above = sum(cost - least for cost, least in zip(costs, best, strict=True)) / sum(best)
            table.add_row(
                name,
                f"{deliveries} x {riders}",
                f"{spent[len(spent) // 2]:.1f}",
                f"{100 * above:.3f}%",
                f"{megabytes(packages):.1f}",
                f"{import_ms(module):.0f}",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
