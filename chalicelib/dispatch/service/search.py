"""Looks at a delivery that needs a rider, each by a timer of its own or because somebody gave it back.

A delivery that is alone among few orders gets its offer here, for what a single search costs. Where others wait, or
riders are busy, the look wakes the zone, which plans all of them together (``ticks``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.model.delivery import SEARCHING, Delivery, Status
from chalicelib.dispatch.model.search import Look, conclude, expire, hold, rings, waits_for_phone, wants_rider
from chalicelib.dispatch.model.zone import lineage
from chalicelib.dispatch.service.around import Hands, read_hands, read_waiting, read_zone, riders_around
from chalicelib.dispatch.service.offers import RiderTaken, make_offer, write_looks
from chalicelib.dispatch.service.planning import Proposal, can_wait, nearest_rider, planned
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.records import read_deliveries
from chalicelib.dispatch.service.ticks import arm, next_tick, tick
from chalicelib.dispatch.service.travel import travel_between
from chalicelib.dispatch.tables import ZoneTaken
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Contention
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.dispatch.model.zone import Zone

_RACES = 4
_BATCHES = 3  # of candidates that are looked at closely


def look_for_rider(delivery_id: str, cause: str, others: Sequence[str] = ()) -> None:
    """Offer the delivery to the next rider if it needs one, and see that somebody looks again in time.

    ``cause`` is the event's id, ``others`` are deliveries of the same offer. A repeat, or a look at deliveries that
    have moved on, does nothing. Raises ``VersionConflict`` when one changed under our hands: look again.
    """
    policy = in_force()
    avoid: set[str] = set()
    for _ in range(_RACES):
        now = clock.now()
        known = read_deliveries((delivery_id, *others)).values()
        searching = [each for each in known if each is not None and each.status in SEARCHING]
        searching = [each for each in searching if not any(step.cause == cause for step in each.steps)]
        waiting = [each for each in searching if wants_rider(each, now, policy)]
        _set_timers([each for each in searching if each not in waiting], now, cause, policy)
        if not waiting:
            return
        try:
            _search(waiting, now, cause, avoid, policy)
        except (RiderTaken, ZoneTaken):
            continue
        return
    raise Contention


def _set_timers(deliveries: list[Delivery], now: datetime, cause: str, policy: Policy) -> None:
    """An offer is running, or it is too early: only make sure that somebody looks again in time."""
    looks = [conclude(each, None, now, cause, policy) for each in deliveries]
    tx = Transaction()
    write_looks(tx, deliveries, looks)
    tx.commit()


def _search(mine: list[Delivery], now: datetime, cause: str, avoid: set[str], policy: Policy) -> None:
    zone = read_zone(mine[0].store_point)
    active = zone.is_active(now, policy)
    if active and all(each.waits for each in mine):
        _wait(mine, now, cause, policy)
        return
    waiting = read_waiting(zone.cell, lineage(mine[0].store_point)[0]) | {each.id: each for each in mine}
    if len(waiting) > 1:
        given_back = any(each.rounds or each.status is Status.OFFERED for each in mine)
        if zone.is_held(now, policy) or (active and not given_back):
            _wait(mine, now, cause, policy)
        else:
            tick(zone, waiting, now, cause, policy)
        return
    (delivery,) = mine
    proposal, seen = _alone(delivery, now, cause, avoid, policy)
    if proposal is not None:
        asks_at = seen[proposal.rider_id].sleeps_until(now)
        if waits_for_phone(delivery, asks_at, next_tick(zone, mine, now, policy), now, policy):
            _wake(zone, delivery, hold(delivery, now, cause, policy), now, policy)
            return
        try:
            make_offer(mine, proposal, seen[proposal.rider_id], now, cause=cause, policy=policy)
        except RiderTaken:
            avoid.add(proposal.rider_id)
            raise
        return
    _wake(zone, delivery, _unmatched(delivery, seen, now, cause, policy), now, policy)


def _alone(
    delivery: Delivery, now: datetime, cause: str, avoid: set[str], policy: Policy
) -> tuple[Proposal | None, Mapping[str, Hands]]:
    """Whom to ask for a delivery with which no other waits, and the riders that were looked at."""
    fresh = expire(delivery, now, cause)
    near = riders_around(
        (delivery.store_point,),
        rings(delivery, now, policy),
        now,
        policy,
        limit=policy.candidates * _BATCHES,
        avoid=avoid,
    )
    near = [each for each in near if not fresh.excludes(each.rider_id)]
    seen: dict[str, Hands] = {}
    for start in range(0, len(near), policy.candidates):
        batch = read_hands(near[start : start + policy.candidates])
        seen |= batch
        riders = [each.at_work for each in batch.values()]
        if sum(len(each.deliveries) for each in riders) < policy.quiet_below:
            proposal = nearest_rider(now, fresh, riders, policy)
        else:
            travel = travel_between((fresh,), riders, now)
            proposal = next(iter(planned(now, (fresh,), riders, travel, policy)), None)
        if proposal is not None:
            return proposal, seen
    return None, seen


def _unmatched(delivery: Delivery, seen: Mapping[str, Hands], now: datetime, cause: str, policy: Policy) -> Look:
    riders = [each.at_work for each in seen.values()]
    if can_wait(now, delivery, riders, policy):
        return hold(delivery, now, cause, policy)
    return conclude(delivery, None, now, cause, policy)


def _wake(zone: Zone, delivery: Delivery, look: Look, now: datetime, policy: Policy) -> None:
    """Leave the delivery to its zone's ticks, the first of which is set with it."""
    tx = Transaction()
    write_looks(tx, (delivery,), (look,))
    arm(tx, zone, (look.delivery,), now, policy)
    tx.commit()


def _wait(deliveries: Sequence[Delivery], now: datetime, cause: str, policy: Policy) -> None:
    """Leave deliveries to the ticks that their zone is set for anyway."""
    tx = Transaction()
    write_looks(tx, deliveries, [hold(each, now, cause, policy) for each in deliveries])
    tx.commit()
