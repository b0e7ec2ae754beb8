"""Riders: who they are, whether they are on shift, where they were last, and what they have in hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.kernel import geo
from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money

# Zones are H3 cells of about 36 km² (3.7 km from middle to corner): with one ring around it a store sees at least
# 5.6 km far in seven queries.
ZONE_RESOLUTION = 6
CAPACITY_LIMIT = 10  # deliveries at once


class Vehicle(StrEnum):
    """What a rider moves on."""

    FOOT = "foot"
    BICYCLE = "bicycle"
    SCOOTER = "scooter"
    CAR = "car"


class Limits(msgspec.Struct, frozen=True):
    """What a rider may carry besides so many orders. ``volume`` is in litres, None where only orders are counted.

    ``volume`` and ``cold_box`` are the rider's own word; whether ``age_restricted`` goods may be carried, and how much
    cash may be in the rider's hands (``cash_limit``, None: any amount), is an admin's.
    """

    volume: int | None = None
    cold_box: bool = False
    age_restricted: bool = True
    cash_limit: Money | None = None


NO_LIMITS = Limits()


class Rider(msgspec.Struct, frozen=True):
    """A rider. ``capacity`` is how many deliveries fit at once, ``cash`` what was collected and not handed in.

    ``jobs`` maps every delivery that was offered to the rider of late to its version at the offer. An accepted, ended
    or lost one stays until the next offer sweeps the list: the delivery itself says whose it is.
    """

    id: str
    name: str
    vehicle: Vehicle
    capacity: int
    version: int = 1
    on_shift: bool = False
    shift_changed_at: datetime | None = None
    zone: str | None = None  # where the shift began; the position tells where it is now
    last_offer_at: datetime | None = None
    asked: float = 0.0  # how often, and of these how often the answer was yes; the latest count most
    took: float = 0.0
    reassigned: int = 0  # how often in this shift a delivery was given to somebody else
    jobs: Mapping[str, int] = msgspec.field(default_factory=dict)
    limits: Limits = Limits()
    cash: Money | None = None
    shift_id: str | None = None  # of the duty at work, on shift only; planned ones tell when it ends
    shift_ends_at: datetime | None = None
    break_at: datetime | None = None  # when the rider asked for a break: it begins when nothing is in hand
    ending: bool = False  # on shift until what is in hand is done

    @property
    def is_available(self) -> bool:
        """Whether anything new may be offered."""
        return self.on_shift and self.break_at is None and not self.ending


class Position(msgspec.Struct, frozen=True):
    """Where a rider on shift was last."""

    rider_id: str
    point: Point
    at: datetime


class RiderAtWork(msgspec.Struct, frozen=True):
    """A rider on shift as the planner sees one: ``room`` is how many more deliveries fit, of ``capacity``.

    ``accepts`` is the probability that an offer is taken.
    """

    id: str
    point: Point
    heard_at: datetime
    vehicle: Vehicle
    room: int
    deliveries: tuple[Delivery, ...] = ()  # taken or offered, and not ended
    capacity: int = 1
    accepts: float = 0.9
    limits: Limits = Limits()
    cash: Money | None = None
    off_at: datetime | None = None  # when everything has to be delivered


def zone_of(point: Point) -> str:
    """The zone that holds the point."""
    return geo.cell(point, ZONE_RESOLUTION)


def zones_around(point: Point, rings: int) -> list[str]:
    """The point's zone and those within ``rings`` steps of it: 7 zones for one ring, 19 for two."""
    return geo.disk(zone_of(point), rings)


def concerns(rider_id: str, offered_version: int, delivery: Delivery | None) -> bool:
    """Whether a delivery on the rider's list may still be in the rider's hands.

    A copy older than the offer tells nothing (reads may lag), and an offer that ran out may have been taken in the
    last moment; both are kept until a newer copy tells. What a newer copy gives to nobody or to another never comes
    back without a new offer.
    """
    if delivery is None or delivery.version < offered_version:
        return True
    return delivery.is_carried_by(rider_id) or (delivery.status is Status.OFFERED and delivery.offered_to == rider_id)


def in_hand(rider: Rider, deliveries: Mapping[str, Delivery | None]) -> list[str]:
    """The ids on the rider's list that may be in the rider's hands, as far as the copies tell. Unread ones are."""
    return [
        delivery_id
        for delivery_id, offered_version in sorted(rider.jobs.items())
        if delivery_id not in deliveries or concerns(rider.id, offered_version, deliveries[delivery_id])
    ]


def with_offer(rider: Rider, offered: Iterable[Delivery], kept: Iterable[str], now: datetime) -> Rider:
    """The rider holding one more offer; of the older ones the list keeps only what is still in hand."""
    return replace(
        rider,
        version=rider.version + 1,
        last_offer_at=now,
        jobs={
            **{delivery_id: rider.jobs[delivery_id] for delivery_id in kept},
            **{each.id: each.version for each in offered},
        },
    )


# Of a rider of whom nothing is known nine offers of ten are expected to be taken, as sure as ten answers would make it.
# Every new answer makes the older ones count a twentieth less: about the last twenty decide.
_EXPECTED, _SURENESS, _FADES = 0.9, 10.0, 0.95


def acceptance(rider: Rider) -> float:
    """The probability that the rider takes an offer."""
    return (rider.took + _EXPECTED * _SURENESS) / (rider.asked + _SURENESS)


def with_outcomes(rider: Rider, kept: Iterable[str], deliveries: Mapping[str, Delivery | None]) -> Rider:
    """The rider with what became of the offers that are about to leave the list; it is written with the next offer.

    Taken and ended is a yes, refused or left unanswered a no; what the store or customer took back tells nothing.
    """
    asked, took = rider.asked, rider.took
    still = frozenset(kept)
    for delivery_id in rider.jobs:
        delivery = None if delivery_id in still else deliveries.get(delivery_id)
        if delivery is None:
            continue
        yes = delivery.rider_id == rider.id
        if yes or delivery.excludes(rider.id):
            asked, took = asked * _FADES + 1.0, took * _FADES + yes
    return replace(rider, asked=round(asked, 3), took=round(took, 3))
