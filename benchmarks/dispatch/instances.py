"""Instances of the Meal Delivery Routing Problem: a day of orders, restaurants and couriers. Minutes and metres."""

from __future__ import annotations

from math import ceil, hypot
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.dispatch.planner.types import Place

MINUTE = 60.0
FILES = ("orders.txt", "couriers.txt", "restaurants.txt", "instance_parameters.txt")


class Order(msgspec.Struct, frozen=True):
    id: str
    place: Place
    placed: float
    restaurant: str
    ready: float


class Courier(msgspec.Struct, frozen=True):
    id: str
    place: Place
    on: float
    off: float


class Parameters(msgspec.Struct, frozen=True):
    """Speed, the minutes at the counter and at the door, and what couriers are paid."""

    meters_per_minute: float
    pickup_service: float
    dropoff_service: float
    target: float
    maximum: float
    pay_per_order: float
    pay_per_hour: float


class Instance(msgspec.Struct, frozen=True):
    name: str
    orders: tuple[Order, ...]
    couriers: tuple[Courier, ...]
    restaurants: dict[str, Place]
    parameters: Parameters


class CeilTravel(msgspec.Struct, frozen=True):
    """The rule of the instances: whole minutes, rounded up, along the straight line."""

    meters_per_minute: float

    def seconds(self, start: Place, end: Place, vehicle: str) -> float:
        del vehicle  # all ride alike
        return MINUTE * ceil(hypot(start[0] - end[0], start[1] - end[1]) / self.meters_per_minute)

    def flat(self, place: Place, origin: Place) -> tuple[float, float]:
        return place[0] - origin[0], place[1] - origin[1]

    def pace(self, vehicle: str) -> float:
        del vehicle
        return MINUTE / self.meters_per_minute


def found(directory: Path) -> list[Path]:
    """The instances below the directory (or the directory itself), by name."""
    candidates = [directory, *directory.iterdir()] if directory.is_dir() else []
    return sorted(each for each in candidates if all((each / file).is_file() for file in FILES))


def load(directory: Path) -> Instance:
    """Read one instance."""
    orders = tuple(
        Order(row[0], (float(row[1]), float(row[2])), float(row[3]), row[4], float(row[5]))
        for row in _rows(directory / "orders.txt")
    )
    couriers = tuple(
        Courier(row[0], (float(row[1]), float(row[2])), float(row[3]), float(row[4]))
        for row in _rows(directory / "couriers.txt")
    )
    restaurants = {row[0]: (float(row[1]), float(row[2])) for row in _rows(directory / "restaurants.txt")}
    (figures,) = _rows(directory / "instance_parameters.txt")
    return Instance(directory.name, orders, couriers, restaurants, Parameters(*map(float, figures)))


def _rows(path: Path) -> list[list[str]]:
    with path.open() as lines:
        next(lines)
        return [line.split() for line in lines if line.strip()]
