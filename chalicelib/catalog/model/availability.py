"""What is 86'd: taken off sale for now by the staff, without a new menu."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Literal

import msgspec

Kind = Literal["product", "sku", "option"]

MAX_EIGHTY_SIXED = 500
"""Whoever has more off sale needs another menu; the item that every quote reads stays below 16 KB."""

_NIGHT_ENDS = timedelta(hours=4)


class EightySix(msgspec.Struct, frozen=True):
    """One thing off sale. ``until`` is an instant; None means until further notice."""

    kind: Kind
    id: str
    until: datetime | None = None

    def holds_at(self, instant: datetime) -> bool:
        """Whether the thing is off sale at this instant."""
        return self.until is None or instant < self.until


class Availability(msgspec.Struct, frozen=True):
    """All that is 86'd in a store. ``version`` counts the staff's changes, and is 0 before the first."""

    version: int = 0
    eighty_sixed: tuple[EightySix, ...] = ()
    _by_id: dict[tuple[str, str], EightySix] = msgspec.field(default_factory=dict)  # follows from `eighty_sixed`

    def __post_init__(self) -> None:
        by_id = {(entry.kind, entry.id): entry for entry in self.eighty_sixed}
        msgspec.structs.force_setattr(self, "_by_id", by_id)

    def find(self, kind: Kind, identifier: str, at: datetime) -> EightySix | None:
        """The entry that takes this off sale at the instant ``at`` (aware), or None when it can be had then.

        An order for tomorrow may contain what is 86'd until tomorrow.
        """
        entry = self._by_id.get((kind, identifier))
        return entry if entry is not None and entry.holds_at(at) else None

    def still_at(self, instant: datetime) -> Availability:
        """Without the entries that have ended by then."""
        return Availability(self.version, tuple(entry for entry in self.eighty_sixed if entry.holds_at(instant)))

    def with_entry(self, entry: EightySix) -> Availability:
        """With this entry in the place of an earlier one for the same thing; the version is the next one."""
        return Availability(self.version + 1, (*self._without(entry.kind, entry.id), entry))

    def without_entry(self, kind: Kind, identifier: str) -> Availability:
        """With this thing back on sale; the version is the next one."""
        return Availability(self.version + 1, self._without(kind, identifier))

    def _without(self, kind: Kind, identifier: str) -> tuple[EightySix, ...]:
        return tuple(entry for entry in self.eighty_sixed if (entry.kind, entry.id) != (kind, identifier))


def next_morning(at_local: datetime) -> datetime:
    """The local time, 04:00, at which the service day of ``at_local`` is over (same zone).

    At one in the morning a kitchen still serves the evening before, and "until tomorrow" means after it has
    slept.
    """
    service_day = (at_local.replace(tzinfo=None) - _NIGHT_ENDS).date()
    morning = datetime.combine(service_day + timedelta(days=1), time()) + _NIGHT_ENDS
    return morning.replace(tzinfo=at_local.tzinfo)
