"""A customer who asks for what is kept of them, and to be forgotten; and somebody who is invited to work at a store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import shop
from benchmarks.use_cases.place import key

if TYPE_CHECKING:
    from benchmarks.use_cases.place import Place

_OF_CUSTOMER = "/v1/customers/{customer_id}"


def privacy(place: Place) -> None:
    """Exported, asked for, taken back, done: for a customer with one order."""
    from chalicelib.kernel.event_types import ErasureDue
    from chalicelib.ordering import service

    count, machine, admin = place.count, place.machine, place.admin
    customer = machine.user("customer", "who-leaves")
    quote = machine.call("POST", "/v1/quotes", customer, shop.basket(place.store_id)).body
    asked = {"quote_id": quote["id"], "payment_method": "cash_on_delivery"}
    placed = machine.call("POST", "/v1/orders", customer, asked, headers=key()).body
    machine.call("POST", f"/v1/orders/{placed['id']}/cancel", customer, {})
    machine.drain()

    page = "/v1/me/export"
    cursor = count("export, first page", "GET", page, customer).body["next_cursor"]
    while cursor:
        with machine.measured() as cost:
            cursor = machine.call("GET", page, customer, cursor=cursor).body["next_cursor"]
        count.costs["export, an order"] = cost[0]  # the last part's
    count("export by admin, first page", "GET", f"{_OF_CUSTOMER}/export", admin, customer_id=customer.sub)
    sure = {"confirm": "erase"}
    count("ask to be forgotten", "POST", "/v1/me/erasure", customer, sure)
    count("how far an erasure is", "GET", "/v1/me/erasure", customer)
    count("take an erasure back", "DELETE", "/v1/me/erasure", customer)
    count("have a customer forgotten", "POST", f"{_OF_CUSTOMER}/erasure", admin, sure, customer_id=customer.sub)
    count("how far a customer's erasure is", "GET", f"{_OF_CUSTOMER}/erasure", admin, customer_id=customer.sub)
    count("take a customer's erasure back", "DELETE", f"{_OF_CUSTOMER}/erasure", admin, customer_id=customer.sub)

    machine.call("POST", f"/v1/customers/{customer.sub}/erasure", admin, {**sure, "at_once": True})
    machine.pass_time(timedelta(minutes=31))
    while (erasure := service.get_erasure(customer.sub)).erased_at is None:
        with machine.measured() as cost:
            service.erase_next(ErasureDue(erasure=erasure.id, step=erasure.step))
        count.costs.setdefault(f"forget a customer, {erasure.phase}", cost[0])
    machine.drain()
