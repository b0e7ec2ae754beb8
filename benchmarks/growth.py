"""What use cases cost as the data grows: `python -m benchmarks.growth [--check] [--orders …] [--stores …] [--items …]`.

In one process on the durable local DynamoDB. First everything is small, a page of orders; then a store's and a
customer's history grows, then the store's menu, then the number of stores around. At every size the same use cases are
played, and what each asks of DynamoDB is compared with the first time. The whole history belongs to one store and one
customer: the worst case.
Orders are copies of one that was delivered and paid, stores are rows of the models; both are written in batches.
`--check` fails where a use case that should not grow does; without sizes of your own it takes small ones. `--json PATH`
keeps what was counted so far after every size: the large ones take long to load.
"""

from __future__ import annotations

import argparse
import json
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
from benchmarks.use_cases.place import DRAFT, STORE_ORDER, Counter, Place, key, match
from benchmarks.use_cases.riders import delivery
from benchmarks.use_cases.setting_up import merchants, stock
from chalicelib.kernel import clock, ids
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.machine import Cost
    from chalicelib.kernel import tables

Json = dict[str, Any]
Costs = dict[str, "Cost"]

FULL = {"orders": [40, 1_000, 100_000], "items": [100, 2_000], "stores": [10, 1_000, 10_000]}
SMALL = {"orders": [40, 400], "items": [100, 2_000], "stores": [10, 150]}
TOLERANCE = 1.0
BATCH = 25
WRITERS = 4
SIDE_KM = 30.0  # stores are spread over a city of this many kilometres square
NEARBY = 10
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
        # As many as deliver there when the stores are fewest: the page is as full at every size.
        query = {"lat": shop.STORE.lat, "lng": shop.STORE.lng, "mode": "delivery", "limit": NEARBY}
        place.count(SEARCH, "GET", "/v1/stores", query=query)
        self._read_books()
        return place.count.costs

    def _read_books(self) -> None:
        """What tells of the whole past, a page of each; and a refund, which has the oldest and newest of one order."""
        place = self.place
        owner, store_id = place.owner, place.store_id
        order_id = place.place("pickup")["id"]
        place.serve(order_id, "accept", "start", "ready")
        code = place.machine.call("GET", f"/v1/orders/{order_id}", place.customer).body["pickup_code"]
        handed = {"pickup_code": code}
        path = f"{STORE_ORDER}/hand_over".format(store_id=store_id, order_id=order_id)
        place.machine.call("POST", path, owner, handed, headers=match(place.version(order_id)))
        place.machine.drain()
        asked = {"reason": "quality", "amount": {"amount": 100, "currency": "EUR"}}
        where = {"store_id": store_id, "order_id": order_id}
        place.count("refund", "POST", f"{STORE_ORDER}/refunds", owner, asked, headers=key(), **where)
        place.machine.drain()
        place.count("money of an order", "GET", "/v1/orders/{order_id}/money", place.customer, order_id=order_id)
        merchant_id = place.machine.call("GET", f"/v1/stores/{store_id}", owner).body["merchant_id"]
        papers = "/v1/merchants/{merchant_id}/invoices"
        place.count("invoices of a merchant", "GET", papers, owner, merchant_id=merchant_id)
        ten, theirs = {"limit": 10}, "/v1/merchants/{merchant_id}/stores"  # full with the fewest stores, too
        place.count("stores of a merchant", "GET", theirs, owner, query=ten, merchant_id=self.city())
        place.count("workplaces", "GET", "/v1/me/stores", owner, query=ten)
        place.count("balances", "GET", "/v1/settlement", place.admin)
        with place.machine.measured() as cost:
            for _ in place.machine.run_timers():
                pass
        place.count.costs["timers of all that"] = cost[0]

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
        self._put(requests)
        return orders

    def _put(self, items: Sequence[tuple[str, Json]]) -> None:
        for begin in range(0, len(items), BATCH):
            batch: dict[str, list[Json]] = {}
            for table, item in items[begin : begin + BATCH]:
                batch.setdefault(table, []).append({"PutRequest": {"Item": item}})
            while batch:
                batch = self._call("BatchWriteItem", RequestItems=batch).get("UnprocessedItems") or {}

    # --- menu and stores ------------------------------------------------------------------------------------

    def publish(self, products: int) -> None:
        """A menu of so many products."""
        place = self.place
        path = DRAFT.format(store_id=place.store_id)
        draft = place.machine.call("GET", path, place.owner)
        menu = shop.menu(products - 3)
        saved = place.machine.call("PUT", path, place.owner, menu, headers=match(draft.etag))
        place.machine.call("POST", f"{path}/publish", place.owner, {}, headers=match(saved.etag))

    def city(self) -> str:
        """The merchant of all other stores."""
        from chalicelib.stores import service

        if not self.merchant:
            self.merchant = service.create_merchant("City", self.place.owner.sub).id
        return self.merchant

    def open_stores(self, stores: int, told: Callable[[int], None]) -> None:
        """So many stores, evenly over the city."""
        self.city()
        with ThreadPoolExecutor(WRITERS) as pool:
            for written in pool.map(self._open, _runs(self.stores + 1, stores + 1, 20)):
                told(written)
        self.stores = stores

    def _open(self, numbers: Sequence[int]) -> int:
        """Everything that opening these stores leaves behind, in batches."""
        rows: list[tables.Row] = []
        for number in numbers:
            rows += self._rows_of_store(number)
        self._put([(row.Meta.table_name, row.to_dynamodb_dict()) for row in rows])
        return len(numbers)

    def _rows_of_store(self, number: int) -> list[tables.Row]:
        import msgspec

        from chalicelib.stores import model
        from chalicelib.stores import tables as rows

        # Two irrational steps spread any number of points evenly.
        lat, lng = (number * 0.7548776662466927) % 1 - 0.5, (number * 0.5698402909980532) % 1 - 0.5
        # The first are around the corner from where is searched.
        degrees = (SIDE_KM if number > NEARBY else 1.0) / 111.195
        at = Point(
            round(shop.STORE.lat + lat * degrees, 6),
            round(shop.STORE.lng + lng * degrees / math.cos(math.radians(shop.STORE.lat)), 6),
        )
        now, owner = clock.now(), self.place.owner.sub
        settings = shop.store(f"Store {number}", at, modes={"delivery": {"lead_minutes": 15}})
        identity = {"id": ids.new_id("sto"), "merchant_id": self.merchant, "created_at": now, "updated_at": now}
        store = msgspec.convert({**settings, **identity}, model.Store)
        lines = {rows.line_key(store.id, entry) for entry in model.cell_entries(store)}
        member = model.StaffMember(user_id=owner, role="owner", added_by=owner, added_at=now)
        return [
            rows.store_row(store),
            rows.MerchantStoreRow(pk=rows.merchant_pk(self.merchant), sk=rows.store_pk(store.id)),
            rows.staff_row(store.id, member),
            rows.RosterRow(pk=rows.store_pk(store.id), sk=rows.ROSTER_SK, members=1, owners=1),
            rows.WorkplaceRow(pk=rows.user_pk(owner), sk=rows.store_pk(store.id), role="owner"),
            rows.cells_row(store.id, lines),
            *(rows.CellRow(pk=pk, sk=sk) for pk, sk in lines),
        ]


def _ride_in(place: Place) -> None:
    from benchmarks.use_cases.place import here

    for rider in place.riders:
        place.machine.call("PUT", "/v1/rider/position", rider, here())


def _chunks(whole: int, size: int) -> Iterable[int]:
    return [min(size, whole - begin) for begin in range(0, whole, size)]


def _runs(begin: int, end: int, size: int) -> Iterable[range]:
    return [range(start, min(end, start + size)) for start in range(begin, end, size)]


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


def as_json(measured: list[Measured]) -> str:
    """What was counted: use case, then size, then requests, read units and write units."""
    told = {
        name: {f"{each.size} {each.what}": figures(each.costs[name]) for each in measured}
        for name in (measured[0].costs if measured else ())
    }
    return json.dumps(told, indent=1) + "\n"


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


def play(sizes: dict[str, list[int]], console: Console, keep: Callable[[list[Measured]], None]) -> list[Measured]:
    """Grow and measure; `keep` gets what was measured so far after every size."""
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

            def measured(what: str, size: int) -> None:
                found.append(Measured(what, size, world.measure()))
                keep(found)

            for orders in sizes["orders"]:
                world.grow_history(orders, bar(f"{orders:,} orders", orders - world.history))
                measured("orders", orders)
            for items in sizes["items"][1:]:
                world.publish(items)
                measured("menu items", items)
            for stores in sizes["stores"][1:]:
                world.open_stores(stores, bar(f"{stores:,} stores", stores - world.stores))
                measured("stores", stores)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="small sizes; fail where something grows")
    for name, usual in FULL.items():
        parser.add_argument(f"--{name}", type=int, nargs="+", help=f"{usual}, with --check {SMALL[name]}")
    parser.add_argument("--json", type=Path, help="where to keep the figures, also of a run that is not over")
    asked = parser.parse_args()
    given = {name: getattr(asked, name) for name in FULL}
    sizes = {name: sorted(given[name] or (SMALL if asked.check else FULL)[name]) for name in FULL}
    console = Console(width=max(160, Console().width))

    def keep(found: list[Measured]) -> None:
        if asked.json:
            asked.json.write_text(as_json(found))

    measured = play(sizes, console, keep)
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
