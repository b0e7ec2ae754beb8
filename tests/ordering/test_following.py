"""Orders follow payments, deliveries and deadlines, whenever and however often the news arrives."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.kernel import clock, events, ids
from chalicelib.kernel.event_types import (
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryPickedUp,
    DeliveryReturned,
    DeliveryUnfilled,
    OrderDeadlineReached,
    PaymentNotified,
)
from chalicelib.kernel.ids import retag
from chalicelib.ordering import service
from tests.ordering import world
from tests.ordering.world import NOON, Shop, Stripe, deliver


def notice(order: service.Order, kind: str = "payment_intent.amount_capturable_updated") -> events.Envelope:
    told = PaymentNotified(
        order_id=order.id,
        provider_event_id="evt_stripe",
        provider_type=kind,
        payment_intent_id=world.intent_of(order.id),
    )
    return events.envelope(told)


def timer(order: service.Order) -> events.Envelope:
    return events.envelope(OrderDeadlineReached(order_id=order.id))


def ridden(kind: type[events.Event], order: service.Order, **fields: object) -> events.Envelope:
    ride = {"delivery_id": retag(order.id, "dlv"), "order_id": order.id}
    if kind is not DeliveryUnfilled:
        ride |= {"rider_id": "rdr-1", "at": clock.rfc3339(clock.now())}
    return events.envelope(kind(**ride, **fields))


def board(shop: Shop) -> list[str]:
    return [card.order.id for card in service.look_at_board(shop.id).cards or []]


# --- payments ---------------------------------------------------------------------------------------------------------


def test_an_authorised_payment_puts_the_order_on_the_board(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    stripe.authorise(order.id)

    assert deliver("ordering", notice(order)) == []

    assert world.order_of(order.id).confirmed_at == NOON
    assert world.payment_of(order.id).state == "authorised"
    assert board(shop) == [order.id]


def test_a_notice_is_not_believed_without_asking(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()

    assert deliver("ordering", notice(order)) == []

    assert world.order_of(order.id).confirmed_at is None
    assert world.payment_of(order.id).state == "requires_payment"


def test_a_declined_card_is_remembered_and_may_be_tried_again(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    stripe.decline(order.id)

    assert deliver("ordering", notice(order, "payment_intent.payment_failed")) == []

    assert world.payment_of(order.id).failure_code == "insufficient_funds"
    stripe.authorise(order.id)
    assert deliver("ordering", notice(order)) == []
    assert board(shop) == [order.id]


def test_notices_again_and_again_ask_the_provider_once_it_is_paid_no_more(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    stripe.authorise(order.id)
    told = notice(order)
    deliver("ordering", told)
    paid, asked = world.order_of(order.id), stripe.asked

    assert deliver("ordering", told, told, notice(order, "payment_intent.payment_failed")) == []

    assert world.order_of(order.id) == paid
    assert stripe.asked == asked


def test_a_payment_that_comes_after_the_end_changes_nothing(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    service.cancel_own_order(shop.customer_id, order.id, "changed_mind", "req-1")
    stripe.authorise(order.id)

    assert deliver("ordering", notice(order)) == []

    assert world.order_of(order.id).status == "cancelled"
    # Whoever hears of the end lets the money go, whatever the provider holds by then.
    ended = next(entry for entry in world.emitted(order.id) if entry.type == "OrderEnded")
    assert deliver("payments", ended) == []
    assert world.payment_of(order.id).state == "voided"
    assert [intent["status"] for intent in stripe.intents_of(order.id)] == ["canceled"]


def test_news_of_orders_that_nobody_knows_is_dropped(shop: Shop) -> None:
    known = shop.place()
    unknown = replace(known, id=ids.new_id("ord"))
    stray = PaymentNotified(
        order_id=unknown.id,
        provider_event_id="evt_stripe",
        provider_type="payment_intent.succeeded",
        payment_intent_id=world.intent_of(known.id),
    )

    assert deliver("ordering", events.envelope(stray), timer(unknown), ridden(DeliveryPickedUp, unknown)) == []


def test_an_intent_of_another_order_confirms_nothing(shop: Shop, stripe: Stripe) -> None:
    paid, unpaid = shop.place(), shop.place()
    stripe.authorise(paid.id)
    crossed = PaymentNotified(
        order_id=unpaid.id,
        provider_event_id="evt_stripe",
        provider_type="payment_intent.amount_capturable_updated",
        payment_intent_id=world.intent_of(paid.id),
    )

    assert len(deliver("ordering", events.envelope(crossed))) == 1
    assert world.order_of(unpaid.id).confirmed_at is None


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_an_unpaid_order_expires_and_gives_everything_back(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()

    with clock.freeze(NOON + timedelta(minutes=10)):
        assert deliver("ordering", timer(order)) == []

    ended = world.order_of(order.id)
    assert (ended.status, ended.timeline[-1].reason) == ("cancelled", "payment_expired")
    assert shop.left("PIZ-MARG-32") == 100


def test_a_paid_order_whose_notice_was_lost_is_confirmed_at_its_deadline(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    stripe.authorise(order.id)

    with clock.freeze(NOON + timedelta(minutes=10)):
        assert deliver("ordering", timer(order)) == []

    assert world.order_of(order.id).status == "placed"
    assert board(shop) == [order.id]
    assert world.payment_of(order.id).state == "authorised"


def test_a_timer_that_comes_early_is_set_again_once(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    early = timer(order)

    with clock.freeze(NOON + timedelta(minutes=5)):
        assert deliver("ordering", early, early) == []

    assert world.order_of(order.id) == order
    timers = [e for e in world.emitted(order.id) if e.type == "OrderDeadlineReached"]
    assert [e.due for e in timers if e.due != clock.rfc3339(NOON + timedelta(minutes=5))] == [
        clock.rfc3339(NOON + timedelta(minutes=10))
    ]


def test_a_provider_that_is_silent_at_the_deadline_is_asked_again(shop: Shop, stripe: Stripe) -> None:
    order = shop.place()
    stripe.down = True

    with clock.freeze(NOON + timedelta(minutes=10)):
        assert deliver("ordering", timer(order)) == []

    assert world.order_of(order.id) == order
    due = {e.due for e in world.emitted(order.id) if e.type == "OrderDeadlineReached"}
    assert clock.rfc3339(NOON + timedelta(minutes=11)) in due


def test_a_store_that_does_not_answer_loses_the_order(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)

    with clock.freeze(NOON + timedelta(minutes=5)):
        assert deliver("ordering", timer(order), timer(order)) == []

    ended = world.order_of(order.id)
    assert (ended.status, ended.timeline[-1].reason) == ("rejected", "store_did_not_respond")
    assert shop.left("PIZ-MARG-32") == 100
    assert board(shop) == []
    assert [e.type for e in world.emitted(order.id)].count("OrderEnded") == 1


def test_a_timer_is_moot_once_the_store_has_answered(shop: Shop, stripe: Stripe) -> None:
    accepted = service.accept_order(shop.command(shop.placed_and_paid(stripe)), 20)

    with clock.freeze(NOON + timedelta(minutes=5)), world.metered() as meter:
        assert deliver("ordering", timer(accepted)) == []

    assert world.order_of(accepted.id) == accepted
    assert meter.written == 0


def test_an_order_for_tomorrow_is_not_rejected_tonight(shop: Shop) -> None:
    tomorrow = NOON + timedelta(days=1)
    order = shop.place(method="cash_on_delivery", wanted_at=tomorrow)

    with clock.freeze(NOON + timedelta(minutes=30)):
        assert deliver("ordering", timer(order)) == []
    assert world.order_of(order.id).status == "placed"

    with clock.freeze(tomorrow):
        assert deliver("ordering", timer(order)) == []
    assert world.order_of(order.id).status == "rejected"


# --- deliveries -------------------------------------------------------------------------------------------------------


def test_a_delivery_leaves_the_board_and_completes_the_order(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))

    assert deliver("ordering", ridden(DeliveryPickedUp, order)) == []
    assert world.order_of(order.id).status == "out_for_delivery"
    assert board(shop) == []

    assert deliver("ordering", ridden(DeliveryDelivered, order)) == []
    assert world.order_of(order.id).status == "completed"
    assert world.order_of(order.id).timeline[-1].actor.id == "rdr-1"


def test_a_failed_delivery_is_back_on_the_board(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))
    deliver("ordering", ridden(DeliveryPickedUp, order))

    deliver("ordering", ridden(DeliveryFailed, order, reason="nobody_there"))
    (card,) = service.look_at_board(shop.id).cards or []
    assert (card.order.attention, card.next_steps) == (("delivery_failed",), ())

    deliver("ordering", ridden(DeliveryReturned, order))
    (card,) = service.look_at_board(shop.id).cards or []
    assert (card.order.attention, card.next_steps) == (("delivery_returned",), ("hand_over", "cancel"))

    done = service.hand_over_order(shop.command(card.order), order.pickup_code, None)
    assert done.status == "completed"
    assert board(shop) == []


def test_a_missing_rider_is_an_alert_on_the_board(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))

    deliver("ordering", ridden(DeliveryUnfilled, order, store_id=shop.id, rounds=5))

    (card,) = service.look_at_board(shop.id).cards or []
    assert card.order.attention == ("no_rider",)
    deliver("ordering", ridden(DeliveryPickedUp, order))
    assert board(shop) == []


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(8))
def test_everything_twice_and_in_any_order_ends_the_same(shop: Shop, stripe: Stripe, seed: int) -> None:
    chance = random.Random(seed)
    order = shop.make_ready(shop.placed_and_paid(stripe))
    news = [
        notice(order),
        timer(order),
        ridden(DeliveryUnfilled, order, store_id=shop.id, rounds=5),
        ridden(DeliveryPickedUp, order),
        ridden(DeliveryDelivered, order),
    ] * 2
    chance.shuffle(news)

    for entry in news:
        assert deliver("ordering", entry) == []

    final = world.order_of(order.id)
    assert final.status == "completed"
    assert board(shop) == []
    causes = [entry.cause for entry in final.timeline]
    assert len(causes) == len(set(causes))
    assert shop.left("PIZ-MARG-32") == 98


@pytest.mark.fault
def test_the_same_news_at_once_is_one_step(shop: Shop, stripe: Stripe) -> None:
    from concurrent.futures import ThreadPoolExecutor

    order = shop.make_ready(shop.placed_and_paid(stripe))
    picked_up = ridden(DeliveryPickedUp, order)

    with ThreadPoolExecutor(8) as pool:
        failures = list(pool.map(lambda _: deliver("ordering", picked_up), range(8)))

    assert failures == [[]] * 8
    steps = [entry.step for entry in world.order_of(order.id).timeline]
    assert steps.count("out_for_delivery") == 1
