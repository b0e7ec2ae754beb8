"""Every use case once, in one process, with what it costs: each route of the API."""

from __future__ import annotations

from benchmarks.use_cases.ordering import other_ends, quotes
from benchmarks.use_cases.riders import background, cash, delivery, nobody_there, returns, riders, second_thoughts
from benchmarks.use_cases.setting_up import menus, merchants, search, staff, stock

SCENES = (
    merchants,
    staff,
    menus,
    stock,
    search,
    quotes,
    riders,
    delivery,
    other_ends,
    second_thoughts,
    returns,
    cash,
    nobody_there,
    background,
)

__all__ = ["SCENES", "riders"]
