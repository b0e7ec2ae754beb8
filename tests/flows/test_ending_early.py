"""Orders that end before anybody eats: the goods go back, and so does the money."""

from __future__ import annotations

import pytest

from infra.local.actors import Refused
from tests.flows.town import Town, delivery_of, eventually, left

pytestmark = pytest.mark.stack


def voided(town: Town, order_id: str) -> bool:
    charge = town.charge(order_id)
    return (charge["status"], charge["captures"], charge["capturable"]) == ("canceled", 0, 0)


def test_a_customer_cancels_before_the_store_accepts(town: Town) -> None:
    customer = town.customer()
    placed = town.order(customer)
    assert town.stock() == left()

    cancelled = customer.cancel(placed["id"])
    assert (cancelled["status"], cancelled["timeline"][-1]["reason"]) == ("cancelled", "changed_mind")
    assert town.stock() == left(0)
    assert town.tablet.card(placed["id"]) is None
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided")
    assert voided(town, placed["id"])


def test_a_customer_cancels_before_paying(town: Town) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer))
    customer.cancel(placed["id"])

    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided")
    assert town.stock() == left(0)
    with pytest.raises(RuntimeError, match="status of canceled"):
        customer.pay(placed)


def test_after_the_store_accepted_it_is_too_late_to_cancel(town: Town) -> None:
    customer = town.customer()
    placed = town.order(customer)
    town.tablet.accept(placed["id"])

    with pytest.raises(Refused) as refused:
        customer.cancel(placed["id"])
    assert refused.value.code == "order_status_conflict"
    assert customer.follow(placed["id"]).body["can_cancel"] is False


def test_the_store_turns_an_order_down(town: Town) -> None:
    customer = town.customer()
    placed = town.order(customer)

    assert town.tablet.reject(placed["id"], "item_unavailable")["status"] == "rejected"
    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided")
    assert (order["status"], order["timeline"][-1]["reason"]) == ("rejected", "item_unavailable")
    assert voided(town, placed["id"])
    assert town.stock() == left(0)


def test_the_store_gives_up_what_it_accepted_and_the_rider_is_told(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.ready_order(customer, rider)

    town.tablet.cancel(placed["id"], "kitchen_problem")

    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided")
    assert voided(town, placed["id"])
    assert town.stock() == left(0)
    assert eventually(lambda: rider.job(delivery_id) is None)
    with pytest.raises(Refused) as refused:
        rider.pick_up(delivery_id)
    assert refused.value.code == "delivery_cancelled"


def test_once_the_rider_has_left_the_store_cannot_take_it_back(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.ready_order(customer, rider)
    rider.pick_up(delivery_id)

    with pytest.raises(Refused) as refused:
        town.tablet.cancel(placed["id"])
    # which of them depends on whether the order has heard of its delivery yet
    assert refused.value.code in {"delivery_under_way", "order_status_conflict", "version_conflict"}
    rider.deliver(delivery_id, pin=placed["delivery_pin"])
    customer.wait_for(placed["id"], "completed")


def test_a_delivery_that_failed_comes_back_and_is_given_up(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.order_at_the_door(customer, rider)

    rider.fail(delivery_id, "customer_absent")
    # Until the word of the pick-up arrives, the board may still show the order as one that is ready.
    town.tablet.wait_for(placed["id"], lambda seen: bool(seen) and seen["order"]["attention"] == ["delivery_failed"])
    rider.start_return(delivery_id)
    rider.finish_return(delivery_id)
    card = town.tablet.wait_for(
        placed["id"], lambda seen: bool(seen) and seen["order"]["attention"] == ["delivery_returned"]
    )
    assert card["order"]["next_steps"] == ["hand_over", "cancel"]
    town.tablet.cancel(placed["id"], "customer_absent")

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided")
    assert order["status"] == "cancelled"
    assert voided(town, placed["id"])
    assert town.stock() == left(0)


def test_what_came_back_can_be_fetched_at_the_counter(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.order_at_the_door(customer, rider)
    rider.fail(delivery_id, "address_not_found")
    rider.finish_return(delivery_id)
    town.tablet.wait_for(placed["id"], lambda seen: bool(seen) and seen["order"]["attention"] == ["delivery_returned"])

    code = customer.wait_for(placed["id"], lambda seen: seen["pickup_code"] is not None)["pickup_code"]
    town.tablet.hand_over(placed["id"], code)

    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert town.charge(placed["id"])["captures"] == 1
    assert delivery_id == delivery_of(placed["id"])
