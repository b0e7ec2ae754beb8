"""One order's id leads to every line that any process wrote because of it."""

from __future__ import annotations

import pytest

from infra.local import trace
from tests.flows.town import Town

pytestmark = pytest.mark.stack


def test_a_journey_is_followed_from_the_quote_to_the_captured_payment(town: Town) -> None:
    customer, rider = town.customer(), town.rider()
    placed, delivery_id = town.order_at_the_door(customer, rider)
    other, _ = town.order_at_the_door(town.customer(), town.rider())
    rider.deliver(delivery_id, pin=placed["delivery_pin"])
    customer.wait_for(placed["id"], lambda seen: seen["payment"]["state"] == "captured")

    lines = trace.follow(trace.read(town.stack.directory), placed["id"])

    told = [(line.fields.get("route") or line.fields.get("event"), line.fields["message"]) for line in lines]
    for each in (
        ("POST /v1/orders", "answered"),
        ("OrderPlaced", "relayed"),
        ("POST /v1/webhooks/stripe", "answered"),
        ("PaymentNotified", "reacted"),
        ("POST /v1/stores/{store_id}/orders/{order_id}/accept", "answered"),
        ("POST /v1/rider/deliveries/{delivery_id}/delivered", "answered"),
        ("DeliveryDelivered", "relayed"),
        ("DeliveryDelivered", "reacted"),
    ):
        assert each in told
    # The invoice is written in its own time, and may not be yet.
    reacting = {line.fields["queue"] for line in lines if line.fields["message"] == "reacted"} - {"invoices"}
    assert reacting == {"ordering", "dispatch", "payments"}
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    subject = other["id"].partition("_")[2]
    assert not [line for line in lines if line.names(subject)]
    # What a person could be known by is in none of them.
    text = " ".join(str(line.fields) for line in lines)
    assert not [secret for secret in (placed["delivery_pin"] + "'", "Weserstraße", "Bearer ") if secret in text]
