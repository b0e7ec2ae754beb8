"""What customers do: get a quote, order it, follow and cancel the order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.limits import Limit
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.routes.render import action_view, order_view, placed_view, quote_view, summary_view
from chalicelib.ordering.schemas import (
    BasketAddress,
    CancelOwnOrder,
    CardTender,
    GiftCardTender,
    OrderPage,
    OrderView,
    PlacedOrderView,
    PlaceOrder,
    QuoteView,
    RequestQuote,
    StoreCreditTender,
)

_PAID_AHEAD = ("card", "alipay", "wechat_pay")


@endpoints.post(
    "/v1/quotes",
    permission=Role("customer"),
    body=RequestQuote,
    returns=QuoteView,
    status=201,
    errors=("store_not_found",),
    limit=Limit(name="quotes", window=timedelta(minutes=1), per_principal=60, per_ip=600),
)
def request_quote(request: Request[RequestQuote]) -> Reply[QuoteView]:
    """Get a price and a promise for a basket.

    Everything that is wrong with the basket is answered at once, each fault with a pointer: closed or paused, outside
    the zone, below the minimum, not on the menu at that time, wrong choices, 86'd, too few in stock. The quote holds
    for 15 minutes and is charged to the cent.
    """
    quote = service.quote_basket(request.principal.id, _basket(request.body))
    return Reply(quote_view(quote), location=f"/v1/quotes/{quote.id}")


def _basket(body: RequestQuote) -> service.Basket:
    return service.Basket(
        store_id=body.store_id,
        mode=body.mode,
        lines=msgspec.convert(msgspec.to_builtins(body.lines), tuple[service.LineRequest, ...]),
        address=_destination(body.address) if body.address else None,
        table=body.table,
        wanted_at=body.wanted_at,
        tip=Money(body.tip.amount, body.tip.currency) if body.tip else None,
        substitutes=body.substitutes,
    )


def _destination(place: BasketAddress) -> service.Destination:
    return service.Destination(
        lat=place.point.lat,
        lng=place.point.lng,
        street=place.street,
        details=place.details,
        postal_code=place.postal_code,
        city=place.city,
        instructions=place.instructions,
        contact_name=place.contact_name,
        contact_phone=place.contact_phone,
    )


@endpoints.get("/v1/quotes/{quote_id}", permission=Role("customer"), returns=QuoteView, errors=("quote_not_found",))
def get_quote(request: Request[None]) -> Reply[QuoteView]:
    """See a quote of yours again."""
    return Reply(quote_view(service.get_quote(request.principal.id, request.path["quote_id"])), etag=1)


def _answer_placed(placed: service.PlacedOrder) -> Reply[PlacedOrderView]:
    return Reply(placed_view(placed), location=f"/v1/orders/{placed.order.id}")


def _with_client_secret(request: Request[Any], body: dict[str, Any]) -> dict[str, Any]:
    """Add to a repeated answer what the app pays with: it is never stored, but asked of the provider again."""
    payment = body["payment"]
    if payment["method"] not in _PAID_AHEAD or payment.get("client_secret") is not None:
        return body
    action = service.find_client_action(body["id"], request.principal.id)
    if action is None:
        return body
    return {**body, "payment": {**payment, **msgspec.to_builtins(action_view(action))}}


@endpoints.post(
    "/v1/orders",
    permission=Role("customer"),
    body=PlaceOrder,
    returns=PlacedOrderView,
    status=201,
    idempotent=True,
    answer=_answer_placed,
    finish=_with_client_secret,
    errors=(
        "quote_not_found",
        "quote_expired",
        "quote_already_ordered",
        "quote_no_longer_holds",
        "erasure_requested",
        "out_of_stock",
        "insufficient_credit",
        "too_many_wrong_codes",
        "payment_provider_unavailable",
    ),
    # An order needs a quote of its own, which is counted for all processes: this only stops who repeats one.
    limit=Limit(name="orders", window=timedelta(minutes=1), per_principal=30, per_ip=300, shared=False),
)
def place_order(request: Request[PlaceOrder]) -> service.PlacedOrder:
    """Order what was quoted.

    Stock, order, payment and deadline come into being together or not at all. For a card, the answer carries the client
    secret with which your app confirms the payment; the store sees the order once it is authorised. Alipay and WeChat
    Pay are paid where `next_step` leads, and taken at once; if the order ends, all of it comes back. What is paid at
    the store or at the door is with the store at once.

    For an order more than five days ahead the card is saved instead, with the secret of a setup intent, and the store
    sees the order then. The money is held shortly before the work begins; should the bank refuse, you are asked to pay
    until `pay_by`.

    With `tenders`, gift cards and your store credit pay as far as they are stated to or can, in their order, and a card
    the rest. What they give is set aside with the order, and comes back if it ends; nothing is taken before you have
    the goods.
    """
    body = request.body
    if (body.payment_method is None) == (not body.tenders):
        detail = "Give either payment_method or tenders."
        raise Invalid([Violation("payment_method_or_tenders", "/payment_method", detail)])
    return service.place_order(
        request.principal.id, body.quote_id, body.payment_method or "card", request.key, _tenders(body.tenders)
    )


def _tenders(given: tuple[GiftCardTender | StoreCreditTender | CardTender, ...]) -> tuple[service.Tender, ...]:
    return tuple(msgspec.convert(msgspec.to_builtins(tender), service.Tender) for tender in given)


@endpoints.get("/v1/orders", permission=Role("customer"), query=PageQuery, returns=OrderPage)
def list_orders(request: Request[None]) -> Reply[OrderPage]:
    """List your orders, newest first."""
    customer_id = request.principal.id
    page = service.list_own_orders(
        customer_id,
        limit=request.query.limit,
        start=cursors.decode(request.query.cursor, "orders", customer_id),
    )
    return Reply(
        OrderPage(
            items=[summary_view(summary) for summary in page.items],
            next_cursor=cursors.encode(page.next_key, "orders", customer_id),
        )
    )


@endpoints.get(
    "/v1/orders/{order_id}",
    permission=Role("customer"),
    returns=OrderView,
    errors=("order_not_found",),
)
def get_order(request: Request[None]) -> Reply[OrderView]:
    """Follow an order of yours: its timeline, its price, its payment, its delivery.

    Poll with `If-None-Match`, as often as `Retry-After` says.
    """
    customer_id, order_id = request.principal.id, request.path["order_id"]
    seen = request.if_none_match
    unchanged = service.find_unchanged(customer_id, order_id, seen) if seen else None
    now = clock.now()
    if seen and unchanged:
        return Reply.not_modified(seen, retry_after=service.follow_again_after(unchanged, now))
    snapshot = service.get_own_order(customer_id, order_id)
    return Reply(order_view(snapshot), etag=snapshot.tag, retry_after=service.follow_again_after(snapshot.order, now))


@endpoints.post(
    "/v1/orders/{order_id}/cancel",
    permission=Role("customer"),
    body=CancelOwnOrder,
    returns=OrderView,
    errors=("order_not_found", "order_status_conflict"),
)
def cancel_order(request: Request[CancelOwnOrder]) -> Reply[OrderView]:
    """Cancel an order of yours, which is possible until the store has accepted it.

    What was authorised is released. Cancelling again changes nothing.
    """
    customer_id, order_id = request.principal.id, request.path["order_id"]
    service.cancel_own_order(customer_id, order_id, request.body.reason, request.request_id)
    snapshot = service.get_own_order(customer_id, order_id)
    return Reply(order_view(snapshot), etag=snapshot.tag)
