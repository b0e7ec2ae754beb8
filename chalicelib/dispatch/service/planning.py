"""From records to the planner's types and back: whom the planner would ask, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch import nearest
from chalicelib.dispatch.model.capacity import equipment, fitting, is_demanding, refusal
from chalicelib.dispatch.model.decision import Decision, decision
from chalicelib.dispatch.model.delivery import ON_BOARD, Delivery, Status, mark
from chalicelib.dispatch.planner.cover import outlook
from chalicelib.dispatch.planner.plan import plan
from chalicelib.dispatch.planner.policy import Policy as Figures
from chalicelib.dispatch.planner.types import Delivery as Open
from chalicelib.dispatch.planner.types import Pending
from chalicelib.dispatch.planner.types import Rider as Free

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.dispatch.model.rider import RiderAtWork
    from chalicelib.dispatch.planner.types import Offer, Place, Travel
    from chalicelib.kernel.geo import Point

# Of a rider off the roster, of whom no end of shift is known, nobody fears that it comes in between.
_SHIFT = timedelta(hours=12)
_ANY = 1_000_000  # litres, of a rider who counts orders only


class Proposal(msgspec.Struct, frozen=True):
    """Ask this rider for these deliveries, in drop-off sequence, as one."""

    rider_id: str
    deliveries: tuple[str, ...]
    decision: Decision
    load: int = 0


def nearest_rider(now: datetime, delivery: Delivery, riders: Sequence[RiderAtWork], policy: Policy) -> Proposal | None:
    """Whom to ask for a delivery that is alone: the rider who would be at the store first."""
    ranked = nearest.ranked(now, delivery, riders, nearest.StraightLine(), policy)
    if not ranked:
        return None
    arrival, rider_id = ranked[0]
    ready = max(now, delivery.marked_ready_at or delivery.ready_at)
    terms = {
        "approach": (arrival - now).total_seconds(),
        "lateness": max(0.0, (arrival - ready).total_seconds()),
    }
    second = ranked[1] if len(ranked) > 1 else None
    extra = None if second is None else (second[0] - arrival).total_seconds()
    made = decision(terms, None if second is None else second[1], extra)
    return Proposal(rider_id, (delivery.id,), made, load_of(delivery.store_id, (delivery,), riders))


def planned(
    now: datetime, deliveries: Sequence[Delivery], riders: Sequence[RiderAtWork], travel: Travel, policy: Policy
) -> list[Proposal]:
    """Whom the planner would ask now; what it leaves out is better asked for later."""
    able = [each for each in riders if _is_able(each, now, policy)]
    if not able or not deliveries:
        return []
    open_now = [_open(each, now, able) for each in deliveries]
    free = [_free(each, now, policy) for each in able]
    under_way = {each.id: each for each in (*deliveries, *(job for rider in riders for job in rider.deliveries))}
    expected = outlook((each.store_id, place_of(each.store_point)) for each in under_way.values())
    offers = plan(now.timestamp(), open_now, free, travel, _figures(policy), expected)
    by_id = {each.id: each for each in deliveries}
    loads = {each.store_id: load_of(each.store_id, deliveries, riders) for each in deliveries}
    by_rider = {each.id: each for each in able}
    proposals = (_proposal(offer, by_id, loads, by_rider[offer.rider_id]) for offer in offers)
    return [each for each in proposals if each.deliveries]


def load_of(store_id: str, waiting: Sequence[Delivery], riders: Sequence[RiderAtWork]) -> int:
    """How many orders a store has to make, as far as they wait for a rider or have one who is around."""
    under_way = {each.id: each for rider in riders for each in rider.deliveries if each.status not in ON_BOARD}
    known = under_way | {each.id: each for each in waiting}
    return sum(1 for each in known.values() if each.store_id == store_id and each.marked_ready_at is None)


def can_wait(now: datetime, delivery: Delivery, riders: Sequence[RiderAtWork], policy: Policy) -> bool:
    """Whether somebody can be at the store when the order is ready, if asked at the next tick."""
    ready = delivery.marked_ready_at or delivery.ready_at
    later = now + policy.pace + policy.answer_time
    return ready > later and any(
        arrival <= ready
        for each in riders
        if (arrival := nearest.arrival(later, delivery, each, nearest.StraightLine(), policy)) is not None
    )


def _is_able(rider: RiderAtWork, now: datetime, policy: Policy) -> bool:
    holds_offer = any(each.status is Status.OFFERED for each in rider.deliveries)
    if rider.room <= 0 or now - rider.heard_at > policy.heard_within or holds_offer:
        return False
    if rider.off_at is None:
        return True
    # Who is late with what is in hand gets nothing on top.
    return nearest.freed(now, rider, nearest.StraightLine(), policy)[0] < rider.off_at + policy.shift_overrun


def _figures(policy: Policy) -> Figures:
    return Figures(
        tick=policy.pace.total_seconds(),
        ahead=policy.answer_time.total_seconds(),
        delivered_by_off=True,
        counter_before=policy.handling.total_seconds() / 2,
        counter_after=policy.handling.total_seconds() / 2,
        door_before=policy.handling.total_seconds() / 2,
        door_after=policy.handling.total_seconds() / 2,
    )


def _open(delivery: Delivery, now: datetime, riders: Sequence[RiderAtWork] = ()) -> Open:
    excluded = frozenset(delivery.excluded)
    return Open(
        id=delivery.id,
        store_id=delivery.store_id,
        store=place_of(delivery.store_point),
        door=place_of(delivery.dropoff_point),
        placed_at=(delivery.steps[0].at if delivery.steps else now).timestamp(),
        ready_at=(delivery.marked_ready_at or delivery.ready_at).timestamp(),
        due_at=delivery.promised_at.timestamp(),
        size=delivery.size,
        needs=frozenset(delivery.needs),
        excludes=frozenset(each.id for each in riders if mark(each.id) in excluded or _is_refused(each, delivery))
        if excluded or is_demanding(delivery) or any(each.deliveries and each.limits.volume for each in riders)
        else frozenset(),
    )


def _is_refused(rider: RiderAtWork, delivery: Delivery) -> bool:
    return refusal(rider, delivery, rider.deliveries) is not None


def _free(rider: RiderAtWork, now: datetime, policy: Policy) -> Free:
    straight = nearest.StraightLine()
    free_at, place = nearest.freed(now, rider, straight, policy)
    return Free(
        id=rider.id,
        place=place_of(place),
        free_at=free_at.timestamp(),
        off_at=(now + _SHIFT if rider.off_at is None else rider.off_at + policy.shift_overrun).timestamp(),
        vehicle=rider.vehicle.value,
        room=_ANY if rider.limits.volume is None else rider.limits.volume,
        orders=rider.capacity,
        equipment=frozenset(equipment(rider.limits)),
        accepts=rider.accepts,
        pending=_pending(rider, now, straight),
    )


def _pending(rider: RiderAtWork, now: datetime, travel: nearest.StraightLine) -> Pending | None:
    """The trip that the rider is on, as long as all of it is still at one store."""
    stores = {each.store_id for each in rider.deliveries}
    if len(stores) != 1 or any(each.status in ON_BOARD for each in rider.deliveries):
        return None
    at_store = now + travel.time(rider.point, rider.deliveries[0].store_point, rider.vehicle)
    doors = sorted(rider.deliveries, key=lambda each: each.promised_at)
    return Pending(tuple(_open(each, now) for each in doors), at_store.timestamp())


def _proposal(offer: Offer, by_id: Mapping[str, Delivery], loads: Mapping[str, int], rider: RiderAtWork) -> Proposal:
    """What of an offer is new to the rider, as much of it as the rider can have: the rest waits for the next tick."""
    new = [by_id[each] for each in offer.deliveries if each in by_id]
    fresh = tuple(each.id for each in fitting(rider, new, rider.deliveries, rider.room))
    second = offer.runner_up
    made = decision(
        msgspec.structs.asdict(offer.terms),
        None if second is None else second.rider_id,
        None if second is None else second.extra,
        len(fresh),
    )
    load = loads[by_id[fresh[0]].store_id] if fresh else 0
    return Proposal(offer.rider_id, fresh, made, load)


def place_of(point: Point) -> Place:
    """A point as the planner has it."""
    return (point.lat, point.lng)
