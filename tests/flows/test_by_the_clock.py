"""What happens because nobody did anything, on a stack where a minute passes in a second."""

from __future__ import annotations

import pytest
import requests

from tests.flows.town import Town, delivery_of, left

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_who_does_not_pay_in_time_loses_the_order(fast_town: Town) -> None:
    customer = fast_town.customer()
    placed = customer.place(fast_town.quote(customer))

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided", seconds=40)

    assert (order["status"], order["timeline"][-1]["reason"]) == ("cancelled", "payment_expired")
    assert order["timeline"][-1]["actor"] == "system"
    assert order["timeline"][-1]["at"] >= placed["payment"]["pay_by"]
    assert fast_town.charge(placed["id"])["status"] == "canceled"
    assert fast_town.stock() == left(0)


def test_a_store_that_does_not_answer_loses_the_order(fast_town: Town) -> None:
    customer = fast_town.customer()
    placed = fast_town.order(customer)

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "voided", seconds=40)

    assert (order["status"], order["timeline"][-1]["reason"]) == ("rejected", "store_did_not_respond")
    assert fast_town.charge(placed["id"])["captures"] == 0
    assert fast_town.stock() == left(0)


def test_a_payment_whose_notice_was_lost_is_found_at_the_deadline(fast_town: Town) -> None:
    customer = fast_town.customer()
    placed = customer.place(fast_town.quote(customer))
    fault = {"kind": "webhook_lost", "match": {"path_prefix": f"/v1/payment_intents/{intent_of(placed)}"}}
    requests.post(f"{fast_town.stack.stripe_url}/sandbox/faults", json=fault, timeout=10).raise_for_status()
    customer.pay(placed)

    fast_town.tablet.wait_for(placed["id"], seconds=40)

    assert customer.follow(placed["id"]).body["payment"]["state"] == "authorised"
    fast_town.tablet.accept(placed["id"])


def test_an_offer_that_nobody_answers_goes_to_the_next_rider(fast_town: Town) -> None:
    customer, near, far = fast_town.customer(), fast_town.rider(100), fast_town.rider(900)
    placed = fast_town.order(customer)
    fast_town.tablet.accept(placed["id"])
    near.wait_for_offer(placed["id"], pause=0.02)

    offer = far.wait_for_offer(placed["id"], pause=0.02)

    assert offer["delivery_id"] == delivery_of(placed["id"])
    assert near.look().body["offers"] == []


def test_a_delivery_without_riders_is_told_to_the_store_and_found_later(fast_town: Town) -> None:
    customer = fast_town.customer()
    placed = fast_town.order(customer)
    fast_town.tablet.accept(placed["id"])

    card = fast_town.tablet.wait_for(
        placed["id"], lambda seen: bool(seen) and seen["order"]["attention"] == ["no_rider"], seconds=40
    )
    assert card["order"]["next_steps"]
    rider = fast_town.rider()
    rider.wait_for_offer(placed["id"], seconds=40, pause=0.02)


def test_a_pause_ends_by_itself(fast_town: Town) -> None:
    customer = fast_town.customer()
    pause = {"kind": "closed", "minutes": 2}
    fast_town.tablet.client.post(f"/v1/stores/{fast_town.store_id}/pauses", pause)

    (found,) = customer.find_stores(fast_town.home)
    assert (found["opening"]["open"], found["opening"]["reason"]) == (False, "paused")
    fast_town.cast.watch.sleep(125)

    assert fast_town.quote(customer)["total"]


def intent_of(placed: dict) -> str:
    return str(placed["payment"]["payment_intent_id"])
