"""Zones: an H3 cell whose open deliveries are planned together, by one tick at a time.

A zone is idle until a look at a delivery leaves it waiting; then ticks follow one another, each set by the one before,
until nothing waits. A zone with too much to plan splits into the seven finer cells, and joins again. Which zone a
delivery belongs to follows from its store's finest cell alone, so that a part's cells are exactly the whole's.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.rider import ZONE_RESOLUTION
from chalicelib.kernel import geo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from chalicelib.dispatch.model.policy import Policy
    from chalicelib.kernel.geo import Point

FINEST_RESOLUTION = ZONE_RESOLUTION + 2


class Zone(msgspec.Struct, frozen=True):
    """The rhythm of one zone. ``version`` 0 is a zone that was never written.

    ``ticked_at`` is when the latest tick took the zone: it holds it for ``Policy.lease_for``, alone. ``next_tick_at``
    is when the latest timer is due. ``split``: its parts tick, itself only watches over them.
    """

    cell: str
    version: int = 0
    ticked_at: datetime | None = None
    next_tick_at: datetime | None = None
    split: bool = False

    def is_held(self, now: datetime, policy: Policy) -> bool:
        """Whether another tick is at work."""
        return self.ticked_at is not None and now - self.ticked_at < policy.lease_for

    def is_armed(self, now: datetime, policy: Policy) -> bool:
        """Whether a tick will come, late enough to see what is written now and to find nobody at work."""
        return self.next_tick_at is not None and self.next_tick_at > now + policy.lease_for

    def is_active(self, now: datetime, policy: Policy) -> bool:
        """Whether ticks follow one another here; a timer that is overdue for long is lost."""
        return self.next_tick_at is not None and self.next_tick_at > now - policy.tick_lost_after


def lineage(point: Point) -> tuple[str, ...]:
    """The point's cells from the whole zone down to the finest part, each the parent of the next."""
    finest = geo.cell(point, FINEST_RESOLUTION)
    return (*(geo.parent(finest, resolution) for resolution in range(ZONE_RESOLUTION, FINEST_RESOLUTION)), finest)


def ancestry(cell: str) -> tuple[str, ...]:
    """The zones that a zone is a part of, the whole first, itself last."""
    return tuple(geo.parent(cell, each) for each in range(ZONE_RESOLUTION, geo.resolution(cell) + 1))


def in_charge(cells: Sequence[str], zones: Mapping[str, Zone]) -> Zone:
    """Of cells from the whole down, the first that is not split."""
    for cell in cells:
        zone = zones.get(cell) or Zone(cell)
        if not zone.split:
            return zone
    return zones[cells[-1]]


def can_split(cell: str) -> bool:
    """Whether there are finer cells to split into."""
    return geo.resolution(cell) < FINEST_RESOLUTION


def parts(cell: str) -> list[str]:
    """The finer cells of a zone."""
    return geo.children(cell, geo.resolution(cell) + 1)


def taken(zone: Zone, now: datetime, pace: timedelta | None, *, split: bool | None = None) -> Zone:
    """The zone with a tick at work in it, and the next one ``pace`` later (None: the one that is set will do)."""
    return replace(
        zone,
        version=zone.version + 1,
        ticked_at=now,
        next_tick_at=zone.next_tick_at if pace is None else now + pace,
        split=zone.split if split is None else split,
    )
