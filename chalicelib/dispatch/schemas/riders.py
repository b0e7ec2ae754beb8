"""Riders, their shifts and where they are."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.dispatch.schemas.values import (
    AgeRestricted,
    Capacity,
    CapturedAt,
    Cash,
    ColdBox,
    Instant,
    RiderName,
    Spot,
    Subject,
    VehicleName,
    Volume,
)

CashLimit = Annotated[
    Cash | None, Meta(description="How much cash may be in the rider's hands; null: any amount. An admin decides.")
]
Litres = Annotated[
    Annotated[int, Meta(ge=10, le=2000)] | None,
    Meta(description="Litres that fit at once, a usual order is 10; null: only orders are counted.", examples=[60]),
]


class RegisterRider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make a user of the `riders` group a rider."""

    user: Subject
    name: RiderName
    vehicle: VehicleName
    capacity: Capacity = 2
    volume: Litres = None
    cold_box: ColdBox = False
    age_restricted: AgeRestricted = True
    cash_limit: CashLimit = None


class RiderProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rider says about themself."""

    name: RiderName
    vehicle: VehicleName
    capacity: Capacity = 2
    volume: Litres = None
    cold_box: ColdBox = False


class ChangeRider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a rider to change; what is left out stays."""

    name: RiderName | msgspec.UnsetType = msgspec.UNSET
    vehicle: VehicleName | msgspec.UnsetType = msgspec.UNSET
    capacity: Capacity | msgspec.UnsetType = msgspec.UNSET
    volume: Litres | msgspec.UnsetType = msgspec.UNSET
    cold_box: ColdBox | msgspec.UnsetType = msgspec.UNSET
    age_restricted: AgeRestricted | msgspec.UnsetType = msgspec.UNSET
    cash_limit: CashLimit | msgspec.UnsetType = msgspec.UNSET


class RiderView(msgspec.Struct, frozen=True, kw_only=True):
    """A rider."""

    rider_id: str
    name: str
    vehicle: VehicleName
    capacity: int
    volume: Volume
    cold_box: ColdBox
    age_restricted: AgeRestricted
    cash_limit: CashLimit
    cash_in_hand: Annotated[Cash | None, Meta(description="Collected at doors and not handed in yet.")]
    on_shift: bool
    shift_id: Annotated[str | None, Meta(description="What the rider works in at the moment.")]
    zone: Annotated[str | None, Meta(description="H3 cell in which the shift began.")]
    shift_changed_at: Instant | None
    version: int


class HandInCash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash that a rider gave to whoever is calling."""

    amount: Annotated[int, Meta(ge=1, le=10**9, description="Minor units of the currency.", examples=[18500])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]


class ChangeShift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Go on or off shift."""

    state: Literal["on", "off"]
    position: Annotated[Spot | None, Meta(description="Where you are; needed to go on shift.")] = None
    force: Annotated[bool, Meta(description="Off at once: what you have not picked up yet goes to other riders.")] = (
        False
    )


class ReportPosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A heartbeat, every 15 to 60 seconds on shift; who is not heard of for 15 minutes gets no offers."""

    position: Spot
    captured_at: CapturedAt


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """The position as it was taken."""

    position: Spot
    zone: Annotated[str, Meta(description="H3 cell.")]
    at: Instant
