"""What the staff do with orders, each on the version that they have seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Forbidden, NotFound, VersionConflict
from chalicelib.ordering import service
from tests.ordering import world
from tests.ordering.world import NOON, Shop, Stripe, open_shop


def delivery_of(order: service.Order) -> dispatch.Delivery:
    delivery: dispatch.Delivery = tables.fetch(dispatch.delivery_ref(order.id))[0]
    return delivery


def types_of(order: service.Order) -> list[str]:
    return sorted(entry.type for entry in world.emitted(order.id) if entry.due is None)


def test_accepting_a_delivery_asks_for_a_rider(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)

    accepted = service.accept_order(shop.command(order), 30)

    assert accepted.status == "accepted"
    assert accepted.promise.ready_at == NOON + timedelta(minutes=30)
    delivery = delivery_of(order)
    assert delivery.status == "unassigned"
    assert delivery.ready_at == accepted.promise.ready_at
    assert delivery.pin == order.delivery_pin
    assert delivery.cash_to_collect is None
    assert "OrderAccepted" in types_of(order)


def test_cash_at_the_door_is_for_the_rider_to_collect(shop: Shop) -> None:
    order = shop.place(method="cash_on_delivery")

    service.accept_order(shop.command(order), 20)

    assert delivery_of(order).cash_to_collect == order.total


def test_a_pickup_needs_no_rider(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe, mode="pickup")

    service.accept_order(shop.command(order), 20)

    assert delivery_of(order) is None


def test_the_second_of_two_tablets_is_told_to_look_again(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    service.accept_order(shop.command(order), 20)

    with pytest.raises(VersionConflict):
        service.reject_order(shop.command(order), "too_busy")


def test_another_stores_staff_does_not_see_the_order(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)

    command = replace(shop.command(order), store_id="sto_other")

    with pytest.raises(NotFound):
        service.accept_order(command, 20)
    with pytest.raises(NotFound):
        service.get_store_order("sto_other", order.id)


def test_rejecting_gives_the_stock_back_and_says_why(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)
    assert shop.left("PIZ-MARG-32") == 98

    rejected = service.reject_order(shop.command(order), "too_busy")

    assert rejected.timeline[-1].reason == "too_busy"
    assert shop.left("PIZ-MARG-32") == 100
    ended = next(entry for entry in world.emitted(order.id) if entry.type == "OrderEnded")
    assert (ended.data["status"], ended.data["actor"], ended.data["reason"]) == ("rejected", "staff", "too_busy")
    assert service.look_at_board(shop.id).cards == []


def test_ready_lets_the_rider_pick_up(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))

    assert order.status == "ready"
    assert delivery_of(order).marked_ready_at == NOON


def test_more_time_is_told_to_the_rider(shop: Shop, stripe: Stripe) -> None:
    accepted = service.accept_order(shop.command(shop.placed_and_paid(stripe)), 20)

    postponed = service.postpone_order(shop.command(accepted), 45)

    assert postponed.promise.ready_at == NOON + timedelta(minutes=45)
    assert delivery_of(accepted).ready_at == NOON + timedelta(minutes=45)
    assert postponed.status == "accepted"


def test_a_customer_takes_the_order_against_the_code(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup"))

    done = service.hand_over_order(shop.command(order), order.pickup_code, None)

    assert done.status == "completed"
    assert "OrderHandedOver" in types_of(order)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10_000:04d}"


def test_wrong_codes_are_counted_and_the_version_stays(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup"))
    command = shop.command(order)

    left = []
    for _ in range(5):
        with pytest.raises(DomainError) as refused:
            service.hand_over_order(command, wrong(order.pickup_code), None)
        assert refused.value.code == "wrong_pickup_code"
        left.append(refused.value.extra["attempts_left"])
    assert left == [4, 3, 2, 1, 0]

    with pytest.raises(DomainError) as refused:
        service.hand_over_order(command, order.pickup_code, None)
    assert refused.value.code == "pickup_code_locked"


def test_only_a_manager_hands_over_without_the_code(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="pickup"))
    clerk = ids.new_id("usr")

    with pytest.raises(Forbidden):
        service.hand_over_order(shop.command(order, clerk), None, "knows them")

    done = service.hand_over_order(shop.command(order, shop.owner_id), None, "phone is dead")
    assert done.timeline[-2].reason == "phone is dead"


def test_a_table_is_completed_and_its_payment_taken(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe, mode="dine_in"))

    done = service.complete_order(shop.command(order))

    assert done.status == "completed"
    assert "OrderHandedOver" in types_of(order)


def test_nobody_hands_a_delivery_to_no_rider(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))

    with pytest.raises(Conflict) as refused:
        service.hand_over_order(shop.command(order), None, None)
    assert refused.value.code == "no_rider_assigned"


def test_the_store_can_give_up_and_the_delivery_with_it(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))

    cancelled = service.cancel_order_by_store(shop.command(order), "kitchen_problem")

    assert cancelled.status == "cancelled"
    assert delivery_of(order).status == "cancelled"
    assert shop.left("PIZ-MARG-32") == 100
    assert "OrderEnded" in types_of(order)


def test_an_order_that_came_back_is_cancelled_without_its_delivery(shop: Shop, stripe: Stripe) -> None:
    order = shop.make_ready(shop.placed_and_paid(stripe))
    service.note_picked_up(order.id, "rdr-1", ids.new_id("evt"))
    service.note_delivery_failed(order.id, "rdr-1", "nobody_there", ids.new_id("evt"))
    service.note_delivery_returned(order.id, "rdr-1", ids.new_id("evt"))

    cancelled = service.cancel_order_by_store(shop.command(world.order_of(order.id)), "customer_absent")

    assert cancelled.status == "cancelled"


# --- cancelling by the customer
# ----------------------------------------------------------------------------------------


def test_a_customer_cancels_until_the_store_accepts(shop: Shop, stripe: Stripe) -> None:
    order = shop.placed_and_paid(stripe)

    cancelled = service.cancel_own_order(shop.customer_id, order.id, "changed_mind", ids.new_id("req"))

    assert cancelled.status == "cancelled"
    assert shop.left("SAL-CAES") == 100
    again = service.cancel_own_order(shop.customer_id, order.id, "changed_mind", ids.new_id("req"))
    assert again == world.order_of(order.id)
    assert shop.left("SAL-CAES") == 100

    accepted = service.accept_order(shop.command(shop.placed_and_paid(stripe)), 20)
    with pytest.raises(Conflict) as refused:
        service.cancel_own_order(shop.customer_id, accepted.id, "changed_mind", ids.new_id("req"))
    assert refused.value.code == "order_status_conflict"


def test_nobody_cancels_the_order_of_another(shop: Shop) -> None:
    order = shop.place()

    with pytest.raises(NotFound):
        service.cancel_own_order("cus_other", order.id, "changed_mind", "req-1")


# --- races ------------------------------------------------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.parametrize("round_", range(5))
def test_accepting_and_cancelling_at_once_have_one_winner(shop: Shop, stripe: Stripe, round_: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    order = shop.placed_and_paid(stripe)

    def attempt(number: int) -> str:
        try:
            if number % 2:
                return str(service.accept_order(shop.command(order), 20).status)
            return str(service.cancel_own_order(shop.customer_id, order.id, "other", f"r{number}").status)
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))

    final = world.order_of(order.id)
    if final.status == "accepted":
        assert outcomes.count("accepted") == 1
        assert "cancelled" not in outcomes
        assert shop.left("PIZ-MARG-32") == 98
        assert delivery_of(order) is not None
    else:
        assert final.status == "cancelled"
        assert "accepted" not in outcomes
        assert shop.left("PIZ-MARG-32") == 100
        assert delivery_of(order) is None
        assert types_of(order).count("OrderEnded") == 1


@pytest.mark.fault
def test_accepting_and_the_deadline_at_once_have_one_winner(dynamodb: object, stripe: Stripe) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with clock.freeze(NOON):
        shop = open_shop()
        orders = [shop.placed_and_paid(stripe) for _ in range(6)]

    def answer(order: service.Order) -> str:
        try:
            return str(service.accept_order(shop.command(order), 20).status)
        except DomainError as error:
            return error.code

    def time_out(order: service.Order) -> None:
        (timer,) = (e for e in world.emitted(order.id) if e.type == "OrderDeadlineReached")
        assert world.deliver("ordering", timer) == []

    with clock.freeze(NOON + timedelta(minutes=5)), ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(answer, order) for order in orders]
        timers = [pool.submit(time_out, order) for order in orders]
        for timer in timers:
            timer.result()
        for order, answered in zip(orders, answers, strict=True):
            final = world.order_of(order.id)
            assert (final.status == "accepted") == (answered.result() == "accepted")
            assert final.status in ("accepted", "rejected")
            assert types_of(order).count("OrderEnded") == (final.status == "rejected")
    rejected = sum(world.order_of(order.id).status == "rejected" for order in orders)
    assert shop.left("SAL-CAES") == 100 - (len(orders) - rejected)
