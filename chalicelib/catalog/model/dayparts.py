"""When something is sold, on the store's own clock.

Wall-clock arithmetic on purpose: on the day the clocks change, too, a breakfast until 11:00 ends at 11:00.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.catalog.document import DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.catalog.document import Daypart, Window

_DAYS_AHEAD = 8


def minute_of_day(text: str) -> int:
    """Minutes after midnight of an "HH:MM"; 1440 for "24:00"."""
    return int(text[:2]) * 60 + int(text[3:])


def covers(daypart: Daypart, at_local: datetime) -> bool:
    """Whether any window holds this local time. The end is not part of a window."""
    minute = at_local.hour * 60 + at_local.minute
    today = at_local.weekday()
    return any(_window_covers(window, today, minute) for window in daypart.windows)


def starts_after(dayparts: Iterable[Daypart], at_local: datetime) -> Iterator[datetime]:
    """The next local times within about a week at which any of the dayparts begins, soonest first."""
    midnight = at_local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    after = at_local.replace(tzinfo=None)
    starts = {
        midnight + timedelta(days=ahead, minutes=minute_of_day(window.start))
        for daypart in dayparts
        for window in daypart.windows
        for ahead in range(_DAYS_AHEAD)
        if DAYS[(at_local.weekday() + ahead) % 7] in window.days
    }
    return iter(sorted(start for start in starts if start > after))


def _window_covers(window: Window, today: int, minute: int) -> bool:
    start, end = minute_of_day(window.start), minute_of_day(window.end)
    if start < end:
        return DAYS[today] in window.days and start <= minute < end
    began_today = DAYS[today] in window.days and minute >= start
    began_yesterday = DAYS[today - 1] in window.days and minute < end
    return began_today or began_yesterday
