"""What riders earn: dated rules, and the lines that a delivery or a shift has by them. Pure.

Amounts are minor units of the rules' currency. Rules are never changed: a newer version holds from its ``since``, for
deliveries that are taken from then on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from chalicelib.dispatch.model.delivery import Status
from chalicelib.kernel import geo, money
from chalicelib.kernel.errors import Violation
from chalicelib.kernel.money import round_half_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.dispatch.model.delivery import Delivery, Step

EVERYWHERE: Final = "everywhere"
LineKind = Literal["base", "distance", "waiting", "peak", "bonus", "guarantee"]
# A wait that is longer was a phone that was forgotten; somebody has to look at it.
LONGEST_WAIT: Final = timedelta(hours=1)
_KM = 1000
_MINUTE = 60
_HOUR = 3600


class Peak(msgspec.Struct, frozen=True, array_like=True):
    """A time of the week in which each delivery that is taken pays more.

    ``days`` are those of the week, Monday 0; ``start`` and ``end`` minutes of the local day, the end not included.
    """

    days: tuple[int, ...]
    start: int
    end: int
    bonus: int


class PayRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How riders are paid in an area: a zone's H3 cell, or ``everywhere`` for zones that have no rules of their own.

    ``per_waiting_minute`` counts from ``free_wait_minutes`` after the arrival until the pick-up. ``guarantee_per_hour``
    is what a planned shift pays at least for its worked time.
    """

    area: str
    version: int
    since: datetime
    currency: str
    time_zone: str
    base: int = 0
    per_km: int = 0
    per_waiting_minute: int = 0
    free_wait_minutes: int = 0
    peaks: tuple[Peak, ...] = ()
    guarantee_per_hour: int = 0
    set_by: str = ""


class PayLine(msgspec.Struct, frozen=True, array_like=True):
    """A part of what was earned: ``quantity`` (metres, seconds, or 1) at ``rate`` (per km, minute, hour, or in all)."""

    kind: LineKind
    amount: int
    quantity: int
    rate: int


class Ride(msgspec.Struct, frozen=True):
    """What a rider did for one delivery, as far as it is paid by. ``metres`` from the store to the door, straight."""

    taken_at: datetime
    waited: timedelta
    metres: int
    bonus: int


def check(rules: PayRules) -> list[Violation]:
    """What is wrong with rules, in themselves."""
    from zoneinfo import available_timezones

    found = []
    if not money.is_currency(rules.currency):
        found.append(Violation("currency_unknown", "/currency", f"{rules.currency!r} is no ISO 4217 currency."))
    if rules.time_zone not in available_timezones():
        detail = f"{rules.time_zone!r} is not an IANA time zone, as Europe/Berlin is."
        found.append(Violation("time_zone_unknown", "/time_zone", detail))
    for number, peak in enumerate(rules.peaks):
        if peak.end <= peak.start:
            detail = "A peak ends after it begins; one over midnight is two."
            found.append(Violation("peak_empty", f"/peaks/{number}/end", detail))
    return found


def ride_of(delivery: Delivery, rider_id: str) -> Ride | None:
    """What this rider did for a delivery that was picked up; None for one who never had the order on board.

    A phone that was offline tells later when it was where: its own times count, from the acceptance on.
    """
    taken: Step | None = None
    arrived: datetime | None = None
    left: datetime | None = None
    for step in delivery.steps:
        if step.status is Status.OFFERED or step.rider_id is not None:
            taken = arrived = left = None
        if step.status is Status.ASSIGNED:
            taken = step
        elif taken is not None and step.status is Status.AT_STORE and arrived is None:
            arrived = max(step.captured_at or step.at, taken.at)
        elif taken is not None and step.status is Status.PICKED_UP and left is None:
            left = max(step.captured_at or step.at, taken.at)
    if taken is None or left is None or delivery.rider_id != rider_id:
        return None
    waited = max(timedelta(), left - arrived) if arrived is not None else timedelta()
    metres = round(geo.distance_m(delivery.store_point, delivery.dropoff_point))
    return Ride(taken.at, min(waited, LONGEST_WAIT), metres, delivery.bonus)


def lines_for(ride: Ride, rules: PayRules | None) -> tuple[PayLine, ...]:
    """What a delivery pays, part by part; those of nothing are left out. The bonus of its offer is paid in any case."""
    found: list[PayLine] = []
    if rules is not None:
        paid_wait = max(0, round(ride.waited.total_seconds()) - rules.free_wait_minutes * _MINUTE)
        peak = peak_bonus(rules, ride.taken_at)
        found += [
            PayLine("base", rules.base, 1, rules.base),
            PayLine("distance", _share(rules.per_km, ride.metres, _KM), ride.metres, rules.per_km),
            PayLine(
                "waiting", _share(rules.per_waiting_minute, paid_wait, _MINUTE), paid_wait, rules.per_waiting_minute
            ),
            PayLine("peak", peak, 1, peak),
        ]
    found.append(PayLine("bonus", ride.bonus, 1, ride.bonus))
    return tuple(line for line in found if line.amount)


def peak_bonus(rules: PayRules, at: datetime) -> int:
    """The highest bonus of the peaks that this moment is in, by the area's own clocks."""
    from zoneinfo import ZoneInfo

    local = at.astimezone(ZoneInfo(rules.time_zone))
    minute = local.hour * 60 + local.minute
    return max(
        (each.bonus for each in rules.peaks if local.weekday() in each.days and each.start <= minute < each.end),
        default=0,
    )


def top_up(rules: PayRules | None, worked: timedelta, earned: int) -> PayLine | None:
    """What is missing to the guarantee of a shift that paid ``earned``; None where nothing is."""
    if rules is None or not rules.guarantee_per_hour:
        return None
    seconds = round(worked.total_seconds())
    missing = _share(rules.guarantee_per_hour, seconds, _HOUR) - earned
    return PayLine("guarantee", missing, seconds, rules.guarantee_per_hour) if missing > 0 else None


def total(lines: Iterable[PayLine]) -> int:
    """The sum of lines."""
    return sum(line.amount for line in lines)


def in_force(versions: Iterable[PayRules], at: datetime) -> PayRules | None:
    """Of an area's versions the latest that holds at this moment."""
    return max((each for each in versions if each.since <= at), key=lambda each: each.version, default=None)


def _share(rate: int, quantity: int, unit: int) -> int:
    return round_half_up(Fraction(rate * quantity, unit))
