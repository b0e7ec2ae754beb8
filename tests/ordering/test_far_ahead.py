"""Orders further ahead than a bank holds money: the card is saved, held when it is due, and charged once or never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import ids, tables
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.ordering import service
from chalicelib.ordering.model.order import Status
from chalicelib.payments import service as payments
from chalicelib.payments.model import State
from tests.ordering import world
from tests.ordering.far_ahead import (
    ASKS,
    DECLINES,
    WANTED,
    at,
    call,
    go_off,
    held,
    pay_now,
    placed_ahead,
    save_card,
    saved_order,
    states,
    timers,
)
from tests.ordering.world import NOON, Shop, Stripe, key

# --- at placement -----------------------------------------------------------------------------------------------------


def test_placing_asks_the_provider_once_for_a_way_to_save_a_card(shop: Shop, stripe: Stripe) -> None:
    quote = shop.quote(wanted_at=WANTED)
    stripe.asked = 0
    with world.metered() as spent:
        placed = service.place_order(shop.customer_id, quote.id, "card", key())

    action = placed.client_action
    assert (len(spent.requests), stripe.asked) == (3, 1)
    assert action is not None
    assert (action.kind, action.intent_id[:5]) == ("setup", "seti_")
    assert stripe.intents_of(placed.order.id) == []
    with pytest.raises(NotFound):
        service.get_store_order(shop.id, placed.order.id)


@pytest.mark.parametrize(("days", "kind"), [(4, "payment"), (6, "setup"), (13, "setup")])
def test_what_lies_within_the_life_of_a_hold_is_held_at_once(shop: Shop, stripe: Stripe, days: int, kind: str) -> None:
    action = placed_ahead(shop, NOON + timedelta(days=days)).client_action
    assert action is not None
    assert action.kind == kind


def test_a_repeat_of_the_request_tells_the_same_setup_intent(shop: Shop, stripe: Stripe) -> None:
    placed = placed_ahead(shop)
    assert service.find_client_action(placed.order.id, shop.customer_id) == placed.client_action


def test_a_saved_card_brings_the_order_to_the_store_and_holds_nothing(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe)

    assert states(order.id) == (Status.PLACED, "saved", State.METHOD_SAVED)
    assert order.confirmed_at is not None
    assert service.get_store_order(shop.id, order.id).order == order
    assert held(stripe, order.id) == []
    assert payments.entries_of_order(order.id) == []
    start = order.promise.ready_at - timedelta(minutes=20)
    assert timers(order.id) == [start - timedelta(hours=36)]


def test_an_unsaved_card_expires_like_any_unpaid_order(shop: Shop, stripe: Stripe) -> None:
    placed = placed_ahead(shop)
    with at(placed.order.pay_by):
        service.watch_deadline(placed.order.id, ids.new_id("evt"))
        payments.release_payment(placed.order.id)

    assert states(placed.order.id)[::2] == (Status.CANCELLED, State.VOIDED)
    save_card(stripe, placed)
    service.follow_payment(placed.order.id, ids.new_id("evt"), placed.client_action.intent_id)  # type: ignore[union-attr]
    assert world.payment_of(placed.order.id).state is State.VOIDED


def test_a_lost_notice_of_the_saved_card_is_made_up_for_at_the_deadline(shop: Shop, stripe: Stripe) -> None:
    placed = placed_ahead(shop)
    save_card(stripe, placed)
    with at(placed.order.pay_by):
        service.watch_deadline(placed.order.id, ids.new_id("evt"))
    assert states(placed.order.id) == (Status.PLACED, "saved", State.METHOD_SAVED)


# --- when it is due ---------------------------------------------------------------------------------------------------


def test_the_money_is_held_when_it_is_due_and_once(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe)

    go_off(order.id, times=3)

    payment = world.payment_of(order.id)
    assert states(order.id) == (Status.PLACED, "", State.AUTHORISED)
    assert payment.authorised_minor == order.total.amount
    assert held(stripe, order.id) == [("requires_capture", 1)]
    assert [entry.kind for entry in payments.entries_of_order(order.id)] == ["authorised"]
    assert [entry.step for entry in world.order_of(order.id).timeline] == ["placed", "confirmed", "payment_authorised"]


def test_a_timer_that_comes_early_sets_itself_anew(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe)
    (due,) = timers(order.id)
    with at(due - timedelta(days=2)):
        service.watch_payment(order.id, "evt_early")
        service.watch_payment(order.id, "evt_early")

    assert (held(stripe, order.id), timers(order.id)) == ([], [due, due])


def test_the_kitchen_does_not_begin_before_the_money_is_held(shop: Shop, stripe: Stripe) -> None:
    order = service.accept_order(shop.command(saved_order(shop, stripe)), 20)
    assert "start" not in service.next_steps(order)
    with pytest.raises(Conflict) as refused:
        service.start_order(shop.command(order))
    assert refused.value.code == "order_status_conflict"

    go_off(order.id)

    held_now = world.order_of(order.id)
    assert service.next_steps(held_now)[0] == "start"
    assert service.start_order(shop.command(held_now)).status is Status.PREPARING


def test_what_was_held_is_taken_once_at_the_hand_over_and_the_card_forgotten(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, mode="pickup")
    go_off(order.id)
    ready = shop.make_ready(world.order_of(order.id))
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)
    for _ in range(3):
        payments.capture_payment(order.id)

    (intent,) = stripe.intents_of(order.id)
    assert (intent["captures"], intent["captured"]) == (1, order.total.amount)
    assert not any(payments.trial_balance(payments.entries_of_order(order.id)).values())


def test_the_notice_of_the_hold_makes_up_for_a_crash_after_it(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe)
    with at(timers(order.id)[-1]):
        payment, state = payments.ask_to_hold(world.payment_of(order.id))
        assert state.is_authorised
        service.follow_payment(order.id, ids.new_id("evt"), payment.intent_id)
        service.watch_payment(order.id, ids.new_id("evt"))

    assert states(order.id) == (Status.PLACED, "", State.AUTHORISED)
    assert held(stripe, order.id) == [("requires_capture", 1)]


def test_a_silent_provider_is_asked_again(shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    order = saved_order(shop, stripe)
    world.fault(stripe, "error_429", "/v1/payment_intents")
    due = go_off(order.id)

    assert states(order.id)[2] is State.METHOD_SAVED
    assert timers(order.id)[-1] == due + timedelta(minutes=10)
    go_off(order.id)
    assert states(order.id)[2] is State.AUTHORISED


# --- a bank that refuses ----------------------------------------------------------------------------------------------


def test_a_refused_card_is_tried_again_and_then_its_customer_is_asked(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, DECLINES)
    first = go_off(order.id)
    assert states(order.id) == (Status.PLACED, "saved", State.METHOD_SAVED)
    assert go_off(order.id) == first + timedelta(hours=6)
    asked_at = go_off(order.id)

    asked = world.order_of(order.id)
    assert states(order.id) == (Status.PLACED, "asked", State.REQUIRES_PAYMENT)
    assert asked.pay_by == asked_at + timedelta(hours=12)
    assert (asked.timeline[-1].step, asked.timeline[-1].reason) == ("payment_requested", "generic_decline")
    assert held(stripe, order.id) == [("requires_payment_method", 3)]

    with at(asked_at + timedelta(hours=1)):
        pay_now(stripe, shop, order.id)

    assert states(order.id) == (Status.PLACED, "", State.AUTHORISED)
    assert held(stripe, order.id) == [("requires_capture", 4)]


def test_a_card_that_wants_its_customer_is_not_tried_again(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, ASKS)
    go_off(order.id)
    assert states(order.id) == (Status.PLACED, "asked", State.REQUIRES_PAYMENT)
    assert world.payment_of(order.id).failure_code == "authentication_required"


def test_a_customer_who_does_not_pay_loses_the_order_and_its_stock_goes_back(shop: Shop, stripe: Stripe) -> None:
    before = shop.left("PIZ-MARG-32")
    order = saved_order(shop, stripe, ASKS)
    assert shop.left("PIZ-MARG-32") != before
    go_off(order.id)

    go_off(order.id, times=3)

    ended = world.order_of(order.id)
    assert (ended.status, ended.timeline[-1].reason) == (Status.CANCELLED, "payment_failed")
    assert shop.left("PIZ-MARG-32") == before
    payments.release_payment(order.id)
    assert world.payment_of(order.id).state is State.VOIDED
    assert held(stripe, order.id) == [("canceled", 0)]


def test_paid_at_the_last_moment_counts_without_its_notice(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe, ASKS)
    go_off(order.id)
    action = service.find_client_action(order.id, shop.customer_id)
    assert action is not None
    call(
        stripe,
        f"/v1/payment_intents/{action.intent_id}/confirm",
        f"client_secret={action.client_secret}&payment_method=pm_card_visa",
    )
    go_off(order.id)
    assert states(order.id) == (Status.PLACED, "", State.AUTHORISED)


def test_a_delivery_that_was_accepted_early_ends_with_its_order(shop: Shop, stripe: Stripe) -> None:
    order = service.accept_order(shop.command(saved_order(shop, stripe, ASKS)), 20)
    go_off(order.id)
    go_off(order.id)

    delivery: Any = tables.fetch(dispatch.delivery_ref(order.id))[0]
    assert world.order_of(order.id).status is Status.CANCELLED
    assert delivery.status.value == "cancelled"


def test_less_is_held_where_the_store_took_something_off_before(shop: Shop, stripe: Stripe) -> None:
    """Between the bank's first refusal and the next try: the intent's amount follows the bill."""
    order = service.accept_order(shop.command(saved_order(shop, stripe, DECLINES, mode="pickup")), 20)
    go_off(order.id)
    less = service.adjust_order(shop.command(order), service.Adjustment(missing={"0": 1}), "item_unavailable")
    assert less.total.amount < order.total.amount
    go_off(order.id)
    go_off(order.id)
    pay_now(stripe, shop, order.id)

    payment = world.payment_of(order.id)
    (intent,) = stripe.intents_of(order.id)
    assert (payment.state, payment.authorised_minor) == (State.AUTHORISED, less.total.amount)
    assert intent["amount"] == less.total.amount


def test_a_cancelled_order_is_never_charged(shop: Shop, stripe: Stripe) -> None:
    order = saved_order(shop, stripe)
    service.cancel_own_order(shop.customer_id, order.id, "changed_mind", ids.new_id("req"))
    payments.release_payment(order.id)

    go_off(order.id)

    assert world.payment_of(order.id).state is State.VOIDED
    assert held(stripe, order.id) == []
