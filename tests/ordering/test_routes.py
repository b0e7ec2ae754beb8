"""Ordering over HTTP: what goes in, what comes out, and the conventions in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.inventory import service as inventory
from chalicelib.kernel import ids
from chalicelib.kernel.principals import CUSTOMER, STAFF
from chalicelib.ordering import service
from tests.edge.conftest import Answer
from tests.ordering import world

if TYPE_CHECKING:
    from tests.ordering.world import Shop, Stripe

ADDRESS = {"point": {"lat": 52.535, "lng": 13.41}, "street": "Kastanienallee 7", "city": "Berlin"}


def body(shop: Shop, **fields: Any) -> dict[str, Any]:
    """The basket of three lines as an app sends it."""
    crust = [{"group_id": "crust", "option_id": "sourdough"}]
    return {
        "store_id": shop.id,
        "mode": "delivery",
        "address": ADDRESS,
        "lines": [
            {"sku": "PIZ-MARG-32", "quantity": 2, "modifiers": crust, "note": "please cut into eight"},
            {"sku": "SAL-CAES"},
            {"sku": "DRK-COLA-33"},
        ],
        "tip": {"amount": 200, "currency": "EUR"},
        **fields,
    }


def place(customer: Any, shop: Shop, key: str, method: str = "card", **fields: Any) -> Answer:
    quote = customer("POST", "/v1/quotes", body(shop, **fields)).json
    order = {"quote_id": quote["id"], "payment_method": method}
    answer: Answer = customer("POST", "/v1/orders", order, idempotency_key=key)
    assert answer.status == 201, answer.body
    return answer


def test_a_quote_shows_how_its_total_comes_about(shop: Shop, customer: Any) -> None:
    answer = customer("POST", "/v1/quotes", body(shop))

    assert answer.status == 201
    quote = answer.json
    parts = quote["breakdown"]
    assert parts["total"] == {"amount": 4070, "currency": "EUR"}
    assert sum(parts[p]["amount"] for p in ("items", "delivery_fee", "small_order_fee", "tip")) == 4070
    assert [(t["category"], t["rate_basis_points"]) for t in parts["taxes"]] == [("drinks", 1900), ("food", 700)]
    assert quote["lines"][0]["modifiers"][0]["name"] == "Sourdough"
    assert quote["payment_methods"] == ["card", "cash_on_delivery"]
    assert customer("GET", answer.headers["location"]).json == quote


def test_every_fault_of_a_basket_has_a_pointer(shop: Shop, customer: Any) -> None:
    inventory.set_stock(shop.id, "SAL-CAES", 0)
    basket = body(shop, tip={"amount": 1, "currency": "USD"})
    basket["lines"][0]["modifiers"] = []

    answer = customer("POST", "/v1/quotes", basket)

    assert answer.status == 422
    assert answer.json["code"] == "validation_failed"
    assert {fault["pointer"] for fault in answer.json["errors"]} == {
        "/tip/currency",
        "/lines/0/modifiers",
        "/lines/1",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"lines": []},
        {"lines": [{"sku": "X", "quantity": -1}]},
        {"lines": [{"sku": "X", "quantity": 10**30}]},
        {"lines": [{"sku": ""}]},
        {"lines": [{"sku": "x" * 65}]},
        {"mode": "teleport"},
        {"wanted_at": "tomorrow"},
        {"wanted_at": "2026-03-02T12:00:00"},
        {"tip": {"amount": -1, "currency": "EUR"}},
        {"address": {**ADDRESS, "point": {"lat": 91, "lng": 0}}},
        {"unknown": 1},
        {"store_id": ""},
    ],
)
def test_what_is_not_a_basket_is_refused_before_anything_is_read(shop: Shop, customer: Any, change: Any) -> None:
    with world.metered() as meter:
        answer = customer("POST", "/v1/quotes", body(shop, **change))

    assert answer.status == 422, answer.body
    assert meter.requests == []


def test_odd_characters_break_nothing(shop: Shop, customer: Any) -> None:
    for odd in ("\x00", "\U0001f355", "#", "a\nb", "ORD#"):
        answer = customer("POST", "/v1/quotes", body(shop, store_id=odd, lines=[{"sku": odd}]))
        assert (answer.status, answer.json["code"]) == (404, "store_not_found")
        answer = customer("POST", "/v1/quotes", body(shop, lines=[{"sku": odd, "note": odd}]))
        assert answer.status == 422
        answer = customer(
            "POST", "/v1/orders", {"quote_id": odd, "payment_method": "card"}, idempotency_key=ids.new_id("key")
        )
        assert (answer.status, answer.json["code"]) == (404, "quote_not_found")


def test_a_repeated_order_has_the_first_answer_and_the_secret_again(shop: Shop, customer: Any, stripe: Stripe) -> None:
    quote = customer("POST", "/v1/quotes", body(shop)).json
    order = {"quote_id": quote["id"], "payment_method": "card"}
    key = ids.new_id("key")

    first = customer("POST", "/v1/orders", order, idempotency_key=key)
    again = customer("POST", "/v1/orders", order, idempotency_key=key)

    assert first.status == again.status == 201
    assert first.json == again.json
    assert first.json["payment"]["client_secret"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len(stripe.intents_of(first.json["id"])) == 1


def test_a_repeat_is_answered_although_the_quote_has_been_used_and_the_store_has_closed(
    shop: Shop, customer: Any
) -> None:
    from chalicelib.stores import service as stores

    key = ids.new_id("key")
    quote = customer("POST", "/v1/quotes", body(shop)).json
    order = {"quote_id": quote["id"], "payment_method": "card"}
    first = customer("POST", "/v1/orders", order, idempotency_key=key)
    stores.pause_store(shop.id, stores.PauseRequest(kind="closed", minutes=30))

    again = customer("POST", "/v1/orders", order, idempotency_key=key)

    assert (again.status, again.json["id"]) == (201, first.json["id"])


def test_an_order_whose_payment_could_not_be_started_is_payable_with_the_next_try(
    shop: Shop, customer: Any, stripe: Stripe
) -> None:
    quote = customer("POST", "/v1/quotes", body(shop)).json
    order = {"quote_id": quote["id"], "payment_method": "card"}
    key = ids.new_id("key")

    stripe.down = True
    first = customer("POST", "/v1/orders", order, idempotency_key=key)
    assert (first.status, first.json["retryable"]) == (503, True)

    stripe.down = False
    second = customer("POST", "/v1/orders", order, idempotency_key=key)
    assert second.status == 201
    assert second.json["payment"]["client_secret"]


def test_the_same_key_for_another_quote_is_a_mistake(shop: Shop, customer: Any) -> None:
    key = ids.new_id("key")
    place(customer, shop, key)
    other = customer("POST", "/v1/quotes", body(shop)).json

    answer = customer("POST", "/v1/orders", {"quote_id": other["id"], "payment_method": "card"}, idempotency_key=key)

    # The new quote is a new order, unless its key says that it is an old one.
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert shop.left("PIZ-MARG-32") == 98


def test_an_order_needs_a_key(shop: Shop, customer: Any) -> None:
    answer = customer("POST", "/v1/orders", {"quote_id": "qte_x", "payment_method": "card"})

    assert (answer.status, answer.json["code"]) == (400, "idempotency_key_required")


def test_a_customer_follows_an_order(shop: Shop, customer: Any) -> None:
    placed = place(customer, shop, ids.new_id("key")).json

    seen = customer("GET", f"/v1/orders/{placed['id']}")
    assert seen.status == 200
    assert seen.json["status"] == "placed"
    assert seen.json["can_cancel"] is True
    assert seen.json["delivery_pin"] == placed["delivery_pin"]
    assert seen.json["pickup_code"] is None
    assert [entry["step"] for entry in seen.json["timeline"]] == ["placed"]

    unchanged = customer("GET", f"/v1/orders/{placed['id']}", if_none_match=seen.headers["etag"])
    assert (unchanged.status, unchanged.body) == (304, "")
    assert int(unchanged.headers["retry-after"]) > 0

    cancelled = customer("POST", f"/v1/orders/{placed['id']}/cancel", {"reason": "changed_mind"})
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    changed = customer("GET", f"/v1/orders/{placed['id']}", if_none_match=seen.headers["etag"])
    assert changed.status == 200

    (listed,) = customer("GET", "/v1/orders").json["items"]
    assert (listed["id"], listed["status"], listed["items"]) == (placed["id"], "cancelled", 4)


def test_the_staff_take_an_order_from_the_board_to_the_counter(shop: Shop, customer: Any, tablet: Any) -> None:
    placed = place(customer, shop, ids.new_id("key"), method="pay_at_store", mode="pickup").json
    order = f"/v1/stores/{shop.id}/orders/{placed['id']}"

    board = tablet("GET", f"/v1/stores/{shop.id}/board")
    (card,) = board.json["cards"]
    assert card["order"]["next_steps"] == ["accept", "reject"]
    assert card["lines"][0]["modifiers"] == ["Sourdough"]
    same = tablet("GET", f"/v1/stores/{shop.id}/board", if_none_match=board.headers["etag"])
    assert (same.status, same.headers["retry-after"]) == (304, "15")

    answer = tablet("POST", f"{order}/accept", {"prep_minutes": 15}, if_match=f'"{card["order"]["version"]}"')
    assert (answer.status, answer.json["status"]) == (200, "accepted")
    answer = tablet("POST", f"{order}/start", if_match=answer.headers["etag"])
    answer = tablet("POST", f"{order}/ready", if_match=answer.headers["etag"])
    wrong = tablet("POST", f"{order}/hand_over", {"pickup_code": "x"}, if_match=answer.headers["etag"])
    assert (wrong.status, wrong.json["code"], wrong.json["attempts_left"]) == (422, "wrong_pickup_code", 4)
    code = {"pickup_code": placed["pickup_code"]}
    done = tablet("POST", f"{order}/hand_over", code, if_match=answer.headers["etag"])
    assert (done.status, done.json["status"], done.json["next_steps"]) == (200, "completed", [])
    assert tablet("GET", f"/v1/stores/{shop.id}/board").json == {"cards": []}


def test_the_staff_are_not_told_the_customers_codes(shop: Shop, customer: Any, tablet: Any, stripe: Stripe) -> None:
    placed = place(customer, shop, ids.new_id("key")).json
    stripe.authorise(placed["id"])
    service.follow_payment(placed["id"], ids.new_id("evt"))

    for path in (f"/v1/stores/{shop.id}/board", f"/v1/stores/{shop.id}/orders/{placed['id']}"):
        answer = tablet("GET", path)
        assert answer.status == 200
        assert "pickup_code" not in answer.body
        assert "delivery_pin" not in answer.body


def test_staff_commands_need_the_version_and_take_any_tag_that_begins_with_it(
    shop: Shop, customer: Any, tablet: Any
) -> None:
    placed = place(customer, shop, ids.new_id("key"), method="cash_on_delivery").json
    order = f"/v1/stores/{shop.id}/orders/{placed['id']}"
    accept = {"prep_minutes": 20}

    assert tablet("POST", f"{order}/accept", accept).status == 428
    assert tablet("POST", f"{order}/accept", accept, if_match='"7"').status == 412
    assert tablet("POST", f"{order}/accept", accept, if_match='"*"').status == 412
    tag = tablet("GET", order).headers["etag"]
    assert tablet("POST", f"{order}/accept", accept, if_match=tag).status == 200
    late = tablet("POST", f"{order}/reject", {"reason": "too_busy"}, if_match=tag)
    assert (late.status, late.json["code"]) == (412, "version_conflict")
    version = tablet("GET", order).json["order"]["version"]
    refused = tablet("POST", f"{order}/reject", {"reason": "too_busy"}, if_match=f'"{version}"')
    assert (refused.status, refused.json["code"], refused.json["order_status"]) == (
        409,
        "order_status_conflict",
        "accepted",
    )


def test_the_wrong_people_see_nothing(shop: Shop, customer: Any, call_as: Any) -> None:
    placed = place(customer, shop, ids.new_id("key"), method="cash_on_delivery").json
    own, store = f"/v1/orders/{placed['id']}", f"/v1/stores/{shop.id}/orders/{placed['id']}"
    other_customer, stranger = call_as("cus_other", CUSTOMER), call_as("usr_stranger", STAFF)

    assert other_customer("GET", own).status == 404
    assert other_customer("POST", f"{own}/cancel", {}).status == 404
    assert other_customer("GET", store).status == 403
    assert stranger("GET", own).status == 403
    for path in (store, f"/v1/stores/{shop.id}/board", f"/v1/stores/{shop.id}/orders"):
        assert stranger("GET", path).status == 403


def test_pages_of_lists_have_cursors_of_their_own(shop: Shop, customer: Any, tablet: Any) -> None:
    for _ in range(3):
        place(customer, shop, ids.new_id("key"), method="cash_on_delivery")

    first = customer("GET", "/v1/orders?limit=2").json
    second = customer("GET", f"/v1/orders?limit=2&cursor={first['next_cursor']}").json
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)

    path = f"/v1/stores/{shop.id}/orders"
    stolen = tablet("GET", f"{path}?cursor={first['next_cursor']}")
    assert (stolen.status, stolen.json["errors"][0]["code"]) == (422, "invalid_cursor")
    page = tablet("GET", f"{path}?limit=2").json
    rest = tablet("GET", f"{path}?limit=2&cursor={page['next_cursor']}").json
    assert len({order["id"] for order in page["items"] + rest["items"]}) == 3
