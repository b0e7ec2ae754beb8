"""From a quote to an order: everything or nothing, once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.catalog import service as catalog
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound
from chalicelib.kernel.idempotency import AlreadyAnswered
from chalicelib.kernel.ids import is_id, retag
from chalicelib.kernel.transaction import find_answer
from chalicelib.ordering import service
from chalicelib.stores import service as stores
from tests.ordering import world
from tests.ordering.world import NOON, Shop, Stripe, key, pizza, refusal


def test_an_order_is_the_quote_with_stock_and_payment(shop: Shop) -> None:
    quote = shop.quote()

    placed = service.place_order(shop.customer_id, quote.id, "card", key())

    snapshot = service.get_own_order(shop.customer_id, placed.order.id)
    assert placed.order.id == retag(quote.id, "ord")
    assert snapshot.order == placed.order
    assert snapshot.document == quote
    assert snapshot.payment.amount == quote.total
    assert (shop.left("PIZ-MARG-32"), shop.left("SAL-CAES"), shop.left("DRK-COLA-33")) == (98, 99, 99)


def test_a_card_order_waits_for_its_payment_out_of_the_stores_sight(shop: Shop) -> None:
    order = shop.place(method="card")

    assert order.confirmed_at is None
    assert service.look_at_board(shop.id).cards == []
    with pytest.raises(NotFound):
        service.get_store_order(shop.id, order.id)
    with pytest.raises(NotFound):
        service.accept_order(shop.command(order), 20)
    assert service.list_store_orders(shop.id, limit=10, start=None).items == []


@pytest.mark.parametrize(("method", "mode"), [("cash_on_delivery", "delivery"), ("pay_at_store", "pickup")])
def test_what_is_paid_in_person_is_on_the_board_at_once(shop: Shop, method: str, mode: str) -> None:
    order = shop.place(method=method, mode=mode)

    cards = service.look_at_board(shop.id).cards
    assert cards is not None
    assert [card.order.id for card in cards] == [order.id]
    assert cards[0].next_steps == ("accept", "reject")


def test_the_client_secret_is_told_and_never_stored(shop: Shop) -> None:
    quote, once = shop.quote(), key()

    placed = service.place_order(shop.customer_id, quote.id, "card", once)

    assert placed.client_action is not None
    stored = find_answer(once)
    assert stored is not None
    assert stored.answer["body"]["id"] == placed.order.id
    assert stored.answer["body"]["payment"]["client_secret"] is None


def test_the_same_key_again_is_a_repeat(shop: Shop) -> None:
    quote, once = shop.quote(), key()
    service.place_order(shop.customer_id, quote.id, "card", once)

    with pytest.raises(AlreadyAnswered):
        service.place_order(shop.customer_id, quote.id, "card", once)
    assert shop.left("PIZ-MARG-32") == 98


def test_a_quote_is_ordered_once_whatever_the_key(shop: Shop, stripe: Stripe) -> None:
    quote = shop.quote()
    service.place_order(shop.customer_id, quote.id, "card", key())

    with pytest.raises(Conflict) as refused:
        service.place_order(shop.customer_id, quote.id, "card", key())

    assert refused.value.code == "quote_already_ordered"
    assert refused.value.extra["order_id"] == retag(quote.id, "ord")
    assert shop.left("PIZ-MARG-32") == 98
    assert len(stripe.intents_of(retag(quote.id, "ord"))) == 1


def test_an_expired_quote_is_worth_nothing(shop: Shop) -> None:
    quote = shop.quote()

    with clock.freeze(NOON + timedelta(minutes=15)), pytest.raises(Conflict) as refused:
        service.place_order(shop.customer_id, quote.id, "card", key())

    assert refused.value.code == "quote_expired"


def test_nobody_orders_the_quote_of_another(shop: Shop) -> None:
    quote = shop.quote()

    with pytest.raises(NotFound):
        service.place_order("cus_other", quote.id, "card", key())


def test_only_what_was_offered_can_be_paid_with(shop: Shop) -> None:
    quote = shop.quote(mode="delivery")

    with pytest.raises(Invalid) as refused:
        service.place_order(shop.customer_id, quote.id, "pay_at_store", key())

    assert refusal(refused.value) == {("payment_method_not_offered", "/payment_method")}


def test_what_changed_since_the_quote_is_told(shop: Shop) -> None:
    quote = shop.quote()
    catalog.eighty_six(shop.id, "option", "sourdough", None)
    stores.pause_store(shop.id, stores.PauseRequest(kind="closed", minutes=30))

    with pytest.raises(DomainError) as refused:
        service.place_order(shop.customer_id, quote.id, "card", key())

    assert refused.value.code == "quote_no_longer_holds"
    assert refusal(refused.value) == {("store_paused", "/wanted_at"), ("unavailable_86", "/lines/0")}
    assert shop.left("PIZ-MARG-32") == 100


def test_a_combo_whose_part_was_86d_since_is_refused(shop: Shop) -> None:
    deal = service.LineRequest(
        sku="CMB-LUNCH",
        components=(
            service.ComponentChoice(component_id="main", sku="SAL-CAES"),
            service.ComponentChoice(component_id="drink", sku="DRK-COLA-33"),
        ),
    )
    quote = shop.quote(deal)
    catalog.eighty_six(shop.id, "product", "prd_cola", None)

    with pytest.raises(DomainError) as refused:
        service.place_order(shop.customer_id, quote.id, "card", key())
    assert refusal(refused.value) == {("unavailable_86", "/lines/0")}


def test_prices_hold_although_the_store_changes_its_fees(shop: Shop) -> None:
    quote = shop.quote()
    zone = {
        "id": "inner",
        "area": {"type": "radius", "radius_m": 5000},
        "tiers": [{"fee": {"amount": 990, "currency": "EUR"}}],
    }
    stores.change_store(shop.id, {"zones": [zone]}, shop.store.version)

    placed = service.place_order(shop.customer_id, quote.id, "card", key())

    assert placed.order.total == quote.total


def test_sold_out_between_quote_and_order_takes_nothing_at_all(shop: Shop, stripe: Stripe) -> None:
    quote = shop.quote()
    inventory.set_stock(shop.id, "SAL-CAES", 0)
    inventory.set_stock(shop.id, "DRK-COLA-33", 0)

    with pytest.raises(DomainError) as refused:
        service.place_order(shop.customer_id, quote.id, "card", key())

    assert refused.value.code == "out_of_stock"
    assert refusal(refused.value) == {("out_of_stock", "/lines/1"), ("out_of_stock", "/lines/2")}
    assert shop.left("PIZ-MARG-32") == 100
    assert stripe.intents_of(retag(quote.id, "ord")) == []
    with pytest.raises(NotFound):
        service.get_own_order(shop.customer_id, retag(quote.id, "ord"))


def test_an_order_whose_payment_could_not_be_started_stands(shop: Shop, stripe: Stripe) -> None:
    quote, once = shop.quote(), key()
    stripe.down = True

    with pytest.raises(DomainError) as refused:
        service.place_order(shop.customer_id, quote.id, "card", once)
    assert refused.value.code == "payment_provider_unavailable"
    assert find_answer(once) is not None

    stripe.down = False
    action = service.find_client_action(retag(quote.id, "ord"), shop.customer_id)
    assert action is not None


def test_placing_emits_the_fact_and_sets_the_timer(shop: Shop) -> None:
    order = shop.place()

    told = {entry.type: entry for entry in world.emitted(order.id)}

    assert told.keys() == {"OrderPlaced", "OrderDeadlineReached"}
    assert told["OrderPlaced"].data["mode"] == "delivery"
    assert told["OrderDeadlineReached"].due == clock.rfc3339(NOON + timedelta(minutes=5))


def test_placing_three_counted_lines_is_three_requests_and_one_to_the_provider(shop: Shop, stripe: Stripe) -> None:
    quote = shop.quote()

    with world.metered() as meter:
        service.place_order(shop.customer_id, quote.id, "card", key())

    assert meter.requests == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]
    assert stripe.asked == 1
    # Document, state, payment, three stock items and the events row, two units each.
    assert meter.written == 15


# --- races ------------------------------------------------------------------------------------------------------------


@pytest.mark.fault
def test_fifty_customers_race_for_ten_units(shop: Shop, stripe: Stripe) -> None:
    inventory.set_stock(shop.id, "PIZ-MARG-32", 10)
    quotes = [shop.quote(pizza(), customer_id=f"{shop.customer_id}-{number}") for number in range(50)]

    def order(quote: service.Quote) -> str:
        try:
            return service.place_order(quote.customer_id, quote.id, "card", key()).order.id
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(order, quotes))

    placed = [outcome for outcome in outcomes if is_id(outcome, "ord")]
    assert len(placed) == 10
    assert Counter(outcomes)["out_of_stock"] == 40
    assert shop.left("PIZ-MARG-32") == 0
    assert len(stripe.intents_of(*placed)) == 10
    assert all(world.payment_of(order_id).state == "requires_payment" for order_id in placed)


@pytest.mark.fault
def test_the_same_key_twenty_times_at_once_is_one_order(shop: Shop, stripe: Stripe) -> None:
    quote, once = shop.quote(), key()

    def order(_: int) -> str:
        try:
            return service.place_order(shop.customer_id, quote.id, "card", once).order.id
        except AlreadyAnswered:
            return "repeat"

    with ThreadPoolExecutor(20) as pool:
        outcomes = Counter(pool.map(order, range(20)))

    assert outcomes == {retag(quote.id, "ord"): 1, "repeat": 19}
    assert shop.left("PIZ-MARG-32") == 98
    assert len(stripe.intents_of(retag(quote.id, "ord"))) == 1


@pytest.mark.fault
def test_twenty_keys_for_one_quote_are_one_order(shop: Shop, stripe: Stripe) -> None:
    quote = shop.quote()

    def order(_: int) -> str:
        try:
            return service.place_order(shop.customer_id, quote.id, "card", key()).order.id
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(20) as pool:
        outcomes = Counter(pool.map(order, range(20)))

    assert outcomes == {retag(quote.id, "ord"): 1, "quote_already_ordered": 19}
    assert shop.left("PIZ-MARG-32") == 98
