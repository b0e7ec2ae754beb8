"""Tips in the quote, before the hand-over, after it, and back: whose they are at every moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.event_types import DeliveryDelivered, TipNotified
from chalicelib.kernel.events import envelope
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.payments import service as payments
from tests.ordering import world
from tests.ordering.test_claims import balances, settle

if TYPE_CHECKING:
    from tests.ordering.world import Shop, Stripe

RIDER = "rdr-1"


def tip(shop: Shop, stripe: Stripe, order: service.Order, amount: int = 300) -> str:
    """The customer offers a tip and pays it; Stripe's word is still on its way. Its intent."""
    service.offer_tip(shop.customer_id, order.id, Money(amount, "EUR"), world.any_key())
    action = service.start_tip(order.id, shop.customer_id)
    assert action is not None
    path = f"/v1/payment_intents/{action.intent_id}/confirm"
    stripe._call(path, f"client_secret={action.client_secret}&payment_method=pm_card_visa")
    return action.intent_id


def hear(order: service.Order, intent_id: str) -> None:
    told = envelope(TipNotified(order_id=order.id, payment_intent_id=intent_id))
    for _ in range(2):
        assert world.deliver("payments", told) == []


def deliver(order: service.Order) -> None:
    told = envelope(DeliveryDelivered(delivery_id="dlv", order_id=order.id, rider_id=RIDER, at=""))
    for _ in range(2):
        assert world.deliver("payments", told) == []


def tip_of(order: service.Order) -> Any:
    return tables.fetch(payments.tip_ref(order.id))[0]


def refunded(stripe: Stripe, intent_id: str) -> int:
    told = stripe._call("/sandbox/summary")["intents"]
    return next(int(intent["refunded"]) for intent in told if intent["id"] == intent_id)


def test_a_tip_in_the_quote_is_the_riders(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe, tip=Money(250, "EUR"))
    without = shop.placed_and_paid(stripe)
    for each in (order, without):
        shop.make_ready(each)
        deliver(each)
    assert balances(order.id)[f"rider:{RIDER}"] == balances(without.id)[f"rider:{RIDER}"] - 250


def test_a_tip_before_the_hand_over_waits_for_its_rider(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    hear(order, tip(shop, stripe, order))
    assert balances(order.id) == {f"customer:{order.id}": -300, "stripe:clearing": 300}
    shop.make_ready(order)
    deliver(order)
    told = balances(order.id)
    assert told["stripe:clearing"] == order.total.amount + 300
    assert f"customer:{order.id}" not in told
    shared = [
        line for entry in payments.entries_of_order(order.id) for line in entry.lines if line.about == "tip_apart"
    ]
    assert sum(line.amount for line in shared if line.account == f"rider:{RIDER}") == -300


def test_a_tip_for_an_order_in_cash_is_paid_by_card(shop: Shop, stripe: Stripe) -> None:
    order = shop.place(method="cash_on_delivery")
    hear(order, tip(shop, stripe, order))
    shop.make_ready(order)
    deliver(order)
    told = balances(order.id)
    assert (told["stripe:clearing"], told[f"cash:rider:{RIDER}"]) == (300, order.total.amount)


@pytest.mark.parametrize("turn", range(4))
def test_paid_at_the_very_hand_over_it_is_shared_out_once(shop: Shop, stripe: Stripe, turn: int) -> None:
    order = shop.placed_and_paid(stripe)
    shop.make_ready(order)
    intent_id = tip(shop, stripe, order)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(hear, order, intent_id), pool.submit(deliver, order)]:
            done.result()
    told = balances(order.id)
    assert f"customer:{order.id}" not in told
    assert told["stripe:clearing"] == order.total.amount + 300


def test_a_tip_for_an_order_that_ends_goes_back(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    intent_id = tip(shop, stripe, order)
    hear(order, intent_id)
    service.reject_order(shop.command(order), "too_busy")
    settle(order.id)
    assert (tip_of(order).state, refunded(stripe, intent_id)) == ("refunded", 300)
    assert balances(order.id) == {}


def test_a_tip_that_is_paid_after_the_end_goes_back(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    intent_id = tip(shop, stripe, order)
    service.reject_order(shop.command(order), "too_busy")
    settle(order.id)
    hear(order, intent_id)
    settle(order.id)
    assert (tip_of(order).state, refunded(stripe, intent_id)) == ("refunded", 300)
    assert balances(order.id) == {}
    assert service.start_tip(order.id, shop.customer_id) is None
    with pytest.raises(Conflict):
        service.offer_tip(shop.customer_id, order.id, Money(300, "EUR"), world.any_key())


def test_a_manager_gives_a_tip_back_from_who_had_it(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    shop.make_ready(order)
    deliver(order)
    before = balances(order.id)
    intent_id = tip(shop, stripe, order)
    with pytest.raises(Conflict) as unpaid:
        service.refund_tip(shop.id, order.id, world.any_key())
    assert unpaid.value.code == "tip_not_paid"
    hear(order, intent_id)
    assert service.refund_tip(shop.id, order.id, world.any_key()).state == "refund_pending"
    settle(order.id)
    assert (tip_of(order).state, refunded(stripe, intent_id)) == ("refunded", 300)
    assert balances(order.id) == before


def test_of_a_cancellation_with_a_fee_the_tip_goes_back(dynamodb: Any, noon: None, stripe: Stripe) -> None:
    shop = world.open_shop(after_sales={"cancellation": {"answer_minutes": 3, "on_silence": "reject"}})
    order = service.accept_order(shop.command(shop.placed_and_paid(stripe)), 20)
    intent_id = tip(shop, stripe, order)
    hear(order, intent_id)
    draft = service.Draft(kind="cancellation", reason="changed_mind")
    asked = service.open_claim(shop.customer_id, order.id, draft, world.any_key(), "req").order
    service.counter_claim(shop.command(asked), 1, service.Remedy(kind="refund", amount=1000), "")
    service.agree_to_offer(shop.customer_id, order.id, 1, world.any_key(), "req")
    settle(order.id)
    assert (tip_of(order).state, refunded(stripe, intent_id)) == ("refunded", 300)
    told = balances(order.id)
    assert told["stripe:clearing"] == order.total.amount - 1000
    assert f"customer:{order.id}" not in told
