"""Making a draft better: a part of the plan is taken out and put back, and what costs less is kept.

That is Shaw's large neighbourhood search (1998): orders that are ready about the same time in the same part of town
are taken out together, since they can change places. The choice is drawn, from a seed that depends on the plan alone,
so that the same question gets the same answer.
"""

from __future__ import annotations

from heapq import nsmallest
from math import hypot
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.dispatch.planner.draft import Draft
    from chalicelib.dispatch.planner.world import World

_ENOUGH = 1e-6  # seconds: less is rounding
_SPREAD = 600.0  # seconds by which chance may make two orders seem further apart


def improve(draft: Draft) -> Draft:
    """The best plan that was found in the rounds and the effort that the policy allows."""
    world, policy = draft.world, draft.world.policy
    if world.open < 2:
        return draft
    draw = Random(world.open)  # noqa: S311  # nosec B311 (not a secret)
    pace = world.paces[0]
    best, least = draft, draft.total()
    for _ in range(policy.rounds):
        if best.looks >= policy.effort:
            break
        gone = _related(world, draw, pace)
        trial = best.copy()
        trial.remove(gone)
        trial.insert([*gone, *(trial.left - set(gone))])
        cost = trial.total()
        best.looks = trial.looks
        if cost < least - _ENOUGH:
            best, least = trial, cost
    return best


def _related(world: World, draw: Random, pace: float) -> list[int]:
    """An order and some that are alike: stores nearby, ready about the same time."""
    seed = draw.randrange(world.open)
    sites = world.sites
    x, y = sites[world.store_of[seed]]
    ready = world.ready[seed]
    count = min(world.open, 2 + draw.randrange(world.policy.round_orders))
    apart = [
        (
            pace * hypot(sites[store][0] - x, sites[store][1] - y)
            + abs(world.ready[order] - ready)
            + draw.random() * _SPREAD,
            order,
        )
        for order, store in enumerate(world.store_of[: world.open])
    ]
    return [order for _, order in nsmallest(count, apart)]
