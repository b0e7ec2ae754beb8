"""Money that is held lapses after some days: it is held anew, or taken, before; and no timer is relied on alone."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.ordering import service
from chalicelib.ordering.model.order import Status
from chalicelib.payments import service as payments
from chalicelib.payments.model import State
from tests.ordering import world
from tests.ordering.far_ahead import ASKS, at, call, go_off, held, pay_now, saved_order, states, timers
from tests.ordering.world import NOON, Shop, Stripe


def test_a_hold_that_would_lapse_is_made_anew_and_the_old_one_let_go(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, mode="pickup")
    go_off(order.id)
    ready = shop.make_ready(world.order_of(order.id))

    renewed_at = go_off(order.id, times=2)

    (superseded,) = [entry for entry in world.emitted(order.id) if entry.type == "HoldSuperseded"]
    for _ in range(2):
        payments.let_go_superseded(order.id, superseded.data["payment_intent_id"])
    assert sorted(status for status, _ in held(stripe, order.id)) == ["canceled", "requires_capture"]
    with at(renewed_at + timedelta(hours=1)):
        service.hand_over_order(shop.command(ready), ready.pickup_code, None)
        payments.capture_payment(order.id)
    assert sum(intent["captures"] for intent in stripe.intents_of(order.id)) == 1
    assert world.payment_of(order.id).captured_minor == order.total.amount


def test_a_hold_that_can_not_be_made_anew_is_taken_before_it_lapses(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, ASKS, mode="pickup")
    go_off(order.id)
    pay_now(stripe, shop, order.id)
    shop.make_ready(world.order_of(order.id))

    go_off(order.id)

    payment = world.payment_of(order.id)
    assert (payment.state, payment.captured_minor, payment.is_fulfilled) == (State.CAPTURED, order.total.amount, False)
    assert sum(intent["captures"] for intent in stripe.intents_of(order.id)) == 1


def test_a_hold_that_was_lost_is_made_again_at_the_hand_over(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, mode="pickup")
    go_off(order.id)
    ready = shop.make_ready(world.order_of(order.id))
    call(stripe, f"/sandbox/payment_intents/{world.payment_of(order.id).intent_id}/expire")
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)

    for _ in range(2):
        payments.capture_payment(order.id)

    payment = world.payment_of(order.id)
    assert (payment.state, payment.captured_minor) == (State.CAPTURED, order.total.amount)
    assert sum(intent["captures"] for intent in stripe.intents_of(order.id)) == 1


def test_a_card_held_days_ahead_is_taken_before_its_hold_lapses(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe, mode="pickup", wanted_at=NOON + timedelta(days=3))
    shop.make_ready(order)

    go_off(order.id)
    lapses = go_off(order.id)

    assert NOON + timedelta(days=6) < lapses < NOON + timedelta(days=7)
    assert world.payment_of(order.id).state is State.CAPTURED


# --- timers that never came -------------------------------------------------------------------------------------------


def test_the_sweep_makes_up_for_a_timer_that_never_came(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe)
    due = timers(order.id)[-1]
    with at(due + timedelta(minutes=5)):
        service.settle_order(order.id)
        assert states(order.id)[2] is State.METHOD_SAVED
    with at(due + timedelta(minutes=11)):
        service.settle_order(order.id)
    assert states(order.id)[2] is State.AUTHORISED


def test_the_sweep_ends_an_order_whose_customer_was_asked_and_did_not_pay(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, ASKS)
    go_off(order.id)
    with at(world.order_of(order.id).pay_by + timedelta(minutes=11)):
        service.settle_order(order.id)
    assert world.order_of(order.id).status is Status.CANCELLED


def test_the_sweep_takes_what_an_order_that_lingers_would_lose(shop: Shop, stripe: Stripe) -> None:
    """Ready within the hour, and fetched by nobody for a week: no timer watched its hold."""
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup"))
    assert timers(order.id) == []
    with at(NOON + timedelta(days=6)):
        service.settle_order(order.id)
        assert world.payment_of(order.id).state is State.AUTHORISED
    with at(NOON + timedelta(days=6, hours=13)):
        service.settle_order(order.id)
    assert world.payment_of(order.id).state is State.CAPTURED
