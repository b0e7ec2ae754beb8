"""A second hold for what an order came to cost more, and how what is due is taken from several holds.

Amounts are minor units. An extra is written down when the customer sets out to pay it, and held when the bank says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence


class Extra(msgspec.Struct, frozen=True, array_like=True):
    """The ``number``-th extra of an order. ``taken`` is what of it was captured."""

    number: int
    amount: int
    intent_id: str
    is_held: bool = False
    taken: int = 0


def held(extras: Sequence[Extra]) -> int:
    """What is held by extras."""
    return sum(extra.amount for extra in extras if extra.is_held)


def with_extra(extras: Sequence[Extra], extra: Extra) -> tuple[Extra, ...]:
    """Extras with this one, in the place of an earlier state of it."""
    return (*(each for each in extras if each.number != extra.number), extra)


def taken_of(extras: Sequence[Extra], taken: Sequence[int]) -> tuple[Extra, ...]:
    """Held extras after so much was taken of each, in their order."""
    return tuple(replace(extra, taken=amount) for extra, amount in zip(extras, taken, strict=True))


def spread(due: int, holds: Sequence[int], least: int) -> list[int]:
    """What to take of each hold, the first ones first. Nobody can be charged less than ``least`` by one of them.

    What is due and can't be taken (less than ``least`` in all, or left over by the holds) is not in the sum.
    """
    if due < least:
        return [0] * len(holds)
    takes: list[int] = []
    for hold in holds:
        takes.append(min(hold, due - sum(takes)))
    for place, part in enumerate(takes):
        if 0 < part < least:
            takes[place] += _borrowed(takes, place, least)
            if takes[place] < least:
                takes[place] = 0
    return takes


def _borrowed(takes: list[int], place: int, least: int) -> int:
    """Take from the holds before as much as brings this one to the least that can be charged, if they can spare it."""
    need = least - takes[place]
    spare = [max(0, part - least) for part in takes[:place]]
    if sum(spare) < need:
        return 0
    borrowed = 0
    for before in reversed(range(place)):
        given = min(spare[before], need - borrowed)
        takes[before] -= given
        borrowed += given
    return borrowed
