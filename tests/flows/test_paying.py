"""What can happen between an order and its authorised payment."""

from __future__ import annotations

import pytest

from infra.local.actors import CardDeclined
from tests.flows.town import Town, eventually, left

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_another_card_pays_after_a_declined_one(town: Town, card: str, code: str) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer))

    with pytest.raises(CardDeclined) as declined:
        customer.pay(placed, card)
    assert declined.value.code == code
    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["failure_code"] is not None)
    assert (order["status"], order["payment"]["failure_code"]) == ("placed", code)
    assert town.tablet.card(placed["id"]) is None

    customer.pay(placed)
    town.tablet.wait_for(placed["id"])
    order = customer.follow(placed["id"]).body
    assert (order["payment"]["state"], order["payment"]["failure_code"]) == ("authorised", None)
    assert town.charge(placed["id"])["attempts"] == 2


def test_the_bank_asks_the_customer_first(town: Town) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer))
    intent = customer.pay(placed, "pm_card_authenticationRequired")
    assert intent["status"] == "requires_action"
    town.stack.drain()
    assert town.tablet.card(placed["id"]) is None

    customer.card_form.authenticate(intent["id"])

    town.tablet.wait_for(placed["id"])
    assert town.charge(placed["id"])["status"] == "requires_capture"


def test_who_fails_the_banks_question_can_try_again(town: Town) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer))
    intent = customer.pay(placed, "pm_card_authenticationRequired")
    customer.card_form.authenticate(intent["id"], "failed")
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["failure_code"] is not None)

    customer.pay(placed)

    town.tablet.wait_for(placed["id"])


def test_an_app_that_lost_the_client_secret_asks_for_it_again(town: Town) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer))

    again = customer.payment(placed["id"])
    assert again["client_secret"] == placed["payment"]["client_secret"]
    customer.pay({"payment": again})

    town.tablet.wait_for(placed["id"])
    assert customer.payment(placed["id"])["client_secret"] is None


def test_an_order_sent_again_is_the_same_order_and_still_payable(town: Town) -> None:
    customer = town.customer()
    quote = town.quote(customer)
    first = customer.place_raw(quote["id"], key=f"{town.name}-key")
    second = customer.place_raw(quote["id"], key=f"{town.name}-key")

    assert (first.replayed, second.replayed) == (False, True)
    assert second.body == first.body
    customer.pay(second.body)
    town.tablet.wait_for(first.body["id"])
    assert town.stock() == left()


def test_the_customer_is_charged_what_was_quoted_although_prices_rose(town: Town) -> None:
    customer = town.customer()
    quote = town.quote(customer, "pickup", tip={"amount": 200, "currency": "EUR"})
    menu = dict(town.owner.client.get(f"/v1/stores/{town.store_id}/menu").body["menu"])
    for product in menu["products"]:
        for variant in product["variants"]:
            variant["price_minor"] += 100
    town.owner.publish_menu(town.store_id, menu)

    placed = customer.place(quote)
    customer.pay(placed)

    assert placed["total"] == quote["total"]
    assert town.charge(placed["id"])["amount"] == quote["total"]["amount"]
    assert eventually(lambda: town.quote(customer, "pickup")["total"]["amount"] == quote["total"]["amount"] + 400 - 200)
