"""Customers who order and staff who serve them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import shop
from benchmarks.use_cases.place import AUTHORISED, STORE_ORDER, follow, forget_roles, key, match, unless

if TYPE_CHECKING:
    from benchmarks.machine import Json
    from benchmarks.use_cases.place import Place


def quotes(place: Place) -> None:
    """Quotes and orders of customers, up to an order that is on the board."""
    from chalicelib.catalog import service as catalog

    count, customer, machine, store_id = place.count, place.customer, place.machine, place.store_id
    catalog.forget_menus()
    count("quote, menu of 2,000 not in memory", "POST", "/v1/quotes", customer, shop.basket(store_id))
    quote = count("quote", "POST", "/v1/quotes", customer, shop.basket(store_id)).body
    count("see quote", "GET", "/v1/quotes/{quote_id}", customer, quote_id=quote["id"])

    asked, once = {"quote_id": quote["id"], "payment_method": "card"}, key()
    placed = count("place order", "POST", "/v1/orders", customer, asked, headers=once)
    count("place order, repeated", "POST", "/v1/orders", customer, asked, headers=once)
    order_id = placed.body["id"]
    follow(place, order_id, "unpaid")
    count("payment", "GET", "/v1/orders/{order_id}/payment", customer, order_id=order_id)
    board = "/v1/stores/{store_id}/board"
    empty = count("empty board", "GET", board, place.owner, store_id=store_id)
    count("empty board, 304", "GET", board, place.owner, headers=unless(empty.etag), store_id=store_id)
    forget_roles()
    empty = machine.call("GET", board.format(store_id=store_id), place.owner)
    machine.pay(placed.body)
    notice = machine.next_webhook(AUTHORISED)
    with machine.measured() as cost:
        machine.take(notice)
    count.costs["webhook"] = cost[0]
    count.routes.add(("POST", "/v1/webhooks/stripe"))
    machine.drain()
    follow(place, order_id, "open")
    full = count("board with an order", "GET", board, place.owner, store_id=store_id)
    count("board with an order, 304", "GET", board, place.owner, headers=unless(full.etag), store_id=store_id)
    with machine.measured() as cost:
        forget_roles()
        machine.call("GET", board.format(store_id=store_id), place.owner, headers=unless(full.etag))
    count.costs["board with an order, role not in memory"] = cost[0]
    count("order of a store", "GET", STORE_ORDER, place.owner, store_id=store_id, order_id=order_id)
    count("orders of a store", "GET", "/v1/stores/{store_id}/orders", place.owner, store_id=store_id)
    count("orders of a customer", "GET", "/v1/orders", customer)
    count("cancel by customer", "POST", "/v1/orders/{order_id}/cancel", customer, {}, order_id=order_id)
    machine.drain()
    for method in ("pay_at_store", "cash_on_delivery"):
        mode = "pickup" if method == "pay_at_store" else "delivery"
        asked = {"quote_id": place.quote(mode)["id"], "payment_method": method}
        count(f"place order, {method.replace('_', ' ')}", "POST", "/v1/orders", customer, asked, headers=key())
    machine.drain()


def other_ends(place: Place) -> None:
    """Pickup, dine-in, reject, postpone, cancel by the store, hand over to the rider."""
    count, owner, store_id = place.count, place.owner, place.store_id

    def command(name: str, step: str, order_id: str, body: Json | None = None) -> None:
        version = match(place.version(order_id))
        route = f"{STORE_ORDER}/{step}"
        count(name, "POST", route, owner, body, headers=version, store_id=store_id, order_id=order_id)
        place.machine.drain()

    placed = place.place("pickup")
    order_id = placed["id"]
    command("accept, pickup", "accept", order_id, {"prep_minutes": 10})
    command("postpone, pickup", "postpone", order_id, {"prep_minutes": 15})
    place.serve(order_id, "start", "ready")
    code = place.machine.call("GET", f"/v1/orders/{order_id}", place.customer).body["pickup_code"]
    command("hand over to customer", "hand_over", order_id, {"pickup_code": code})

    order_id = place.place("dine_in")["id"]
    place.serve(order_id, "accept", "start", "ready")
    command("complete table", "complete", order_id)
    command("reject", "reject", place.place()["id"], {"reason": "too_busy"})
    order_id = place.place()["id"]
    place.serve(order_id, "accept")
    command("postpone, delivery", "postpone", order_id, {"prep_minutes": 15})
    command("cancel by store", "cancel", order_id, {"reason": "kitchen_problem"})
    place.machine.pass_time(timedelta(minutes=2))
    placed, delivery_id, rider = place.offered()
    place.report(rider, delivery_id, "accept")
    place.serve(placed["id"], "start", "ready")
    command("hand over to rider", "hand_over", placed["id"], {})
    place.report(rider, delivery_id, "arrived_at_store", "picked_up", "arrived")
    place.report(rider, delivery_id, "delivered", pin=place.pin(placed["id"]))
