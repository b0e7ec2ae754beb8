"""A delivery changes riders before the pick-up, when another one would clearly have it sooner.

Seldom, since nobody likes it: one in a tick, each delivery once, each rider a few times in a shift, and only for a gain
beyond what a better position of a moment makes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch import nearest
from chalicelib.dispatch.model.decision import decision
from chalicelib.dispatch.model.delivery import REASSIGNED, Delivery, Status
from chalicelib.dispatch.model.rider import with_offer
from chalicelib.dispatch.model.search import Asked, reassign
from chalicelib.dispatch.service.offers import RiderTaken, write_looks
from chalicelib.dispatch.service.records import write_rider
from chalicelib.kernel.errors import Contention, VersionConflict
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.dispatch.service.around import Hands

logger = logging.getLogger(__name__)

_TRAVEL = nearest.StraightLine()


class _Change(msgspec.Struct, frozen=True):
    gain: timedelta
    delivery: Delivery
    holder: Hands
    other: Hands
    arrival: datetime


def reassign_one(
    seen: Mapping[str, Hands], idle: Mapping[str, Hands], now: datetime, *, cause: str, policy: Policy
) -> bool:
    """Give the delivery that gains most to an idle rider, if any gains enough. One transaction."""
    changes = [change for each in seen.values() for change in _changes(each, idle, now, policy)]
    if not changes:
        return False
    best = max(changes, key=lambda each: (each.gain, each.delivery.id, each.other.rider.id))
    try:
        _write(best, now, cause, policy)
    except (RiderTaken, VersionConflict, Contention):
        return False
    return True


def _changes(holder: Hands, idle: Mapping[str, Hands], now: datetime, policy: Policy) -> Iterator[_Change]:
    """What the rider has not reached the store for, and who would be there sooner by enough."""
    if holder.rider.reassigned >= policy.reassigned_limit:
        return
    for delivery in holder.at_work.deliveries:
        if delivery.status is not Status.ASSIGNED or any(step.reason == REASSIGNED for step in delivery.steps):
            continue
        ready = delivery.marked_ready_at or delivery.ready_at
        held = max(ready, _expected(holder, delivery, now, policy))
        for other in idle.values():
            if other.at_work.accepts < policy.reassign_accepts or delivery.excludes(other.rider.id):
                continue
            arrival = nearest.arrival(now + policy.answer_time, delivery, other.at_work, _TRAVEL, policy)
            if arrival is not None and held - max(ready, arrival) >= policy.reassign_gain:
                yield _Change(held - max(ready, arrival), delivery, holder, other, arrival)


def _expected(holder: Hands, delivery: Delivery, now: datetime, policy: Policy) -> datetime:
    """When the rider who has the delivery will be at its store, other deliveries on board first."""
    if now - holder.at_work.heard_at >= policy.silent_after:
        return now + policy.reach
    others = tuple(each for each in holder.at_work.deliveries if each.id != delivery.id)
    without = replace(holder.at_work, deliveries=others, room=max(1, holder.at_work.room))
    return nearest.arrival(now, delivery, without, _TRAVEL, policy) or now + policy.reach


def _write(change: _Change, now: datetime, cause: str, policy: Policy) -> None:
    before, holder, other = change.delivery, change.holder, change.other
    terms = {"approach": (change.arrival - now).total_seconds()}
    asked = Asked(other.rider.id, decision(terms, holder.rider.id, change.gain.total_seconds()))
    look = reassign(before, asked, now, cause, policy)
    tx = Transaction()
    write_looks(tx, (before,), (look,))
    write_rider(tx, other.rider, with_offer(other.learned, [look.delivery], other.kept, now), RiderTaken())
    left = {each: version for each, version in holder.rider.jobs.items() if each != before.id}
    after = replace(holder.rider, version=holder.rider.version + 1, jobs=left, reassigned=holder.rider.reassigned + 1)
    write_rider(tx, holder.rider, after)
    tx.commit()
    logger.info(
        "reassigned",
        extra={"delivery_id": before.id, "from": holder.rider.id, "to": other.rider.id, "gain": str(change.gain)},
    )
