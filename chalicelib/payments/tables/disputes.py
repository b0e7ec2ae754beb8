"""Disputes at rest: pk DSP#<store id>, sk <dispute id>; so that what is frozen of a store's balance is one request."""

from __future__ import annotations

import msgspec
from pynamodb.attributes import NumberAttribute

from chalicelib.kernel import tables
from chalicelib.payments.model.disputes import Dispute


class DisputeRow(tables.Row):
    """A dispute; ``version`` stands apart, for the condition of its changes."""

    class Meta(tables.Meta):
        context = "payments"

    version = NumberAttribute()
    body = tables.JsonZ(attr_name="b")


def _key(store_id: str) -> str:
    return f"DSP#{store_id or '-'}"


def dispute_ref(store_id: str, dispute_id: str) -> tables.Ref[Dispute | None]:
    """Where a dispute is read."""
    return tables.Ref(DisputeRow, _key(store_id), dispute_id, of_dispute_row)


def disputes_of(store_id: str) -> list[Dispute]:
    """Every dispute about a store's orders. A request per megabyte."""
    found: list[Dispute] = []
    start = None
    while True:
        page = tables.query(DisputeRow, _key(store_id), cursor_key=start, consistent=True)
        found += [msgspec.convert(row.body, Dispute) for row in page.items]
        start = page.next_key
        if start is None:
            return found


def to_dispute_row(dispute: Dispute) -> DisputeRow:
    """The item of a dispute."""
    return DisputeRow(
        pk=_key(dispute.store_id), sk=dispute.id, version=dispute.version, body=msgspec.to_builtins(dispute)
    )


def of_dispute_row(row: DisputeRow | None) -> Dispute | None:
    """The dispute in an item."""
    return None if row is None else msgspec.convert(row.body, Dispute)
