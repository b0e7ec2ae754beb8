"""From a delivery that wants a rider to one who has taken it."""

from __future__ import annotations

import json

import pytest

from chalicelib.dispatch import reactions as _reactions  # noqa: F401  (declares them)
from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Status
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.kernel import clock, events, ids
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.event_types import DeliverySearchDue
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.conftest import World, events_of, told
from tests.dispatch.factories import a_request, minutes, seconds


def test_requesting_sets_two_looks_in_one_go(world: World) -> None:
    now = clock.now()
    delivery = world.request(ready_at=now + minutes(22))
    looks = events_of(delivery.id)
    assert [kind for kind, _ in looks] == ["DeliverySearchDue", "DeliverySearchDue"]
    due = sorted(clock.parse(at or "") for _, at in looks)
    assert seconds(-1) < due[0] - (now + minutes(11)) <= STANDARD.slow_beat, "on the first beat from then"
    assert due[1] - due[0] == seconds(35)


def test_an_order_is_delivered_once(world: World) -> None:
    delivery = world.request()
    with pytest.raises(DomainError) as refused:
        world.request(order_id=delivery.order_id)
    assert refused.value.code == "delivery_exists"


def test_a_pin_that_is_demanded_must_be_given(world: World) -> None:
    with pytest.raises(ValueError, match="PIN"):
        service.request_delivery(Transaction(), a_request(proof=service.Proof.PIN))


def test_the_nearest_rider_is_asked_and_sees_the_offer(world: World) -> None:
    world.rider(2000)
    near = world.rider(300)
    delivery = world.look(world.request().id)
    assert (delivery.status, delivery.offered_to) == (Status.OFFERED, near)
    feed = service.read_feed(near, None)
    assert [offer.id for offer in feed.offers] == [delivery.id]
    assert feed.retry_after == 10


def test_nobody_near_keeps_the_search_going(world: World) -> None:
    delivery = world.request(ready_at=clock.now())
    after = world.look(delivery.id)
    assert after.status is Status.UNASSIGNED
    assert after.next_look_at is not None
    assert after.waits
    ahead = world.zone().next_tick_at
    assert ahead is not None
    assert ahead > clock.now()


def test_a_declined_offer_goes_to_the_next_rider_at_once_and_never_back(world: World) -> None:
    first, second = world.rider(100), world.rider(900)
    delivery = world.look(world.request().id)
    assert delivery.offered_to == first
    service.decline_offer(delivery.id, told(first))
    assert events_of(delivery.id)[-1] == ("DeliverySearchDue", None)
    assert world.look(delivery.id).offered_to == second
    service.decline_offer(delivery.id, told(second))
    assert world.look(delivery.id).status is Status.UNASSIGNED


def test_an_offer_without_an_answer_goes_to_the_next_rider(world: World) -> None:
    first, second = world.rider(100), world.rider(900)
    delivery = world.look(world.request().id)
    assert delivery.offered_to == first
    assert world.look(delivery.id).version == delivery.version, "the lease still runs"
    with clock.freeze(clock.now() + seconds(75)):
        assert world.look(delivery.id).offered_to == second
        with pytest.raises(DomainError) as refused:
            service.accept_offer(delivery.id, told(first))
    assert refused.value.code == "offer_gone"


def test_the_same_event_twice_makes_one_offer(world: World) -> None:
    world.rider(100)
    world.rider(200)
    delivery = world.request()
    event_id = ids.new_id("evt")
    service.look_for_rider(delivery.id, event_id)
    first = world.delivery(delivery.id)
    with clock.freeze(clock.now() + minutes(2)):
        service.look_for_rider(delivery.id, event_id)
    assert world.delivery(delivery.id) == first


def test_a_rider_has_one_open_offer_at_a_time(world: World) -> None:
    near, far = world.rider(100), world.rider(2000)
    assert world.look(world.request().id).offered_to == near
    assert world.look(world.request().id).offered_to == far


def test_a_rider_carries_several_deliveries_up_to_the_capacity(world: World) -> None:
    rider = world.rider(100, capacity=2)
    one, two = world.assigned_to(rider), world.assigned_to(rider)
    assert {job.id for job in service.read_feed(rider, None).active} == {one.id, two.id}
    assert world.look(world.request().id).status is Status.UNASSIGNED


def test_what_is_delivered_makes_room(world: World) -> None:
    rider = world.rider(100, capacity=1)
    delivery = world.picked_up_by(rider)
    service.deliver(delivery.id, told(rider), service.Evidence())
    assert world.offered_to(rider).offered_to == rider


def test_riders_off_shift_are_not_asked(world: World) -> None:
    service.end_shift(world.rider(100))
    assert world.look(world.request().id).status is Status.UNASSIGNED


def test_dropping_out_looks_for_another_rider_at_once(world: World) -> None:
    first = world.rider(100)
    delivery = world.assigned_to(first)
    second = world.rider(3000)
    service.drop_delivery(delivery.id, told(first))
    assert events_of(delivery.id)[-1] == ("DeliverySearchDue", None)
    assert world.look(delivery.id).offered_to == second
    assert service.read_feed(first, None).active == ()


def test_the_store_is_alerted_once_when_nobody_takes_it(world: World) -> None:
    delivery = world.request(ready_at=clock.now())
    start = clock.now()
    for second in (0, 60, 120, 185, 250, 320):
        with clock.freeze(start + seconds(second)):
            world.look(delivery.id)
    kinds = [kind for kind, _ in events_of(delivery.id)]
    assert kinds.count("DeliveryUnfilled") == 1
    rider = world.rider(100)
    with clock.freeze(start + seconds(400)):
        assert world.look(delivery.id).offered_to == rider, "the search goes on"


def test_five_riders_who_do_not_answer_alert_the_store(world: World) -> None:
    for metres in range(100, 700, 100):
        world.rider(metres)
    delivery = world.request()
    start = STANDARD.on_slow_beat(clock.now())
    for number in range(6):
        with clock.freeze(start + minutes(2 * number)):
            world.look(delivery.id)
    kinds = [kind for kind, _ in events_of(delivery.id)]
    assert kinds.count("DeliveryUnfilled") == 1
    assert world.delivery(delivery.id).status is Status.OFFERED


def test_a_cancelled_delivery_vanishes_from_the_feed_and_refuses_the_rider(world: World) -> None:
    rider = world.rider()
    delivery = world.assigned_to(rider)
    etag = service.read_feed(rider, None).etag
    tx = Transaction()
    service.cancel_delivery(tx, delivery.id, "store closed early", cause="req_9")
    tx.commit()
    feed = service.read_feed(rider, etag)
    assert feed.etag != etag
    assert feed.active == ()
    with pytest.raises(DomainError) as refused:
        service.arrive_at_store(delivery.id, told(rider))
    assert refused.value.code == "delivery_cancelled"
    last = world.delivery(delivery.id).steps[-1]
    assert (last.status, last.reason, last.cause) == (Status.CANCELLED, "store_closed_early", "req_9")


def test_what_is_on_the_road_can_not_be_cancelled(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    tx = Transaction()
    service.cancel_delivery(tx, delivery.id, "customer")
    with pytest.raises(DomainError) as refused:
        tx.commit()
    assert (refused.value.status, refused.value.code) == (409, "delivery_under_way")


def test_an_unknown_delivery_can_not_be_cancelled_or_made_ready(world: World) -> None:
    unknown = ids.new_id("dlv")
    for change in (lambda tx: service.cancel_delivery(tx, unknown, "x"), lambda tx: service.mark_ready(tx, unknown)):
        tx = Transaction()
        change(tx)
        with pytest.raises(DomainError) as refused:
            tx.commit()
        assert refused.value.code == "delivery_not_found"
    service.look_for_rider(unknown, ids.new_id("evt"))


def test_an_order_ready_long_before_its_time_starts_the_search(world: World) -> None:
    expected = clock.now() + minutes(40)
    delivery = world.request(ready_at=expected)
    tx = Transaction()
    service.mark_ready(tx, delivery.id, expected_at=expected)
    tx.commit()
    assert events_of(delivery.id)[-1] == ("DeliverySearchDue", None)
    rider = world.rider()
    assert world.look(delivery.id).offered_to == rider


def test_marking_ready_twice_keeps_the_first_time(world: World) -> None:
    delivery = world.request()
    world.ready(delivery.id)
    first = world.delivery(delivery.id).marked_ready_at
    with clock.freeze(clock.now() + minutes(3)):
        world.ready(delivery.id)
    assert world.delivery(delivery.id).marked_ready_at == first


def test_a_kitchen_that_needs_longer_moves_the_search(world: World) -> None:
    delivery = world.request(ready_at=clock.now() + minutes(12))
    later = clock.now() + minutes(60)
    tx = Transaction()
    service.expect_ready_at(tx, delivery.id, later)
    tx.commit()
    world.rider()
    after = world.look(delivery.id)
    assert after.status is Status.UNASSIGNED
    assert after.ready_at == later


def test_a_message_from_the_queue_makes_an_offer_and_its_copy_makes_none(world: World) -> None:
    rider = world.rider()
    delivery = world.request()
    entry = events.envelope(DeliverySearchDue(delivery_id=delivery.id, attempt=1))
    message = {"messageId": "1", "body": json.dumps({"detail": events.to_json(entry)})}
    assert events.consume("dispatch", [message, message]) == {"batchItemFailures": []}
    after = world.delivery(delivery.id)
    assert (after.offered_to, after.version) == (rider, delivery.version + 1)
