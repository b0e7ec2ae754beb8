"""Who brings an order when the first rider does not, and what a phone may report late or twice."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock
from infra.local.actors import Refused
from tests.flows.town import Town, delivery_of, eventually

if TYPE_CHECKING:
    from infra.local.stack import LocalStack

pytestmark = pytest.mark.stack


def test_a_declined_offer_goes_to_the_next_rider(town: Town) -> None:
    customer, near, far = town.customer(), town.rider(100), town.rider(900)
    placed = town.order(customer)
    town.tablet.accept(placed["id"])
    near.wait_for_offer(placed["id"])
    assert far.look().body["offers"] == []

    near.decline(delivery_of(placed["id"]))

    far.wait_for_offer(placed["id"])
    assert near.look().body["offers"] == []
    with pytest.raises(Refused) as refused:
        near.accept(delivery_of(placed["id"]))
    assert refused.value.code == "offer_gone"
    far.accept(delivery_of(placed["id"]))


def test_who_drops_out_before_the_pickup_is_replaced(town: Town) -> None:
    customer, first = town.customer(), town.rider(100)
    placed, delivery_id = town.ready_order(customer, first)
    second = town.rider(900)
    first.arrive_at_store(delivery_id)

    first.drop(delivery_id)

    second.wait_for_offer(placed["id"])
    assert first.look().body == {
        "on_shift": True,
        "offers": [],
        "deliveries": [],
        "route": [],
        "state": "available",
        "shift_ends_at": None,
    }
    second.accept(delivery_id)
    second.pick_up(delivery_id)
    second.deliver(delivery_id, pin=placed["delivery_pin"])
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert town.charge(placed["id"])["captures"] == 1


def test_who_breaks_off_the_shift_leaves_the_order_to_another(town: Town) -> None:
    customer, first = town.customer(), town.rider(100)
    placed, _ = town.ready_order(customer, first)
    second = town.rider(900)

    with pytest.raises(Refused) as refused:
        first.end_shift()
    assert refused.value.code == "shift_has_deliveries"
    assert first.end_shift(force=True)["on_shift"] is False

    second.wait_for_offer(placed["id"])


def test_nobody_leaves_with_what_the_kitchen_still_cooks(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed = town.order(customer)
    town.tablet.accept(placed["id"])
    rider.wait_for_offer(placed["id"])
    delivery_id = delivery_of(placed["id"])
    rider.accept(delivery_id)
    rider.arrive_at_store(delivery_id)

    with pytest.raises(Refused) as early:
        rider.pick_up(delivery_id)
    assert early.value.code == "order_not_ready"
    with pytest.raises(Refused) as absurd:
        rider.deliver(delivery_id, pin=placed["delivery_pin"])
    assert absurd.value.code == "step_out_of_turn"
    assert customer.follow(placed["id"]).body["status"] == "accepted"


def test_a_guessed_pin_delivers_nothing(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.order_at_the_door(customer, rider)
    wrong = f"{(int(placed['delivery_pin']) + 1) % 10_000:04d}"

    for attempts_left in (4, 3, 2, 1, 0):
        with pytest.raises(Refused) as refused:
            rider.deliver(delivery_id, pin=wrong)
        assert (refused.value.code, refused.value.problem["attempts_left"]) == ("pin_wrong", attempts_left)
    with pytest.raises(Refused) as locked:
        rider.deliver(delivery_id, pin=placed["delivery_pin"])

    assert locked.value.code == "pin_locked"
    customer.wait_for(placed["id"], "out_for_delivery")
    assert town.charge(placed["id"])["captures"] == 0


def test_a_store_may_want_a_photo(stack: LocalStack) -> None:
    town = Town(stack, proof_of_delivery="photo")
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.order_at_the_door(customer, rider)

    with pytest.raises(Refused) as refused:
        rider.deliver(delivery_id, pin=placed["delivery_pin"])
    assert refused.value.codes == {"photo_required"}
    rider.deliver(delivery_id, photo="proofs/2026/door.jpg")

    customer.wait_for(placed["id"], "completed")


def test_a_phone_that_was_offline_replays_its_way(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.ready_order(customer, rider)
    now = rider.client.watch.now()
    way = [
        (step, str(uuid.uuid4()), clock.rfc3339(now - timedelta(minutes=minutes)), evidence)
        for step, minutes, evidence in (
            ("arrived_at_store", 9, {}),
            ("picked_up", 8, {}),
            ("arrived", 2, {}),
            ("delivered", 1, {"pin": placed["delivery_pin"]}),
        )
    ]

    first = [rider.report(delivery_id, step, op_id, at, **evidence) for step, op_id, at, evidence in way]
    again = [rider.report(delivery_id, step, op_id, at, **evidence) for step, op_id, at, evidence in reversed(way)]

    assert again[::-1] == first
    assert [receipt["captured_at"] for receipt in first] == [at for _, _, at, _ in way]
    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert [entry["step"] for entry in order["timeline"]].count("completed") == 1
    assert town.charge(placed["id"])["captures"] == 1


def test_a_rider_carries_two_orders_of_a_store(town: Town) -> None:
    customers, rider = [town.customer(), town.customer()], town.rider()
    placed = [town.order(customer) for customer in customers]
    for order in placed:
        town.tablet.accept(order["id"])
        rider.wait_for_offer(order["id"])
        rider.accept(delivery_of(order["id"]))
        town.tablet.start(order["id"])
        town.tablet.ready(order["id"])
    assert eventually(lambda: len(rider.look().body["deliveries"]) == 2)

    for order in placed:
        rider.pick_up(delivery_of(order["id"]))
    for order in placed:
        rider.deliver(delivery_of(order["id"]), pin=order["delivery_pin"])

    for customer, order in zip(customers, placed, strict=True):
        customer.wait_for(order["id"], "completed")


def test_what_a_rider_earned_is_explained_and_owed(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    office = town.cast.back_office().client
    rules = {"area": town.zone(), "since": clock.rfc3339(rider.client.watch.now()), "base": 300, "per_km": 100}
    office.post("/v1/pay-rules", {**rules, "currency": "EUR", "time_zone": "Europe/Berlin"}, key=str(uuid.uuid4()))

    placed, delivery_id = town.order_at_the_door(customer, rider)
    rider.deliver(delivery_id, pin=placed["delivery_pin"])

    (earned,) = eventually(lambda: rider.client.get("/v1/rider/earnings").body["items"])
    assert {line["kind"]: line["amount"] for line in earned["lines"]} == {"base": 300, "distance": 60}
    assert (earned["delivery_id"], earned["rules_version"]) == (delivery_id, 1)
    path = f"/v1/rider/shifts/{earned['shift_id']}/earnings"
    assert rider.client.get(path).body["totals"] == {"base": 300, "distance": 60}
    # The books owe it, beside what the merchant's terms give of the delivery fee; the next settlement pays it.
    money = f"/v1/stores/{town.store_id}/orders/{placed['id']}/money"

    def owed() -> list[int]:
        entries = town.owner.client.get(money).body["entries"]
        lines = [line for entry in entries if entry["kind"] == "rider_pay" for line in entry["lines"]]
        return [line["amount"]["amount"] for line in lines if line["account"].startswith("rider:")]

    assert eventually(lambda: -360 in owed())
    assert len(owed()) == 2
