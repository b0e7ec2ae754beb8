"""A small recorded day in the format of the public instances, made from a seed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_instance(
    directory: Path, seed: int = 1, *, orders: int = 40, couriers: int = 12, restaurants: int = 6, until: int = 900
) -> Path:
    """Write an instance: orders between 600 and 780, shifts from 580; returns its directory."""
    draw = Random(seed)
    directory.mkdir(parents=True, exist_ok=True)

    def place() -> str:
        return f"{draw.randrange(6_000)}\t{draw.randrange(6_000)}"

    def table(name: str, header: str, rows: list[str]) -> None:
        (directory / name).write_text("\n".join([header, *rows]) + "\n")

    table("restaurants.txt", "restaurant\tx\ty", [f"r{n}\t{place()}" for n in range(1, restaurants + 1)])
    table(
        "couriers.txt",
        "courier\tx\ty\ton_time\toff_time",
        [f"c{n}\t{place()}\t{580 + draw.randrange(30)}\t{until - draw.randrange(60)}" for n in range(1, couriers + 1)],
    )
    rows = []
    for number in range(1, orders + 1):
        placed = 600 + draw.randrange(180)
        rows.append(
            f"o{number}\t{place()}\t{placed}\tr{1 + draw.randrange(restaurants)}\t{placed + 3 + draw.randrange(30)}"
        )
    table("orders.txt", "order\tx\ty\tplacement_time\trestaurant\tready_time", rows)
    header = "meters_per_minute\tpickup service minutes\tdropoff service minutes\ttarget\tmaximum\tpay\tguarantee"
    table("instance_parameters.txt", header, ["320\t4\t4\t40\t90\t10\t15"])
    return directory
