"""Zones at rest: the rhythm of those in which something ever had to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynamodb.attributes import BooleanAttribute, NumberAttribute

from chalicelib.dispatch.model.zone import Zone
from chalicelib.dispatch.tables.common import STATE, of_ms, to_ms
from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.kernel.transaction import Transaction


class ZoneRow(tables.Row):
    """A zone, whole or part."""

    class Meta(tables.Meta):
        context = "dispatch"

    version = NumberAttribute()
    ticked_at = NumberAttribute(null=True)
    next_tick_at = NumberAttribute(null=True)
    split = BooleanAttribute(null=True)


class ZoneTaken(Conflict):
    """Another tick took the zone since it was read."""

    def __init__(self) -> None:
        super().__init__("zone_taken", "Another tick has this zone.")


def zone_ref(cell: str) -> tables.Ref[Zone]:
    """Where a zone is read; one that was never written is idle."""
    return tables.Ref(ZoneRow, _pk(cell), STATE, lambda row: _zone_of(cell, row))


def write_zone(tx: Transaction, before: Zone, after: Zone) -> None:
    """Make ``after`` of ``before``; ``ZoneTaken`` where another tick was faster."""
    row = ZoneRow(
        pk=_pk(after.cell),
        sk=STATE,
        version=after.version,
        ticked_at=to_ms(after.ticked_at),
        next_tick_at=to_ms(after.next_tick_at),
        split=after.split or None,
    )
    unchanged = ZoneRow.version == before.version if before.version else ZoneRow.pk.does_not_exist()
    tx.put(row, unchanged, ZoneTaken())


def _pk(cell: str) -> str:
    return f"ZONE#{cell}"


def _zone_of(cell: str, row: ZoneRow | None) -> Zone:
    if row is None:
        return Zone(cell)
    return Zone(cell, int(row.version), of_ms(row.ticked_at), of_ms(row.next_tick_at), bool(row.split))
