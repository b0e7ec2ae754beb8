"""Every use case once, in one process, with what it costs: each route of the API."""

from __future__ import annotations

from benchmarks.use_cases.claims import claims
from benchmarks.use_cases.credit import credit
from benchmarks.use_cases.money import money
from benchmarks.use_cases.ordering import other_ends, quotes
from benchmarks.use_cases.privacy import privacy
from benchmarks.use_cases.riders import background, cash, delivery, nobody_there, returns, riders, second_thoughts
from benchmarks.use_cases.setting_up import menus, merchants, search, staff, stock
from benchmarks.use_cases.settlement import settlement
from benchmarks.use_cases.shifts import shifts

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
    money,
    claims,
    second_thoughts,
    returns,
    credit,
    settlement,
    cash,
    nobody_there,
    shifts,
    privacy,
    background,
)

__all__ = ["SCENES", "riders"]
