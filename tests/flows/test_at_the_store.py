"""Orders that nobody has to bring: over the counter, at a table."""

from __future__ import annotations

import pytest

from infra.local.actors import Refused
from tests.flows.town import Town, eventually, left, steps

pytestmark = pytest.mark.stack


def test_a_pickup_is_handed_over_against_its_code(town: Town) -> None:
    customer = town.customer()
    placed = town.order(customer, "pickup")
    town.tablet.accept(placed["id"])
    town.tablet.start(placed["id"])
    town.tablet.ready(placed["id"])
    wrong = f"{(int(placed['pickup_code']) + 1) % 10_000:04d}"

    with pytest.raises(Refused) as refused:
        town.tablet.hand_over(placed["id"], wrong)
    assert (refused.value.code, refused.value.problem["attempts_left"]) == ("wrong_pickup_code", 4)
    done = town.tablet.hand_over(placed["id"], placed["pickup_code"])

    assert done["status"] == "completed"
    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert steps(order)[-2:] == ["handed_over", "completed"]
    assert town.charge(placed["id"])["captured"] == placed["total"]["amount"]
    assert town.tablet.card(placed["id"]) is None
    assert placed["delivery_pin"] is None


def test_the_staff_do_not_see_the_code_that_the_customer_has_to_say(town: Town) -> None:
    placed = town.order(town.customer(), "pickup")

    assert placed["pickup_code"] not in str(town.tablet.read(placed["id"])).replace(placed["id"], "")


def test_a_table_is_served_and_closed(town: Town) -> None:
    customer = town.customer()
    placed = town.order(customer, "dine_in")
    card = town.tablet.card(placed["id"])
    assert card is not None
    assert card["table"] == "7"
    town.tablet.accept(placed["id"])
    town.tablet.start(placed["id"])
    town.tablet.ready(placed["id"])

    assert town.tablet.complete(placed["id"])["status"] == "completed"
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert town.charge(placed["id"])["captures"] == 1
    assert town.stock() == left()


def test_who_pays_at_the_store_is_on_the_board_at_once(town: Town) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer, "pickup"), "pay_at_store")
    assert placed["payment"].get("client_secret") is None
    assert eventually(lambda: town.tablet.card(placed["id"]), 2)

    town.tablet.accept(placed["id"])
    town.tablet.start(placed["id"])
    town.tablet.ready(placed["id"])
    town.tablet.hand_over(placed["id"], placed["pickup_code"])

    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    assert order["status"] == "completed"
    with pytest.raises(ValueError, match="not enough values"):
        town.charge(placed["id"])


def test_a_pickup_asks_no_rider(town: Town) -> None:
    rider = town.rider()
    placed = town.order(town.customer(), "pickup")
    town.tablet.accept(placed["id"])
    town.stack.drain()

    assert rider.look().body["offers"] == []


def test_what_was_86d_after_the_quote_is_not_sold(town: Town) -> None:
    customer = town.customer()
    quote = town.quote(customer, "pickup")
    town.tablet.eighty_six("option", "olives")

    with pytest.raises(Refused) as refused:
        customer.place(quote)
    assert (refused.value.code, refused.value.codes) == ("quote_no_longer_holds", {"unavailable_86"})
    assert town.stock() == left(0)
