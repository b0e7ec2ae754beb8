"""A zone's tick: everything that waits in it is planned together, by one at a time.

The tick after next is never set: each tick takes the zone and sets the next one in one conditional write, before it
plans. So a tick that dies is followed by the next, one that comes late or twice finds its turn gone, and a zone in
which nothing waits is left alone.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Status
from chalicelib.dispatch.model.search import conclude, expire, hold, pace, rings, waits_for_phone, wants_rider
from chalicelib.dispatch.model.zone import Zone, ancestry, can_split, lineage, parts, taken
from chalicelib.dispatch.service.around import Hands, read_hands, read_waiting, riders_around
from chalicelib.dispatch.service.offers import RiderTaken, make_offer, write_looks
from chalicelib.dispatch.service.planning import can_wait, planned
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.preparation import with_expected_times
from chalicelib.dispatch.service.reassignment import reassign_one
from chalicelib.dispatch.service.travel import travel_between
from chalicelib.dispatch.tables import ZoneTaken, write_zone, zone_ref
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Contention, VersionConflict
from chalicelib.kernel.event_types import ZoneTickDue
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.dispatch.model.rider import RiderAtWork
    from chalicelib.dispatch.model.search import Look

logger = logging.getLogger(__name__)

_ROUNDS = 2  # of planning: what a race took away is planned once more


def tick_zone(cell: str, due: datetime, cause: str) -> None:
    """Plan what waits in a zone, if this is the tick that it is waiting for and anything waits."""
    policy = in_force()
    lineage = ancestry(cell)
    zones = tables.fetch(*(zone_ref(each) for each in lineage))
    zone = zones[-1]
    if zone.next_tick_at != due or any(not each.split for each in zones[:-1]):
        return
    waiting = read_waiting(cell, lineage[0])
    now = clock.now()
    if not waiting and not zone.split:
        return
    try:
        if zone.split:
            _watch(zone, waiting, now, policy)
        else:
            tick(zone, waiting, now, cause, policy)
    except ZoneTaken:
        return


def tick(zone: Zone, waiting: Mapping[str, Delivery], now: datetime, cause: str, policy: Policy) -> None:
    """Take the zone, set its next tick, and plan. Raises ``ZoneTaken`` where another tick was faster."""
    if len(waiting) > policy.split_above and can_split(zone.cell):
        _split(zone, now, policy)
        return
    open_now = [each for each in waiting.values() if wants_rider(each, now, policy)]
    if not open_now:
        return
    open_now = sorted(open_now, key=lambda each: each.marked_ready_at or each.ready_at)[: policy.plan_limit]
    tx = Transaction()
    next_tick_at = arm(tx, zone, open_now, now, policy)
    tx.commit()
    _plan(open_now, now, next_tick_at, cause, policy)


def arm(tx: Transaction, zone: Zone, waiting: Iterable[Delivery], now: datetime, policy: Policy) -> datetime:
    """Take the zone, and set its next tick unless one is set that comes in time; when that is."""
    due = next_tick(zone, waiting, now, policy)
    after = taken(zone, now, None if due == zone.next_tick_at else due - now)
    _write(tx, zone, after)
    return due


def next_tick(zone: Zone, waiting: Iterable[Delivery], now: datetime, policy: Policy) -> datetime:
    """When the zone would tick next, taken now with these waiting in it."""
    if zone.next_tick_at is not None and zone.is_armed(now, policy):
        return zone.next_tick_at
    return policy.next_tick(now, pace(list(waiting), now, policy))


def _write(tx: Transaction, before: Zone, after: Zone) -> None:
    write_zone(tx, before, after)
    if after.next_tick_at is not None and after.next_tick_at != before.next_tick_at:
        tx.emit_at(after.next_tick_at, ZoneTickDue(zone=after.cell, due=clock.epoch_ms(after.next_tick_at)))


# --- planning ---------------------------------------------------------------------------------------------------------


def _plan(waiting: Sequence[Delivery], now: datetime, next_tick_at: datetime, cause: str, policy: Policy) -> None:
    left = {each.id: each for each in waiting}
    held: list[Delivery] = []
    seen: dict[str, Hands] = {}
    lost: set[str] = set()
    for _ in range(_ROUNDS):
        fresh = [expire(each, now, cause) for each in left.values()]
        if not seen:
            seen = _riders(fresh, now, policy)
            left |= _forgotten(seen.values(), left, now, policy)
            fresh = [expire(each, now, cause) for each in left.values()]
        riders = [each.at_work for rider_id, each in seen.items() if rider_id not in lost]
        fresh = with_expected_times(fresh, sum(1 for each in riders if not each.deliveries), now)
        travel = travel_between(fresh, riders, now)
        raced = False
        for proposal in planned(now, fresh, riders, travel, policy):
            lost.add(proposal.rider_id)
            offered = [left[each] for each in proposal.deliveries]
            asks_at = seen[proposal.rider_id].sleeps_until(now)
            if all(waits_for_phone(each, asks_at, next_tick_at, now, policy) for each in offered):
                held += [left.pop(each) for each in proposal.deliveries]
                continue
            try:
                make_offer(offered, proposal, seen[proposal.rider_id], now, cause=cause, policy=policy)
            except RiderTaken:
                raced = True
                continue
            except (VersionConflict, Contention):
                # One of them was cancelled, marked ready or offered by somebody else: the next tick reads it anew.
                raced = True
            for each in proposal.deliveries:
                left.pop(each)
        if not raced:
            break
    idle = {
        rider_id: each
        for rider_id, each in seen.items()
        if rider_id not in lost and not each.at_work.deliveries and (each.sleeps_until(now) or now) <= next_tick_at
    }
    reassign_one(seen, idle, now, cause=cause, policy=policy)
    _hold(held, now, cause, policy)
    _leave(left.values(), [each.at_work for each in seen.values()], now, cause, policy)


def _forgotten(
    hands: Iterable[Hands], left: Mapping[str, Delivery], now: datetime, policy: Policy
) -> dict[str, Delivery]:
    """What was offered to riders around, has run out for a while, and nobody has looked at since."""
    whole = {lineage(each.store_point)[0] for each in left.values()}
    return {
        each.id: each
        for rider in hands
        for each in rider.at_work.deliveries
        if each.status is Status.OFFERED
        and each.offer_expires_at is not None
        and now - each.offer_expires_at > policy.tick_lost_after
        and lineage(each.store_point)[0] in whole
    }


def _riders(deliveries: Sequence[Delivery], now: datetime, policy: Policy) -> dict[str, Hands]:
    places = list({each.store_id: each.store_point for each in deliveries}.values())
    further = max(rings(each, now, policy) for each in deliveries)
    limit = min(policy.candidates_limit, policy.candidates * (_ROUNDS + len(deliveries)))
    return read_hands(riders_around(places, further, now, policy, limit=limit))


def _hold(deliveries: Iterable[Delivery], now: datetime, cause: str, policy: Policy) -> None:
    for each in deliveries:
        _write_look(each, hold(each, now, cause, policy))


def _leave(
    deliveries: Iterable[Delivery], riders: Sequence[RiderAtWork], now: datetime, cause: str, policy: Policy
) -> None:
    """Write what changes for deliveries without an offer: a search that begins, a bonus, the pool, an alert."""
    for each in deliveries:
        if each.searching_since is None and can_wait(now, each, riders, policy):
            look = hold(each, now, cause, policy)
        else:
            look = conclude(each, None, now, cause, policy)
        _write_look(each, look)


def _write_look(delivery: Delivery, look: Look) -> None:
    """Write it, unless the delivery has changed: the next tick reads it anew."""
    tx = Transaction()
    write_looks(tx, (delivery,), (look,))
    with suppress(VersionConflict, Contention):
        tx.commit()


# --- splitting --------------------------------------------------------------------------------------------------------


def _split(zone: Zone, now: datetime, policy: Policy) -> None:
    """Hand the zone over to its parts, each with a tick of its own at once; the whole only watches over them."""
    tx = Transaction()
    _write(tx, zone, taken(zone, now, policy.pace_after_alert, split=True))
    for part in tables.fetch(*(zone_ref(cell) for cell in parts(zone.cell))):
        _write(tx, part, replace(part, version=part.version + 1, next_tick_at=now, split=False))
    tx.commit()
    logger.info("zone split", extra={"zone": zone.cell})


def _watch(zone: Zone, waiting: Mapping[str, Delivery], now: datetime, policy: Policy) -> None:
    """Join a zone in which so little waits that it can be planned as one; wake parts whose timer was lost."""
    joins = len(waiting) < policy.join_below
    pause: timedelta | None = policy.pace if joins else policy.pace_after_alert
    tx = Transaction()
    _write(tx, zone, taken(zone, now, pause if waiting else None, split=not joins))
    if not joins:
        for part in tables.fetch(*(zone_ref(cell) for cell in parts(zone.cell))):
            if not part.is_active(now, policy):
                _write(tx, part, replace(part, version=part.version + 1, next_tick_at=now))
    tx.commit()
