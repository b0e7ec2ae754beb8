"""The money of an order: for its customer and its store."""

from __future__ import annotations

from typing import Any

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.inputs import counted
from chalicelib.ordering.routes.render_money import money_view, refund_view, store_money_view, tip_view
from chalicelib.ordering.schemas.money import (
    AddTip,
    OrderMoney,
    RefundOrder,
    RefundView,
    StoreOrderMoney,
    TipView,
)

_ORDER = "/v1/stores/{store_id}/orders/{order_id}"


@endpoints.get(
    "/v1/orders/{order_id}/money", permission=Role("customer"), returns=OrderMoney, errors=("order_not_found",)
)
def get_own_money(request: Request[None]) -> Reply[OrderMoney]:
    """See the money of an order of yours: the bill, what was held, taken and given back, and why."""
    return Reply(money_view(service.get_own_money(request.principal.id, request.path["order_id"])))


@endpoints.get(
    _ORDER + "/money", permission=StoreStaff("manager"), returns=StoreOrderMoney, errors=("order_not_found",)
)
def get_store_money(request: Request[None]) -> Reply[StoreOrderMoney]:
    """See the money of an order of the store, with every line of the ledger and the terms that shared it out."""
    return Reply(store_money_view(service.get_store_money(request.path["store_id"], request.path["order_id"])))


@endpoints.post(
    _ORDER + "/refunds",
    permission=StoreStaff("manager"),
    body=RefundOrder,
    returns=RefundView,
    status=201,
    idempotent=True,
    answer=lambda refund: Reply(refund_view(refund)),
    errors=("order_not_found", "payment_not_captured", "too_many_refunds"),
)
def refund_order(request: Request[RefundOrder]) -> service.Refund:
    """Give back part of what a customer paid: pieces of lines, an amount, or all that is left.

    Taxes, fees and discounts go back in proportion, so that refunds in any number and order add up to exactly what was
    taken, tax rate by tax rate. A refund to a card is `pending` until the payment provider has made it; cash goes back
    over the counter at once.
    """
    body = request.body
    if body.lines is not None and body.amount is not None:
        detail = "Name lines or an amount, not both."
        raise Invalid([Violation("lines_or_amount", "/amount", detail)])
    wanted = service.RefundRequest(
        reason=body.reason,
        payer=body.paid_by,
        quantities=counted(body.lines, "/lines") if body.lines else None,
        amount=body.amount.amount if body.amount else None,
        currency=body.amount.currency if body.amount else None,
        note=body.note,
        requested_by=request.principal.id,
    )
    return service.refund_order(request.path["store_id"], request.path["order_id"], wanted, request.key)


def _with_tip_secret(request: Request[Any], body: dict[str, Any]) -> dict[str, Any]:
    """Add what the app pays the tip with: it is never stored, but asked of the provider each time."""
    action = service.start_tip(body["order_id"], request.principal.id)
    if action is None:
        return body
    return {**body, "payment_intent_id": action.intent_id, "client_secret": action.client_secret}


@endpoints.post(
    "/v1/orders/{order_id}/tips",
    permission=Role("customer"),
    body=AddTip,
    returns=TipView,
    status=201,
    idempotent=True,
    answer=lambda tip: Reply(tip_view(tip)),
    finish=_with_tip_secret,
    errors=("order_not_found", "order_status_conflict", "tip_exists", "payment_provider_unavailable"),
)
def add_tip(request: Request[AddTip]) -> service.Tip:
    """Add a tip to an order, on its way to you or when you have got it. The answer carries what your app pays it with.

    It is whoever's who brings the order, or else the store's; if the order ends before, it goes back.
    """
    given = request.body.amount
    tip = Money(given.amount, given.currency)
    return service.offer_tip(request.principal.id, request.path["order_id"], tip, request.key)


@endpoints.post(
    _ORDER + "/tip/refund",
    permission=StoreStaff("manager"),
    returns=TipView,
    idempotent=True,
    answer=lambda tip: Reply(tip_view(tip)),
    errors=("order_not_found", "tip_not_found", "tip_not_paid"),
)
def refund_tip(request: Request[None]) -> service.Tip:
    """Give back the tip that a customer added. A tip that is part of the order's bill goes back by its refunds."""
    return service.refund_tip(request.path["store_id"], request.path["order_id"], request.key)
