"""How fast orders are placed and what they cost in CPU: `python -m benchmarks.orders [--orders 200] [--clients 1 8]`.

Starts a local stack of its own and places orders of three counted lines for delivery, paid by card: quote, order,
confirmation at the payment provider's sandbox. The CPU is that of the processes until the orders are on the board, so
reactions are in it; the clients are threads of this process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import cpu, shop
from benchmarks.seeding import open_shop, shopper
from infra.local.stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.wire import Shopper

WARM_UP = 10
AIM_RATE, AIM_API_MS, MOST_REQUESTS = 30.0, 25.0, 3
CALM_SECONDS, CALM_SHARE, PATIENCE_SECONDS = 0.5, 0.06, 60.0
GROUPS = ("api", "pump", "dynamodb", "moto", "stripe")

# (what, requests, orders a second at 8 clients, CPU ms of the server, CPU ms of its database)
OTHERS = (("Vendure 3.7", 7, 7.9, 115, 87), ("Medusa 2.21", 7, 1.1, 918, 197))
SOURCE = "Vendure and Medusa: the same basket, measured on two cores with real Postgres, 8 clients."


@dataclass(frozen=True)
class Run:
    """What placing orders came to. CPU in milliseconds an order, by group of processes."""

    clients: int
    orders: int
    seconds: float
    walls: list[float]
    requests: int
    cpu_ms: dict[str, float]
    client_ms: float

    @property
    def rate(self) -> float:
        """Orders a second, from the first request to the last authorised payment."""
        return self.orders / self.seconds

    @property
    def median_ms(self) -> float:
        """The wall time of an order, basket to authorised payment."""
        return statistics.median(self.walls) * 1000

    @property
    def p95_ms(self) -> float:
        """The wall time that one order in twenty exceeds."""
        return statistics.quantiles(self.walls, n=20)[-1] * 1000

    @property
    def emulators_ms(self) -> float:
        """CPU of what stands for AWS and Stripe."""
        return sum(self.cpu_ms[name] for name in ("dynamodb", "moto", "stripe"))


def cpu_by_group(stack: LocalStack) -> dict[str, float]:
    """CPU seconds so far; the API's processes are one group."""
    spent = cpu.seconds({child.name: child.pid for child in stack.children if child.pid})
    return {group: sum(each for name, each in spent.items() if name.startswith(group)) for group in GROUPS}


def until_calm(stack: LocalStack) -> None:
    """Wait until the processes have nothing to do any more, without giving them something to do by asking."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        before = cpu_by_group(stack)
        time.sleep(CALM_SECONDS)
        after = cpu_by_group(stack)
        if sum(after[name] - before[name] for name in ("api", "pump", "stripe")) < CALM_SHARE * CALM_SECONDS:
            return
    raise TimeoutError(f"the stack is still busy after {PATIENCE_SECONDS} s")


def place_orders(stack: LocalStack, shoppers: list[Shopper], orders: int, placed: Callable[[], None]) -> Run:
    """Each client takes the next order until all are placed."""
    left = iter(range(orders))
    lock = threading.Lock()
    faults: list[Exception] = []

    def work(client: Shopper) -> None:
        while not faults:
            with lock:
                if next(left, None) is None:
                    return
            began = time.perf_counter()
            try:
                client.order()
            except Exception as fault:  # noqa: BLE001 (told to the main thread, which raises it)
                faults.append(fault)
                return
            client.walls.append(time.perf_counter() - began)
            placed()

    for client in shoppers:
        client.walls.clear()
    requests = sum(client.requests for client in shoppers)
    until_calm(stack)
    before, own, began = cpu_by_group(stack), time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=work, args=(client,)) for client in shoppers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, own = time.perf_counter() - began, time.process_time() - own
    if faults:
        raise faults[0]
    until_calm(stack)
    after = cpu_by_group(stack)
    return Run(
        clients=len(shoppers),
        orders=orders,
        seconds=seconds,
        walls=[wall for client in shoppers for wall in client.walls],
        requests=sum(client.requests for client in shoppers) - requests,
        cpu_ms={name: (after[name] - before[name]) * 1000 / orders for name in GROUPS},
        client_ms=own * 1000 / orders,
    )


def measure(orders: int, clients: list[int], api_processes: int) -> list[Run]:
    """Start a stack and place the orders with each number of clients."""
    with (
        tempfile.TemporaryDirectory(prefix="doorstep-orders-") as directory,
        LocalStack(Path(directory), api_processes=api_processes) as stack,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        store_id = open_shop(stack, shop.PLENTY).store_id
        crowd = [shopper(stack, store_id, number) for number in range(max(clients))]
        place_orders(stack, crowd, WARM_UP, lambda: None)
        runs = []
        for number in clients:
            task = progress.add_task(f"{number} clients", total=orders)
            runs.append(place_orders(stack, crowd[:number], orders, lambda task=task: progress.advance(task)))  # type: ignore[misc]
        return runs


def table(runs: list[Run], api_processes: int) -> Table:
    """The figures, beside others'."""
    processes = f"{api_processes} API process{'es' if api_processes > 1 else ''}"
    told = Table(title=f"{runs[0].orders} orders of three lines, {processes}, {os.cpu_count()} cores", caption=SOURCE)
    told.add_column("clients", no_wrap=True)
    for column in ("requests", "orders/s", "median ms", "p95 ms"):
        told.add_column(column, justify="right")
    for column in ("API", "pump", "dynamodb", "moto", "stripe", "clients"):
        told.add_column(f"{column}\nCPU ms", justify="right")
    for run in runs:
        told.add_row(
            f"Doorstep, {run.clients}",
            f"{run.requests / run.orders:g}",
            f"{run.rate:.1f}",
            f"{run.median_ms:.0f}",
            f"{run.p95_ms:.0f}",
            *(f"{run.cpu_ms[name]:.1f}" for name in GROUPS),
            f"{run.client_ms:.1f}",
        )
    told.add_section()
    for what, requests, rate, server_ms, database_ms in OTHERS:
        told.add_row(f"{what}, 8", str(requests), str(rate), "", "", str(server_ms), "", str(database_ms), "", "", "")
    return told


def missed(runs: list[Run]) -> list[str]:
    """Which aims were not reached."""
    found = []
    for run in runs:
        if run.requests > MOST_REQUESTS * run.orders:
            found.append(f"{run.requests / run.orders:g} requests an order are more than {MOST_REQUESTS}")
        if run.cpu_ms["api"] > AIM_API_MS:
            found.append(f"{run.clients} clients: {run.cpu_ms['api']:.1f} ms of API CPU are more than {AIM_API_MS:g}")
        if run.clients >= 8 and run.rate < AIM_RATE:
            found.append(f"{run.clients} clients: {run.rate:.1f} orders/s are fewer than {AIM_RATE:g}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.orders", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--api-processes", type=int, default=1)
    asked = parser.parse_args()
    runs = measure(asked.orders, asked.clients, asked.api_processes)
    console = Console(width=max(120, Console().width))
    console.print(table(runs, asked.api_processes))
    for line in missed(runs):
        console.print(f"[yellow]Aim missed: {line}")


if __name__ == "__main__":
    main()
