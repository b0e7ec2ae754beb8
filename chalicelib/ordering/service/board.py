"""The staff board: what is open in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, tables
from chalicelib.ordering.model import board as rules
from chalicelib.ordering.model.order import ENDED, Status
from chalicelib.ordering.tables import OrderRow, document_ref, order_id_of, order_ref

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ordering.model.order import Order
    from chalicelib.ordering.model.quote import Quote


# What has been accepted may have a delivery.
_WITH_RIDERS = frozenset(each.value for each in Status if each not in ENDED and each is not Status.PLACED)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """An open order, what can be done with it now (the expected step first), and when that is due."""

    order: Order
    document: Quote
    next_steps: tuple[rules.Step, ...]
    due_at: datetime
    delivery: dispatch.Delivery | None = None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A store's open orders, the most urgent first. ``cards`` is None for who has seen this board already."""

    tag: str
    look_again_after: int
    cards: list[Card] | None


def look_at_board(store_id: str, seen: str | None = None) -> Board:
    """The board as it is, or word that it is still the one with the tag ``seen``.

    Nothing new: one eventually consistent Query of the index, half a read unit for each 30 open orders or so.
    Otherwise one more request for the orders. What is shown may be newer than the tag, never older: the next look
    then brings the tag up to it. The orders that were asked for first are shown, up to ``MOST_CARDS``; the others
    follow as those leave, and are in the store's list meanwhile.
    """
    entries = _entries(store_id)
    riders_come = any(row.status in _WITH_RIDERS for row in entries)
    minute = int(clock.now().timestamp() // 60) if riders_come else None
    tag = rules.tag(((order_id_of(row), int(row.version)) for row in entries), minute)
    pause = rules.look_again_after(row.status for row in entries)
    if seen == tag:
        return Board(tag=tag, look_again_after=pause, cards=None)
    shown = entries[: rules.MOST_CARDS]
    states = [order_ref(order_id_of(row)) for row in shown]
    documents = [document_ref(row.customer_id, order_id_of(row)) for row in shown]
    bringing = {row.pk: dispatch.delivery_ref(order_id_of(row)) for row in shown if row.status in _WITH_RIDERS}
    read = tables.fetch(*states, *documents, *bringing.values()) if shown else ()
    many = len(shown)
    deliveries = dict(zip(bringing, read[2 * many :], strict=True))
    cards = [
        Card(
            order=order,
            document=document,
            next_steps=rules.next_steps(order),
            due_at=rules.due_at(order),
            delivery=deliveries.get(row.pk),
        )
        for row, order, document in zip(shown, read[:many], read[many : 2 * many], strict=True)
        if order is not None and document is not None and order.is_on_board
    ]
    cards.sort(key=lambda card: (card.due_at, card.order.id))
    return Board(tag=tag, look_again_after=pause, cards=cards)


def _entries(store_id: str) -> list[OrderRow]:
    """What the index lists; more than one page only beyond some six thousand open orders."""
    entries: list[OrderRow] = []
    start = None
    while True:
        page = tables.query(OrderRow, store_id, index="board", cursor_key=start)
        entries += page.items
        start = page.next_key
        if start is None:
            return entries
