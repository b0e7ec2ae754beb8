"""Orders further ahead than a bank holds money: how one is placed, paid, and brought forward by its timers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, ids
from chalicelib.ordering import service
from chalicelib.ordering.model.order import Status
from chalicelib.payments.model import State
from tests.ordering import world
from tests.ordering.world import NOON, Shop, Stripe, key

if TYPE_CHECKING:
    from collections.abc import Iterator

WANTED = NOON + timedelta(days=10)
DECLINES = "pm_card_chargeCustomerFail"  # can be saved; every charge is refused
ASKS = "pm_card_authenticationRequired"  # wants its customer there


def call(stripe: Stripe, path: str, form: str = "") -> dict[str, Any]:
    request = urllib.request.Request(stripe.url + path, form.encode())
    if not form:
        request = urllib.request.Request(stripe.url + path, b"{}", {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as refused:
        return dict(json.loads(refused.read()))


def placed_ahead(shop: Shop, wanted_at: datetime = WANTED, **fields: Any) -> service.PlacedOrder:
    quote = shop.quote(wanted_at=wanted_at, **fields)
    return service.place_order(quote.customer_id, quote.id, "card", key())


def save_card(stripe: Stripe, placed: service.PlacedOrder, card: str = "pm_card_visa") -> None:
    """What the app's form does with the secret of a setup intent."""
    action = placed.client_action
    assert action is not None
    form = f"client_secret={action.client_secret}&payment_method={card}"
    told = call(stripe, f"/v1/setup_intents/{action.intent_id}/confirm", form)
    if told.get("status") == "requires_action":
        call(stripe, f"/sandbox/setup_intents/{action.intent_id}/authenticate")


def pay_now(stripe: Stripe, shop: Shop, order_id: str, card: str = "pm_card_visa") -> None:
    """What a customer does who was asked to pay."""
    action = service.find_client_action(order_id, shop.customer_id)
    assert action is not None
    call(
        stripe,
        f"/v1/payment_intents/{action.intent_id}/confirm",
        f"client_secret={action.client_secret}&payment_method={card}",
    )
    service.follow_payment(order_id, ids.new_id("evt"), action.intent_id)


def saved_order(shop: Shop, stripe: Stripe, card: str = "pm_card_visa", **fields: Any) -> service.Order:
    placed = placed_ahead(shop, **fields)
    save_card(stripe, placed, card)
    assert placed.client_action is not None
    service.follow_payment(placed.order.id, ids.new_id("evt"), placed.client_action.intent_id)
    return world.order_of(placed.order.id)


def timers(order_id: str) -> list[datetime]:
    """When the order's payment is looked at again, in the order in which that was set."""
    set_for = [entry for entry in world.emitted(order_id) if entry.type == "OrderPaymentDue"]
    return [clock.parse(entry.due or "") for entry in set_for]


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    with clock.freeze(instant):
        yield


def go_off(order_id: str, times: int = 1) -> datetime:
    """The last timer that was set goes off; when."""
    due = timers(order_id)[-1]
    with at(due):
        for _ in range(times):
            service.watch_payment(order_id, ids.new_id("evt"))
    return due


def states(order_id: str) -> tuple[Status, str, State]:
    order = world.order_of(order_id)
    return order.status, order.payment_step, world.payment_of(order_id).state


def held(stripe: Stripe, order_id: str) -> list[tuple[str, int]]:
    return [(intent["status"], intent["attempts"]) for intent in stripe.intents_of(order_id)]
