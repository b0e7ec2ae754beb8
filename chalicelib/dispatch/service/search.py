"""One look at a delivery that may need a rider: who is near, whom to ask, and when to look again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch import nearest
from chalicelib.dispatch.model.delivery import SEARCHING, Delivery
from chalicelib.dispatch.model.rider import Position, Rider, RiderAtWork, in_hand, with_offer, zones_around
from chalicelib.dispatch.model.search import Look, conclude, expire, rings, wants_rider
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.records import read_deliveries, write_delivery, write_rider
from chalicelib.dispatch.tables import STATE, PositionRow, RiderRow, position_of, rider_of, rider_pk, zone_pk
from chalicelib.kernel import clock, geo, tables
from chalicelib.kernel.errors import Conflict, Contention
from chalicelib.kernel.event_types import DeliverySearchDue, DeliveryUnfilled
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chalicelib.dispatch.model.policy import Policy

logger = logging.getLogger(__name__)

_TRAVEL = nearest.StraightLine()
_RIDER_RACES = 4
_BATCHES = 3  # of candidates that are looked at closely
_RIDERS_PER_ZONE = 500


class _Choice(msgspec.Struct, frozen=True):
    rider: Rider
    kept: tuple[str, ...]  # what the rider's list of jobs keeps


class _RiderTaken(Conflict):
    """The rider got another offer, or left, since we looked."""


def look_for_rider(delivery_id: str, cause: str) -> None:
    """Offer the delivery to the next rider if it needs one, and see that somebody looks again in time.

    ``cause`` is the event's id. A repeat, or a look at a delivery that has moved on, does nothing. Raises
    ``VersionConflict`` when the delivery changed under our hands: look again.
    """
    policy = in_force()
    avoid: set[str] = set()
    for _ in range(_RIDER_RACES):
        delivery = read_deliveries((delivery_id,))[delivery_id]
        if delivery is None or delivery.status not in SEARCHING or _has_acted(delivery, cause):
            return
        now = clock.now()
        choice = None
        if wants_rider(delivery, now, policy):
            choice = _choose(expire(delivery, now, cause), now, avoid, policy)
        look = conclude(delivery, choice.rider.id if choice else None, now, cause, policy)
        try:
            _write_look(delivery, look, choice, now)
        except _RiderTaken:
            if choice is not None:
                avoid.add(choice.rider.id)
        else:
            return
    raise Contention


def _has_acted(delivery: Delivery, cause: str) -> bool:
    return any(step.cause == cause for step in delivery.steps)


def _write_look(delivery: Delivery, look: Look, choice: _Choice | None, now: datetime) -> None:
    if look.delivery is delivery:
        return
    tx = Transaction()
    write_delivery(tx, delivery, look.delivery)
    if choice is not None:
        write_rider(
            tx,
            choice.rider,
            with_offer(choice.rider, look.delivery, choice.kept, now),
            _RiderTaken("rider_taken", "The rider got another offer meanwhile."),
        )
    if look.alert:
        tx.emit(
            DeliveryUnfilled(
                delivery_id=delivery.id,
                order_id=delivery.order_id,
                store_id=delivery.store_id,
                rounds=look.delivery.rounds,
            )
        )
    if look.next_look_at is not None:
        tx.emit_at(look.next_look_at, DeliverySearchDue(delivery_id=delivery.id, attempt=look.delivery.rounds + 1))
    tx.commit()
    logger.info(
        "looked for a rider",
        extra={"offered": choice is not None, "rounds": look.delivery.rounds, "alert": look.alert},
    )


def _choose(delivery: Delivery, now: datetime, avoid: set[str], policy: Policy) -> _Choice | None:
    """Whom the planner would ask, of the riders nearest to the store."""
    near = _nearest(delivery, now, avoid, policy)
    step = policy.candidates
    for start in range(0, min(len(near), step * _BATCHES), step):
        riders = _at_work(near[start : start + step])
        offers = nearest.plan(now, [delivery], [at_work for at_work, _ in riders.values()], _TRAVEL, policy)
        if offers:
            return riders[offers[0].rider_id][1]
    return None


def _nearest(delivery: Delivery, now: datetime, avoid: set[str], policy: Policy) -> list[Position]:
    """Riders on shift around the store who were heard of lately, by distance. A fixed number of queries."""
    found = [
        position
        for position in _positions(delivery, rings(delivery, now, policy))
        if now - position.at <= policy.heard_within
        and position.rider_id not in avoid
        and not delivery.excludes(position.rider_id)
    ]
    return sorted(found, key=lambda each: (geo.distance_m(each.point, delivery.store_point), each.rider_id))


def _positions(delivery: Delivery, ring_count: int) -> Iterator[Position]:
    for zone in zones_around(delivery.store_point, ring_count):
        page = tables.query(PositionRow, zone_pk(zone), index="zone", limit=_RIDERS_PER_ZONE)
        yield from (position_of(row) for row in page.items)


def _at_work(positions: list[Position]) -> dict[str, tuple[RiderAtWork, _Choice]]:
    """The riders with what they have in hand: one request for them, one for their deliveries."""
    keys = [(RiderRow, rider_pk(position.rider_id), STATE) for position in positions]
    rows = tables.batch_get(keys, consistent=False)
    riders = [rider_of(row) if isinstance(row, RiderRow) else None for row in rows]
    on_shift = [
        (position, rider)
        for position, rider in zip(positions, riders, strict=True)
        if rider is not None and rider.on_shift
    ]
    deliveries = read_deliveries((job for _, rider in on_shift for job in rider.jobs), consistent=False)
    return {rider.id: _with_hands(rider, position, deliveries) for position, rider in on_shift}


def _with_hands(
    rider: Rider, position: Position, deliveries: dict[str, Delivery | None]
) -> tuple[RiderAtWork, _Choice]:
    kept = in_hand(rider, deliveries)
    at_work = RiderAtWork(
        id=rider.id,
        point=position.point,
        heard_at=position.at,
        vehicle=rider.vehicle,
        room=rider.capacity - len(kept),
        deliveries=tuple(known for each in kept if (known := deliveries[each]) is not None),
    )
    return at_work, _Choice(rider, tuple(kept))
