"""What the staff of a store do: watch the board, take orders on, make them, hand them over."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import StoreStaff
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel.limits import Limit
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.inputs import command_of
from chalicelib.ordering.routes.render import card_view, state_view, store_order_view
from chalicelib.ordering.schemas import (
    AcceptOrder,
    BoardView,
    CancelStoreOrder,
    HandOver,
    PostponeOrder,
    RejectOrder,
    StoreOrderPage,
    StoreOrderState,
    StoreOrderView,
)

_ORDER = "/v1/stores/{store_id}/orders/{order_id}"
_CLERK = StoreStaff("clerk")
_ERRORS = ("order_not_found", "order_status_conflict", "version_conflict")


@endpoints.get("/v1/stores/{store_id}/board", permission=_CLERK, returns=BoardView)
def look_at_board(request: Request[None]) -> Reply[BoardView]:
    """See the store's open orders, the most urgent first, each with what to do next.

    Poll with `If-None-Match`, as often as `Retry-After` says.
    """
    board = service.look_at_board(request.path["store_id"], request.if_none_match)
    if board.cards is None:
        return Reply.not_modified(board.tag, retry_after=board.look_again_after)
    view = BoardView(cards=[card_view(card) for card in board.cards])
    return Reply(view, etag=board.tag, retry_after=board.look_again_after)


@endpoints.get("/v1/stores/{store_id}/orders", permission=_CLERK, query=PageQuery, returns=StoreOrderPage)
def list_store_orders(request: Request[None]) -> Reply[StoreOrderPage]:
    """List the store's orders, newest first, whatever became of them."""
    store_id = request.path["store_id"]
    page = service.list_store_orders(
        store_id,
        limit=request.query.limit,
        start=cursors.decode(request.query.cursor, "store orders", store_id),
    )
    return Reply(
        StoreOrderPage(
            items=[state_view(order) for order in page.items],
            next_cursor=cursors.encode(page.next_key, "store orders", store_id),
        )
    )


@endpoints.get(_ORDER, permission=_CLERK, returns=StoreOrderView, errors=("order_not_found",))
def get_store_order(request: Request[None]) -> Reply[StoreOrderView]:
    """See an order of the store, with its lines, its payment and its delivery."""
    snapshot = service.get_store_order(request.path["store_id"], request.path["order_id"])
    return Reply(store_order_view(snapshot), etag=snapshot.tag)


@endpoints.post(
    _ORDER + "/accept",
    permission=_CLERK,
    body=AcceptOrder,
    returns=StoreOrderState,
    if_match=True,
    errors=_ERRORS,
)
def accept_order(request: Request[AcceptOrder]) -> Reply[StoreOrderState]:
    """Take an order on and say how long it needs. For a delivery, the search for a rider begins."""
    return _reply(service.accept_order(command_of(request), request.body.prep_minutes))


@endpoints.post(
    _ORDER + "/reject",
    permission=_CLERK,
    body=RejectOrder,
    returns=StoreOrderState,
    if_match=True,
    errors=_ERRORS,
)
def reject_order(request: Request[RejectOrder]) -> Reply[StoreOrderState]:
    """Turn an order down. What the customer paid is released."""
    return _reply(service.reject_order(command_of(request), request.body.reason))


@endpoints.post(
    _ORDER + "/postpone",
    permission=_CLERK,
    body=PostponeOrder,
    returns=StoreOrderState,
    if_match=True,
    errors=(*_ERRORS, "delivery_left_store"),
)
def postpone_order(request: Request[PostponeOrder]) -> Reply[StoreOrderState]:
    """Say anew when an order will be ready: so many minutes from now."""
    return _reply(service.postpone_order(command_of(request), request.body.prep_minutes))


@endpoints.post(_ORDER + "/start", permission=_CLERK, returns=StoreOrderState, if_match=True, errors=_ERRORS)
def start_order(request: Request[None]) -> Reply[StoreOrderState]:
    """Begin to prepare an order."""
    return _reply(service.start_order(command_of(request)))


@endpoints.post(_ORDER + "/ready", permission=_CLERK, returns=StoreOrderState, if_match=True, errors=_ERRORS)
def mark_order_ready(request: Request[None]) -> Reply[StoreOrderState]:
    """Say that an order is ready. From now on a rider can pick it up."""
    return _reply(service.mark_order_ready(command_of(request)))


@endpoints.post(
    _ORDER + "/hand_over",
    permission=_CLERK,
    body=HandOver,
    returns=StoreOrderState,
    if_match=True,
    errors=(*_ERRORS, "wrong_pickup_code", "pickup_code_locked", "no_rider_assigned"),
    limit=Limit(name="pickup-codes", window=timedelta(minutes=10), per_principal=20, on=("wrong_pickup_code",)),
)
def hand_over_order(request: Request[HandOver]) -> Reply[StoreOrderState]:
    """Give an order to its customer, who says the pickup code, or to its rider.

    Five wrong codes lock the order; a manager can hand over without the code, saying why.
    """
    body = request.body
    return _reply(service.hand_over_order(command_of(request), body.pickup_code, body.override_reason))


@endpoints.post(_ORDER + "/complete", permission=_CLERK, returns=StoreOrderState, if_match=True, errors=_ERRORS)
def complete_order(request: Request[None]) -> Reply[StoreOrderState]:
    """Close a dine-in table that has been served."""
    return _reply(service.complete_order(command_of(request)))


@endpoints.post(
    _ORDER + "/cancel",
    permission=_CLERK,
    body=CancelStoreOrder,
    returns=StoreOrderState,
    if_match=True,
    errors=(*_ERRORS, "delivery_under_way"),
)
def cancel_store_order(request: Request[CancelStoreOrder]) -> Reply[StoreOrderState]:
    """Give up an order that was accepted, or that came back undelivered. What the customer paid is released."""
    return _reply(service.cancel_order_by_store(command_of(request), request.body.reason))


def _reply(order: service.Order) -> Reply[StoreOrderState]:
    return Reply(state_view(order), etag=order.version)
