"""Pay rules as admins set them, and what riders earned by them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.dispatch.schemas.shifts import Moment
from chalicelib.dispatch.schemas.values import Instant

Rate = Annotated[int, Meta(ge=0, le=100_000_000, description="Minor units of the currency.", examples=[250])]
Area = Annotated[
    str,
    Meta(
        pattern=r"^(everywhere|[0-9a-f]{15})$(?!\n)",
        max_length=15,
        description="A zone's H3 cell, or `everywhere` for all zones that have no rules of their own.",
        examples=["everywhere"],
    ),
]
DayName = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LocalTime = Annotated[
    str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)", max_length=5, examples=["18:00"])
]


class PeakTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time of the week in which each delivery that is taken pays `bonus` more. Of several the highest counts."""

    days: Annotated[list[DayName], Meta(min_length=1, max_length=7)]
    start: LocalTime
    end: Annotated[LocalTime, Meta(description="Not included; later than `start`.")]
    bonus: Rate


class SetPayRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next version of an area's rules, for deliveries that are taken and shifts that begin from `since` on."""

    area: Area = "everywhere"
    since: Moment
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", max_length=3, examples=["EUR"])]
    time_zone: Annotated[str, Meta(min_length=1, max_length=64, examples=["Europe/Berlin"])]
    base: Annotated[Rate, Meta(description="For each delivery.")] = 0
    per_km: Annotated[Rate, Meta(description="For a kilometre from the store to the door, in a straight line.")] = 0
    per_waiting_minute: Annotated[Rate, Meta(description="At the store, beyond the free minutes.")] = 0
    free_wait_minutes: Annotated[int, Meta(ge=0, le=120)] = 0
    peaks: Annotated[list[PeakTime], Meta(max_length=30)] = msgspec.field(default_factory=list)
    guarantee_per_hour: Annotated[Rate, Meta(description="What a planned shift pays at least for an hour worked.")] = 0


class PayRulesView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an area's rules."""

    area: str
    version: int
    since: Instant
    currency: str
    time_zone: str
    base: int
    per_km: int
    per_waiting_minute: int
    free_wait_minutes: int
    peaks: list[PeakTime]
    guarantee_per_hour: int
    set_by: str


class PayRulesList(msgspec.Struct, frozen=True, kw_only=True):
    """An area's versions, the newest first."""

    items: list[PayRulesView]


class PayRulesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which area."""

    area: Area = "everywhere"


class EarningLine(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an earning: `quantity` (metres, seconds, or 1) at `rate` (for a km, a minute, an hour, or in all)."""

    kind: Literal["base", "distance", "waiting", "peak", "bonus", "guarantee"]
    amount: int
    quantity: int
    rate: int


class EarningView(msgspec.Struct, frozen=True, kw_only=True):
    """What a delivery paid, or (without one) what a shift was short of its guarantee, and by which rules."""

    delivery_id: str | None
    shift_id: str
    at: Instant
    amount: int
    currency: str
    lines: list[EarningLine]
    rules_area: str | None
    rules_version: int | None


class EarningList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of earnings, the latest shift first."""

    items: list[EarningView]
    next_cursor: str | None


class ShiftStatementView(msgspec.Struct, frozen=True, kw_only=True):
    """What a shift was worked, and everything that it has paid. Tips are on the statement that is paid out."""

    shift_id: str
    begun_at: Instant | None
    ended_at: Instant | None
    worked_seconds: int
    deliveries: int
    totals: Annotated[dict[str, int], Meta(description="By kind of line; where all is of one currency.")]
    amount: int
    currency: str | None
    items: list[EarningView]
