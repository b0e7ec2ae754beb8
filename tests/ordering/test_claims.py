"""Cancelling after acceptance and complaints on the durable local store and the sandbox: each way to its end, to the
cent.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.dispatch import service as dispatch
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, VersionConflict
from chalicelib.kernel.event_types import ClaimDeadlineReached, DeliveryPickedUp
from chalicelib.kernel.events import ROUTES, envelope
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.ordering.service import Draft, Remedy
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores
from tests.ordering import world
from tests.ordering.world import Shop, Stripe, order_of

if TYPE_CHECKING:
    from collections.abc import Callable

CANCEL = Draft(kind="cancellation", reason="changed_mind")


def complaint(**wish: Any) -> Draft:
    return Draft(kind="complaint", reason="missing_item", wish=Remedy(**wish))


once = world.any_key


def ask(shop: Shop, order: service.Order, draft: Draft = CANCEL) -> service.Order:
    return service.open_claim(shop.customer_id, order.id, draft, once(), ids.new_id("req")).order


def agree(shop: Shop, order: service.Order, number: int = 1) -> service.Order:
    return service.agree_to_offer(shop.customer_id, order.id, number, once(), ids.new_id("req")).order


def accepted(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    return service.accept_order(shop.command(shop.placed_and_paid(stripe, **fields)), 20)


def settle(*order_ids: str) -> None:
    """Deliver everything that was emitted about these orders, twice, timers left out."""
    for _ in range(2):
        for queue in ("payments", "ordering"):
            news = [
                told for told in world.emitted(*order_ids) if queue in ROUTES.get(told.type, ()) and told.due is None
            ]
            assert world.deliver(queue, *news) == []


def completed(shop: Shop, stripe: Stripe, **fields: Any) -> service.Order:
    """An order that its customer has taken at the counter, and paid."""
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup", **fields))
    done = service.hand_over_order(shop.command(order), order.pickup_code, None)
    settle(order.id)
    return done


def balances(*order_ids: str) -> dict[str, int]:
    entries = [entry for order_id in order_ids for entry in payments.entries_of_order(order_id)]
    assert set(payments.trial_balance(entries).values()) <= {0}
    return payments.balances(entries)


def claim_of(order: service.Order, number: int = 1) -> service.Claim:
    return order_of(order.id).claims[number - 1]


def timer(order: service.Order, number: int = 1) -> None:
    """The deadline's timer goes off, twice."""
    told = envelope(ClaimDeadlineReached(order_id=order.id, number=number))
    for _ in range(2):
        assert world.deliver("ordering", told) == []


def later(order: service.Order, number: int = 1) -> Any:
    return clock.freeze(claim_of(order, number).due_at)


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_cancellation_that_the_store_accepts_undoes_everything(shop: Shop, stripe: Stripe) -> None:
    order = accepted(shop, stripe)
    left = shop.left("SAL-CAES")
    asked = ask(shop, order)
    board = service.look_at_board(shop.id)
    assert [card.next_steps[0] for card in board.cards or ()] == ["answer_claim"]
    assert (board.cards or [])[0].due_at == claim_of(order).due_at

    done = service.accept_claim(shop.command(asked), 1, "store")
    settle(order.id)
    assert [entry.step for entry in done.timeline][-3:] == ["claim_opened", "claim_accepted", "cancelled"]
    assert done.claims[0].state == "accepted"
    assert shop.left("SAL-CAES") == (left or 0) + 1
    delivery = tables.fetch(dispatch.delivery_ref(order.id))[0]
    assert delivery.status == "cancelled"
    assert world.payment_of(order.id).state == "voided"
    assert balances(order.id) == {}
    assert service.look_at_board(shop.id).cards == []


def test_a_rejected_cancellation_leaves_the_order_as_it_is(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, accepted(shop, stripe))
    before = service.look_at_board(shop.id).tag
    after = service.reject_claim(shop.command(order), 1, "It is in the oven.")
    assert (after.status, after.claims[0].state, after.claims[0].answer) == (
        "accepted",
        "rejected",
        "It is in the oven.",
    )
    assert service.look_at_board(shop.id).tag != before
    again = ask(shop, after)
    assert [claim.number for claim in again.claims] == [1, 2]


def test_silence_about_a_cancellation_is_what_the_store_has_settled(dynamodb: Any, noon: None, stripe: Stripe) -> None:
    for policy, state, status in (
        ("reject", "rejected", "accepted"),
        ("accept", "accepted", "cancelled"),
        ("refund_without_fees", "accepted", "cancelled"),
    ):
        shop = world.open_shop(after_sales={"cancellation": {"answer_minutes": 3, "on_silence": policy}})
        order = ask(shop, accepted(shop, stripe))
        timer(order)
        assert claim_of(order).state == "open", "too early"
        with later(order):
            timer(order)
        settle(order.id)
        assert (claim_of(order).state, order_of(order.id).status) == (state, status)
        assert order_of(order.id).timeline[-1].actor.kind == "system"


def test_fees_that_are_kept_are_taken_and_shared_out(dynamodb: Any, noon: None, stripe: Stripe) -> None:
    shop = world.open_shop(after_sales={"cancellation": {"answer_minutes": 3, "on_silence": "refund_without_fees"}})
    order = ask(shop, accepted(shop, stripe, tip=Money(200, "EUR")))
    with later(order):
        timer(order)
    settle(order.id)
    fee = 290
    payment = world.payment_of(order.id)
    assert (payment.state, payment.captured_minor) == ("captured", fee)
    (intent,) = stripe.intents_of(order.id)
    assert (intent["captured"], intent["capturable"]) == (fee, 0)
    told = balances(order.id)
    assert told == {"platform:revenue": -244, "stripe:clearing": fee, "tax:platform": -46}
    assert shop.left("SAL-CAES") == 100


def test_a_store_offers_part_of_the_price_of_what_it_has_cooked(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, accepted(shop, stripe, tip=Money(200, "EUR")))
    offer = Remedy(kind="refund", amount=1000)
    countered = service.counter_claim(shop.command(order), 1, offer, "Half of it is cooked.")
    assert countered.claims[0].state == "countered"
    done = agree(shop, countered)
    settle(order.id)
    assert (done.status, done.claims[0].state) == ("cancelled", "agreed")
    total = order.total.amount
    (intent,) = stripe.intents_of(order.id)
    assert (intent["captured"], intent["capturable"]) == (total - 1000, 0)
    told = balances(order.id)
    assert told["stripe:clearing"] == total - 1000
    assert f"customer:{order.id}" not in told
    assert not [account for account in told if account.startswith("rider:")]


def test_an_offer_that_is_less_than_the_tip_can_not_be_taken(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, accepted(shop, stripe, tip=Money(200, "EUR")))
    countered = service.counter_claim(shop.command(order), 1, Remedy(kind="refund", amount=100), "")
    with pytest.raises(Invalid) as refused:
        agree(shop, countered)
    assert world.refusal(refused.value) == {("less_than_tip", "/amount/amount")}
    assert claim_of(order).state == "countered"


def test_credit_instead_of_cancelling_lets_the_order_go_on(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, accepted(shop, stripe))
    countered = service.counter_claim(shop.command(order), 1, Remedy(kind="credit", amount=500), "Please stay.")
    done = agree(shop, countered)
    assert (done.status, done.claims[0].state) == ("accepted", "agreed")
    (credit,) = payments.list_own_credit(shop.customer_id)
    assert credit.available == 500
    assert balances(order.id) == {f"credit:{credit.id}": -500, f"store:{shop.id}": 500}


def test_an_offer_lapses_and_can_be_declined(shop: Shop, stripe: Stripe) -> None:
    offer = Remedy(kind="credit", amount=100)
    one = service.counter_claim(shop.command(ask(shop, accepted(shop, stripe))), 1, offer, "")
    two = service.counter_claim(shop.command(ask(shop, accepted(shop, stripe))), 1, offer, "")
    declined = service.decline_offer_of_store(shop.customer_id, two.id, 1, ids.new_id("req"))
    assert declined.claims[0].state == "declined"
    with later(one):
        with pytest.raises(Conflict, match="lapsed"):
            agree(shop, one)
        timer(one)
        timer(two)
    assert (claim_of(one).state, claim_of(two).state) == ("lapsed", "declined")
    assert {order_of(each.id).status for each in (one, two)} == {"accepted"}


def test_the_orders_end_overtakes_a_cancellation(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, shop.make_ready(shop.placed_and_paid(stripe, mode="pickup")))
    done = service.hand_over_order(shop.command(order), order.pickup_code, None)
    assert done.claims[0].state == "overtaken"
    with clock.freeze(done.claims[0].due_at):
        timer(order)
    assert claim_of(order).state == "overtaken"
    with pytest.raises(Conflict):
        service.accept_claim(shop.command(order_of(order.id)), 1, "store")


# --- who may ask, and when --------------------------------------------------------------------------------------------


def test_what_can_not_be_asked_is_refused(shop: Shop, stripe: Stripe) -> None:
    placed = shop.placed_and_paid(stripe, mode="pickup")
    for draft in (CANCEL, complaint()):
        with pytest.raises(Conflict) as early:
            ask(shop, placed, draft)
        assert early.value.code == "order_status_conflict"
    order = service.accept_order(shop.command(placed), 20)
    ask(shop, order)
    with pytest.raises(Conflict) as twice:
        ask(shop, order)
    assert twice.value.code == "claim_open"
    with pytest.raises(NotFound):
        service.open_claim("somebody", order.id, CANCEL, once(), "req")
    done = completed(shop, stripe)
    with pytest.raises(Invalid) as wrong:
        ask(shop, done, complaint(quantities={"7": 1, "1": 9}))
    assert world.refusal(wrong.value) == {
        ("line_not_on_bill", "/lines/0/line"),
        ("quantity_not_left", "/lines/1/quantity"),
    }
    with pytest.raises(Invalid):
        ask(shop, done, Draft(kind="complaint", reason="changed_mind"))
    with clock.freeze(world.NOON + timedelta(hours=48)), pytest.raises(Conflict) as late:
        ask(shop, done, complaint())
    assert late.value.code == "claim_window_over"


def test_complaints_are_for_managers(shop: Shop, stripe: Stripe) -> None:
    clerk = ids.new_id("usr")
    stores.add_staff(shop.id, shop.owner_id, clerk, "clerk", None)
    order = ask(shop, completed(shop, stripe), complaint())
    with pytest.raises(Forbidden):
        service.accept_claim(shop.command(order, clerk), 1, "store")
    cancelling = ask(shop, accepted(shop, stripe))
    assert service.accept_claim(shop.command(cancelling, clerk), 1, "store").status == "cancelled"


def test_an_order_takes_five_claims_and_no_more(shop: Shop, stripe: Stripe) -> None:
    order = accepted(shop, stripe)
    for number in range(1, 6):
        ask(shop, order)
        service.withdraw_claim(shop.customer_id, order.id, number, ids.new_id("req"))
    with pytest.raises(Conflict) as refused:
        ask(shop, order)
    assert refused.value.code == "too_many_claims"


def test_a_repeated_request_is_one_claim(shop: Shop, stripe: Stripe) -> None:
    order, key = accepted(shop, stripe), once()
    service.open_claim(shop.customer_id, order.id, CANCEL, key, "req")
    with pytest.raises((world.AlreadyAnswered, Conflict)):
        service.open_claim(shop.customer_id, order.id, CANCEL, key, "req")
    assert len(order_of(order.id).claims) == 1


# --- complaints -------------------------------------------------------------------------------------------------------


def test_a_missing_piece_is_paid_back_by_who_bears_it(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, completed(shop, stripe), complaint(quantities={"0": 1}))
    assert [card.order.id for card in service.look_at_board(shop.id).cards or ()] == [order.id]
    service.accept_claim(shop.command(order), 1, "store")
    settle(order.id)
    assert service.look_at_board(shop.id).cards == []
    (refund,) = payments.refunds_of(order.id)
    assert (refund.amount, refund.reason, refund.payer, refund.state) == (1150, "missing_item", "store", "settled")
    (intent,) = stripe.intents_of(order.id)
    assert intent["refunded"] == 1150
    assert balances(order.id)["stripe:clearing"] == order.total.amount - 1150


def test_silence_about_a_complaint_gives_the_price_back(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, completed(shop, stripe), complaint())
    with later(order):
        timer(order)
    settle(order.id)
    assert claim_of(order).state == "accepted"
    assert balances(order.id) == {}
    assert world.payment_of(order.id).state == "refunded"


def test_a_complaint_before_the_money_was_taken_waits_for_it(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup"))
    done = ask(shop, service.hand_over_order(shop.command(order), order.pickup_code, None), complaint())
    with pytest.raises(Conflict) as refused:
        service.accept_claim(shop.command(done), 1, "store")
    assert refused.value.code == "payment_not_captured"
    with later(done):
        timer(done)
        assert claim_of(done).state == "open"
        again = [told for told in world.emitted(order.id) if told.type == "ClaimDeadlineReached"]
        assert len(again) == 2, "it went off twice, and is set again once"
        settle(order.id)
        timer(done)
    settle(order.id)
    assert claim_of(done).state == "accepted"
    assert balances(order.id) == {}


def test_what_was_paid_in_cash_comes_back_as_credit(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.place(mode="pickup", method="pay_at_store"))
    done = service.hand_over_order(shop.command(order), order.pickup_code, None)
    settle(order.id)
    asked = ask(shop, done, complaint(quantities={"1": 1}))
    service.accept_claim(shop.command(asked), 1, "store")
    settle(order.id)
    (credit,) = payments.list_own_credit(shop.customer_id)
    assert credit.available == 990
    told = balances(order.id)
    assert told[f"cash:till:{shop.id}"] == order.total.amount
    assert told[f"credit:{credit.id}"] == -990
    assert f"customer:{order.id}" not in told


def test_nothing_left_to_give_back_ends_a_complaint(shop: Shop, stripe: Stripe) -> None:
    done = completed(shop, stripe)
    order = ask(shop, done, complaint())
    everything = payments.RefundRequest(reason="late", requested_by=shop.owner_id)
    service.refund_order(shop.id, order.id, everything, once())
    settle(order.id)
    with later(order):
        timer(order)
    assert (claim_of(order).state, claim_of(order).answer) == ("rejected", "nothing_to_refund")
    assert balances(order.id) == {}


# --- once more --------------------------------------------------------------------------------------------------------


def test_goods_are_made_and_handed_out_once_more_for_nothing(shop: Shop, stripe: Stripe) -> None:
    first = completed(shop, stripe)
    left = shop.left("PIZ-MARG-32") or 0
    order = ask(shop, first, complaint(kind="resend", quantities={"0": 1}))
    done = service.accept_claim(shop.command(order), 1, "store")
    again = order_of(done.claims[0].resent_as or "")
    assert (again.status, again.total.amount, again.payment_method, again.resend_of) == ("placed", 0, "free", first.id)
    assert shop.left("PIZ-MARG-32") == left - 1
    (card,) = service.look_at_board(shop.id).cards or ()
    assert (card.order.id, [line.quantity for line in card.document.lines]) == (again.id, [1])
    ready = shop.make_ready(again)
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)
    settle(again.id)
    assert world.payment_of(again.id).state == "captured"
    assert balances(again.id) == {}, "the store bears it: nobody owes anybody anything"
    assert stripe.intents_of(again.id) == []
    with pytest.raises(Conflict) as refused:
        ask(shop, again, complaint())
    assert (refused.value.code, refused.value.extra["original_order_id"]) == ("claim_on_original", first.id)


def test_who_bears_a_resend_pays_the_store_and_the_rider(shop: Shop, stripe: Stripe) -> None:
    first = completed(shop, stripe)
    order = ask(shop, first, complaint(kind="resend", quantities={"0": 2}))
    again = order_of(service.accept_claim(shop.command(order), 1, "platform").claims[0].resent_as or "")
    ready = shop.make_ready(again)
    service.hand_over_order(shop.command(ready), ready.pickup_code, None)
    settle(again.id)
    net = 2300 - 150  # without 7 %
    assert balances(again.id) == {"platform:revenue": net, f"store:{shop.id}": -net}


def test_a_resend_that_never_comes_is_paid_back(shop: Shop, stripe: Stripe) -> None:
    first = completed(shop, stripe)
    order = ask(shop, first, complaint(kind="resend", quantities={"0": 1}))
    again = order_of(service.accept_claim(shop.command(order), 1, "store").claims[0].resent_as or "")
    service.reject_order(shop.command(again), "item_unavailable")
    settle(again.id, first.id)
    settle(again.id, first.id)
    (refund,) = payments.refunds_of(first.id)
    assert (refund.amount, refund.state) == (1150, "settled")
    assert [entry.step for entry in order_of(first.id).timeline].count("resend_failed") == 1
    assert world.payment_of(again.id).state == "voided"
    balances(first.id, again.id)


def test_a_sold_out_resend_is_refused_and_the_price_can_be_given_instead(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, completed(shop, stripe), complaint(kind="resend", quantities={"0": 2}))
    inventory.set_stock(shop.id, "PIZ-MARG-32", 1)
    with pytest.raises(DomainError) as refused:
        service.accept_claim(shop.command(order), 1, "store")
    assert refused.value.code == "out_of_stock"
    with later(order):
        timer(order)
    settle(order.id)
    assert (claim_of(order).state, claim_of(order).resent_as) == ("accepted", None)
    assert [refund.amount for refund in payments.refunds_of(order.id)] == [2300]


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
def test_the_store_accepts_while_the_customer_withdraws(shop: Shop, stripe: Stripe, turn: int) -> None:
    order = ask(shop, accepted(shop, stripe))
    told = race(
        lambda: service.accept_claim(shop.command(order), 1, "store"),
        lambda: service.withdraw_claim(shop.customer_id, order.id, 1, "req"),
    )
    settle(order.id)
    after = order_of(order.id)
    assert sum(isinstance(each, DomainError) for each in told) == 1
    assert (after.claims[0].state, after.status) in (("accepted", "cancelled"), ("withdrawn", "accepted"))
    assert world.payment_of(order.id).state == ("voided" if after.status == "cancelled" else "authorised")


@pytest.mark.parametrize("turn", range(3))
def test_the_deadline_and_the_answer_at_once(shop: Shop, stripe: Stripe, turn: int) -> None:
    order = ask(shop, completed(shop, stripe), complaint(quantities={"0": 1}))
    with later(order):
        race(lambda: service.reject_claim(shop.command(order), 1, "No."), lambda: timer(order))
    settle(order.id)
    refunds = payments.refunds_of(order.id)
    assert (claim_of(order).state, len(refunds)) in (("rejected", 0), ("accepted", 1))


def picked_up(order: service.Order) -> None:
    """A rider has left with the order; word of that has not come yet."""
    from chalicelib.dispatch.tables import STATE, DeliveryRow
    from chalicelib.kernel.transaction import Transaction

    tx = Transaction()
    tx.update(
        DeliveryRow,
        dispatch.delivery_id(order.id),
        STATE,
        actions=[DeliveryRow.status.set("picked_up"), DeliveryRow.version.add(1)],
        condition=DeliveryRow.pk.exists(),
    )
    tx.commit()


def test_nobody_cancels_what_a_rider_has_left_with(dynamodb: Any, noon: None, stripe: Stripe) -> None:
    shop = world.open_shop(after_sales={"cancellation": {"answer_minutes": 3, "on_silence": "accept"}})
    order = ask(shop, shop.make_ready(shop.placed_and_paid(stripe)))
    picked_up(order)
    with pytest.raises(Conflict) as refused:
        service.accept_claim(shop.command(order), 1, "store")
    assert refused.value.code == "delivery_under_way"
    assert (order_of(order.id).version, claim_of(order).state) == (order.version, "open")
    with later(order):
        timer(order)
    assert (claim_of(order).state, claim_of(order).answer) == ("rejected", "delivery_under_way")
    gone = DeliveryPickedUp(delivery_id="dlv", order_id=order.id, rider_id="rdr", at="")
    assert world.deliver("ordering", envelope(gone)) == []
    assert order_of(order.id).status == "out_for_delivery"
    assert world.payment_of(order.id).state == "authorised"


def test_a_command_on_an_old_version_is_refused(shop: Shop, stripe: Stripe) -> None:
    order = accepted(shop, stripe)
    ask(shop, order)
    with pytest.raises(VersionConflict):
        service.reject_claim(shop.command(order), 1, "No.")


def test_claims_survive_the_store_of_data(shop: Shop, stripe: Stripe) -> None:
    order = ask(shop, accepted(shop, stripe))
    countered = service.counter_claim(
        shop.command(order), 1, Remedy(kind="refund", quantities={"0": 1}, payer="platform"), "So much."
    )
    assert order_of(order.id) == countered
    assert msgspec.to_builtins(order_of(order.id).claims) == msgspec.to_builtins(countered.claims)
