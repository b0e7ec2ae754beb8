"""What nobody here did: money that came by itself, and banks that take it back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from chalicelib.kernel import ids
from tests.flows.town import Town, eventually
from tests.stack import Caller

if TYPE_CHECKING:
    from infra.local.stack import LocalStack

pytestmark = [pytest.mark.stack]


def summary(stack: LocalStack) -> dict[str, Any]:
    return dict(requests.get(f"{stack.stripe_url}/sandbox/summary", timeout=10).json())


def secretly(stack: LocalStack, path: str, **form: str) -> dict[str, Any]:
    """A call of Stripe's API by somebody else who has the key."""
    key = {"Authorization": f"Bearer {stack.env['STRIPE_API_KEY']}"}
    answer = requests.request("POST" if form else "GET", stack.stripe_url + path, data=form, headers=key, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def test_a_dispute_becomes_a_case_and_ends_with_the_banks_decision(town: Town) -> None:
    customer, admin = town.customer(), Caller(town.stack, town.stack.token_for("admin"))
    placed = town.order(customer, "pickup")
    town.tablet.accept(placed["id"])
    town.tablet.start(placed["id"])
    town.tablet.ready(placed["id"])
    code = customer.follow(placed["id"]).body["pickup_code"]
    town.tablet.hand_over(placed["id"], code)
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")
    intent = secretly(town.stack, f"/v1/payment_intents/{town.charge(placed['id'])['id']}")
    disputes = f"{town.stack.stripe_url}/sandbox"

    disputed = requests.post(f"{disputes}/charges/{intent['latest_charge']}/dispute", json={}, timeout=10).json()

    def cases(state: str) -> list[dict[str, Any]]:
        found = admin.get(f"/v1/cases?state={state}&limit=100").json()["items"]
        return [case for case in found if case["subject"] == disputed["id"]]

    (case,) = eventually(lambda: cases("open"))
    assert (case["order_id"], case["store_id"]) == (placed["id"], town.store_id)
    assert case["evidence"]["amount"] == placed["total"]["amount"]
    story = town.owner.client.get(f"/v1/stores/{town.store_id}/orders/{placed['id']}/money").body
    assert "the payment is disputed" in json.dumps(story)

    requests.post(f"{disputes}/disputes/{disputed['id']}/won", json={}, timeout=10).raise_for_status()
    (closed,) = eventually(lambda: cases("resolved"))
    assert closed["outcome"] == "no_action"
    town.stack.drain()


@pytest.mark.slow
def test_money_of_no_order_goes_back_by_the_clock(fast_stack: LocalStack) -> None:
    order_id = ids.new_id("ord")
    secretly(
        fast_stack,
        "/v1/payment_intents",
        amount="1500",
        currency="eur",
        confirm="true",
        payment_method="pm_card_visa",
        **{
            "metadata[order_id]": order_id,
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
        },
    )

    def given_back() -> bool:
        (line,) = [each for each in summary(fast_stack)["intents"] if each["metadata"].get("order_id") == order_id]
        return bool(line["refunded"] == line["captured"] == 1500)

    assert eventually(given_back, seconds=60)
