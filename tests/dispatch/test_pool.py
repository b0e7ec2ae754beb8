"""A search that goes on: a bonus, then the pool that everybody in reach may claim from; and decisions explained."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import metres_north, minutes, seconds
from tests.dispatch.test_races import at_once


def in_pool(world: World) -> Delivery:
    """A delivery for which nobody was there for two minutes."""
    delivery = world.request(ready_at=clock.now())
    start = clock.now()
    for second in (0, 21, 45, 70, 95, 125):
        with clock.freeze(start + seconds(second)):
            world.look(delivery.id)
    after = world.delivery(delivery.id)
    assert after.pooled_at is not None
    return after


def test_a_search_without_success_adds_a_bonus_and_opens_the_pool(world: World) -> None:
    delivery = in_pool(world)
    assert delivery.bonus == 100
    rider = world.rider(800)
    pool = service.read_pool(rider)
    assert [each.id for each in pool.deliveries] == [delivery.id]
    assert service.read_pool(world.rider(40_000)).retry_after > pool.retry_after, "nothing is to be had there"


def test_whoever_claims_has_it_and_keeps_the_bonus(world: World) -> None:
    delivery = in_pool(world)
    rider = world.rider(800)
    again = told(rider)
    step = service.claim_delivery(delivery.id, again)
    assert step.status is Status.ASSIGNED
    assert service.claim_delivery(delivery.id, again) == step
    after = world.delivery(delivery.id)
    assert (after.rider_id, after.bonus, after.waits, after.pooled_at) == (rider, 100, False, None)
    assert [job.id for job in service.read_feed(rider, None).active] == [delivery.id]
    assert service.read_pool(rider).deliveries == ()
    service.arrive_at_store(delivery.id, told(rider))
    world.ready(delivery.id)
    service.pick_up(delivery.id, told(rider))
    service.deliver(delivery.id, told(rider), service.Evidence())
    assert world.delivery(delivery.id).status is Status.DELIVERED


def test_of_several_who_claim_one_wins(world: World) -> None:
    delivery = in_pool(world)
    riders = [world.rider(100 + 50 * number) for number in range(6)]
    results = at_once(*(partial(service.claim_delivery, delivery.id, told(rider)) for rider in riders))
    won = [rider for rider, result in zip(riders, results, strict=True) if not isinstance(result, str)]
    assert won == [world.delivery(delivery.id).rider_id]
    assert {result for result in results if isinstance(result, str)} == {"claim_lost"}
    assert [rider for rider in riders if service.read_feed(rider, None).active] == won


def test_claiming_against_a_cancellation(world: World) -> None:
    def cancel(delivery_id: str) -> None:
        tx = Transaction()
        service.cancel_delivery(tx, delivery_id, "customer")
        tx.commit()

    delivery = in_pool(world)
    rider = world.rider(100)
    at_once(partial(service.claim_delivery, delivery.id, told(rider)), partial(cancel, delivery.id))
    assert world.delivery(delivery.id).status is Status.CANCELLED
    assert service.read_feed(rider, None).active == ()


@pytest.mark.parametrize("why", ["off shift", "full", "not in the pool", "unknown"])
def test_a_claim_is_refused(world: World, why: str) -> None:
    rider = world.rider(100, capacity=1)
    if why == "full":
        world.assigned_to(rider)
    service.end_shift(rider) if why != "full" else None
    delivery_id = ids.new_id("dlv") if why == "unknown" else world.request().id if "not" in why else in_pool(world).id
    if why in ("not in the pool", "unknown"):
        service.start_shift(rider, world.store)
    with pytest.raises(DomainError) as refused:
        service.claim_delivery(delivery_id, told(rider))
    assert (
        refused.value.code
        == {
            "off shift": "not_on_shift",
            "full": "rider_full",
            "not in the pool": "claim_lost",
            "unknown": "delivery_not_found",
        }[why]
    )


def test_the_pool_shows_what_is_in_reach_only(world: World) -> None:
    in_pool(world)
    far = world.rider(60_000)
    assert service.read_pool(far).deliveries == ()


def test_a_delivery_of_the_pool_is_still_offered_to_who_comes_along(world: World) -> None:
    delivery = in_pool(world)
    rider = world.rider(300)
    with clock.freeze(clock.now() + minutes(4)):
        service.report_position(rider, metres_north(world.store, 300), clock.now())
        assert world.look(delivery.id).offered_to == rider
        with pytest.raises(DomainError) as refused:
            service.claim_delivery(delivery.id, told(world.rider(100)))
        assert refused.value.code == "claim_lost"


def test_an_offer_tells_what_it_cost_and_who_came_second(world: World) -> None:
    near, far = world.rider(300), world.rider(2_000)
    delivery = world.look(world.request().id)
    (decision,) = [step.decision for step in service.explain_delivery(delivery.id).steps if step.decision]
    assert delivery.offered_to == near
    assert decision.runner_up == far
    assert decision.extra is not None
    assert 400 < decision.extra < 700  # 1.7 km further by bicycle
    assert 60 < decision.terms["approach"] < 120


def test_a_planned_offer_tells_its_terms(world: World) -> None:
    delivery = world.request(ready_at=clock.now())
    second = world.request(ready_at=clock.now())
    world.look(delivery.id)
    service.look_for_rider(second.id, ids.new_id("evt"))
    world.rider(300, capacity=1)
    world.rider(2_000, capacity=1)
    with clock.freeze(world.zone().next_tick_at or clock.now()):
        world.tick()
        steps = [step for each in (delivery, second) for step in service.explain_delivery(each.id).steps]
    decisions = [step.decision for step in steps if step.decision]
    assert len(decisions) == 2
    assert all(decision.total and "lateness" in decision.terms for decision in decisions)
