"""Adjusting before the hand-over, on the durable local store and the sandbox: weighed, substituted, more than held."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chalicelib.catalog import service as catalog
from chalicelib.catalog.document import Product, Variant
from chalicelib.dispatch import service as dispatch
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound
from chalicelib.kernel.event_types import ConsentDeadlineReached, DeliveryDelivered, ExtraNotified
from chalicelib.kernel.events import envelope
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.ordering.service import Adjustment, LineRequest, Substitute
from chalicelib.payments import service as payments
from tests.ordering import world
from tests.ordering.test_claims import balances, settle
from tests.ordering.test_claims import picked_up as leave_with
from tests.ordering.world import Shop, Stripe, order_of

if TYPE_CHECKING:
    from collections.abc import Callable

CHEESE = Product(
    id="prd_cheese",
    name="Cheese",
    tax_category="food",
    variants=(Variant(sku="CHEESE-KG", price_minor=2000, weight_grams=1000, counted=True),),
)
HAM = Product(
    id="prd_ham", name="Ham", tax_category="food", variants=(Variant(sku="HAM", price_minor=900, counted=True),)
)
TINY = Product(id="prd_tiny", name="Mint", tax_category="food", variants=(Variant(sku="MINT", price_minor=30),))


@pytest.fixture
def grocer(shop: Shop) -> Shop:
    """The shop, with things that are weighed and things to give instead."""
    menu = world.menu()
    draft = catalog.get_draft(shop.id).version
    products = (*menu.products, CHEESE, HAM, TINY)
    saved = catalog.save_draft(shop.id, replace(menu, products=products), draft, shop.owner_id)
    catalog.publish_draft(shop.id, saved.version, shop.owner_id)
    for sku in ("CHEESE-KG", "HAM"):
        inventory.set_stock(shop.id, sku, 10)
    return shop


def cheese_and_cola(grocer: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    """An accepted order: a kilo of cheese for 20.00 and a cola for 2.90."""
    fields.setdefault("mode", "pickup")
    lines = (LineRequest(sku="CHEESE-KG"), LineRequest(sku="DRK-COLA-33"))
    method = fields.pop("method", "card")
    if method == "card":
        order = grocer.placed_and_paid(stripe, *lines, **fields)
    else:
        order = grocer.place(*lines, method=method, **fields)
    return service.accept_order(grocer.command(order), 20)


def adjust(grocer: Shop, order: service.Order, **found: Any) -> service.Order:
    return service.adjust_order(grocer.command(order), Adjustment(**found), "short_picked")


def ham(line: str = "1", quantity: int = 1) -> Substitute:
    return Substitute(line=line, request=LineRequest(sku="HAM", quantity=quantity))


def agree(grocer: Shop, order: service.Order) -> tuple[service.Order, Any]:
    return service.agree_to_proposal(grocer.customer_id, order.id, ids.new_id("req"))


def confirm(stripe: Stripe, action: Any, card: str = "pm_card_visa") -> dict[str, Any]:
    path = f"/v1/payment_intents/{action.intent_id}/confirm"
    return stripe._call(path, f"client_secret={action.client_secret}&payment_method={card}")


def notice(order: service.Order, action: Any) -> None:
    """Stripe's word of the second hold, twice."""
    told = envelope(ExtraNotified(order_id=order.id, payment_intent_id=action.intent_id))
    for _ in range(2):
        assert world.deliver("ordering", told) == []


def timer(order: service.Order, number: int = 1) -> None:
    told = envelope(ConsentDeadlineReached(order_id=order.id, number=number))
    for _ in range(2):
        assert world.deliver("ordering", told) == []


def hand_over(grocer: Shop, order: service.Order) -> service.Order:
    order = order_of(order.id)
    if order.status == "accepted":
        order = service.start_order(grocer.command(order))
    if order.status == "preparing":
        order = service.mark_order_ready(grocer.command(order))
    done = service.hand_over_order(grocer.command(order), order.pickup_code, None)
    settle(order.id)
    return done


def bill_of(order: service.Order) -> payments.Bill:
    bill: payments.Bill = tables.fetch(payments.bill_ref(order.id))[0]
    return bill


def extra_intents(stripe: Stripe, order: service.Order) -> list[dict[str, Any]]:
    told = stripe._call("/sandbox/summary")["intents"]
    return [intent for intent in told if intent["metadata"].get("extra_of") == order.id]


# --- weighed ----------------------------------------------------------------------------------------------------------


def test_what_weighs_less_costs_less(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 873})
    assert order.total.amount == 1746 + 290
    line = bill_of(order).lines[0]
    assert (line.gross, line.tax) == (1746, 114)
    hand_over(grocer, order)
    (intent,) = stripe.intents_of(order.id)
    assert (intent["captured"], intent["capturable"]) == (2036, 0)
    told = balances(order.id)
    assert told["stripe:clearing"] == 2036
    assert f"customer:{order.id}" not in told


def test_what_weighs_more_waits_for_the_customers_second_hold(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    assert order.proposal is not None
    assert (order.total.amount, order.proposal.total_minor, order.proposal.extra_minor) == (2290, 2650, 360)
    assert [card.order.proposal for card in service.look_at_board(grocer.id).cards or ()] == [order.proposal]
    started = service.start_order(grocer.command(order))
    with pytest.raises(Conflict) as early:
        service.mark_order_ready(grocer.command(started))
    assert early.value.code == "proposal_open"
    with pytest.raises(Conflict):
        adjust(grocer, started, missing={"1": 1})

    _, action = agree(grocer, order)
    _, again = agree(grocer, order)
    assert action == again
    notice(order, action)
    assert order_of(order.id).proposal is not None, "nobody has paid it"
    assert confirm(stripe, action)["status"] == "requires_capture"
    notice(order, action)
    agreed = order_of(order.id)
    assert (agreed.proposal, agreed.total.amount, agreed.timeline[-1].step) == (None, 2650, "adjustment_agreed")
    assert world.payment_of(order.id).authorised_minor == 2650

    hand_over(grocer, agreed)
    (main,), (extra,) = stripe.intents_of(order.id), extra_intents(stripe, order)
    assert (main["captured"], extra["captured"]) == (2290, 360)
    assert balances(order.id)["stripe:clearing"] == 2650
    assert f"customer:{order.id}" not in balances(order.id)

    everything = payments.RefundRequest(reason="quality", requested_by=grocer.owner_id)
    service.refund_order(grocer.id, order.id, everything, world.any_key())
    settle(order.id)
    (main,), (extra,) = stripe.intents_of(order.id), extra_intents(stripe, order)
    assert (main["refunded"], extra["refunded"]) == (2290, 360)
    assert balances(order.id) == {}


def test_refunds_in_pieces_come_from_one_hold_after_the_other(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    _, action = agree(grocer, order)
    confirm(stripe, action)
    notice(order, action)
    hand_over(grocer, order)
    for amount in (2200, 300, 150):
        part = payments.RefundRequest(reason="quality", requested_by="x", amount=amount, currency="EUR")
        service.refund_order(grocer.id, order.id, part, world.any_key())
        settle(order.id)
    (main,), (extra,) = stripe.intents_of(order.id), extra_intents(stripe, order)
    assert (main["refunded"], extra["refunded"]) == (2290, 360)
    assert balances(order.id) == {}


def test_a_few_cents_more_are_the_stores_loss(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1020})
    assert (order.proposal, order.total.amount) == (None, 2290)


@pytest.mark.parametrize("who", ["customer", "store", "nobody"])
def test_without_consent_it_costs_no_more_than_before(grocer: Shop, stripe: Stripe, who: str) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180}, missing={})
    _, action = agree(grocer, order)
    if who == "customer":
        service.decline_proposal(grocer.customer_id, order.id, "req")
    elif who == "store":
        service.withdraw_proposal(grocer.command(order_of(order.id)))
    else:
        timer(order)
        assert order_of(order.id).proposal is not None, "too early"
        with clock.freeze(clock.now() + timedelta(minutes=5)):
            timer(order)
    settle(order.id)
    after = order_of(order.id)
    assert (after.proposal, after.total.amount, after.timeline[-1].step) == (None, 2290, "adjustment_declined")
    assert "error" in confirm(stripe, action), "nobody can pay it any more"
    assert world.payment_of(order.id).extras == ()
    hand_over(grocer, after)
    assert balances(order.id)["stripe:clearing"] == 2290


def test_paid_at_the_last_moment_is_agreed(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    _, action = agree(grocer, order)
    confirm(stripe, action)  # and Stripe's word of it is lost
    with clock.freeze(clock.now() + timedelta(minutes=5)):
        timer(order)
    assert (order_of(order.id).total.amount, order_of(order.id).proposal) == (2650, None)


def test_a_hold_that_comes_too_late_is_let_go(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    _, action = agree(grocer, order)
    confirm(stripe, action)
    service.decline_proposal(grocer.customer_id, order.id, "req")
    notice(order, action)
    settle(order.id)
    (extra,) = extra_intents(stripe, order)
    assert (extra["status"], extra["captured"]) == ("canceled", 0)
    assert order_of(order.id).total.amount == 2290


def test_an_order_that_ends_lets_every_hold_go(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    _, action = agree(grocer, order)
    confirm(stripe, action)
    notice(order, action)
    service.cancel_order_by_store(grocer.command(order_of(order.id)), "kitchen_problem")
    settle(order.id)
    told = [*stripe.intents_of(order.id), *extra_intents(stripe, order)]
    assert [intent["status"] for intent in told] == ["canceled", "canceled"]
    assert balances(order.id) == {}


def test_less_than_can_be_charged_is_waived(grocer: Shop, stripe: Stripe) -> None:
    placed = grocer.placed_and_paid(stripe, LineRequest(sku="CHEESE-KG"), LineRequest(sku="MINT"), mode="pickup")
    order = service.accept_order(grocer.command(placed), 20)
    left = adjust(grocer, order, missing={"0": 1})
    assert left.total.amount == 30
    hand_over(grocer, left)
    (intent,) = stripe.intents_of(order.id)
    assert (intent["status"], intent["captured"]) == ("canceled", 0)
    told = balances(order.id)
    assert told["promotions"] == 30
    assert "stripe:clearing" not in told
    assert f"customer:{order.id}" not in told
    assert world.payment_of(order.id).state == "captured"


def test_a_second_hold_that_is_lost_is_what_a_person_looks_at(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    _, action = agree(grocer, order)
    confirm(stripe, action)
    notice(order, action)
    stripe._call(f"/sandbox/payment_intents/{action.intent_id}/expire", "{}")
    hand_over(grocer, order)
    told = balances(order.id)
    assert (told["stripe:clearing"], told[f"customer:{order.id}"]) == (2290, 360)
    found = payments.list_cases(payments.CaseState.OPEN, limit=100, start=None).items
    (case,) = [case for case in found if case.order_id == order.id]
    assert (case.kind, case.evidence["missing_minor"]) == ("extra_hold_lost", 360)


def test_a_complaint_about_a_substitute(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe, substitutes="at_most")
    done = hand_over(grocer, adjust(grocer, order, substituted=(ham(),)))
    wish = service.Remedy(quantities={"2": 1})
    draft = service.Draft(kind="complaint", reason="quality", wish=wish)
    asked = service.open_claim(grocer.customer_id, done.id, draft, world.any_key(), "req").order
    service.accept_claim(grocer.command(asked), 1, "store")
    settle(done.id)
    assert [refund.amount for refund in payments.refunds_of(done.id)] == [290]


# --- substituted ------------------------------------------------------------------------------------------------------


def test_a_substitute_at_most_at_the_price_of_what_it_replaces(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe, substitutes="at_most")
    after = adjust(grocer, order, substituted=(ham(),))
    assert (after.proposal, after.total.amount) == (None, 2290)
    (swapped,) = bill_of(after).lines[2:]
    assert (swapped.ref, swapped.name, swapped.gross, swapped.tax, swapped.tax_rate_bps) == ("2", "Ham", 290, 19, 700)
    assert grocer.left("HAM") == 9
    hand_over(grocer, after)
    asked = payments.RefundRequest(reason="quality", requested_by="x", quantities={"2": 1})
    assert service.refund_order(grocer.id, order.id, asked, world.any_key()).amount == 290
    settle(order.id)
    assert balances(order.id)["stripe:clearing"] == 2000


def test_a_dearer_substitute_with_the_customers_consent(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), substituted=(ham(),))
    assert order.proposal is not None
    assert (order.proposal.total_minor, order.proposal.unasked_minor) == (2900, 2000)
    assert grocer.left("HAM") == 9
    _, action = agree(grocer, order)
    confirm(stripe, action)
    notice(order, action)
    assert order_of(order.id).total.amount == 2900
    service.cancel_order_by_store(grocer.command(order_of(order.id)), "kitchen_problem")
    assert grocer.left("HAM") == 10


def test_a_cheaper_substitute_is_agreed_to_without_paying(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), substituted=(ham("0"),))
    done, action = agree(grocer, order)
    assert (action, done.total.amount, done.proposal) == (None, 1190, None)
    assert agree(grocer, order)[0].version == done.version
    hand_over(grocer, done)
    assert balances(order.id)["stripe:clearing"] == 1190


def test_an_unwanted_substitute_goes_back_on_the_shelf(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), substituted=(ham(),))
    after = service.decline_proposal(grocer.customer_id, order.id, "req")
    assert (after.total.amount, grocer.left("HAM"), dict(after.also_reserved)) == (2000, 10, {})
    with pytest.raises(NotFound):
        service.decline_proposal(grocer.customer_id, order.id, "req")


def test_an_order_of_nothing_but_unwanted_substitutes_ends(grocer: Shop, stripe: Stripe) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), missing={"0": 1}, substituted=(ham(),))
    after = service.decline_proposal(grocer.customer_id, order.id, "req")
    settle(order.id)
    assert (after.status, after.timeline[-1].reason, grocer.left("HAM")) == ("cancelled", "item_unavailable", 10)
    assert world.payment_of(order.id).state == "voided"
    assert balances(order.id) == {}


def test_what_can_not_be_adjusted_is_told(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe)
    wine = Substitute(line="1", request=LineRequest(sku="DRK-CHIANTI"))
    unknown = Substitute(line="1", request=LineRequest(sku="NONE"))
    for found, fault in (
        ({"weighed": {"1": 100}}, ("not_sold_by_weight", "/weighed/0/line")),
        ({"weighed": {"9": 100}}, ("line_not_on_bill", "/weighed/0/line")),
        ({"weighed": {"0": 100}, "missing": {"0": 1}}, ("quantity_not_left", "/weighed/0/line")),
        ({"missing": {"1": 7}}, ("quantity_not_left", "/missing/0/quantity")),
        ({"substituted": (wine,)}, ("age_not_checked", "/substituted/0/sku")),
        ({"substituted": (unknown,)}, ("unknown_sku", "/substituted/0/sku")),
        ({"substituted": (ham("1", 2),)}, ("quantity_not_left", "/substituted/0/quantity")),
    ):
        with pytest.raises(Invalid) as refused:
            adjust(grocer, order, **found)
        assert world.refusal(refused.value) == {fault}
    strict = cheese_and_cola(grocer, stripe, substitutes="none")
    with pytest.raises(Invalid) as unwanted:
        adjust(grocer, strict, substituted=(ham(),))
    assert world.refusal(unwanted.value) == {("substitution_not_wanted", "/substituted")}
    inventory.set_stock(grocer.id, "HAM", 0)
    with pytest.raises(DomainError) as out:
        adjust(grocer, order, substituted=(ham(),))
    assert (out.value.code, world.refusal(out.value)) == ("out_of_stock", {("out_of_stock", "/substituted/0")})


def test_nobody_is_asked_about_what_is_ready(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe)
    ready = service.mark_order_ready(grocer.command(service.start_order(grocer.command(order))))
    with pytest.raises(Conflict) as refused:
        adjust(grocer, ready, weighed={"0": 1500})
    assert refused.value.code == "order_status_conflict"
    assert adjust(grocer, ready, weighed={"0": 900}).total.amount == 2090


# --- in cash ----------------------------------------------------------------------------------------------------------


def test_a_rider_collects_what_the_adjusted_order_costs(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe, mode="delivery", method="cash_on_delivery")
    before = tables.fetch(dispatch.delivery_ref(order.id))[0]
    after = adjust(grocer, order, missing={"1": 1})
    delivery = tables.fetch(dispatch.delivery_ref(order.id))[0]
    assert delivery.cash_to_collect == after.total == Money(order.total.amount - 290, "EUR")
    assert delivery.version == before.version + 1, "the rider's phone is told"
    dearer = adjust(grocer, after, weighed={"0": 1300})
    done, action = agree(grocer, dearer)
    assert action is None, "cash is not held"
    delivery = tables.fetch(dispatch.delivery_ref(order.id))[0]
    assert delivery.cash_to_collect == done.total
    gone = DeliveryDelivered(delivery_id=delivery.id, order_id=order.id, rider_id="rdr-1", at="")
    assert world.deliver("payments", envelope(gone)) == []
    assert balances(order.id)["cash:rider:rdr-1"] == done.total.amount


def test_cash_stays_as_it_is_once_the_rider_has_left(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe, mode="delivery", method="cash_on_delivery")
    leave_with(order)
    with pytest.raises(Conflict) as refused:
        adjust(grocer, order, missing={"1": 1})
    assert refused.value.code == "cash_announced"
    assert world.payment_of(order.id).amount == order.total


# --- at the same moment -----------------------------------------------------------------------------------------------


def race(*moves: Callable[[], Any]) -> list[Any]:
    def run(move: Callable[[], Any]) -> Any:
        try:
            return move()
        except DomainError as refused:
            return refused

    with ThreadPoolExecutor(len(moves)) as pool:
        return list(pool.map(run, moves))


@pytest.mark.parametrize("turn", range(4))
def test_the_hold_stands_while_the_customer_declines(grocer: Shop, stripe: Stripe, turn: int) -> None:
    order = adjust(grocer, cheese_and_cola(grocer, stripe), weighed={"0": 1180})
    _, action = agree(grocer, order)
    confirm(stripe, action)
    race(
        lambda: notice(order, action),
        lambda: service.decline_proposal(grocer.customer_id, order.id, "req"),
    )
    settle(order.id)
    notice(order, action)
    after = order_of(order.id)
    hand_over(grocer, after)
    assert balances(order.id)["stripe:clearing"] == after.total.amount
    (extra,) = extra_intents(stripe, order)
    assert extra["captured"] == after.total.amount - 2290


def test_two_tablets_adjust_at_once(grocer: Shop, stripe: Stripe) -> None:
    order = cheese_and_cola(grocer, stripe)
    told = race(
        lambda: adjust(grocer, order, weighed={"0": 900}),
        lambda: adjust(grocer, order, missing={"1": 1}),
    )
    assert sorted(isinstance(each, DomainError) for each in told) == [False, True]
    assert world.payment_of(order.id).amount == order_of(order.id).total
