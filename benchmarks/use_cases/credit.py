"""Gift cards and store credit, and orders that they pay for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.use_cases.place import AUTHORISED, key

if TYPE_CHECKING:
    from benchmarks.machine import Json
    from benchmarks.use_cases.place import Place

CARDS = "/v1/merchants/{merchant_id}/gift-cards"


def credit(place: Place) -> None:
    """Given, looked at, spent with a card and alone, given back, revoked."""
    count, customer, machine = place.count, place.customer, place.machine
    store = machine.call("GET", f"/v1/stores/{place.store_id}").body
    currency, merchant_id = store["currency"], store["merchant_id"]

    def value(amount: int) -> Json:
        return {"value": {"amount": amount, "currency": currency}, "reason": "benchmark"}

    issued = count("issue gift card", "POST", "/v1/gift-cards", place.admin, value(2_000_000), headers=key()).body
    card_id, code = issued["card"]["id"], issued["code"]
    count("gift card", "GET", "/v1/gift-cards/{gift_card_id}", place.admin, gift_card_id=card_id)
    count("gift card by code", "POST", "/v1/gift-cards/balance", customer, {"code": code})
    given = "/v1/customers/{customer_id}/credits"
    count("give credit", "POST", given, place.admin, value(300), headers=key(), customer_id=customer.sub)

    tenders = [{"method": "gift_card", "code": code, "amount": 500}, {"method": "store_credit"}, {"method": "card"}]
    asked = {"quote_id": place.quote()["id"], "tenders": tenders}
    split = count("place order, gift card + credit + card", "POST", "/v1/orders", customer, asked, headers=key()).body
    machine.pay(split)
    machine.take(machine.next_webhook(AUTHORISED))
    machine.drain()
    machine.call("POST", f"/v1/orders/{split['id']}/cancel", customer, {})
    machine.drain()
    alone = {"quote_id": place.quote()["id"], "tenders": [{"method": "gift_card", "code": code}]}
    placed = count("place order, gift card alone", "POST", "/v1/orders", customer, alone, headers=key()).body
    goodwill = "/v1/stores/{store_id}/orders/{order_id}/goodwill"
    at = {"store_id": place.store_id, "order_id": placed["id"]}
    count("goodwill", "POST", goodwill, place.owner, value(100), headers=key(), **at)
    machine.drain()

    count("credits of a customer", "GET", "/v1/me/credits", customer)
    movements = "/v1/me/credits/{currency}/movements"
    count("movements of credit", "GET", movements, customer, currency=currency)
    count(
        "movements of a gift card", "GET", "/v1/gift-cards/{gift_card_id}/movements", place.admin, gift_card_id=card_id
    )
    why = {"reason": "benchmark"}
    count("revoke gift card", "POST", "/v1/gift-cards/{gift_card_id}/revoke", place.admin, why, gift_card_id=card_id)

    own = {**value(1000), "store_id": place.store_id}
    merchant = {"merchant_id": merchant_id}
    issued = count("issue gift card of a merchant", "POST", CARDS, place.owner, own, headers=key(), **merchant).body
    of = {**merchant, "gift_card_id": issued["card"]["id"]}
    count("gift card of a merchant", "GET", CARDS + "/{gift_card_id}", place.owner, **of)
    count("movements of a merchant's card", "GET", CARDS + "/{gift_card_id}/movements", place.owner, **of)
    count("revoke gift card of a merchant", "POST", CARDS + "/{gift_card_id}/revoke", place.owner, why, **of)
