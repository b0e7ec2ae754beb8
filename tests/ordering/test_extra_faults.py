"""Stripe fails at each call about a second hold or a tip, after it has done what was asked or before: never twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.event_types import ExtraDeclined
from chalicelib.kernel.events import envelope
from chalicelib.ordering import service
from chalicelib.payments import service as payments
from tests.ordering import world
from tests.ordering.test_adjusting import (
    adjust,
    agree,
    bill_of,
    cheese_and_cola,
    confirm,
    extra_intents,
    grocer,
    hand_over,
    notice,
)
from tests.ordering.test_claims import balances, settle
from tests.ordering.test_tips import deliver, hear, refunded, tip, tip_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ordering.world import Shop, Stripe

FIXTURES = (grocer,)
FAULTS = ("timeout_after_success", "error_500", "error_429")


def fault(stripe: Stripe, kind: str, path: str, method: str = "POST", times: int = 1) -> None:
    match = {"method": method, "path_prefix": path}
    stripe._call("/sandbox/faults", json.dumps({"kind": kind, "match": match, "times": times}))


def again(act: Callable[[], Any]) -> Any:
    """As a queue or an app would: until it answers."""
    for _ in range(6):
        try:
            return act()
        except DomainError as error:
            if not error.retryable:
                raise
    raise AssertionError("never answered")


@pytest.fixture
def held(grocer: Shop, stripe: Stripe) -> tuple[service.Order, Any]:
    """An order with a proposal that its customer has set out to pay."""
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    return order, agree(grocer, order)[1]


@pytest.mark.parametrize("kind", FAULTS)
def test_the_second_intent_is_made_once(grocer: Shop, stripe: Stripe, kind: str) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    fault(stripe, kind, "/v1/payment_intents")
    _, action = again(lambda: agree(grocer, order))
    assert confirm(stripe, action)["status"] == "requires_capture"
    notice(order, action)
    held = [intent for intent in extra_intents(stripe, order) if intent["status"] == "requires_capture"]
    assert [intent["id"] for intent in held] == [action.intent_id]
    assert bill_of(order).total == 2650


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("which", ["main", "extra"])
def test_both_holds_are_taken_once(
    grocer: Shop, stripe: Stripe, held: tuple[service.Order, Any], kind: str, which: str
) -> None:
    order, action = held
    confirm(stripe, action)
    notice(order, action)
    intent_id = action.intent_id if which == "extra" else world.payment_of(order.id).intent_id
    fault(stripe, kind, f"/v1/payment_intents/{intent_id}/capture")
    done = world.order_of(order.id)
    ready = service.mark_order_ready(grocer.command(service.start_order(grocer.command(done))))
    service.hand_over_order(grocer.command(ready), ready.pickup_code, None)
    again(lambda: payments.capture_payment(order.id))
    settle(order.id)
    (main,), (extra,) = stripe.intents_of(order.id), extra_intents(stripe, order)
    assert (main["captured"], extra["captured"]) == (2290, 360)
    assert balances(order.id)["stripe:clearing"] == 2650


@pytest.mark.parametrize("kind", FAULTS)
def test_a_refund_over_two_intents_is_made_once(
    grocer: Shop, stripe: Stripe, held: tuple[service.Order, Any], kind: str
) -> None:
    order, action = held
    confirm(stripe, action)
    notice(order, action)
    hand_over(grocer, order)
    asked = payments.RefundRequest(reason="late", requested_by="x", amount=2500, currency="EUR")
    service.refund_order(grocer.id, order.id, asked, world.any_key())
    fault(stripe, kind, "/v1/refunds", times=2)
    again(lambda: payments.settle_refund(order.id, 1))
    (main,), (extra,) = stripe.intents_of(order.id), extra_intents(stripe, order)
    assert (main["refunded"], extra["refunded"]) == (2290, 210)
    assert balances(order.id)["stripe:clearing"] == 150


@pytest.mark.parametrize("kind", FAULTS)
def test_a_declined_hold_is_let_go(grocer: Shop, stripe: Stripe, held: tuple[service.Order, Any], kind: str) -> None:
    order, action = held
    confirm(stripe, action)
    service.decline_proposal(grocer.customer_id, order.id, "req")
    fault(stripe, kind, f"/v1/payment_intents/{action.intent_id}/cancel")
    again(lambda: payments.close_extra(order.id, action.intent_id))
    told = envelope(ExtraDeclined(order_id=order.id, payment_intent_id=action.intent_id))
    assert world.deliver("payments", told) == []
    (extra,) = extra_intents(stripe, order)
    assert extra["status"] == "canceled"


@pytest.mark.parametrize("kind", FAULTS)
def test_a_tip_goes_back_once(shop: Shop, stripe: Stripe, kind: str) -> None:
    order = shop.placed_and_paid(stripe)
    shop.make_ready(order)
    deliver(order)
    intent_id = tip(shop, stripe, order)
    hear(order, intent_id)
    service.refund_tip(shop.id, order.id, world.any_key())
    fault(stripe, kind, "/v1/refunds")
    again(lambda: payments.settle_tip_refund(order.id))
    settle(order.id)
    assert (tip_of(order).state, refunded(stripe, intent_id)) == ("refunded", 300)
    assert balances(order.id)["stripe:clearing"] == order.total.amount
