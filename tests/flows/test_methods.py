"""Wallets, and orders far ahead, through the whole stack: the provider's own notices, the bus, the queues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.stack import LocalStack
from tests.flows.town import Town, eventually, left, steps

pytestmark = pytest.mark.stack


@pytest.fixture
def town(stack: LocalStack) -> Town:
    """A store that takes wallets, open around the clock."""
    return Town(stack, payment_methods=["card", "alipay", "wechat_pay"], opening_hours="24/7")


@pytest.mark.parametrize("method", ["alipay", "wechat_pay"])
def test_a_wallet_is_taken_at_once_and_comes_back_with_a_rejection(town: Town, method: str) -> None:
    customer = town.customer()
    placed = customer.place(town.quote(customer), method)
    payment = placed["payment"]
    assert payment["next_step"]["url"]

    customer.card_form.authenticate(payment["payment_intent_id"])
    town.tablet.wait_for(placed["id"])
    assert town.charge(placed["id"])["captured"] == placed["total"]["amount"]
    town.tablet.reject(placed["id"])

    assert eventually(lambda: town.charge(placed["id"])["refunded"] == placed["total"]["amount"])
    order = customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "refunded")
    assert order["status"] == "rejected"
    assert town.stock() == left(taken=0)


def test_a_card_is_saved_for_an_order_far_ahead(town: Town) -> None:
    customer = town.customer()
    wanted_at = (datetime.now(UTC) + timedelta(days=10)).isoformat()
    placed = customer.place(town.quote(customer, wanted_at=wanted_at))
    payment = placed["payment"]

    customer.card_form.save(payment["setup_intent_id"], payment["client_secret"], "pm_card_visa")

    town.tablet.wait_for(placed["id"])
    order = customer.follow(placed["id"]).body
    assert (order["payment"]["state"], steps(order)) == ("method_saved", ["placed", "confirmed"])
    customer.cancel(placed["id"])
    assert eventually(lambda: customer.follow(placed["id"]).body["payment"]["state"] == "voided")
