"""Alipay and WeChat Pay: paid where the wallet says, taken at once, given back in full where an order ends."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge import tokens
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, Invalid, Unavailable
from chalicelib.kernel.principals import CUSTOMER, Principal
from chalicelib.ordering import service
from chalicelib.ordering.model.order import Status
from chalicelib.payments import service as payments
from chalicelib.payments.model import State
from tests.edge.conftest import Answer, Caller
from tests.ordering import world
from tests.ordering.world import NOON, Shop, Stripe, key

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.payments.model import Payment

WALLETS = ("alipay", "wechat_pay")


@pytest.fixture
def shop(dynamodb: Any, noon: None, stripe: Stripe) -> Shop:
    return world.open_shop(payment_methods=["card", *WALLETS, "pay_at_store", "cash_on_delivery"])


def _caller(monkeypatch: pytest.MonkeyPatch, customer_id: str) -> Callable[..., Answer]:
    from app import app

    monkeypatch.setattr(tokens, "principal_of", lambda _: Principal(customer_id, frozenset({CUSTOMER})))
    return Caller(app)


def in_the_app(stripe: Stripe, intent_id: str, outcome: str = "succeeded") -> dict[str, Any]:
    """The customer in their wallet's app."""
    path = f"{stripe.url}/sandbox/payment_intents/{intent_id}/authenticate"
    body = json.dumps({"outcome": outcome}).encode() if outcome != "succeeded" else b"{}"
    request = urllib.request.Request(path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.loads(answer.read()))


def placed_by(shop: Shop, method: str, **fields: Any) -> service.PlacedOrder:
    quote = shop.quote(**fields)
    return service.place_order(quote.customer_id, quote.id, method, key())


def paid_by(shop: Shop, stripe: Stripe, method: str, **fields: Any) -> service.Order:
    placed = placed_by(shop, method, **fields)
    assert placed.client_action is not None
    in_the_app(stripe, placed.client_action.intent_id)
    service.follow_payment(placed.order.id, ids.new_id("evt"), placed.client_action.intent_id)
    return world.order_of(placed.order.id)


def balance(order_id: str) -> dict[str, int]:
    entries = payments.entries_of_order(order_id)
    assert payments.trial_balance(entries) == 0 or not any(payments.trial_balance(entries).values())
    return {account: amount for account, amount in payments.balances(entries).items() if amount}


def last_of(order: service.Order) -> tuple[Status, str | None]:
    return order.status, order.timeline[-1].reason


@pytest.mark.parametrize(("method", "kind"), [("alipay", "redirect"), ("wechat_pay", "qr_code")])
def test_placing_says_where_the_wallet_is_paid_with_one_request_to_the_provider(
    shop: Shop, stripe: Stripe, method: str, kind: str
) -> None:
    quote = shop.quote()
    stripe.asked = 0
    with world.metered() as spent:
        placed = service.place_order(shop.customer_id, quote.id, method, key())

    assert (len(spent.requests), stripe.asked) == (3, 1)
    action = placed.client_action
    assert action is not None
    assert action.next_step is not None
    assert (action.next_step.kind, bool(action.next_step.url)) == (kind, True)
    assert placed.order.confirmed_at is None
    assert service.look_at_board(shop.id).cards == []


@pytest.mark.parametrize("method", WALLETS)
def test_the_store_sees_the_order_once_the_money_was_taken(shop: Shop, stripe: Stripe, method: str) -> None:
    order = paid_by(shop, stripe, method)

    payment = world.payment_of(order.id)
    total = order.total.amount
    assert order.confirmed_at is not None
    assert (payment.state, payment.captured_minor, payment.is_fulfilled) == (State.CAPTURED, total, False)
    assert balance(order.id) == {"stripe:clearing": total, f"customer:{order.id}": -total}


@pytest.mark.parametrize("method", WALLETS)
def test_a_rejected_order_is_refunded_in_full_and_once(shop: Shop, stripe: Stripe, method: str) -> None:
    order = paid_by(shop, stripe, method)
    service.reject_order(shop.command(order), "too_busy")

    for _ in range(3):
        payments.release_payment(order.id)

    payment = world.payment_of(order.id)
    (intent,) = stripe.intents_of(order.id)
    assert (payment.state, payment.refunded_minor) == (State.REFUNDED, order.total.amount)
    assert (intent["status"], intent["refunded"], intent["refunds"]) == ("succeeded", order.total.amount, 1)
    assert balance(order.id) == {}


def test_the_hand_over_shares_out_what_was_taken_before(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(paid_by(shop, stripe, "alipay", mode="pickup"))
    service.hand_over_order(shop.command(order), order.pickup_code, None)

    for _ in range(2):
        payments.capture_payment(order.id)

    (intent,) = stripe.intents_of(order.id)
    kinds = [entry.kind for entry in payments.entries_of_order(order.id)]
    assert (intent["captures"], intent["captured"]) == (1, order.total.amount)
    assert sorted(kinds) == ["captured", "sale"]
    assert balance(order.id)["stripe:clearing"] == order.total.amount
    assert f"customer:{order.id}" not in balance(order.id)


def test_an_unpaid_wallet_expires_and_can_not_be_paid_afterwards(shop: Shop, stripe: Stripe) -> None:
    placed = placed_by(shop, "alipay")
    with clock.freeze(placed.order.pay_by):
        service.watch_deadline(placed.order.id, ids.new_id("evt"))
        payments.release_payment(placed.order.id)

    assert last_of(world.order_of(placed.order.id)) == (Status.CANCELLED, "payment_expired")
    assert world.payment_of(placed.order.id).state is State.VOIDED
    (intent,) = stripe.intents_of(placed.order.id)
    assert intent["status"] == "canceled"


def test_paid_between_the_deadlines_look_and_the_end_goes_back(shop: Shop, stripe: Stripe) -> None:
    placed = placed_by(shop, "wechat_pay")
    assert placed.client_action is not None
    with clock.freeze(placed.order.pay_by):
        service.watch_deadline(placed.order.id, ids.new_id("evt"))
        in_the_app(stripe, placed.client_action.intent_id)
        payments.release_payment(placed.order.id)
        service.follow_payment(placed.order.id, ids.new_id("evt"), placed.client_action.intent_id)

    payment = world.payment_of(placed.order.id)
    assert (payment.state, payment.refunded_minor) == (State.REFUNDED, placed.order.total.amount)
    assert balance(placed.order.id) == {}


def test_money_that_comes_after_all_was_over_goes_back(
    shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider said that the intent was gone, and took the money all the same."""
    placed = placed_by(shop, "alipay")
    order_id = placed.order.id
    assert placed.client_action is not None
    with clock.freeze(placed.order.pay_by):
        service.watch_deadline(order_id, ids.new_id("evt"))
        _voided_without_asking(order_id)
        in_the_app(stripe, placed.client_action.intent_id)

        for _ in range(3):
            service.follow_payment(order_id, ids.new_id("evt"), placed.client_action.intent_id)

    payment = world.payment_of(order_id)
    (intent,) = stripe.intents_of(order_id)
    assert (payment.state, payment.captured_minor) == (State.REFUNDED, placed.order.total.amount)
    assert (intent["refunds"], intent["refunded"]) == (1, placed.order.total.amount)
    assert balance(order_id) == {}


def _voided_without_asking(order_id: str) -> Payment:
    from chalicelib.kernel.transaction import Transaction
    from chalicelib.payments import model
    from chalicelib.payments.service.writing import write

    payment = world.payment_of(order_id)
    after = model.released(payment, 0, clock.now())
    tx = Transaction()
    write(tx, payment, after)
    tx.commit()
    return after


def test_a_wallet_that_was_refused_is_tried_again_by_the_same_intent(shop: Shop, stripe: Stripe) -> None:
    placed = placed_by(shop, "alipay")
    first = placed.client_action
    assert first is not None
    in_the_app(stripe, first.intent_id, "failed")
    service.follow_payment(placed.order.id, ids.new_id("evt"), first.intent_id)
    assert world.payment_of(placed.order.id).failure_code

    again = service.find_client_action(placed.order.id, shop.customer_id)
    same = service.find_client_action(placed.order.id, shop.customer_id)

    assert again is not None
    assert again == same
    assert (again.intent_id, again.next_step is not None) == (first.intent_id, True)
    in_the_app(stripe, again.intent_id)
    service.follow_payment(placed.order.id, ids.new_id("evt"), again.intent_id)
    assert world.payment_of(placed.order.id).state is State.CAPTURED
    assert len(stripe.intents_of(placed.order.id)) == 1


@pytest.mark.parametrize("kind", ["timeout_after_success", "error_500", "error_429"])
def test_a_provider_that_fails_at_placement_makes_one_intent(shop: Shop, stripe: Stripe, kind: str) -> None:
    world.fault(stripe, kind, "/v1/payment_intents")
    quote = shop.quote()
    order_id = ids.retag(quote.id, "ord")
    try:
        service.place_order(shop.customer_id, quote.id, "alipay", key())
    except Unavailable:
        assert kind == "error_429"

    action = service.find_client_action(order_id, shop.customer_id)

    assert action is not None
    in_the_app(stripe, action.intent_id)
    service.follow_payment(order_id, ids.new_id("evt"))
    assert world.payment_of(order_id).state is State.CAPTURED
    assert [intent["captures"] for intent in stripe.intents_of(order_id)] == [1]


def test_a_wallet_is_offered_where_its_currency_allows(dynamodb: Any, noon: None, stripe: Stripe) -> None:
    with pytest.raises(Invalid) as refused:
        world.open_shop(currency="PLN", payment_methods=["card", "alipay"])
    assert ("payment_method_currency", "/payment_methods/1") in world.refusal(refused.value)


def test_a_wallet_that_the_store_does_not_offer_is_refused(dynamodb: Any, noon: None, stripe: Stripe) -> None:
    shop = world.open_shop()
    with pytest.raises(Invalid) as refused:
        placed_by(shop, "alipay")
    assert world.refusal(refused.value) == {("payment_method_not_offered", "/payment_method")}


def test_a_wallet_pays_for_an_order_far_ahead_at_once(shop: Shop, stripe: Stripe) -> None:
    order = paid_by(shop, stripe, "alipay", wanted_at=NOON + timedelta(days=10))

    assert (order.payment_step, world.payment_of(order.id).state) == ("", State.CAPTURED)


def test_what_was_taken_is_refunded_and_not_adjusted(shop: Shop, stripe: Stripe) -> None:
    order = service.accept_order(shop.command(paid_by(shop, stripe, "alipay")), 20)
    with pytest.raises(Conflict) as refused:
        service.adjust_order(shop.command(order), service.Adjustment(missing={"0": 1}), "item_unavailable")
    assert refused.value.code == "payment_captured"


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_the_answer_and_its_repeat_say_where_the_wallet_is_paid(
    shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = _caller(monkeypatch, shop.customer_id)
    order = {"quote_id": shop.quote().id, "payment_method": "wechat_pay"}

    placed = call("POST", "/v1/orders", order, idempotency_key="wechat-1").json["payment"]
    again = call("POST", "/v1/orders", order, idempotency_key="wechat-1").json

    assert placed["next_step"]["kind"] == "qr_code"
    assert placed["next_step"]["data"]
    assert again["payment"] == placed
    payment = call("GET", f"/v1/orders/{again['id']}/payment").json
    assert (payment["state"], payment["next_step"]) == ("requires_payment", placed["next_step"])

    in_the_app(stripe, placed["payment_intent_id"])
    service.follow_payment(again["id"], ids.new_id("evt"), placed["payment_intent_id"])

    shown = call("GET", f"/v1/orders/{again['id']}").json
    assert (shown["payment"]["method"], shown["payment"]["state"], shown["pay_by"]) == ("wechat_pay", "captured", None)
    money = call("GET", f"/v1/orders/{again['id']}/money").json
    assert [movement["kind"] for movement in money["movements"]] == ["captured"]


def test_an_order_far_ahead_shows_how_its_payment_stands(
    shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = _caller(monkeypatch, shop.customer_id)
    quote = shop.quote(wanted_at=NOON + timedelta(days=9))
    placed = call("POST", "/v1/orders", {"quote_id": quote.id, "payment_method": "card"}, idempotency_key="far-1").json
    payment = placed["payment"]
    assert (payment["state"], payment.get("payment_intent_id")) == ("requires_payment", None)
    assert payment["setup_intent_id"].startswith("seti_")
    form = f"client_secret={payment['client_secret']}&payment_method=pm_card_visa".encode()
    urllib.request.urlopen(f"{stripe.url}/v1/setup_intents/{payment['setup_intent_id']}/confirm", form).close()
    service.follow_payment(placed["id"], ids.new_id("evt"), payment["setup_intent_id"])

    shown = call("GET", f"/v1/orders/{placed['id']}").json
    assert (shown["payment"]["state"], shown["pay_by"]) == ("method_saved", None)
    apart = call("GET", f"/v1/orders/{placed['id']}/payment").json
    assert (apart["state"], apart["client_secret"], apart["setup_intent_id"]) == ("method_saved", None, None)
