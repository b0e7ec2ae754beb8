"""Settlement periods: they begin and end at midnight where the store is."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Period = Literal["daily", "weekly", "monthly"]


def end_of_period(moment: datetime, period: Period, zone: str) -> datetime:
    """The first end of a period after a moment: the next midnight, Monday or first of the month of the zone, in UTC."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    if period == "daily":
        first = day + timedelta(days=1)
    elif period == "weekly":
        first = day + timedelta(days=7 - day.weekday())
    else:
        first = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(first, time(), ZoneInfo(zone)).astimezone(UTC)


def start_of_period(moment: datetime, period: Period, zone: str) -> datetime:
    """The last beginning of a period that is not after a moment, in UTC."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    if period == "weekly":
        day -= timedelta(days=day.weekday())
    elif period == "monthly":
        day = day.replace(day=1)
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
