"""The use cases of ordering: quote, place, follow, serve, read."""

from __future__ import annotations

from chalicelib.catalog.service import ComponentChoice, LineRequest, ModifierChoice
from chalicelib.ordering.model.board import due_at, follow_again_after, next_steps
from chalicelib.ordering.model.order import Order
from chalicelib.ordering.model.quote import Destination, Modifier, Quote
from chalicelib.ordering.service.board import Board, Card, look_at_board
from chalicelib.ordering.service.cancelling import cancel_own_order
from chalicelib.ordering.service.following import (
    follow_payment,
    note_at_risk,
    note_delivered,
    note_delivery_failed,
    note_delivery_returned,
    note_no_rider,
    note_picked_up,
    watch_deadline,
)
from chalicelib.ordering.service.placing import PlacedOrder, find_client_action, place_order
from chalicelib.ordering.service.quoting import Basket, get_quote, quote_basket
from chalicelib.ordering.service.reading import (
    OrderSnapshot,
    OrderSummary,
    find_unchanged,
    get_own_order,
    get_store_order,
    list_own_orders,
    list_store_orders,
)
from chalicelib.ordering.service.staff import (
    StaffCommand,
    accept_order,
    cancel_order_by_store,
    complete_order,
    hand_over_order,
    mark_order_ready,
    postpone_order,
    reject_order,
    start_order,
)
from chalicelib.ordering.service.tracking import Tracking, track_order

__all__ = [
    "Basket",
    "Board",
    "Card",
    "ComponentChoice",
    "Destination",
    "LineRequest",
    "Modifier",
    "ModifierChoice",
    "Order",
    "OrderSnapshot",
    "OrderSummary",
    "PlacedOrder",
    "Quote",
    "StaffCommand",
    "Tracking",
    "accept_order",
    "cancel_order_by_store",
    "cancel_own_order",
    "complete_order",
    "due_at",
    "find_client_action",
    "find_unchanged",
    "follow_again_after",
    "follow_payment",
    "get_own_order",
    "get_quote",
    "get_store_order",
    "hand_over_order",
    "list_own_orders",
    "list_store_orders",
    "look_at_board",
    "mark_order_ready",
    "next_steps",
    "note_at_risk",
    "note_delivered",
    "note_delivery_failed",
    "note_delivery_returned",
    "note_no_rider",
    "note_picked_up",
    "place_order",
    "postpone_order",
    "quote_basket",
    "reject_order",
    "start_order",
    "track_order",
    "watch_deadline",
]
