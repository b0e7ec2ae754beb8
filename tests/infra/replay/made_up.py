"""A made-up hour in the format of the recorded days."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = """order x y placement_time restaurant ready_time
o1 500 900 1 r1 8
o2 1500 300 3 r2 12
o3 700 1100 6 r1 10
o4 2500 1500 11 r2 20
o5 600 100 14 r1 22
o6 1800 900 20 r2 27
"""
COURIERS = """courier x y on_time off_time
c1 0 0 0 45
c2 2000 1000 0 60
c3 1000 1000 5 60
"""
RESTAURANTS = """restaurant x y
r1 800 600
r2 2000 800
"""
PARAMETERS = """meters_per_minute pickup dropoff target maximum per_order per_hour
427 4 4 40 90 10 15
"""


def write_instance(folder: Path) -> Path:
    """The folder, with the hour in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orders.txt").write_text(ORDERS)
    (folder / "couriers.txt").write_text(COURIERS)
    (folder / "restaurants.txt").write_text(RESTAURANTS)
    (folder / "instance_parameters.txt").write_text(PARAMETERS)
    return folder
