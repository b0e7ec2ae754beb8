"""A rider's feed: what is offered, what is under way, what to do next, and how soon to ask again.

Its ETag is the vector of versions behind it, ``r7.<ulid>:3``: the rider's version, then each delivery's. A poll names
everything that must be read to see whether anything changed, so it costs one request.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.rider import CAPACITY_LIMIT, Rider, in_hand

if TYPE_CHECKING:
    from collections.abc import Mapping
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

# Seconds until the next poll. An offer lives for 30: an idle rider who asks every 25 still sees it in time.
_OFFER_OPEN = 3
_WAITING_AT_STORE = 5
_TO_STORE = 10
_TO_DOOR = 15
_IDLE = 15
_QUIET = 25
_OFF_SHIFT = 60
_QUIET_AFTER = timedelta(minutes=15)


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
    """Seconds until the rider's phone should ask again, the shortest that anything in hand asks for."""
    waits = [_OFFER_OPEN] * bool(offers) + [_wait_for(delivery) for delivery in active]
    if waits:
        return min(waits)
    if not rider.on_shift:
        return _OFF_SHIFT
    # No offer for a while: no delivery around is looking for a rider.
    stirred = max((at for at in (rider.last_offer_at, rider.shift_changed_at) if at is not None), default=now)
    return _QUIET if now - stirred >= _QUIET_AFTER else _IDLE


def _wait_for(delivery: Delivery) -> int:
    if delivery.status is Status.AT_STORE:
        return _WAITING_AT_STORE if delivery.marked_ready_at is None else _TO_STORE
    return _TO_STORE if delivery.status is Status.ASSIGNED else _TO_DOOR


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
