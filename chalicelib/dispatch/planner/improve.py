"""Making a draft better: take a part of the plan out, put it back, keep what costs less. Seeded by the plan itself."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.dispatch.planner.construct import Draft


def improve(draft: Draft) -> Draft:
    """The best of so many rounds."""
    world, policy = draft.world, draft.world.policy
    count = len(world.deliveries)
    if count < 2:
        return draft
    rng = random.Random(count)
    best, least = draft, draft.total()
    for _ in range(policy.rounds):
        seed = rng.randrange(count)
        # related: near in time and place
        x, y = world.travel.flat(world.stores[world.store_of[seed]])
        def apart(o):
            a, b = world.travel.flat(world.stores[world.store_of[o]])
            return (abs(a - x) + abs(b - y)) / 400 * 60 + abs(world.ready[o] - world.ready[seed]) * 1.0 + rng.random() * 600
        q = min(count, 2 + rng.randrange(policy.round_orders))
        gone = sorted(range(count), key=apart)[:q]
        trial = best.copy()
        trial.remove(gone)
        trial.insert(gone)
        cost = trial.total()
        if cost < least - 1e-6:
            best, least = trial, cost
    return best
