"""A rider's day on the real tables: every report once, its events, and what the timeline keeps."""

from __future__ import annotations

import random

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Status
from chalicelib.kernel import clock
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.money import Money
from tests.dispatch.conftest import World, events_of, told
from tests.dispatch.factories import BRIEF, an_op, minutes, seconds


def test_from_the_offer_to_the_door(world: World) -> None:
    rider = world.rider()
    delivery = world.offered_to(rider, proof=service.Proof.PIN, pin="4711")
    service.accept_offer(delivery.id, told(rider))
    service.arrive_at_store(delivery.id, told(rider))
    with pytest.raises(DomainError) as refused:
        service.pick_up(delivery.id, told(rider))
    assert refused.value.code == "order_not_ready"
    world.ready(delivery.id)
    service.pick_up(delivery.id, told(rider))
    service.arrive_at_door(delivery.id, told(rider))
    with pytest.raises(DomainError) as refused:
        service.deliver(delivery.id, told(rider), service.Evidence(pin="0000"))
    assert refused.value.extra == {"attempts_left": 4}
    service.deliver(delivery.id, told(rider), service.Evidence(pin="4711"))

    done = world.delivery(delivery.id)
    assert [step.status.value for step in done.steps] == [
        "unassigned", "offered", "assigned", "at_store", "picked_up", "at_door", "at_door", "delivered",
    ]  # fmt: skip
    # What one transaction tells has no order; the delivery's end comes after the pick-up's three.
    told_of = [kind for kind, _ in events_of(delivery.id)][2:]
    assert sorted(told_of[:-1]) == ["DeliveryCheckDue", "DeliveryOnItsWay", "DeliveryPickedUp"]
    assert told_of[-1] == "DeliveryDelivered"
    assert service.read_feed(rider, None).active == ()


def test_a_delivery_that_fails_goes_back_to_the_store(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    service.fail_delivery(delivery.id, told(rider), "customer_absent")
    service.start_return(delivery.id, told(rider))
    service.finish_return(delivery.id, told(rider))
    done = world.delivery(delivery.id)
    assert done.status is Status.RETURNED
    assert [kind for kind, _ in events_of(delivery.id)][-2:] == ["DeliveryFailed", "DeliveryReturned"]
    assert [step.reason for step in done.steps if step.status is Status.FAILED] == ["customer_absent"]


def test_cash_on_delivery_is_shown_and_must_be_stated(world: World) -> None:
    rider = world.rider()
    due = Money(1850, "EUR")
    delivery = world.picked_up_by(rider, cash_to_collect=due)
    assert service.read_feed(rider, None).active[0].cash_to_collect == due
    with pytest.raises(DomainError) as refused:
        service.deliver(delivery.id, told(rider), service.Evidence())
    assert refused.value.violations[0].code == "cash_collected_required"
    service.deliver(delivery.id, told(rider), service.Evidence(cash_collected=due))
    assert world.delivery(delivery.id).cash_collected == due


def test_a_phone_that_was_offline_can_replay_its_whole_queue(world: World) -> None:
    rider = world.rider()
    delivery = world.offered_to(rider)
    world.ready(delivery.id)
    start = clock.now()
    reports = [service.accept_offer, service.arrive_at_store, service.pick_up, service.arrive_at_door]
    queue = [
        (report, service.Command(rider, an_op(), start + seconds(number))) for number, report in enumerate(reports)
    ]
    with clock.freeze(start + seconds(20)):
        first = [report(delivery.id, command) for report, command in queue]
        after = world.delivery(delivery.id)
    with clock.freeze(start + minutes(9)):
        again = [report(delivery.id, command) for report, command in random.sample(queue, len(queue))]
    assert sorted(first, key=lambda step: step.cause) == sorted(again, key=lambda step: step.cause)
    assert world.delivery(delivery.id) == after
    assert [step.captured_at for step in first] == [command.captured_at for _, command in queue]
    assert {step.at for step in first} == {start + seconds(20)}


def test_reports_out_of_order_lead_to_the_same_end(world: World) -> None:
    rider = world.rider()
    delivery = world.assigned_to(rider)
    world.ready(delivery.id)
    service.pick_up(delivery.id, told(rider))
    late = told(rider)
    service.arrive_at_store(delivery.id, late)
    after = world.delivery(delivery.id)
    assert after.status is Status.PICKED_UP
    assert after.steps[-1].status is Status.AT_STORE
    service.arrive_at_store(delivery.id, late)
    assert world.delivery(delivery.id) == after


def test_another_riders_delivery_does_not_exist_for_me(world: World) -> None:
    rider, other = world.rider(), world.rider(5000)
    delivery = world.assigned_to(rider)
    for report in (service.accept_offer, service.arrive_at_store, service.pick_up, service.drop_delivery):
        with pytest.raises(DomainError) as refused:
            report(delivery.id, told(other))
        assert (refused.value.status, refused.value.code) == (404, "delivery_not_found")
    with pytest.raises(DomainError):
        service.get_delivery(other, delivery.id)
    assert service.read_feed(other, None).active == ()


@pytest.mark.parametrize("delivery_id", ["x", "dlv_", "dlv_" + "z" * 26, "ord_" + "0" * 26, "dlv_" + "0" * 26])
def test_an_unknown_delivery_is_not_found(world: World, delivery_id: str) -> None:
    with pytest.raises(DomainError) as refused:
        service.accept_offer(delivery_id, told(world.rider()))
    assert refused.value.code == "delivery_not_found"


def test_the_rider_sees_the_brief_and_keeps_nothing_of_the_customer_afterwards(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    assert service.get_delivery(rider, delivery.id).brief == BRIEF
    service.deliver(delivery.id, told(rider), service.Evidence())
    brief = service.get_delivery(rider, delivery.id).brief
    assert brief is not None
    assert (brief.store_name, brief.recipient, brief.phone, brief.dropoff_address) == (BRIEF.store_name, "", "", "")


def test_a_long_brief_is_kept_apart_and_comes_with_the_feed(world: World) -> None:
    rider = world.rider()
    words = " ".join(f"turn{number * 7919 % 1000}" for number in range(120))
    brief = service.Brief(store_name="Lucia", dropoff_address="Somewhere 1", note=words)
    delivery = world.assigned_to(rider, brief=brief)
    assert world.delivery(delivery.id).brief is None
    assert service.read_feed(rider, None).active[0].brief == brief
    assert service.get_delivery(rider, delivery.id).brief == brief
