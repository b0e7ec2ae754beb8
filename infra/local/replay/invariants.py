"""What must hold for an order when nothing is under way any more, whatever happened to it on the way.

Each function tells its breaches, a line each that says what does not add up; none is as it must be. The replay of a
day, the fault tests and the soak judge by these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from infra.local.stack import Depth

Json = dict[str, Any]

COMPLETED = "completed"
ENDED = frozenset((COMPLETED, "cancelled", "rejected"))

INVARIANTS = ("ended", "paid once", "no step twice", "stock adds up", "hands and board empty", "nothing left behind")


def ended(name: str, status: str) -> Iterator[str]:
    """It is at the door or undone."""
    if status not in ENDED:
        yield f"{name} has not ended: {status}"


def paid_once(name: str, status: str, total: int, ours: Json, theirs: Sequence[Json]) -> Iterator[str]:
    """Captured or let go exactly once, to the minor unit, by our payment (as the API tells it) and the provider's."""
    told = tuple(sum(each[what] for each in theirs) for what in ("captures", "captured", "refunded", "capturable"))
    kept = ours["captured"]["amount"] - ours["refunded"]["amount"]
    if status == COMPLETED:
        if theirs and told != (1, total, 0, 0):
            yield f"{name} is not captured exactly once: captures, captured, refunded, held are {told}, not {total}"
        if (ours["state"], kept) != ("captured", total):
            yield f"{name} costs {total}; our payment is {ours['state']} and keeps {kept}"
        return
    if told != (0, 0, 0, 0) or any(each["status"] != "canceled" for each in theirs):
        yield f"{name} is not let go: captures, captured, refunded, held are {told}"
    if (ours["state"], kept) != ("voided", 0):
        yield f"{name} is {status}; our payment is {ours['state']} and keeps {kept}"


def no_step_twice(name: str, steps: Iterable[Hashable]) -> Iterator[str]:
    """No step was taken twice for the same cause."""
    taken = list(steps)
    if len(taken) != len(set(taken)):
        yield f"{name} took a step twice: {taken}"


def stock_adds_up(name: str, left: Mapping[str, int | None], expected: Mapping[str, int]) -> Iterator[str]:
    """On the shelf is what was not sold."""
    for sku, count in expected.items():
        if left.get(sku) != count:
            yield f"{name}: stock of {sku} is {left.get(sku)}, {count} expected"


def hands_and_board_empty(name: str, feeds: Iterable[Json], cards: Sequence[Json]) -> Iterator[str]:
    """No rider has an offer or a delivery of it any more, and the store's board shows nothing."""
    if cards:
        yield f"{name} is on the board"
    if any(feed["offers"] or feed["deliveries"] for feed in feeds):
        yield f"{name} is in a rider's hands"


def nothing_left_behind(depths: Mapping[str, Depth], dead_letters: Mapping[str, int]) -> Iterator[str]:
    """Queues and dead letters are empty."""
    for queue, depth in depths.items():
        if depth.ready or depth.in_flight or depth.delayed:
            yield f"queue {queue} is not empty: {depth}"
    for queue, count in dead_letters.items():
        if count:
            yield f"{count} messages were put aside in the dead-letter queue of {queue}"
