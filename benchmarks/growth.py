"""What use cases cost as the data grows: `python -m benchmarks.growth [--check] [--orders …] [--stores …] [--items …]`.

In one process on the durable local DynamoDB. First everything is small, a page of orders; then a store's and a
customer's history grows, then the store's menu, then the number of stores around. At every size the same use cases are
played, and what each asks of DynamoDB is compared with the first time. The whole history belongs to one store and one
customer: the worst case.
Orders are copies of one that was delivered and paid, written in batches; stores are opened by the service itself.
`--check` fails where a use case that should not grow does; without sizes of your own it takes small ones.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import shop
from benchmarks.machine import Machine
from benchmarks.use_cases import riders
from benchmarks.use_cases.ordering import other_ends, quotes
from benchmarks.use_cases.place import DRAFT, Counter, Place, match
from benchmarks.use_cases.riders import delivery
from benchmarks.use_cases.setting_up import merchants, stock
from chalicelib.kernel import ids
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.machine import Cost

Json = dict[str, Any]
Costs = dict[str, "Cost"]

FULL = {"orders": [40, 1_000, 100_000], "items": [100, 2_000], "stores": [10, 1_000, 10_000]}
SMALL = {"orders": [40, 2_000], "items": [100, 2_000], "stores": [10, 150]}
TOLERANCE = 1.0
BATCH = 25
WRITERS = 4
SIDE_KM = 30.0  # stores are spread over a city of this many kilometres square
SEARCH = "search in the city"
# These read or write the menu, or the lines of the stores around, whole: they grow with that, and with nothing else.
MAY_GROW = {"items": ("not in memory",), "stores": (SEARCH,), "orders": ()}
HISTORY = ("ordering", "payments", "dispatch")


@dataclass
class Measured:
    """What was counted at one size."""

    what: str
    size: int
    costs: Costs


@dataclass
class World:
    """The shop and what grows around it."""

    place: Place
    history: int = 0
    stores: int = 0
    merchant: str = ""
    template: list[tuple[str, Json]] = field(default_factory=list)
    ulid: str = ""

    @property
    def emulated(self) -> Any:
        """The stack under the machine."""
        return self.place.machine._emulated  # noqa: SLF001

    def measure(self) -> Costs:
        """Each use case once, with its cost."""
        place = self.place
        place.count = Counter(place.machine)
        for _ in place.machine.run_timers():
            pass
        _ride_in(place)
        quotes(place)
        delivery(place)
        other_ends(place)
        query = {"lat": shop.STORE.lat, "lng": shop.STORE.lng, "mode": "delivery"}
        place.count(SEARCH, "GET", "/v1/stores", query=query)
        return place.count.costs

    # --- orders ---------------------------------------------------------------------------------------------

    def learn_an_order(self) -> None:
        """Everything that one delivered order left behind."""
        place = self.place
        before = {table: set(self._items(table)) for table in HISTORY}
        place.count = Counter(place.machine)
        _ride_in(place)
        delivery(place)
        for _ in place.machine.run_timers():
            pass
        found = [
            (table, item) for table in HISTORY for key, item in self._items(table).items() if key not in before[table]
        ]
        (document,) = [item for table, item in found if table == "ordering" and item["sk"]["S"].startswith("ORD#")]
        self.ulid = document["sk"]["S"].removeprefix("ORD#")
        self.template = [(table, item) for table, item in found if self.ulid in _keys(item)]

    def _items(self, table: str) -> dict[tuple[str, str], Json]:
        found: dict[tuple[str, str], Json] = {}
        start: Json = {}
        while True:
            page = self._call("Scan", TableName=self.emulated.table_name(table), **start)
            found |= {(each["pk"]["S"], each["sk"]["S"]): each for each in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _call(self, operation: str, **parameters: Any) -> Json:
        from infra.local.wire import DYNAMODB

        answer: Json = self.emulated.dynamodb.call(DYNAMODB, operation, **parameters)
        return answer

    def grow_history(self, orders: int, told: Callable[[int], None]) -> None:
        """As many orders in the store's and the customer's past."""
        missing = orders - self.history
        with ThreadPoolExecutor(WRITERS) as pool:
            for written in pool.map(self._write, _chunks(missing, 50)):
                told(written)
        self.history = orders

    def _write(self, orders: int) -> int:
        requests: list[tuple[str, Json]] = []
        for _ in range(orders):
            fresh = ids.new_id("ord").partition("_")[2]
            requests += [
                (self.emulated.table_name(table), _renamed(item, self.ulid, fresh)) for table, item in self.template
            ]
        for begin in range(0, len(requests), BATCH):
            batch: dict[str, list[Json]] = {}
            for table, item in requests[begin : begin + BATCH]:
                batch.setdefault(table, []).append({"PutRequest": {"Item": item}})
            while batch:
                batch = self._call("BatchWriteItem", RequestItems=batch).get("UnprocessedItems") or {}
        return orders

    # --- menu and stores ------------------------------------------------------------------------------------

    def publish(self, products: int) -> None:
        """A menu of so many products."""
        place = self.place
        path = DRAFT.format(store_id=place.store_id)
        draft = place.machine.call("GET", path, place.owner)
        menu = shop.menu(products - 3)
        saved = place.machine.call("PUT", path, place.owner, menu, headers=match(draft.etag))
        place.machine.call("POST", f"{path}/publish", place.owner, {}, headers=match(saved.etag))

    def open_stores(self, stores: int, told: Callable[[int], None]) -> None:
        """So many stores, evenly over the city."""
        from chalicelib.stores import service

        if not self.merchant:
            self.merchant = service.create_merchant("City", self.place.owner.sub).id
        degrees = SIDE_KM / 111.195

        def open_one(number: int) -> None:
            # Two irrational steps spread any number of points evenly.
            lat, lng = (number * 0.7548776662466927) % 1 - 0.5, (number * 0.5698402909980532) % 1 - 0.5
            at = Point(
                round(shop.STORE.lat + lat * degrees, 6),
                round(shop.STORE.lng + lng * degrees / math.cos(math.radians(shop.STORE.lat)), 6),
            )
            settings = shop.store(f"Store {number}", at, modes={"delivery": {"lead_minutes": 15}})
            service.create_store(self.merchant, self.place.owner.sub, settings)
            told(1)

        for number in range(self.stores + 1, stores + 1):
            open_one(number)
        self.stores = stores


def _ride_in(place: Place) -> None:
    from benchmarks.use_cases.place import here

    for rider in place.riders:
        place.machine.call("PUT", "/v1/rider/position", rider, here())


def _chunks(whole: int, size: int) -> Iterable[int]:
    return [min(size, whole - begin) for begin in range(0, whole, size)]


def _keys(item: Json) -> str:
    return " ".join(value["S"] for value in item.values() if "S" in value)


def _renamed(item: Json, old: str, new: str) -> Json:
    return {name: {"S": value["S"].replace(old, new)} if "S" in value else value for name, value in item.items()}


# --- comparing --------------------------------------------------------------------------------------------------------


def figures(cost: Cost) -> tuple[float, float, float]:
    """Requests, read units, write units."""
    return cost.usage.requests, cost.usage.read_units, cost.usage.write_units


def grown(measured: list[Measured]) -> list[str]:
    """Which use cases cost more than a unit more than when all was small."""
    first, found = measured[0], []
    for later in measured[1:]:
        for name, cost in later.costs.items():
            base = figures(first.costs[name])
            for what, was, now in zip(("requests", "read units", "write units"), base, figures(cost), strict=True):
                excused = any(part in name for axis in MAY_GROW.values() for part in axis)
                if now > was + TOLERANCE and not excused:
                    found.append(f"{name}: {was:g} {what} at first, {now:g} with {later.size:,} {later.what}")
    return found


def table(measured: list[Measured]) -> Table:
    """Requests / read units / write units at each size; what changed is bold."""
    told = Table(title="DynamoDB requests / read units / write units of a use case as the data grows")
    told.add_column("use case", no_wrap=True)
    for each in measured:
        told.add_column(f"{each.size:,}\n{each.what}", justify="right")
    first = measured[0].costs
    for name in first:
        cells = []
        for each in measured:
            now, base = figures(each.costs[name]), figures(first[name])
            text = " / ".join(f"{value:g}" for value in now)
            moved = any(abs(a - b) > TOLERANCE for a, b in zip(now, base, strict=True))
            cells.append(f"[bold yellow]{text}[/]" if moved else text)
        told.add_row(name, *cells)
    return told


def play(sizes: dict[str, list[int]], console: Console) -> list[Measured]:
    """Grow and measure."""
    with tempfile.TemporaryDirectory(prefix="doorstep-growth-") as directory, Machine(Path(directory)) as machine:
        if machine.warning:
            console.print(f"[yellow]{machine.warning}")
        place = Place.of(machine)
        world = World(place)
        merchants(place)
        world.publish(sizes["items"][0])
        stock(place)
        riders(place)
        world.learn_an_order()
        with Progress(console=Console(stderr=True), transient=True) as progress:

            def bar(what: str, total: int) -> Callable[[int], None]:
                task = progress.add_task(what, total=total)
                return lambda more: progress.advance(task, more)

            world.open_stores(sizes["stores"][0], bar("stores", sizes["stores"][0]))
            # A list's first page is full from the beginning: what it costs further on is what is asked here.
            found: list[Measured] = []
            for orders in sizes["orders"]:
                world.grow_history(orders, bar(f"{orders:,} orders", orders - world.history))
                found.append(Measured("orders", orders, world.measure()))
            for items in sizes["items"][1:]:
                world.publish(items)
                found.append(Measured("menu items", items, world.measure()))
            for stores in sizes["stores"][1:]:
                world.open_stores(stores, bar(f"{stores:,} stores", stores - world.stores))
                found.append(Measured("stores", stores, world.measure()))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="small sizes; fail where something grows")
    for name, usual in FULL.items():
        parser.add_argument(f"--{name}", type=int, nargs="+", help=f"{usual}, with --check {SMALL[name]}")
    asked = parser.parse_args()
    given = {name: getattr(asked, name) for name in FULL}
    sizes = {name: sorted(given[name] or (SMALL if asked.check else FULL)[name]) for name in FULL}
    console = Console(width=max(160, Console().width))
    measured = play(sizes, console)
    console.print(table(measured))
    faults = grown(measured)
    for line in faults:
        console.print(f"[red]{line}")
    if not faults:
        console.print("[green]Nothing grew by more than a unit but what reads a menu or a city's stores whole.")
    if faults and asked.check:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
