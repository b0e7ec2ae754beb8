"""What a rider is worth where it waits: how much later the orders to come would be fetched without it.

The riders who can be at an expected place soonest cover it. If each of them turns out to be busy with the same
chance, the k-th is needed with the chance that all before are; without one of them all behind it move up. That is
Daskin's expected cover (1983), here of the time to get there instead of a yes or no. An order that is known early can
then be fetched by somebody from far away who is missed least, and the rider in the middle of town stays there.
"""

from __future__ import annotations

from heapq import nsmallest
from math import hypot
from typing import TYPE_CHECKING

from chalicelib.dispatch.planner.types import Outlook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chalicelib.dispatch.planner.types import Place
    from chalicelib.dispatch.planner.world import World

_NOBODY = 3_600.0  # when nobody is near, somebody comes about that late


def outlook(orders: Iterable[tuple[str, Place]]) -> list[Outlook]:
    """Where orders are to be expected, by those that are under way: a store's id and place for each of them.

    Every store that has one counts once more than it has orders, so that a single order is not taken for a rush.
    """
    places: dict[str, Place] = {}
    counts: dict[str, float] = {}
    for store_id, place in orders:
        places[store_id] = place
        counts[store_id] = counts.get(store_id, 1.0) + 1.0
    return [Outlook(places[each], counts[each]) for each in sorted(places)]


def worth(world: World, outlook: Sequence[Outlook]) -> list[float]:
    """For each rider the weighted seconds that using it costs those who order later.

    Without an outlook the stores that have orders now stand for those that will have some.
    """
    outlook = outlook or [Outlook(place, 1.0) for place in world.stores]
    policy, travel, now = world.policy, world.travel, world.now
    out = [0.0] * len(world.riders)
    near = []
    for number, rider in enumerate(world.riders):
        if world.free[number] <= now + policy.cover_within and rider.off_at > now and not rider.pending:
            near.append((number, world.free[number] - now, world.paces[number], *world.spots[number]))
    rates = sum(each.rate for each in outlook)
    if not policy.cover or rates <= 0.0 or len(near) < 2:
        return out
    chances = [(1.0 - policy.cover_busy) * policy.cover_busy**rank for rank in range(policy.cover_depth)]
    grace, depth = policy.cover_grace, policy.cover_depth
    for each in outlook:
        east, north = travel.flat(each.place, world.origin)
        arrivals = nsmallest(depth, [(wait + pace * hypot(x - east, y - north), r) for r, wait, pace, x, y in near])
        delays = [seconds * seconds / (seconds + grace) if seconds else 0.0 for seconds, _ in arrivals]
        behind = delays[-1] if len(near) > depth else max(delays[-1], _NOBODY)
        missed = 0.0
        for rank in range(len(arrivals) - 1, -1, -1):
            missed += chances[rank] * (behind - delays[rank])
            behind = delays[rank]
            out[arrivals[rank][1]] += missed * each.rate / rates
    for number, *_ in near:
        left = min(1.0, (world.off[number] - now) / policy.cover_horizon)
        out[number] *= policy.cover * len(near) * left
    return out
