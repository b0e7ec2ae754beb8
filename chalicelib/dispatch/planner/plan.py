"""``plan``: from what is known now to the offers that cannot wait for the next decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.planner.candidates import candidates
from chalicelib.dispatch.planner.cover import worth
from chalicelib.dispatch.planner.draft import Draft
from chalicelib.dispatch.planner.improve import improve
from chalicelib.dispatch.planner.types import Offer, RunnerUp
from chalicelib.dispatch.planner.world import NEVER, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.planner.policy import Policy
    from chalicelib.dispatch.planner.types import Delivery, Outlook, Rider, Travel
    from chalicelib.dispatch.planner.world import Trip


def plan(  # noqa: PLR0917  (the question, by its parts)
    now: float,
    deliveries: Sequence[Delivery],
    riders: Sequence[Rider],
    travel: Travel,
    policy: Policy,
    outlook: Sequence[Outlook] = (),
) -> list[Offer]:
    """The offers to make now: a rider in at most one of them, a delivery in at most one.

    Parameters
    ----------
    now
        Seconds on the clock of all moments.
    deliveries
        All that wait for a rider (neither offered nor taken).
    riders
        All on shift or soon, the busy ones with the time and place where they will be free. Riders who hold an
        unanswered offer are left out, or come as busy until its end.
    travel
        How long ways take.
    policy
        The figures to decide by.
    outlook
        Where orders are to be expected, so that riders are not taken from there without need.

    The whole horizon is planned, but a rider is told only what it must set out for before the next decision: whatever
    can wait stays open for better ideas. The same question gets the same answer.
    """
    draft = drafted(now, deliveries, riders, travel, policy, outlook)
    offers = [_offer(draft, rider) for rider in sorted(draft.routes) if _must_be_told(draft, rider)]
    return sorted(offers, key=lambda each: (each.leave_at, each.rider_id))


def drafted(  # noqa: PLR0917
    now: float,
    deliveries: Sequence[Delivery],
    riders: Sequence[Rider],
    travel: Travel,
    policy: Policy,
    outlook: Sequence[Outlook] = (),
) -> Draft:
    """The whole plan behind the offers: also what is only intended so far."""
    world = World(now, deliveries, riders, travel, policy)
    world.worth = worth(world, outlook)
    draft = Draft(world, candidates(world), _largest(world))
    draft.insert(range(world.open))
    draft = improve(draft)
    draft.rematch()
    return draft


def _largest(world: World) -> int:
    """How many orders a trip may have: more when there are more orders than riders who are free soon."""
    policy = world.policy
    soon = sum(1 for at in world.free if at <= world.now + policy.cover_within)
    wanted = -(-world.open // max(1, soon)) + 1
    return max(policy.bundle, min(policy.bundle_under_pressure, wanted))


def _must_be_told(draft: Draft, rider: int) -> bool:
    """Whether the first trip of the rider has to be told before the next decision."""
    world = draft.world
    trip = draft.routes[rider][0]
    head = world.heads.get(rider)
    last_call = world.now + world.policy.tick + world.policy.ahead
    if head is not None:
        return trip is not head and _pickup(world, rider, trip) < last_call
    return world.riders[rider].free_at <= world.now and _leave(world, rider, trip) < last_call


def _pickup(world: World, rider: int, trip: Trip) -> float:
    arrival = world.free[rider] + world.way(rider, trip.store)
    return max(arrival + world.policy.counter_before + trip.lead, trip.ready)


def _leave(world: World, rider: int, trip: Trip) -> float:
    way = world.way(rider, trip.store)
    return _pickup(world, rider, trip) - trip.lead - world.policy.counter_before - way


def _offer(draft: Draft, rider: int) -> Offer:
    world = draft.world
    trip = draft.routes[rider][0]
    pickup = _pickup(world, rider, trip)
    return Offer(
        rider_id=world.riders[rider].id,
        stores=tuple(_store_id(world, trip, store) for store in trip.stores),
        deliveries=tuple(world.deliveries[each].id for each in trip.orders),
        leave_at=_leave(world, rider, trip),
        at_store_at=pickup - trip.lead - world.policy.counter_before,
        pickup_at=pickup,
        drop_at=tuple(pickup + each for each in trip.drops),
        terms=world.terms(rider, trip),
        runner_up=_runner_up(draft, rider, trip),
        joins=rider in world.heads,
    )


def _store_id(world: World, trip: Trip, store: int) -> str:
    return next(world.deliveries[each].store_id for each in trip.orders if world.store_of[each] == store)


def _runner_up(draft: Draft, holder: int, trip: Trip) -> RunnerUp | None:
    """The rider who would do this trip at the least extra cost, all other trips staying where they are."""
    world = draft.world
    if holder in world.heads:
        return None
    rest = draft.routes[holder][1:]
    saved = draft.costs[holder] - (world.cost(holder, rest) if rest else 0.0)
    best: tuple[float, int] | None = None
    for rider in draft.candidates[trip.orders[0]]:
        taken = draft.routes.get(rider, [])
        if rider == holder or rider in world.heads or not world.fits(rider, trip.size, trip.volume):
            continue
        as_ridden = world.trip(trip.orders, trip.stores, world.vehicle_of[rider])
        cost = world.cost(rider, [as_ridden, *taken]) - draft.costs.get(rider, 0.0)
        if cost < NEVER and (best is None or (cost - saved, rider) < best):
            best = (cost - saved, rider)
    if best is None:
        return None
    extra, rider = best
    as_ridden = world.trip(trip.orders, trip.stores, world.vehicle_of[rider])
    return RunnerUp(world.riders[rider].id, world.terms(rider, as_ridden), extra)
