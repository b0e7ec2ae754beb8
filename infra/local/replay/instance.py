"""Instances of the Meal Delivery Routing Problem (Reyes et al., 2018): a day of orders, restaurants and couriers.

Files are whitespace-separated with one header line; times are minutes from the day's beginning, places are metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = ("orders.txt", "couriers.txt", "restaurants.txt", "instance_parameters.txt")


class NoInstance(Exception):
    """The folder does not hold an instance; the message says what is missing."""


_LAST_DELIVERY = 40  # minutes


@dataclass(frozen=True)
class Spot:
    """A place on the plane, in metres."""

    x: float
    y: float

    def to(self, other: Spot) -> float:
        """The distance in a straight line."""
        return math.hypot(other.x - self.x, other.y - self.y)

    def towards(self, other: Spot, share: float) -> Spot:
        """The place after this share of the way."""
        return Spot(self.x + (other.x - self.x) * share, self.y + (other.y - self.y) * share)


@dataclass(frozen=True)
class Order:
    """Who ordered where and when; `ready` is when the kitchen had it ready. Minutes of the day."""

    id: str
    door: Spot
    placed: int
    restaurant: str
    ready: int


@dataclass(frozen=True)
class Courier:
    """From when to when a courier works, and where the shift begins."""

    id: str
    start: Spot
    on: int
    off: int


@dataclass(frozen=True)
class Instance:
    """A day."""

    name: str
    orders: tuple[Order, ...]
    couriers: tuple[Courier, ...]
    restaurants: dict[str, Spot]
    metres_per_minute: float
    pickup_minutes: float
    dropoff_minutes: float

    @property
    def minutes(self) -> int:
        """How long the day is: until the last courier goes home."""
        return max(
            *(courier.off for courier in self.couriers),
            *(order.ready for order in self.orders),
        )

    @property
    def centre(self) -> Spot:
        """The middle of all places."""
        spots = [*self.restaurants.values(), *(order.door for order in self.orders)]
        xs, ys = [spot.x for spot in spots], [spot.y for spot in spots]
        return Spot((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)

    def travel_minutes(self, start: Spot, end: Spot) -> int:
        """Whole minutes for a way."""
        return math.ceil(start.to(end) / self.metres_per_minute)

    def between(self, first: int, last: int) -> Instance:
        """The part of the day from one minute to another: what is ordered in it, and who works then.

        Couriers go home a delivery's time after the last order, and restaurants without an order stay away.
        """
        orders = tuple(
            replace(order, placed=order.placed - first, ready=order.ready - first)
            for order in self.orders
            if first <= order.placed < last
        )
        if not orders:
            raise NoInstance(f"nothing was ordered between {first} and {last}")
        open_then = {order.restaurant for order in orders}
        return replace(
            self,
            orders=orders,
            restaurants={name: spot for name, spot in self.restaurants.items() if name in open_then},
            couriers=tuple(
                replace(courier, on=max(0, courier.on - first), off=min(courier.off, last + _LAST_DELIVERY) - first)
                for courier in self.couriers
                if courier.on < last and courier.off > first
            ),
        )

    def with_orders(self, count: int) -> Instance:
        """The same day with so many of its orders, evenly picked from the first to the last."""
        if count >= len(self.orders):
            return self
        last = len(self.orders) - 1
        picked = sorted({round(number * last / max(1, count - 1)) for number in range(count)})
        return replace(self, orders=tuple(self.orders[number] for number in picked))


def load(folder: Path) -> Instance:
    """Read an instance. Raises NoInstance."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise NoInstance(f"{folder} is no instance: {', '.join(missing)} not found")
    try:
        orders = [
            Order(name, Spot(float(x), float(y)), int(placed), restaurant, int(ready))
            for name, x, y, placed, restaurant, ready in _rows(folder / "orders.txt")
        ]
        couriers = [
            Courier(name, Spot(float(x), float(y)), int(on), int(off))
            for name, x, y, on, off in _rows(folder / "couriers.txt")
        ]
        restaurants = {name: Spot(float(x), float(y)) for name, x, y in _rows(folder / "restaurants.txt")}
        ((pace, pickup, dropoff, *_),) = _rows(folder / "instance_parameters.txt")
    except ValueError as error:
        raise NoInstance(f"{folder} can't be read: {error}") from error
    return Instance(
        name=folder.name,
        orders=tuple(sorted(orders, key=lambda order: (order.placed, order.id))),
        couriers=tuple(couriers),
        restaurants=restaurants,
        metres_per_minute=float(pace),
        pickup_minutes=float(pickup),
        dropoff_minutes=float(dropoff),
    )


def _rows(path: Path) -> Iterator[list[str]]:
    for line in path.read_text().splitlines()[1:]:
        if line.strip():
            yield line.split()
