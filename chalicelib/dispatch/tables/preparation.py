"""How long stores took of late: one item for each, below a kilobyte however long it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute

from chalicelib.dispatch.tables.common import STATE
from chalicelib.kernel import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.kernel.transaction import Transaction

Observation = tuple[int, int, int]  # seconds that it took, epoch seconds of its request, load


class PreparationRow(tables.Row):
    """What is remembered of a store's preparation times, the oldest first."""

    class Meta(tables.Meta):
        context = "dispatch"

    version = NumberAttribute()
    seen = tables.JsonZ()


def preparation_ref(store_id: str) -> tables.Ref[tuple[int, list[Observation]]]:
    """Where a store's times are read: their version and what they are."""
    return tables.Ref(PreparationRow, _pk(store_id), STATE, _read)


def write_preparation(tx: Transaction, store_id: str, version: int, seen: Sequence[Observation]) -> None:
    """Keep the times of a store that were read at ``version`` (0: never written)."""
    row = PreparationRow(pk=_pk(store_id), sk=STATE, version=version + 1, seen=_packed(seen))
    unchanged = PreparationRow.version == version if version else PreparationRow.pk.does_not_exist()
    tx.put(row, unchanged)


def _pk(store_id: str) -> str:
    return f"PREP#{store_id}"


def _packed(seen: Sequence[Observation]) -> list[int]:
    """A flat list of numbers, the moments as steps from one to the next: it compresses to a few bytes each."""
    flat: list[int] = []
    before = 0
    for took, at, load in seen:
        flat += (took, at - before, load)
        before = at
    return flat


def _read(row: PreparationRow | None) -> tuple[int, list[Observation]]:
    if row is None:
        return 0, []
    seen: list[Observation] = []
    at = 0
    for took, step, load in zip(row.seen[::3], row.seen[1::3], row.seen[2::3], strict=True):
        at += step
        seen.append((took, at, load))
    return int(row.version), seen
