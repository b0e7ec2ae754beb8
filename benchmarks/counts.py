"""What every use case costs: `python -m benchmarks.counts [--check | --update]`.

Counts DynamoDB requests, read units, write units (indexes included) and requests to Stripe of every route and reaction,
and the invocations and units of one order's whole journey. `counts.json` keeps what each may cost: `--check` ends with
exit code 1 when one costs more, `--update` writes the file anew.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import journey, use_cases
from benchmarks.machine import Machine
from benchmarks.use_cases.place import Place

if TYPE_CHECKING:
    from benchmarks.journey import Journey
    from benchmarks.machine import Cost

LIMITS = Path(__file__).with_name("counts.json")
COLUMNS = ("DynamoDB", "RU", "WU", "Stripe")
FIGURES = ("requests", "read_units", "write_units", "stripe")

# What must hold whatever the file says.
PLACE_ORDER_REQUESTS, PLACE_ORDER_STRIPE = 3, 1
POLL = (1, 1.0)
# Where the rider is: the order says who it is, and only then is there a position to read. Asked on the last way only.
POLL_OF = {"rider's place, 304": (2, 1.5)}
JOURNEY_INVOCATIONS, JOURNEY_WRITE_UNITS = 20, 60.0
SEARCHES = ("search among 10 stores", "search among 500 stores")

Figures = dict[str, dict[str, float]]


@dataclass
class Counts:
    """What was counted."""

    use_cases: Figures
    journey: Journey
    routes: set[tuple[str, str]] = field(default_factory=set)
    warning: str = ""

    @property
    def has_units(self) -> bool:
        """Whether the database counts units as DynamoDB does; moto does not."""
        return not self.warning

    def as_json(self) -> dict[str, Any]:
        """What the file keeps."""
        return {"use_cases": self.use_cases, "journey": journey_figures(self.journey)}


def count() -> Counts:
    """Play everything once."""
    scenes = use_cases.SCENES
    with (
        tempfile.TemporaryDirectory(prefix="doorstep-counts-") as directory,
        Progress(console=Console(stderr=True), transient=True) as progress,
        Machine(Path(directory)) as machine,
    ):
        task = progress.add_task("counting", total=len(scenes) + 1)
        place = Place.of(machine)
        told: Journey | None = None
        for scene in scenes:
            progress.update(task, advance=1, description=scene.__name__.replace("_", " "))
            scene(place)
            if scene is use_cases.riders:
                told = journey.of(place)
        if told is None:
            raise LookupError("no riders, no journey")
        costs = {name: figures(cost) for name, cost in place.count.costs.items()}
        return Counts(costs, told, place.count.routes, machine.warning)


def figures(cost: Cost) -> dict[str, float]:
    """A cost as the file keeps it."""
    usage = cost.usage
    return {
        "requests": usage.requests,
        "read_units": usage.read_units,
        "write_units": usage.write_units,
        "stripe": cost.stripe,
    }


def journey_figures(told: Journey) -> Figures:
    """The journey's sums as the file keeps them."""
    return {
        name: {"invocations": cost.invocations, **figures(cost)}
        for name, cost in (("to delivery", told.to_delivery), ("to capture", told.to_capture))
    }


def written(told: dict[str, Figures]) -> str:
    """The file's text: a line for each use case, so that a diff names what changed."""
    parts = []
    for part, costs in told.items():
        lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(cost)}" for name, cost in costs.items())
        parts.append(f"  {json.dumps(part)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


# --- checks -----------------------------------------------------------------------------------------------------------


def grown(counted: Figures, limits: Figures, *, units: bool = True) -> list[str]:
    """What costs more than its limit, or has none. Without `units` only requests are compared."""
    found = []
    for name, cost in counted.items():
        if name not in limits:
            found.append(f"{name} has no limit yet: --update")
            continue
        for figure, value in cost.items():
            may = limits[name].get(figure, 0)
            if value > may and (units or not figure.endswith("_units")):
                found.append(f"{name}: {figure.replace('_', ' ')} grew from {may:g} to {value:g}")
    return found


def shrunk(counted: Figures, limits: Figures) -> list[str]:
    """What costs less than its limit, or has one and is not counted any more: the file is out of date."""
    found = [f"{name} is not counted any more" for name in limits if name not in counted]
    for name, cost in counted.items():
        found += [
            f"{name}: {figure.replace('_', ' ')} shrank from {limits[name][figure]:g} to {value:g}"
            for figure, value in cost.items()
            if value < limits.get(name, {}).get(figure, 0)
        ]
    return found


def broken(counted: Counts) -> list[str]:
    """What must hold and does not."""
    found = []
    place_order = counted.use_cases["place order"]
    if place_order["requests"] > PLACE_ORDER_REQUESTS or place_order["stripe"] > PLACE_ORDER_STRIPE:
        found.append(
            f"placing an order makes {place_order['requests']:g} requests, {place_order['stripe']:g} to Stripe"
        )
    found += [
        f"{name} makes {cost['requests']:g} requests and reads {cost['read_units']:g} units"
        for name, cost in counted.use_cases.items()
        if name.endswith("304") and _costs_more(cost, *POLL_OF.get(name, POLL), units=counted.has_units)
    ]
    few, many = (counted.use_cases[name]["requests"] for name in SEARCHES)
    if few != many:
        found.append(f"a search makes {few:g} requests among few stores and {many:g} among many")
    cost = counted.journey.to_delivery
    too_many_units = counted.has_units and cost.usage.write_units > JOURNEY_WRITE_UNITS
    if cost.invocations > JOURNEY_INVOCATIONS or too_many_units:
        found.append(f"an order causes {cost.invocations} invocations and {cost.usage.write_units:g} write units")
    return found + uncounted(counted.routes)


def _costs_more(cost: dict[str, float], requests: float, read_units: float, *, units: bool) -> bool:
    return cost["requests"] > requests or (units and cost["read_units"] > read_units)


def uncounted(routes: set[tuple[str, str]]) -> list[str]:
    """Routes of the API that no use case here calls; those that serve the documentation read nothing."""
    from chalicelib.edge.route import ROUTES

    declared = {(route.method, route.path) for route in ROUTES if route.tag != "documentation"}
    return [f"{method} {path} is not counted" for method, path in sorted(declared - routes)]


# --- tables -----------------------------------------------------------------------------------------------------------


def tables(counted: Counts) -> list[Table]:
    """What was counted, to be printed."""
    return [_use_cases(counted.use_cases), _journey(counted.journey), _by_table(counted.journey)]


def _use_cases(costs: Figures) -> Table:
    table = Table(title="Use cases in their synchronous path: requests to DynamoDB, its units, requests to Stripe")
    table.add_column("use case", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for name, cost in costs.items():
        table.add_row(name, *(_number(cost[figure]) for figure in FIGURES))
    return table


def _journey(told: Journey) -> Table:
    table = Table(title="One delivery by card with three counted lines, each Lambda invocation")
    table.add_column("invocation", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    sums = (("to the door", told.to_delivery), ("to the money", told.to_capture))
    begin = 0
    for (what, total), end in zip(sums, (told.delivered, len(told.steps)), strict=True):
        for name, cost in told.steps[begin:end]:
            table.add_row(name, *(_number(value) for value in figures(cost).values()))
        begin = end
        label = f"{what}: {total.invocations} invocations"
        table.add_section()
        table.add_row(label, *(_number(value) for value in figures(total).values()), style="bold")
        table.add_section()
    return table


def _by_table(told: Journey) -> Table:
    table = Table(title="Its write units by table, indexes included")
    table.add_column("table", no_wrap=True)
    table.add_column("WU", justify="right")
    for name, usage in told.tables.items():
        table.add_row(name.rpartition("-")[2], _number(usage.write_units))
    return table


def _number(value: float) -> str:
    return f"{value:g}" if value else "·"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.counts", description=__doc__.splitlines()[0] if __doc__ else None)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--check", action="store_true", help="fail where a figure grew or a limit is broken")
    either.add_argument("--update", action="store_true", help=f"write {LIMITS.name}")
    asked = parser.parse_args()
    counted = count()
    console = Console(width=max(100, Console().width))
    for table in tables(counted):
        console.print(table)
    told = counted.as_json()
    if asked.update:
        LIMITS.write_text(written(told))
    limits = json.loads(LIMITS.read_text()) if LIMITS.exists() else {"use_cases": {}, "journey": {}}
    if counted.warning:
        console.print(f"[yellow]{counted.warning}\nUnits are not compared: moto does not count them.")
    for name in ("use_cases", "journey"):
        for line in shrunk(told[name], limits[name]) if counted.has_units else ():
            console.print(f"[green]{line}: --update keeps it so")
    faults = broken(counted)
    for name in ("use_cases", "journey"):
        faults += grown(told[name], limits[name], units=counted.has_units)
    for line in faults:
        console.print(f"[red]{line}")
    if faults and asked.check:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
