"""The search for a rider: one look at a delivery, what it changes, and when the next look is due.

A look may come late, twice, or race another. It decides from the delivery as it is; the write that follows is
conditioned on that. One thing must never happen: an open delivery that nobody will look at again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import (
    EXPIRED,
    SEARCHING,
    Actor,
    Delivery,
    Status,
    Step,
    excluding,
    with_step,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from chalicelib.dispatch.model.policy import Policy


class Look(msgspec.Struct, frozen=True):
    """What a look came to. ``next_look_at`` is set when a new timer must be set; ``alert`` when the store must know."""

    delivery: Delivery
    next_look_at: datetime | None = None
    alert: bool = False


def search_begins(ready_at: datetime, now: datetime, policy: Policy) -> datetime:
    """When the first look is due: a rider's way before the order is ready."""
    return max(now, ready_at - policy.search_lead)


def first_looks(ready_at: datetime, now: datetime, queue_limit: timedelta, policy: Policy) -> list[datetime]:
    """The looks to be set together with the delivery: the first, and the one after the first offer has run out.

    Only one when the second would not fit into the same outbox row (its delay is beyond ``queue_limit``).
    """
    first = search_begins(ready_at, now, policy)
    second = first + policy.offer_for + policy.look_margin
    return [first, second] if second - now <= queue_limit else [first]


def wants_rider(delivery: Delivery, now: datetime, policy: Policy) -> bool:
    """Whether an offer should be made now: nobody has the delivery, no offer is running, and it is time."""
    if delivery.status is Status.OFFERED:
        return delivery.offer_expired(now)
    return delivery.status is Status.UNASSIGNED and not _too_early(delivery, now, policy)


def rings(delivery: Delivery, now: datetime, policy: Policy) -> int:
    """How many rings of zones around the store to consider."""
    since = delivery.searching_since
    return 2 if since is not None and now - since >= policy.widen_after else 1


def expire(delivery: Delivery, now: datetime, cause: str) -> Delivery:
    """The delivery with its run-out offer taken back, the rider not to be asked again; others as they are."""
    if delivery.status is not Status.OFFERED or not delivery.offer_expired(now):
        return delivery
    silent = delivery.offered_to or ""
    return replace(
        delivery,
        status=Status.UNASSIGNED,
        offered_to=None,
        offer_expires_at=None,
        excluded=excluding(delivery, silent),
        rounds=delivery.rounds + 1,
        steps=with_step(delivery, Step(Status.UNASSIGNED, now, Actor.SYSTEM, cause, EXPIRED)),
    )


def conclude(delivery: Delivery, rider_id: str | None, now: datetime, cause: str, policy: Policy) -> Look:
    """What follows from a look at ``delivery`` that found this rider, or none.

    ``delivery`` is as it was read; where nothing is to be written, the same object comes back.
    """
    if delivery.status not in SEARCHING:
        return Look(delivery)
    if not wants_rider(delivery, now, policy):
        return _wait(delivery, now, policy)
    after = expire(delivery, now, cause)
    after = replace(after, searching_since=after.searching_since or now)
    alert = _is_unfilled(after, rider_id, now, policy)
    if alert:
        after = replace(after, unfilled_at=now)
    if rider_id is not None:
        after = _offer(after, rider_id, now, cause, policy)
    due = _next_look(after, now, policy)
    set_timer = not _is_covered(delivery.next_look_at, due, now, policy)
    return Look(
        replace(after, version=delivery.version + 1, next_look_at=due if set_timer else delivery.next_look_at),
        due if set_timer else None,
        alert,
    )


def _wait(delivery: Delivery, now: datetime, policy: Policy) -> Look:
    """An offer is running, or it is too early: only make sure that somebody looks again in time."""
    due = (
        search_begins(delivery.ready_at, now, policy)
        if delivery.offer_expires_at is None
        else delivery.offer_expires_at + policy.look_grace
    )
    if _is_covered(delivery.next_look_at, due, now, policy):
        return Look(delivery)
    return Look(replace(delivery, version=delivery.version + 1, next_look_at=due), due)


def _offer(delivery: Delivery, rider_id: str, now: datetime, cause: str, policy: Policy) -> Delivery:
    step = Step(Status.OFFERED, now, Actor.SYSTEM, cause, rider_id=rider_id)
    return replace(
        delivery,
        status=Status.OFFERED,
        offered_to=rider_id,
        offer_expires_at=now + policy.offer_for,
        steps=with_step(delivery, step),
    )


def _too_early(delivery: Delivery, now: datetime, policy: Policy) -> bool:
    if delivery.marked_ready_at is not None:
        return False
    return search_begins(delivery.ready_at, now, policy) > now + policy.look_slack


def _is_unfilled(delivery: Delivery, rider_id: str | None, now: datetime, policy: Policy) -> bool:
    if delivery.unfilled_at is not None:
        return False
    since = delivery.searching_since or now
    return delivery.rounds >= policy.alert_after_rounds or (rider_id is None and now - since >= policy.alert_after)


def _next_look(delivery: Delivery, now: datetime, policy: Policy) -> datetime:
    if delivery.offer_expires_at is not None:
        return delivery.offer_expires_at + policy.look_grace
    searching_for = now - (delivery.searching_since or now)
    return now + policy.look_again_after(searching_for, alerted=delivery.unfilled_at is not None)


def _is_covered(set_for: datetime | None, due: datetime, now: datetime, policy: Policy) -> bool:
    """Whether the timer that is set already comes in time.

    One that is due within the margin does not count: it may be the very look that asks.
    """
    return set_for is not None and now + policy.look_margin < set_for <= due + policy.look_slack
