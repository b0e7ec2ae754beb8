"""A delivery, from the search for a store to the captured payment, as each of those who take part sees it."""

from __future__ import annotations

import pytest

from infra.local.actors import Refused
from tests.flows.town import BASKET, Town, delivery_of, eventually, left, steps

pytestmark = pytest.mark.stack

# 1050 + 100 olives, 2 × 550, 390; the store is 600 m away
ITEMS, FEE = 2640, 190


def test_a_delivery_paid_by_card_reaches_the_door(town: Town) -> None:
    customer, rider = town.customer(), town.rider()

    (found,) = customer.find_stores(town.home)
    assert (found["id"], found["opening"]["open"], found["fee"]["amount"]) == (town.store_id, True, FEE)
    quote = town.quote(customer)
    assert quote["total"] == {"amount": ITEMS + FEE, "currency": "EUR"}
    placed = customer.place(quote)
    assert town.stock() == left()
    assert customer.pay(placed)["status"] == "requires_capture"

    card = town.tablet.wait_for(placed["id"])
    assert card["order"]["next_steps"][0] == "accept"
    assert [(line["sku"], line["quantity"]) for line in card["lines"]] == [
        (line["sku"], line["quantity"]) for line in BASKET
    ]
    town.tablet.accept(placed["id"])
    offer = rider.wait_for_offer()
    assert offer["delivery_id"] == delivery_of(placed["id"])
    assert "dropoff_address" not in offer  # only who takes it is told the door
    rider.accept(offer["delivery_id"])
    job = rider.job(offer["delivery_id"])
    assert job is not None
    assert (job["next_step"], job["dropoff_address"]) == ("go_to_store", "Weserstraße 12")
    rider.arrive_at_store(offer["delivery_id"])
    town.tablet.start(placed["id"])
    town.tablet.ready(placed["id"])
    rider.pick_up(offer["delivery_id"])
    customer.wait_for(placed["id"], "out_for_delivery")
    assert town.tablet.card(placed["id"]) is None
    assert town.charge(placed["id"])["captures"] == 0
    rider.arrive_at_door(offer["delivery_id"])
    rider.deliver(offer["delivery_id"], pin=placed["delivery_pin"])

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert order["status"] == "completed"
    assert steps(order) == [
        "placed",
        "confirmed",
        "accepted",
        "preparing",
        "ready",
        "out_for_delivery",
        "completed",
    ]
    assert [entry["actor"] for entry in order["timeline"]][-2:] == ["rider", "rider"]
    charge = town.charge(placed["id"])
    assert (charge["status"], charge["captures"], charge["captured"]) == ("succeeded", 1, ITEMS + FEE)
    assert eventually(lambda: rider.look().body["deliveries"] == [])
    assert town.stock() == left()


def test_cash_is_collected_at_the_door(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.order_at_the_door(customer, rider, method="cash_on_delivery")
    job = rider.job(delivery_id)
    assert job is not None
    assert job["cash_to_collect"] == placed["total"]

    with pytest.raises(Refused) as too_little:
        rider.deliver(delivery_id, pin=placed["delivery_pin"], cash_collected={"amount": 1, "currency": "EUR"})
    assert too_little.value.codes == {"cash_amount_differs"}
    rider.deliver(delivery_id, pin=placed["delivery_pin"], cash_collected=placed["total"])

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert order["status"] == "completed"
    assert customer.payment(placed["id"])["captured"] == placed["total"]
    assert customer.payment(placed["id"])["payment_intent_id"] is None


def test_pollers_get_304_until_something_changes(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed = town.order(customer)
    town.tablet.accept(placed["id"])
    rider.wait_for_offer(placed["id"])
    rider.accept(delivery_of(placed["id"]))
    for poll in (town.tablet.look, rider.look, lambda: customer.follow(placed["id"])):
        poll()
        again = poll()
        assert again.status == 304
        assert again.retry_after is not None
        assert 1 <= again.retry_after <= 120

    town.tablet.start(placed["id"])
    assert eventually(lambda: town.tablet.look().status == 200)
    assert eventually(lambda: customer.follow(placed["id"]).status == 200)
    town.tablet.ready(placed["id"])
    assert eventually(lambda: rider.look().status == 200)


def test_a_rider_on_a_break_asks_less_often_than_one_with_an_offer(town: Town) -> None:
    customer, rider, another = town.customer(), town.rider(), town.rider()
    another.client.post("/v1/rider/shift/break")
    idle = another.look().retry_after
    town.tablet.accept(town.order(customer)["id"])
    rider.wait_for_offer()
    offered = rider.look().retry_after

    assert idle is not None
    assert offered is not None
    assert offered <= 10 < idle


def test_the_order_is_found_in_the_lists_of_customer_and_store(town: Town) -> None:
    customer = town.customer()
    orders = [town.order(customer)["id"] for _ in range(2)]

    assert [each["id"] for each in customer.orders()] == orders[::-1]
    listed = town.tablet.client.get(f"/v1/stores/{town.store_id}/orders", limit=1)
    assert [each["id"] for each in listed.body["items"]] == orders[1:]
    rest = town.tablet.client.get(f"/v1/stores/{town.store_id}/orders", limit=1, cursor=listed.body["next_cursor"])
    assert [each["id"] for each in rest.body["items"]] == orders[:1]
