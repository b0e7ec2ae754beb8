"""A rider's feed: what is offered, what is under way, what to do next, and how soon to ask again.

Its ETag is the vector of versions behind it, ``r7.<ulid>:3``: the rider's version, then each delivery's. A poll names
everything that must be read to see whether anything changed, so it costs one request.
"""

from __future__ import annotations

import math
import re
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.policy import STANDARD, Policy
from chalicelib.dispatch.model.rider import CAPACITY_LIMIT, Rider, in_hand

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

NextStep = Literal[
    "accept_or_decline",
    "go_to_store",
    "wait_for_order",
    "pick_up",
    "go_to_door",
    "hand_over",
    "go_back_to_store",
    "give_back_at_store",
]

_TOKEN = re.compile(r"r\d{1,15}((?:\.[0-9a-hjkmnp-tv-z]{26}:\d{1,15}x?)*)\Z", re.ASCII)
_NAMED_LIMIT = CAPACITY_LIMIT + 2

# Seconds until the next poll. An offer lives for 30, or until the phone has asked and there was time to answer.
_OFFER_OPEN = (3, 10)
_NO_ROOM = 60
_WAITING_AT_STORE = (15, 60)
_OFF_SHIFT = 60
# Who rides to a door with everything on board asks on the slow beat, and shortly before it.
_RIDING = (25, 120)
_BEFORE_DOOR = timedelta(seconds=60)
_TO_ANSWER = timedelta(seconds=10)
# Most offers are made on a slow beat (`Policy.slow_beat`). Phones of riders who may be asked come a moment after it,
# each at its own, so that they neither wait for long nor all come at once; none asks twice within the shortest pause.
# Who was just asked, or has just begun, is where orders wait and may be asked by the next tick; so, for a shorter time,
# may be who has said yes.
_BEHIND_BEAT = (3, 9)
_STIRRED = timedelta(minutes=3)
_STIRRED_AT_WORK = timedelta(minutes=1)
_SHORTEST_PAUSE = 3


class Feed(msgspec.Struct, frozen=True):
    """What a rider sees. ``retry_after`` is in seconds."""

    rider: Rider
    offers: tuple[Delivery, ...]
    active: tuple[Delivery, ...]
    etag: str
    retry_after: int


def named_deliveries(etag: str | None) -> list[str]:
    """The ids of the deliveries that an ETag of ours speaks of; none for anything else."""
    match = _TOKEN.match(etag) if etag else None
    if match is None:
        return []
    parts = [part for part in match[1].split(".") if part]
    return [f"dlv_{part.partition(':')[0]}" for part in parts[:_NAMED_LIMIT]]


def compose(rider: Rider, deliveries: Mapping[str, Delivery | None], now: datetime) -> Feed:
    """The feed from the rider and every delivery on the list that may concern the rider."""
    named = in_hand(rider, deliveries)
    known = [delivery for each in named if (delivery := deliveries.get(each)) is not None]
    offers = tuple(each for each in known if each.is_offered_to(rider.id, now))
    active = tuple(each for each in known if each.is_carried_by(rider.id))
    parts = [f"r{rider.version}"]
    for delivery_id in named:
        delivery = deliveries.get(delivery_id)
        version = delivery.version if delivery else 0
        lapsed = delivery is not None and delivery.status is Status.OFFERED and delivery.offer_expired(now)
        parts.append(f"{delivery_id.partition('_')[2]}:{version}{'x' if lapsed else ''}")
    return Feed(rider, offers, active, ".".join(parts), retry_after(rider, offers, active, now))


def retry_after(rider: Rider, offers: tuple[Delivery, ...], active: tuple[Delivery, ...], now: datetime) -> int:
    """Seconds until the rider's phone should ask again: soon where news may come, late where none can.

    A phone asks again by itself after everything that its rider reports.
    """
    if offers:
        ends = min((each.offer_expires_at for each in offers if each.offer_expires_at is not None), default=now)
        return _within(_OFFER_OPEN, ends - now)
    if not rider.on_shift:
        return _OFF_SHIFT
    if asks_seldom(active):
        door = min((each.at_door_at for each in active if each.at_door_at is not None), default=now)
        return min(_within(_RIDING, door - _BEFORE_DOOR - now), _after_beat(rider, active, now))
    has_room = rider.is_available and len(active) < rider.capacity
    waits = [_after_beat(rider, active, now) if has_room else _NO_ROOM]
    waits += [_within(_WAITING_AT_STORE, each.ready_at - now) for each in active if next_step(each) == "wait_for_order"]
    return min(waits)


def asks_seldom(in_hand: Collection[Delivery]) -> bool:
    """Whether all that a rider has is on board: nothing is expected of the phone until the door."""
    return bool(in_hand) and all(each.status is Status.PICKED_UP for each in in_hand)


def offer_for(rider: Rider, in_hand: Collection[Delivery], now: datetime, policy: Policy) -> timedelta:
    """How long an offer to a rider who has this in hand is to live, so that the phone asks in between."""
    asks_after = timedelta(seconds=_until(rider, now, _beat(rider, in_hand, now)))
    return max(policy.offer_for, asks_after + _TO_ANSWER)


def sleeps_until(rider: Rider, in_hand: Collection[Delivery], now: datetime) -> datetime | None:
    """When a phone that asks on the slow beat asks again at the latest; None for one that asks more often."""
    if _beat(rider, in_hand, now) < STANDARD.slow_beat:
        return None
    return now + timedelta(seconds=_until(rider, now, STANDARD.slow_beat))


def _within(bounds: tuple[int, int], wait: timedelta) -> int:
    return max(bounds[0], min(bounds[1], math.ceil(wait.total_seconds())))


def _after_beat(rider: Rider, in_hand: Collection[Delivery], now: datetime) -> int:
    pause = timedelta(seconds=_SHORTEST_PAUSE)
    return _SHORTEST_PAUSE + _until(rider, now + pause, _beat(rider, in_hand, now))


def _beat(rider: Rider, in_hand: Collection[Delivery], now: datetime) -> timedelta:
    lately = now - (_STIRRED_AT_WORK if in_hand else _STIRRED)
    stirred = any(at is not None and at > lately for at in (rider.last_offer_at, rider.shift_changed_at))
    return STANDARD.beat if stirred else STANDARD.slow_beat


def _until(rider: Rider, at: datetime, beat: timedelta) -> int:
    """Seconds until the rider's own moment after a beat, which follows from the rider's id."""
    first, last = _BEHIND_BEAT
    own = first + zlib.crc32(rider.id.encode()) % (last - first + 1)
    return math.ceil((own - at.timestamp()) % beat.total_seconds())


def next_step(delivery: Delivery) -> NextStep | None:
    """What the rider does next with a delivery; None when there is nothing left to do."""
    if delivery.status is Status.AT_STORE:
        return "pick_up" if delivery.marked_ready_at is not None else "wait_for_order"
    return _NEXT_STEPS.get(delivery.status)


_NEXT_STEPS: dict[Status, NextStep] = {
    Status.OFFERED: "accept_or_decline",
    Status.ASSIGNED: "go_to_store",
    Status.PICKED_UP: "go_to_door",
    Status.AT_DOOR: "hand_over",
    Status.FAILED: "go_back_to_store",
    Status.RETURNING: "give_back_at_store",
}
