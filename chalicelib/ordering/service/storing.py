"""How a change of an order is written: on the version that it was decided on, with what must happen beside it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chalicelib.inventory import service as inventory
from chalicelib.kernel import tables
from chalicelib.kernel.errors import NotFound, VersionConflict
from chalicelib.kernel.event_types import OrderEnded, ResendFailed
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.service.counting import count_change
from chalicelib.ordering.tables import OrderRow, document_ref, to_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ordering.model.order import Order
    from chalicelib.ordering.model.quote import Quote


_CAUSE_LENGTH = 36  # of a UUID, which is what a request id usually is


def cause_of(request_id: str) -> str:
    """What the timeline keeps of a request's id: callers may choose long ones, and the item must stay small."""
    if len(request_id) <= _CAUSE_LENGTH:
        return request_id
    return hashlib.sha256(request_id.encode()).hexdigest()[:_CAUSE_LENGTH]


def save(tx: Transaction, before: Order, after: Order) -> None:
    """Write an order into the transaction if nobody changed it since ``before`` was read (``version_conflict``)."""
    tx.put(to_row(after), OrderRow.version == before.version, VersionConflict("order", before.id))
    if after.status is not before.status:
        tx.afterwards(lambda: count_change(before, after))


def save_alone(before: Order, after: Order) -> None:
    """Write an order, and nothing else: one write unit and one for the board."""
    tx = Transaction()
    save(tx, before, after)
    tx.commit()


def end(tx: Transaction, before: Order, after: Order, *, kept: bool = False) -> None:
    """Write the order's unfulfilled end: what was reserved goes back, and the payment is let go by who hears of it.

    ``kept``: its customer pays a part all the same. Costs a request more, for the document that says what was reserved.
    """
    last = after.timeline[-1]
    save(tx, before, after)
    inventory.release(tx, after.store_id, _together(read_document(after).counted, after.also_reserved))
    if after.resend_of is not None:
        tx.emit(ResendFailed(order_id=after.resend_of, resend_id=after.id))
    tx.emit(
        OrderEnded(
            order_id=after.id,
            store_id=after.store_id,
            status=after.status.value,
            actor=last.actor.kind,
            reason=last.reason or "",
            kept=kept,
        )
    )


def _together(some: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {sku: some.get(sku, 0) + more.get(sku, 0) for sku in {**some, **more}}


def read_document(order: Order) -> Quote:
    """What was ordered. It is written together with the order and never removed."""
    document: Quote | None = tables.fetch(document_ref(order.customer_id, order.id))[0]
    if document is None:
        raise NotFound("order_document", order.id)
    return document
