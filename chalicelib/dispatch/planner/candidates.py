"""Whom to look at for an order: the riders who could have it soonest, and those for whom it is cheapest."""

from __future__ import annotations

from heapq import nsmallest
from math import hypot
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.dispatch.planner.world import World


_WIDE = 4  # of so many times the candidates, the soonest at the store, the cheapest are taken


def candidates(world: World) -> list[list[int]]:
    """For each open order the riders to be considered, by number."""
    by_store: dict[int, list[tuple[float, float, int]]] = {}
    found = []
    for order in range(world.open):
        store = world.store_of[order]
        if store not in by_store:
            by_store[store] = _arrivals(world, store)
        found.append(_able(world, order, by_store[store]))
    return found


def _arrivals(world: World, store: int) -> list[tuple[float, float, int]]:
    """When each rider could be at the store's counter, about; the cost of going there; the rider. Soonest first."""
    policy = world.policy
    east, north = world.sites[store]
    rows = []
    for rider, (x, y) in enumerate(world.spots):
        way = world.paces[rider] * hypot(x - east, y - north)
        head = world.heads.get(rider)
        if head is None:
            at = world.free[rider] + way + policy.counter_before
        else:
            at = world.free[rider] if head.store == store else world.riders[rider].free_at + way
        rows.append((at, policy.approach * way + world.worth[rider] + world.doubt[rider], rider))
    rows.sort()
    return rows[: _WIDE * policy.candidates]


def _able(world: World, order: int, arrivals: list[tuple[float, float, int]]) -> list[int]:
    delivery, riders, limit = world.deliveries[order], world.riders, world.policy.candidates
    able = [
        row
        for row in arrivals
        if riders[row[2]].room >= delivery.size
        and max(row[0], delivery.ready_at) <= riders[row[2]].off_at
        and not (delivery.excludes and riders[row[2]].id in delivery.excludes)
        and delivery.needs <= riders[row[2]].equipment
    ]
    if len(able) <= limit:
        return [rider for _, _, rider in able]
    soonest = [rider for _, _, rider in able[: limit // 2]]
    ready = delivery.ready_at
    cheapest = nsmallest(limit, [(max(at, ready) + cost, rider) for at, cost, rider in able])
    return list(dict.fromkeys([*soonest, *(rider for _, rider in cheapest)]))[:limit]
