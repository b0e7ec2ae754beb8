"""Opening hours: OpenStreetMap ``opening_hours`` expressions, read on the wall clock of the store's zone.

An expression speaks of wall time; instants are UTC. Both kinds of clock change are minded here: a wall time that does
not exist (spring) is the instant of the change, one that exists twice (autumn) is open both times.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from chalicelib.kernel.geo import Point

_HORIZON = timedelta(days=366)
_STEPS = 64  # changes of comment only, before a change of state is no longer looked for
_LONGEST_SHIFT = timedelta(hours=3)  # no zone sets its clock back by more
_QUOTED = re.compile(r'"[^"]*"')
_PUBLIC_HOLIDAY = re.compile(r"\bPH\b")
_SCHOOL_HOLIDAY = re.compile(r"\bSH\b")
_SUN = re.compile(r"\b(dawn|sunrise|sunset|dusk)\b", re.IGNORECASE)
_PLACE = re.compile(r"--> (\d+):(\d+)")
_EXPECTED = re.compile(r"= (?:expected )?(.+)")


class HoursError(ValueError):
    """The expression can't be used; ``code`` and ``params`` say why, the message says it to a person."""

    def __init__(self, code: str, detail: str, **params: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.params = params


class Hours(msgspec.Struct, frozen=True):
    """A compiled expression: whether it is open at an instant, and when that changes. ``unknown`` counts as closed."""

    expression: Any
    zone: ZoneInfo

    def is_open(self, instant: datetime) -> bool:
        """Whether the expression is open at this instant (openings include their start and exclude their end)."""
        return bool(self.expression.is_open(_wall(instant, self.zone)))

    def next_change(self, instant: datetime) -> datetime | None:
        """The first later instant (UTC) at which ``is_open`` differs; None when there is none within a year."""
        before = self.is_open(instant)
        at: datetime | None = instant
        for _ in range(_STEPS):
            at = self._next_step(at) if at else None
            if at is None or at - instant > _HORIZON:
                return None
            if self.is_open(at) != before:
                return at
        return None

    def next_opening(self, instant: datetime) -> datetime | None:
        """``instant`` itself when open then, else the next opening within a year."""
        return instant if self.is_open(instant) else self.next_change(instant)

    def _next_step(self, instant: datetime) -> datetime | None:
        """The next instant at which the answer may differ."""
        wall = self.expression.next_change(_wall(instant, self.zone))
        step = None if wall is None else _instant(wall.replace(tzinfo=None), self.zone, after=instant)
        set_back = self._set_back(instant)
        return min((at for at in (step, set_back) if at is not None), default=None)

    def _set_back(self, instant: datetime) -> datetime | None:
        """When the clock is about to be set back: wall times that have passed come again from there."""
        later = instant + _LONGEST_SHIFT
        if _offset(later, self.zone) >= _offset(instant, self.zone):
            return None
        return _clock_change(instant, later, self.zone)


def hours(expression: str, *, country: str, time_zone: str, point: Point) -> Hours:
    """Compile an expression with the country's public holidays. Raises ``HoursError``.

    Compiled expressions are kept: asking again costs nothing.
    """
    sun = _SUN.search(expression) is not None
    place = (round(point.lat, 3), round(point.lng, 3)) if sun else None
    return _compile(expression, country, time_zone, place)


@lru_cache(maxsize=4096)
def _compile(expression: str, country: str, time_zone: str, place: tuple[float, float] | None) -> Hours:
    from zoneinfo import ZoneInfo

    import opening_hours

    said = _QUOTED.sub("", expression)
    if _SCHOOL_HOLIDAY.search(said):
        raise HoursError(
            "school_holidays_unknown",
            "School holidays (SH) are not known here: name the dates, as in Jul 20-Aug 31.",
        )
    holidays: str | None = country
    try:
        opening_hours.OpeningHours("24/7", country=country)
    except opening_hours.UnknownCountryError as error:  # type: ignore[attr-defined]  # not in its stubs
        holidays = None
        if _PUBLIC_HOLIDAY.search(said):
            raise HoursError(
                "public_holidays_unknown",
                f"The public holidays (PH) of {country} are not known here: name the dates, as in Jan 01 off.",
                country=country,
            ) from error
    zone = ZoneInfo(time_zone)
    try:
        compiled = opening_hours.OpeningHours(
            expression,
            timezone=zone if place else None,
            country=holidays,
            coords=place,
            auto_country=False,
            auto_timezone=place is not None,  # without it the library does not look at the coordinates
            max_interval_days=_HORIZON.days,
        )
    except opening_hours.ParserError as error:  # type: ignore[attr-defined]  # not in its stubs
        raise _syntax_error(str(error)) from error
    except UnicodeError as error:
        raise HoursError("opening_hours_invalid", "The expression is not valid text.") from error
    return Hours(compiled, zone)


def _syntax_error(message: str) -> HoursError:
    place, expected = _PLACE.search(message), _EXPECTED.search(message)
    column = int(place[2]) if place else 1
    hint = expected[1] if expected else "something else"
    return HoursError(
        "opening_hours_invalid",
        f"Not an OpenStreetMap opening_hours expression: at column {column}, expected {hint}. "
        'An example of one: "Mo-Fr 11:00-14:30,17:00-22:00; Sa 12:00-23:00; PH off".',
        column=column,
    )


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _instant(wall: datetime, zone: ZoneInfo, *, after: datetime) -> datetime:
    """The first instant later than ``after`` at which the clock shows ``wall``; the clock change when it never does."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    for candidate in (first, second):
        if candidate > after and _wall(candidate, zone) == wall:
            return candidate
    return _clock_change(min(first, second), max(first, second), zone)


def _clock_change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """The second in ``(start, end]`` at which the zone's offset changes."""
    before = _offset(start, zone)
    low, high = 0, int((end - start).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(start + timedelta(seconds=middle), zone) == before:
            low = middle
        else:
            high = middle
    return (start + timedelta(seconds=high)).replace(microsecond=0)
