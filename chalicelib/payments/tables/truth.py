"""How far the truth sweeper has looked: pk SWEEP, sk <what>, one item for each age at which intents are looked at."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute

from chalicelib.kernel import tables

_PK = "SWEEP"


class SweepRow(tables.Row):
    """Until when (epoch seconds in Stripe's time) everything has been looked at."""

    class Meta(tables.Meta):
        context = "payments"

    until = NumberAttribute()


def swept_until(what: str) -> int | None:
    """Until when it was looked at; None before the first time."""
    row = tables.get(SweepRow, _PK, what)
    return None if row is None else int(row.until)


def sweep_row(what: str, until: int) -> SweepRow:
    """The item that says so."""
    return SweepRow(pk=_PK, sk=what, until=until)
