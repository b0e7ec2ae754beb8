"""What requests and answers of dispatch have in common."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

VehicleName = Literal["foot", "bicycle", "scooter", "car"]
StatusName = Literal[
    "unassigned",
    "offered",
    "assigned",
    "at_store",
    "picked_up",
    "at_door",
    "delivered",
    "failed",
    "returning",
    "returned",
    "cancelled",
]
FailureReason = Literal[
    "customer_absent",
    "address_not_found",
    "customer_refused",
    "payment_refused",
    "proof_refused",
    "age_not_proven",
    "order_damaged",
    "accident",
    "other",
]
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
ShiftState = Literal["off", "available", "break_due", "on_break", "ending"]
# `(?!\n)` behind a pattern's `$`: Python's also matches before a final newline.
Subject = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:~-]{1,128}$(?!\n)",
        max_length=128,
        description="The user's id: the subject of their tokens.",
        examples=["5f0c7a3e-4b8e-4f3b-9a52-7d1f5d0e6a11"],
    ),
]
RiderName = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$(?!\n)", examples=["Lena K."])
]
Capacity = Annotated[int, Meta(ge=1, le=10, description="How many deliveries fit at once.", examples=[3])]
Volume = Annotated[
    int | None,
    Meta(description="Litres that fit at once, a usual order is 10; null: only orders are counted.", examples=[60]),
]
ColdBox = Annotated[bool, Meta(description="Whether frozen goods stay frozen.")]
AgeRestricted = Annotated[bool, Meta(description="Whether age-restricted goods may be carried; an admin decides.")]
CapturedAt = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$(?!\n)",
        description="When the phone took it down, RFC 3339: at most 24 hours ago and 5 minutes ahead.",
        examples=["2026-03-01T12:30:00.000Z"],
    ),
]
Instant = Annotated[str, Meta(description="RFC 3339 instant in UTC.", examples=["2026-03-01T12:30:00.000Z"])]


class Spot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in degrees, WGS 84."""

    lat: Annotated[float, Meta(ge=-90, le=90, examples=[52.520008])]
    lng: Annotated[float, Meta(ge=-180, le=180, examples=[13.404954])]


class Cash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash at the door."""

    amount: Annotated[int, Meta(ge=0, le=10**9, description="Minor units of the currency.", examples=[1850])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]
