"""Shifts as they are planned and worked."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.dispatch.schemas.values import Instant, ShiftState, Spot

# A text: a query's number would be taken for a time.
Moment = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$(?!\n)",
        description="RFC 3339.",
        examples=["2026-03-01T18:00:00Z"],
    ),
]
Cursor = Annotated[str, Meta(max_length=1024, description="`next_cursor` of the page before.")]
PageSize = Annotated[int, Meta(ge=1, le=100, description="Items on the page.")]
Places = Annotated[int, Meta(ge=1, le=200, description="How many riders.", examples=[4])]
ZoneCell = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{15}$(?!\n)", max_length=15, description="H3 cell.", examples=["861f1d48fffffff"])
]


class PlanShift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shift to be worked, of half an hour to 16 hours, at most 90 days ahead."""

    position: Annotated[Spot, Meta(description="Where it begins: in the middle of an area, or a store.")]
    starts_at: Moment
    ends_at: Moment
    places: Places = 1
    open: Annotated[bool, Meta(description="Whether riders may claim places; otherwise an admin assigns them.")] = True
    store_id: Annotated[
        Annotated[str, Meta(pattern=r"^sto_[0-9a-hjkmnp-tv-z]{26}$(?!\n)", max_length=30)] | None,
        Meta(description="The store that it is planned around, if it is one."),
    ] = None


class ChangePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a planned shift to change; what is left out stays."""

    places: Places | msgspec.UnsetType = msgspec.UNSET
    open: bool | msgspec.UnsetType = msgspec.UNSET
    ends_at: Annotated[Moment, Meta(description="Only as long as nobody has a place.")] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class PlansQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which zone and time, and which page."""

    zone: ZoneCell
    since: Annotated[Moment, Meta(description="Begins then or later; now by default.")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    until: Annotated[Moment, Meta(description="Begins before.")] | msgspec.UnsetType = msgspec.UNSET
    cursor: Cursor | msgspec.UnsetType = msgspec.UNSET
    limit: PageSize = 50


class DutiesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which time, and which page."""

    since: Annotated[Moment, Meta(description="Begins then or later; a day ago by default.")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    until: Annotated[Moment, Meta(description="Begins before.")] | msgspec.UnsetType = msgspec.UNSET
    cursor: Cursor | msgspec.UnsetType = msgspec.UNSET
    limit: PageSize = 50


class OpenShiftsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Around which place, and which page."""

    lat: Annotated[float, Meta(ge=-90, le=90, description="Degrees, WGS 84.", examples=[52.52])]
    lng: Annotated[float, Meta(ge=-180, le=180, description="Degrees, WGS 84.", examples=[13.405])]
    cursor: Cursor | msgspec.UnsetType = msgspec.UNSET
    limit: PageSize = 20


class BeginShift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where you are."""

    position: Spot


class ShiftView(msgspec.Struct, frozen=True, kw_only=True):
    """A planned shift."""

    shift_id: str
    zone: str
    position: Spot
    store_id: str | None
    starts_at: Instant
    ends_at: Instant
    places: int
    taken: Annotated[int, Meta(description="Places that have a rider.")]
    open: bool
    status: Literal["planned", "cancelled"]
    version: int


class ShiftList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of shifts, the earliest first."""

    items: list[ShiftView]
    next_cursor: str | None


class BreakView(msgspec.Struct, frozen=True, kw_only=True):
    """A break that is over."""

    begun_at: Instant
    ended_at: Instant


class DutyView(msgspec.Struct, frozen=True, kw_only=True):
    """A rider's place in a shift, and what was worked in it."""

    shift_id: str
    rider_id: str
    zone: str
    status: Literal["booked", "working", "ended", "given_back", "withdrawn", "cancelled", "missed"]
    origin: Annotated[
        Literal["assigned", "claimed", "off_roster"],
        Meta(description="`off_roster`: the rider went online without a planned shift."),
    ]
    starts_at: Instant
    ends_at: Annotated[Instant | None, Meta(description="As planned; null off the roster.")]
    start_from: Annotated[Instant, Meta(description="A booked shift can be begun from now on, …")]
    start_until: Annotated[Instant, Meta(description="… and until then; later the place is lost.")]
    give_back_until: Instant
    begun_at: Instant | None
    ended_at: Instant | None
    breaks: list[BreakView]
    worked_seconds: Annotated[int | None, Meta(description="Without breaks; null before the end.")]


class DutyList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of duties."""

    items: list[DutyView]
    next_cursor: str | None


class AtWorkView(msgspec.Struct, frozen=True, kw_only=True):
    """Where you stand.

    `break_due` and `ending`: nothing new comes, and the break begins, or the shift ends, when what is in hand is done.
    """

    state: ShiftState
    shift_id: str | None
    ends_at: Annotated[Instant | None, Meta(description="The planned end, if there is one.")]
    version: int
