"""Which shape an item has, and how one that an older release wrote is read: `docs/schema-life.md`.

A row's schema is 1 and one more for each of its ``MIGRATIONS``. An item says by marks how far it has come: the
attribute ``_2`` when it has the shape of schema 2, ``_3`` of schema 3, three bytes each; without any it is of 1. Marks
instead of one number, because releases run side by side: whoever writes, in whole or in part, takes away the mark that
is one higher than its own schema, whatever else is there. So the newer release sees that an older one has been at the
item, and migrates it again from what that wrote; a number could not be lowered without being read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.expressions.operand import Path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pynamodb.expressions.update import Action

    from chalicelib.kernel.tables import Row

_MARK = {"BOOL": True}


def mark(number: int) -> str:
    """The attribute that says that an item has the shape of this schema."""
    return f"_{number}"


def current(row: type[Row]) -> int:
    """The schema in which this release writes a row."""
    return 1 + len(row.MIGRATIONS)


def number_of(item: Mapping[str, Any]) -> int:
    """The schema of an item as it is stored; of one that a newer release wrote, the newer one."""
    number = 1
    while mark(number + 1) in item:
        number += 1
    return number


def bring_up(row: Row, number: int) -> None:
    """Make of a row that was read with this schema what it is in today's."""
    for migrate in row.MIGRATIONS[number - 1 :]:
        migrate(row)


def marks(row: type[Row]) -> dict[str, dict[str, bool]]:
    """What an item says that is written in this release's shape, as it is stored."""
    return {mark(number): _MARK for number in range(2, current(row) + 1)}


def changed_in_part(row: type[Row]) -> Action:
    """What a change of a part of an item has to say besides: that no newer shape can be relied on."""
    return Path(mark(current(row) + 1)).remove()


def written_whole(row: Row) -> list[Action]:
    """The changes that make of an item what the row says, and leave alone what this release does not know of it.

    Raises ``ValueError`` where something is missing that must be there.
    """
    actions: list[Action] = []
    for name, attribute in row.get_attributes().items():
        if attribute.is_hash_key or attribute.is_range_key:
            continue
        value = getattr(row, name)
        if value is not None:
            actions.append(attribute.set(value))
        elif attribute.null:
            actions.append(attribute.remove())
        else:
            raise ValueError(f"{type(row).__name__}.{name} is missing")
    actions += [Path(each).set(True) for each in marks(type(row))]
    return [*actions, changed_in_part(type(row))]
