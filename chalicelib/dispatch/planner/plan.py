"""``plan``: from what is known now to the offers that cannot wait for the next decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.planner.construct import Draft
from chalicelib.dispatch.planner.improve import improve
from chalicelib.dispatch.planner.routes import World
from chalicelib.dispatch.planner.types import Offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.planner.policy import Policy
    from chalicelib.dispatch.planner.types import Delivery, Outlook, Rider, Travel


def plan(
    now: float, deliveries: Sequence[Delivery], riders: Sequence[Rider], travel: Travel, policy: Policy, outlook: Sequence[Outlook] = (),
) -> list[Offer]:
    """The offers that must be made now."""
    if not deliveries or not riders:
        return []
    world = World(now, deliveries, riders, travel, policy, outlook)
    draft = Draft(world, candidates(world), policy.bundle_under_pressure)
    draft.insert(range(len(deliveries)))
    draft = improve(draft)
    return offers(draft)


def candidates(world: World) -> list[list[int]]:
    """For each order the riders who could have it earliest, the shorter way first among equals."""
    policy = world.policy
    arrivals = []
    for store in range(len(world.stores)):
        arrivals.append([(world.free[r] + world.way(r, store) + policy.counter_before, world.way(r, store), r)
                         for r in range(len(world.riders))])
    out = []
    for order, store in enumerate(world.store_of):
        ready = world.ready[order]
        keyed = sorted((max(at, ready) + 0.5 * way, r) for at, way, r in arrivals[store]
                 if max(at, ready) <= world.off[r])
        out.append([r for _, r in keyed[: policy.candidates]])
    return out


def offers(draft: Draft) -> list[Offer]:
    world, policy = draft.world, draft.world.policy
    made = []
    for r, trips in draft.routes.items():
        rider = world.riders[r]
        if rider.free_at > world.now:
            continue
        trip = trips[0]
        way = world.way(r, trip.store)
        pickup = max(world.now + way + policy.counter_before, trip.ready)
        leave = pickup - way - policy.counter_before
        if leave >= world.now + policy.tick:
            continue
        made.append(Offer(rider.id, world.deliveries[trip.orders[0]].store_id,
             tuple(world.deliveries[o].id for o in trip.orders), leave, pickup - policy.counter_before, pickup,
             tuple(pickup + d for d in trip.drops)))
    return made
