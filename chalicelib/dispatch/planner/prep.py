"""When an order will be ready: a quantile of what the store needed before, at such hours and under such load.

What the store's own history cannot tell yet is taken from all stores, and before anything happened from a prior. A
mark by the kitchen ends the guessing; an order that is not ready at the time that was expected is guessed anew from
those that took longer. Pure: what was learned is a struct that can be kept anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOUR = 3_600.0
_DAY = 24 * _HOUR


class Preparation(msgspec.Struct, frozen=True, array_like=True):
    """What happened once: how long it took (seconds), when it was ordered, and how much the store had on hand then."""

    took: float
    placed_at: float
    load: int = 0


class PrepPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How preparation times are guessed. Spans are seconds, weights are numbers of observations."""

    # The part of the orders that is ready by the time that is told. Low: riders wait for orders, high: orders wait.
    # While there are few orders for each rider who is free soon (`calm`), riders can wait; with many (`busy`),
    # they can't; in between it moves from the one to the other.
    quantile_calm: float = 0.06
    quantile_busy: float = 0.35
    calm: float = 0.5
    busy: float = 1.5
    # For the time at which a rider who is at a counter will be free: the middle.
    quantile_of_waiting: float = 0.5
    # So many of the latest orders of a store are remembered, and of all stores together.
    remembered: int = 40
    remembered_of_all: int = 160
    # What all stores tell weighs as much as so many orders of this store.
    weight_of_all: float = 1.0
    # An order that was placed this long away in the time of day counts half; one that met this many orders more or
    # fewer counts half.
    hours_apart: float = 6 * _HOUR
    load_apart: float = 4.0
    # Before anything happened.
    prior: tuple[float, ...] = (480.0, 720.0, 1_080.0, 1_560.0, 2_160.0)
    # An order that takes longer than all that is remembered is expected after this much more, at any time.
    overtime: float = 120.0


class PrepTimes(msgspec.Struct):
    """What is remembered of one store, or of all together; the oldest first."""

    seen: list[Preparation] = []

    def learn(self, happened: Preparation, remembered: int) -> None:
        """Remember one more, forget the oldest beyond so many."""
        self.seen.append(happened)
        del self.seen[: max(0, len(self.seen) - remembered)]


def quantile_at(orders: int, riders: int, policy: PrepPolicy) -> float:
    """The quantile to expect orders by, when so many wait for so many riders who are free now or soon."""
    pressure = orders / max(1, riders)
    share = (pressure - policy.calm) / (policy.busy - policy.calm)
    return policy.quantile_calm + (policy.quantile_busy - policy.quantile_calm) * min(1.0, max(0.0, share))


def expected_ready_at(  # noqa: PLR0917
    now: float,
    placed_at: float,
    load: int,
    store: PrepTimes,
    everywhere: PrepTimes,
    policy: PrepPolicy,
    quantile: float,
    marked_at: float | None = None,
) -> float:
    """When the order is expected to be ready: at its mark, or at the quantile of those that took longer than it has."""
    if marked_at is not None:
        return marked_at
    elapsed = now - placed_at
    own = [(each.took, _alike(each, placed_at, load, policy)) for each in store.seen if each.took > elapsed]
    pool = [each.took for each in everywhere.seen] or list(policy.prior)
    others = [took for took in pool if took > elapsed]
    share = policy.weight_of_all / len(pool)
    took = _quantile([*own, *((each, share) for each in others)], quantile)
    return placed_at + took if took is not None else now + policy.overtime


def _alike(happened: Preparation, placed_at: float, load: int, policy: PrepPolicy) -> float:
    """How much an observation tells about an order placed then, under such load: from 1 down to 0."""
    apart = abs(happened.placed_at - placed_at) % _DAY
    apart = min(apart, _DAY - apart)
    return 1.0 / (1.0 + apart / policy.hours_apart) / (1.0 + abs(happened.load - load) / policy.load_apart)


def _quantile(weighted: Iterable[tuple[float, float]], quantile: float) -> float | None:
    rows = sorted(weighted)
    goal = quantile * sum(weight for _, weight in rows)
    passed = 0.0
    for value, weight in rows:
        passed += weight
        if passed >= goal:
            return value
    return rows[-1][0] if rows else None
