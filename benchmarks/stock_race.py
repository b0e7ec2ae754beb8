"""A race for the last pieces over several API processes: `python -m benchmarks.stock_race`.

Fifty customers order the same SKU of which ten are left, at the same moment; then one customer's app sends the same
order twenty times at once. Exit code 1 where more was sold than there was, or a repeat made a second order.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.seeding import open_shop, shopper
from infra.local.stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.seeding import Shop
    from benchmarks.wire import Answer, Json

UNITS, CUSTOMERS, REPEATS, API_PROCESSES = 10, 50, 20, 2
OTHERS = "Vendure sold 50 of 10 in that race; Medusa holds only within one process."


@dataclass(frozen=True)
class Race:
    """How a race ended.

    `answers` counts (status, code), `repeats` those that were another's answer; `payments` are the store's intents at
    the provider, `left` what each SKU has left.
    """

    answers: Counter[tuple[int, str]]
    repeats: int
    orders: int
    payments: int
    left: int
    seconds: float


def for_the_last(stack: LocalStack, *, units: int = UNITS, customers: int = CUSTOMERS) -> Race:
    """As many customers as that, each with a quote for one piece, order at once."""
    place = open_shop(stack, units)
    crowd = [shopper(stack, place.store_id, number) for number in range(customers)]
    with ThreadPoolExecutor(8) as pool:
        quotes = list(pool.map(lambda each: each.quote()["id"], crowd))
    orders = [lambda each=each, quote=quote: each.place(quote) for each, quote in zip(crowd, quotes, strict=True)]
    return _run(stack, place, orders)


def with_one_key(stack: LocalStack, *, repeats: int = REPEATS, key: str = "the-same-key") -> Race:
    """One customer's app sends the same order as often as that at once, over all API processes."""
    place = open_shop(stack, UNITS)
    phones = [shopper(stack, place.store_id, 0, api=number) for number in range(repeats)]
    quote = phones[0].quote()["id"]
    return _run(stack, place, [lambda phone=phone: phone.place(quote, key) for phone in phones])  # type: ignore[misc]


def _run(stack: LocalStack, place: Shop, orders: Sequence[Callable[[], Answer]]) -> Race:
    at_once = threading.Barrier(len(orders))

    def start(order: Callable[[], Answer]) -> Answer:
        at_once.wait()
        return order()

    began = time.perf_counter()
    with ThreadPoolExecutor(len(orders)) as pool:
        answers = list(pool.map(start, orders))
    seconds = time.perf_counter() - began
    left = set(place.left().values())  # every basket takes one of each SKU
    return Race(
        answers=Counter((answer.status, "" if answer.status < 400 else answer.body["code"]) for answer in answers),
        repeats=sum(answer.replayed for answer in answers),
        orders=len({answer.body["id"] for answer in answers if answer.status < 400}),
        payments=sum(intent["metadata"].get("store_id") == place.store_id for intent in _intents(stack)),
        left=left.pop() if len(left) == 1 else -1,
        seconds=seconds,
    )


def _intents(stack: LocalStack) -> list[Json]:
    address = f"{stack.stripe_url}/sandbox/summary"
    with urllib.request.urlopen(address, timeout=30) as response:  # noqa: S310 (an address of this stack)  # nosec B310
        intents: list[Json] = json.load(response)["intents"]
    return intents


def faults(last: Race, repeated: Race) -> list[str]:
    """What must not have happened."""
    found = []
    if last.answers != {(201, ""): UNITS, (409, "out_of_stock"): CUSTOMERS - UNITS}:
        found.append(f"{CUSTOMERS} orders for {UNITS} pieces were answered {dict(last.answers)}")
    if (last.orders, last.payments, last.left) != (UNITS, UNITS, 0):
        found.append(
            f"{last.orders} orders and {last.payments} payments for {UNITS} pieces, of which {last.left} are left"
        )
    if set(repeated.answers) - {(201, ""), (409, "request_in_flight")}:
        found.append(f"the same order sent {REPEATS} times was answered {dict(repeated.answers)}")
    if repeated.answers[201, ""] - repeated.repeats != 1:
        found.append(f"{repeated.answers[201, '']} answers, of which {repeated.repeats} are marked as repeats")
    if (repeated.orders, repeated.payments, repeated.left) != (1, 1, UNITS - 1):
        found.append(f"the same order sent {REPEATS} times made {repeated.orders} orders, {repeated.payments} payments")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.stock_race", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--api-processes", type=int, default=API_PROCESSES)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="doorstep-race-") as directory,
        LocalStack(Path(directory), api_processes=asked.api_processes) as stack,
    ):
        last, repeated = for_the_last(stack), with_one_key(stack)
    table = Table(title=f"Races over {asked.api_processes} API processes", caption=OTHERS)
    table.add_column("race", no_wrap=True)
    for column in ("answers", "orders", "payments", "left", "seconds"):
        table.add_column(column, justify="right")
    for name, race in ((f"{CUSTOMERS} orders for {UNITS} pieces", last), (f"one order {REPEATS} times", repeated)):
        answers = ", ".join(
            f"{count} × {status} {code}".strip() for (status, code), count in sorted(race.answers.items())
        )
        table.add_row(name, answers, str(race.orders), str(race.payments), str(race.left), f"{race.seconds:.2f}")
    console = Console(width=max(110, Console().width))
    console.print(table)
    found = faults(last, repeated)
    for line in found:
        console.print(f"[red]{line}")
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
