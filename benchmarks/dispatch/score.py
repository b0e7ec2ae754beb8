"""Check and score: everything is computed again from assignments.txt and the raw instance alone.

Nothing of the player or the planner is imported, so that a fault there cannot hide here.
"""

from __future__ import annotations

from math import ceil, hypot
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_EPSILON = 1e-6


class RuleBroken(Exception):
    """An assignment that the rules of the instances do not allow."""


class Score(msgspec.Struct, frozen=True):
    """Sums of one or more instances: minutes, dollars and orders; the means are made from them."""

    instances: int = 0
    orders: int = 0
    delivered: int = 0
    click_to_door: float = 0.0
    ready_to_pickup: float = 0.0
    bound: float = 0.0
    pay: float = 0.0
    over_maximum: int = 0
    bundled: int = 0
    ctd_means: float = 0.0

    @property
    def undelivered(self) -> float:
        """Per cent of the orders."""
        return 100.0 * (self.orders - self.delivered) / self.orders if self.orders else 0.0

    @property
    def ctd(self) -> float:
        """Mean click-to-door minutes of the delivered."""
        return self.click_to_door / self.delivered if self.delivered else 0.0

    @property
    def rtp(self) -> float:
        """Mean ready-to-pickup minutes of the delivered."""
        return self.ready_to_pickup / self.delivered if self.delivered else 0.0

    @property
    def above_bound(self) -> float:
        """Mean minutes above what is physically possible (preparation, hand-over, straight way, hand-over)."""
        return (self.click_to_door - self.bound) / self.delivered if self.delivered else 0.0

    @property
    def pay_per_order(self) -> float:
        """Dollars that couriers are paid for each delivered order."""
        return self.pay / self.delivered if self.delivered else 0.0


def total(scores: Iterable[Score]) -> Score:
    """Pooled over instances: every order weighs the same."""
    sums = dict.fromkeys(Score.__struct_fields__, 0.0)
    for score in scores:
        for field in sums:
            sums[field] += getattr(score, field)
    return Score(**sums)  # type: ignore[arg-type]


def score(instance: Path, assignments: Path) -> Score:
    """Score the assignments of one instance; RuleBroken names the first line that breaks a rule."""
    orders = {row[0]: row for row in _table(instance / "orders.txt")}
    couriers = {row[0]: row for row in _table(instance / "couriers.txt")}
    restaurants = {row[0]: (float(row[1]), float(row[2])) for row in _table(instance / "restaurants.txt")}
    (figures,) = _table(instance / "instance_parameters.txt")
    speed, pickup_service, dropoff_service, _, maximum, per_order, per_hour = map(float, figures)
    half_pickup, half_dropoff = pickup_service / 2, dropoff_service / 2

    def way(start: tuple[float, float], end: tuple[float, float]) -> float:
        return float(ceil(hypot(start[0] - end[0], start[1] - end[1]) / speed))

    free = {key: (float(row[3]), (float(row[1]), float(row[2]))) for key, row in couriers.items()}
    carried = dict.fromkeys(couriers, 0)
    dropped: dict[str, float] = {}
    rtp = bound = 0.0
    over = bundled = 0
    for number, row in enumerate(sorted(_table(assignments), key=lambda each: float(each[0])), 1):
        assigned, pickup, courier, bundle = float(row[0]), float(row[1]), row[2], row[3:]
        told = f"assignment {number} ({' '.join(row)})"
        _refuse_unknown(told, courier, bundle, couriers, orders, dropped)
        stores = {orders[each][4] for each in bundle}
        if len(stores) != 1:
            raise RuleBroken(f"{told}: orders of {len(stores)} restaurants")
        store = restaurants[stores.pop()]
        at, place = free[courier]
        if assigned < at - _EPSILON:
            raise RuleBroken(f"{told}: the courier is not free (or not on duty) before {at:g}")
        if assigned < max(float(orders[each][3]) for each in bundle) - _EPSILON:
            raise RuleBroken(f"{told}: an order is not placed yet")
        arrival = assigned + way(place, store)
        earliest = max(arrival + half_pickup, *(float(orders[each][5]) for each in bundle))
        if pickup < earliest - _EPSILON:
            raise RuleBroken(f"{told}: picked up before {earliest:g}")
        if pickup > float(couriers[courier][4]) + _EPSILON:
            raise RuleBroken(f"{told}: picked up after the courier's off time {couriers[courier][4]}")
        at, place = pickup + half_pickup, store
        for each in bundle:
            door = (float(orders[each][1]), float(orders[each][2]))
            placed, ready = float(orders[each][3]), float(orders[each][5])
            dropped[each] = at + way(place, door) + half_dropoff
            at, place = dropped[each] + half_dropoff, door
            rtp += pickup - ready
            bound += ready - placed + half_pickup + way(store, door) + half_dropoff
            over += dropped[each] - placed > maximum
        free[courier] = (at, place)
        carried[courier] += len(bundle)
        bundled += len(bundle) if len(bundle) > 1 else 0
    ctd = sum(at - float(orders[each][3]) for each, at in dropped.items())
    pay = sum(
        max(per_order * carried[key], per_hour * (float(row[4]) - float(row[3])) / 60) for key, row in couriers.items()
    )
    mean = ctd / len(dropped) if dropped else 0.0
    return Score(1, len(orders), len(dropped), ctd, rtp, bound, pay, over, bundled, mean)


def _refuse_unknown(  # noqa: PLR0917
    told: str,
    courier: str,
    bundle: list[str],
    couriers: dict[str, list[str]],
    orders: dict[str, list[str]],
    dropped: dict[str, float],
) -> None:
    if courier not in couriers:
        raise RuleBroken(f"{told}: no such courier")
    if not bundle:
        raise RuleBroken(f"{told}: no orders")
    for each in bundle:
        if each not in orders:
            raise RuleBroken(f"{told}: no such order {each}")
        if each in dropped or bundle.count(each) > 1:
            raise RuleBroken(f"{told}: {each} is assigned twice")


def physical_bound(instance: Path) -> float:
    """The least mean click-to-door there can be: every order picked up when ready and brought straight."""
    orders = _table(instance / "orders.txt")
    restaurants = {row[0]: (float(row[1]), float(row[2])) for row in _table(instance / "restaurants.txt")}
    (figures,) = _table(instance / "instance_parameters.txt")
    speed, pickup_service, dropoff_service = map(float, figures[:3])
    minutes = 0.0
    for _, x, y, placed, store, ready in orders:
        at = restaurants[store]
        way = ceil(hypot(float(x) - at[0], float(y) - at[1]) / speed)
        minutes += float(ready) - float(placed) + pickup_service / 2 + way + dropoff_service / 2
    return minutes / len(orders)


def _table(path: Path) -> list[list[str]]:
    with path.open() as lines:
        next(lines)
        return [line.split() for line in lines if line.strip()]
