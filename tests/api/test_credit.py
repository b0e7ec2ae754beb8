"""Gift cards and store credit over HTTP: a code that is told once, and orders that it pays for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids

if TYPE_CHECKING:
    from tests.api.scene import Scene
    from tests.api.server import Answer
    from tests.ordering.world import Stripe


def give(scene: Scene, who: str, path: str, amount: int, key: str | None = None, **more: Any) -> Answer:
    body = {"value": {"amount": amount, "currency": "EUR"}, "reason": "winter", **more}
    return scene.call(who, "POST", path, body, Idempotency_Key=key or ids.new_id("key"))


def order(scene: Scene, key: str | None = None, **asked: Any) -> Answer:
    body = {"quote_id": scene.quote().id, **asked}
    return scene.call("customer", "POST", "/v1/orders", body, Idempotency_Key=key or ids.new_id("key"))


def test_a_repeated_issue_does_not_tell_the_code_again(scene: Scene, stripe: Stripe) -> None:
    path, once = f"/v1/merchants/{scene.merchant_id}/gift-cards", ids.new_id("key")
    first = give(scene, "owner", path, 2000, once, store_id=scene.store_id)
    again = give(scene, "owner", path, 2000, once, store_id=scene.store_id)
    assert (first.status, again.status) == (201, 201)
    assert first.json["code"]
    assert again.json == {**first.json, "code": None}


def test_a_merchant_takes_no_store_of_another_to_pay_for_its_card(scene: Scene, stripe: Stripe) -> None:
    path = f"/v1/merchants/{scene.merchant_id}/gift-cards"
    assert give(scene, "owner", path, 2000, store_id=scene.elsewhere.id).status == 403


def test_a_card_is_looked_at_by_its_code_and_pays_with_a_credit_card(scene: Scene, stripe: Stripe) -> None:
    path = f"/v1/merchants/{scene.merchant_id}/gift-cards"
    code = give(scene, "owner", path, 700, store_id=scene.store_id).json["code"]
    give(scene, "admin", f"/v1/customers/{scene.subjects['customer']}/credits", 300)
    balance = scene.call("customer", "POST", "/v1/gift-cards/balance", {"code": code}).json
    assert balance["available"] == {"amount": 700, "currency": "EUR"}

    tenders = [{"method": "gift_card", "code": code}, {"method": "store_credit"}, {"method": "card"}]
    placed = order(scene, tenders=tenders)

    assert placed.status == 201
    payment = placed.json["payment"]
    assert (payment["method"], payment["amount"]) == ("card", placed.json["total"])
    assert [(part["method"], part["amount"]["amount"]) for part in payment["credits"]] == [
        ("gift_card", 700),
        ("store_credit", 300),
    ]
    (intent,) = stripe.intents_of(placed.json["id"])
    assert intent["amount"] == placed.json["total"]["amount"] - 1000
    (own,) = scene.call("customer", "GET", "/v1/me/credits").json["items"]
    assert (own["available"]["amount"], own["held"]["amount"]) == (0, 300)
    history = scene.call("customer", "GET", "/v1/me/credits/EUR/movements").json["items"]
    assert {(line["kind"], line["order_id"]) for line in history} == {("issued", None), ("held", placed.json["id"])}


def test_a_repeated_order_holds_its_credit_once(scene: Scene, stripe: Stripe) -> None:
    code = give(scene, "admin", "/v1/gift-cards", 90_000).json["code"]
    once, quote = ids.new_id("key"), scene.quote().id
    asked = {"quote_id": quote, "tenders": [{"method": "gift_card", "code": code}]}
    first = scene.call("customer", "POST", "/v1/orders", asked, Idempotency_Key=once)
    again = scene.call("customer", "POST", "/v1/orders", asked, Idempotency_Key=once)
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert first.json["payment"]["method"] == "credit"
    left = scene.call("customer", "POST", "/v1/gift-cards/balance", {"code": code}).json["available"]["amount"]
    assert left == 90_000 - first.json["total"]["amount"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"payment_method": "card", "tenders": [{"method": "card"}]},
        {"tenders": [{"method": "cash"}]},
        {"tenders": [{"method": "gift_card"}]},
        {"tenders": [{"method": "gift_card", "code": "", "amount": 1}]},
        {"tenders": [{"method": "gift_card", "code": "x", "amount": 0}]},
        {"tenders": [{"method": "gift_card", "code": "\x00\ud7ff"}]},
        {"tenders": [{"method": "store_credit"}] * 6},
    ],
)
def test_tenders_that_make_no_sense_are_refused(scene: Scene, stripe: Stripe, asked: dict[str, Any]) -> None:
    assert (order(scene, **asked).status, order(scene, **asked).code) == (422, "validation_failed")
