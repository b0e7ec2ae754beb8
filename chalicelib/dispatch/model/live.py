"""What a customer sees of the rider: a place between the store and the door, only then and as coarse as will do."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.dispatch.model.delivery import ENDED, Status
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.rider import Position

# A place that is older than this is a district, and one much older nothing at all.
FRESH = timedelta(seconds=90)
KNOWN = timedelta(minutes=10)
_EXACT_DECIMALS, _COARSE_DECIMALS = 5, 2  # a metre, a kilometre

# Seconds until the next poll. Phones tell where they are once a minute or so: asking more often shows nothing new.
_FIX_EVERY = timedelta(seconds=60)
_MOVING = (10, 60)
_BEFORE = 60
_OVER = 300


class LivePosition(msgspec.Struct, frozen=True):
    """Where the rider was at ``at``; a ``coarse`` point is the middle of about a square kilometre."""

    point: Point
    at: datetime
    precision: Literal["exact", "coarse"]


def may_be_seen(delivery: Delivery | None) -> bool:
    """Whether the rider rides to this customer with the order on board."""
    return delivery is not None and delivery.status is Status.PICKED_UP and delivery.rider_id is not None


def live_position(delivery: Delivery | None, position: Position | None, now: datetime) -> LivePosition | None:
    """What of the rider's position this customer is shown. None before the pick-up and from the door on.

    As long as other customers come first, their doors would show: then, and when the phone is silent, it is coarse.
    """
    if delivery is None or position is None or not may_be_seen(delivery) or position.rider_id != delivery.rider_id:
        return None
    age = now - position.at
    left_at = max((step.at for step in delivery.steps if step.status is Status.PICKED_UP), default=now)
    if age > KNOWN or position.at < left_at - FRESH:
        return None
    coarse = age > FRESH or delivery.doors_before > 0
    decimals = _COARSE_DECIMALS if coarse else _EXACT_DECIMALS
    point = Point(round(position.point.lat, decimals), round(position.point.lng, decimals))
    return LivePosition(point, position.at, "coarse" if coarse else "exact")


def follow_after(delivery: Delivery | None, seen: LivePosition | None, now: datetime) -> int:
    """Seconds until the customer's app should ask again: when the rider's phone should have told another place."""
    if delivery is not None and delivery.status in ENDED | {Status.FAILED, Status.RETURNING}:
        return _OVER
    if not may_be_seen(delivery):
        return _BEFORE
    shortest, longest = _MOVING
    next_fix = longest if seen is None else math.ceil((seen.at + _FIX_EVERY - now).total_seconds())
    # A phone that is late: half a period later.
    return min(longest, next_fix + 2) if next_fix + 2 >= shortest else longest // 2
