"""The use cases of ordering: quote, place, follow, serve, read."""

from __future__ import annotations

from chalicelib.catalog.service import ComponentChoice, LineRequest, ModifierChoice
from chalicelib.ordering.model.aftersales import Draft
from chalicelib.ordering.model.board import due_at, follow_again_after, next_steps
from chalicelib.ordering.model.claim import Claim, Remedy
from chalicelib.ordering.model.order import Order
from chalicelib.ordering.model.quote import Destination, Modifier, Quote
from chalicelib.ordering.service.aftersales import (
    ClaimedOrder,
    accept_claim,
    agree_to_offer,
    counter_claim,
    decline_offer_of_store,
    open_claim,
    refund_failed_resend,
    reject_claim,
    watch_claim,
    withdraw_claim,
)
from chalicelib.ordering.service.board import Board, Card, look_at_board
from chalicelib.ordering.service.cancelling import cancel_own_order
from chalicelib.ordering.service.following import (
    follow_payment,
    note_delivered,
    note_delivery_failed,
    note_delivery_returned,
    note_no_rider,
    note_picked_up,
    watch_deadline,
)
from chalicelib.ordering.service.money import (
    MoneyStory,
    adjust_order,
    get_own_money,
    get_store_money,
    offer_tip,
    refund_order,
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
from chalicelib.ordering.service.securing import watch_payment
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
from chalicelib.ordering.service.sweeping import settle_order, sweep
from chalicelib.payments.service import (
    ClientAction,
    Entry,
    Payment,
    Refund,
    RefundRequest,
    Tender,
    Tip,
    amount_of,
    balances,
    concerns_customer,
    in_words,
    start_tip,
)

__all__ = [
    "Basket",
    "Board",
    "Card",
    "Claim",
    "ClaimedOrder",
    "ClientAction",
    "ComponentChoice",
    "Destination",
    "Draft",
    "Entry",
    "LineRequest",
    "Modifier",
    "ModifierChoice",
    "MoneyStory",
    "Order",
    "OrderSnapshot",
    "OrderSummary",
    "Payment",
    "PlacedOrder",
    "Quote",
    "Refund",
    "RefundRequest",
    "Remedy",
    "StaffCommand",
    "Tender",
    "Tip",
    "accept_claim",
    "accept_order",
    "adjust_order",
    "agree_to_offer",
    "amount_of",
    "balances",
    "cancel_order_by_store",
    "cancel_own_order",
    "complete_order",
    "concerns_customer",
    "counter_claim",
    "decline_offer_of_store",
    "due_at",
    "find_client_action",
    "find_unchanged",
    "follow_again_after",
    "follow_payment",
    "get_own_money",
    "get_own_order",
    "get_quote",
    "get_store_money",
    "get_store_order",
    "hand_over_order",
    "in_words",
    "list_own_orders",
    "list_store_orders",
    "look_at_board",
    "mark_order_ready",
    "next_steps",
    "note_delivered",
    "note_delivery_failed",
    "note_delivery_returned",
    "note_no_rider",
    "note_picked_up",
    "offer_tip",
    "open_claim",
    "place_order",
    "postpone_order",
    "quote_basket",
    "refund_failed_resend",
    "refund_order",
    "reject_claim",
    "reject_order",
    "settle_order",
    "start_order",
    "start_tip",
    "sweep",
    "watch_claim",
    "watch_deadline",
    "watch_payment",
    "withdraw_claim",
]
