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
    REASSIGNED,
    SEARCHING,
    Actor,
    Delivery,
    Status,
    Step,
    excluding,
    with_step,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from chalicelib.dispatch.model.decision import Decision
    from chalicelib.dispatch.model.policy import Policy


class Look(msgspec.Struct, frozen=True):
    """What a look came to. ``next_look_at`` is set when a new timer must be set; ``alert`` when the store must know."""

    delivery: Delivery
    next_look_at: datetime | None = None
    alert: bool = False


def search_begins(ready_at: datetime, now: datetime, policy: Policy) -> datetime:
    """When the first look is due: a rider's way before the order is ready."""
    return max(now, policy.on_slow_beat(ready_at - policy.search_lead))


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
        mates=(),
        excluded=excluding(delivery, silent),
        rounds=delivery.rounds + 1,
        steps=with_step(delivery, Step(Status.UNASSIGNED, now, Actor.SYSTEM, cause, EXPIRED)),
    )


class Asked(msgspec.Struct, frozen=True):
    """Whom a look has found, and why; ``mates`` are the offer's deliveries in drop-off sequence if they are several.

    ``load`` is how many orders the store has to make, ``offer_for`` how long this rider is asked (None: as usual).
    """

    rider_id: str
    decision: Decision | None = None
    mates: tuple[str, ...] = ()
    load: int = 0
    offer_for: timedelta | None = None


def conclude(delivery: Delivery, asked: Asked | None, now: datetime, cause: str, policy: Policy) -> Look:
    """What follows from a look at ``delivery`` that found this rider, or none: then it waits for its zone's ticks.

    ``delivery`` is as it was read; where nothing is to be written, the same object comes back.
    """
    if delivery.status not in SEARCHING:
        return Look(delivery)
    if not wants_rider(delivery, now, policy):
        return _wait(delivery, now, policy)
    after = expire(delivery, now, cause)
    after = replace(after, searching_since=after.searching_since or now)
    alert = _is_unfilled(after, asked, now, policy)
    after = _escalated(after, now, policy, alert=alert)
    after = replace(after, waits=True) if asked is None else _offer(after, asked, now, cause, policy)
    return _looked(delivery, after, now, policy, alert=alert)


def hold(delivery: Delivery, now: datetime, cause: str, policy: Policy) -> Look:
    """What follows from a look that found it too early to ask anybody: somebody will be there in time all the same."""
    return _looked(delivery, replace(expire(delivery, now, cause), waits=True), now, policy)


def waits_for_phone(
    delivery: Delivery, asks_at: datetime | None, tick_at: datetime, now: datetime, policy: Policy
) -> bool:
    """Whether the next tick asks a rider just as soon: the phone looks only after it.

    ``asks_at`` is when a phone that sleeps wakes, None for one that doesn't. A delivery that has been ready
    for long is given away all the same, so that neither changing plans nor late ticks can keep it.
    """
    due = max(delivery.steps[0].at if delivery.steps else now, delivery.ready_at)
    return asks_at is not None and asks_at > tick_at and now - due < policy.phone_wait


def reassign(delivery: Delivery, asked: Asked, now: datetime, cause: str, policy: Policy) -> Look:
    """The delivery taken from a rider who has not reached the store, and offered to one who would be there sooner."""
    freed = replace(
        delivery,
        status=Status.UNASSIGNED,
        rider_id=None,
        excluded=excluding(delivery, delivery.rider_id or ""),
        searching_since=now,
        steps=with_step(delivery, Step(Status.UNASSIGNED, now, Actor.SYSTEM, cause, REASSIGNED)),
    )
    return _looked(delivery, _offer(freed, asked, now, cause, policy), now, policy)


def pace(deliveries: Sequence[Delivery], now: datetime, policy: Policy) -> timedelta:
    """How soon a zone in which these wait ticks again: as soon as the youngest search among them asks."""
    return min(
        policy.look_again_after(now - (each.searching_since or now), alerted=each.unfilled_at is not None)
        for each in deliveries
    )


def _looked(before: Delivery, after: Delivery, now: datetime, policy: Policy, *, alert: bool = False) -> Look:
    due = _next_look(after, now, policy)
    set_timer = not _is_covered(before.next_look_at, due, now, policy)
    if after == before and not set_timer:
        return Look(before)
    return Look(
        replace(after, version=before.version + 1, next_look_at=due if set_timer else before.next_look_at),
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


def _offer(delivery: Delivery, asked: Asked, now: datetime, cause: str, policy: Policy) -> Delivery:
    step = Step(Status.OFFERED, now, Actor.SYSTEM, cause, rider_id=asked.rider_id, decision=asked.decision)
    return replace(
        delivery,
        status=Status.OFFERED,
        offered_to=asked.rider_id,
        offer_expires_at=now + (asked.offer_for or policy.offer_for),
        mates=asked.mates,
        load=asked.load,
        waits=False,
        steps=with_step(delivery, step),
    )


def _too_early(delivery: Delivery, now: datetime, policy: Policy) -> bool:
    if delivery.marked_ready_at is not None:
        return False
    return search_begins(delivery.ready_at, now, policy) > now + policy.look_slack


def _escalated(delivery: Delivery, now: datetime, policy: Policy, *, alert: bool) -> Delivery:
    """The delivery with what a search that goes on calls for: a bonus, the pool, the store's attention."""
    since = now - (delivery.searching_since or now)
    due = [amount for after, rounds, amount in policy.bonuses if since >= after or delivery.rounds >= rounds]
    to_pool = since >= policy.pool_after or delivery.rounds >= policy.pool_after_rounds
    return replace(
        delivery,
        bonus=max([delivery.bonus, *due]),
        pooled_at=delivery.pooled_at or (now if to_pool else None),
        unfilled_at=now if alert else delivery.unfilled_at,
    )


def _is_unfilled(delivery: Delivery, asked: Asked | None, now: datetime, policy: Policy) -> bool:
    if delivery.unfilled_at is not None:
        return False
    since = delivery.searching_since or now
    return delivery.rounds >= policy.alert_after_rounds or (asked is None and now - since >= policy.alert_after)


def _next_look(delivery: Delivery, now: datetime, policy: Policy) -> datetime:
    if delivery.offer_expires_at is not None:
        return delivery.offer_expires_at + policy.look_grace
    return now + policy.guard


def _is_covered(set_for: datetime | None, due: datetime, now: datetime, policy: Policy) -> bool:
    """Whether the timer that is set already comes in time.

    One that is due within the margin does not count: it may be the very look that asks.
    """
    return set_for is not None and now + policy.look_margin < set_for <= due + policy.look_slack
