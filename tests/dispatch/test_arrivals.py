"""When riders come, as it is kept, updated and told; on the real tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch import service
from chalicelib.kernel import clock, ids
from tests.dispatch.conftest import Meter, World, events_of, told
from tests.dispatch.factories import metres_north, minutes, seconds

if TYPE_CHECKING:
    from datetime import datetime


def kinds_of(delivery_id: str) -> list[str]:
    return [kind for kind, _ in events_of(delivery_id)]


def ride(world: World, rider: str, metres: float, at: datetime) -> None:
    """A heartbeat from so far north of the store."""
    with clock.freeze(at):
        service.report_position(rider, metres_north(world.store, metres), at)


def test_a_delivery_that_is_taken_knows_when_its_rider_comes(world: World) -> None:
    rider = world.rider(600)
    delivery = world.assigned_to(rider)
    now = clock.now()
    assert delivery.comes_at is not None
    assert delivery.arrives_at is not None
    assert minutes(2) < delivery.comes_at - now < minutes(5)  # 600 m and its detours by bicycle
    assert delivery.ready_at < delivery.arrives_at < delivery.promised_at
    (feed,) = [service.read_feed(rider, None)]
    assert [stop.kind for stop in service.route(feed.active)] == ["store", "door"]


def test_nobody_is_expected_before_and_after(world: World) -> None:
    rider = world.rider()
    offer = world.offered_to(rider)
    assert (offer.comes_at, offer.arrives_at) == (None, None)
    service.accept_offer(offer.id, told(rider))
    service.drop_delivery(offer.id, told(rider))
    assert world.delivery(offer.id).arrives_at is None
    done = world.picked_up_by(world.rider(100))
    assert done.comes_at is None
    service.deliver(done.id, told(done.rider_id or ""), service.Evidence())
    assert world.delivery(done.id).arrives_at is None


def test_leaving_the_store_is_told_with_the_time_of_arrival_and_checked(world: World) -> None:
    delivery = world.picked_up_by(world.rider())
    assert delivery.arrives_at is not None
    assert "DeliveryOnItsWay" in kinds_of(delivery.id)
    due = [due for kind, due in events_of(delivery.id) if kind == "DeliveryCheckDue"]
    assert len(due) == 1


def test_a_second_door_waits_for_the_first(world: World) -> None:
    rider = world.rider()
    far = world.picked_up_by(rider, dropoff_point=metres_north(world.store, -3000))
    near = world.assigned_to(rider, dropoff_point=metres_north(world.store, -600))
    world.ready(near.id)
    service.pick_up(near.id, told(rider))
    near = world.delivery(near.id)
    assert near.doors_before == 0
    ride(world, rider, -200, clock.now() + seconds(20))
    assert world.delivery(far.id).doors_before == 1
    route = service.route(service.read_feed(rider, None).active)
    assert [stop.deliveries for stop in route] == [(near.id,), (far.id,)]


def test_two_minutes_away_is_told_once(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)  # the door is 1500 m south
    now = clock.now()
    ride(world, rider, -400, now + minutes(2))
    assert "DeliveryNearby" not in kinds_of(delivery.id)
    ride(world, rider, -1300, now + minutes(5))
    ride(world, rider, -1480, now + minutes(6))
    assert kinds_of(delivery.id).count("DeliveryNearby") == 1


def test_small_movements_and_old_positions_write_the_position_only(world: World, meter: Meter) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    now = clock.now()
    ride(world, rider, -300, now + minutes(1))
    version = world.delivery(delivery.id).version
    meter.reset()
    ride(world, rider, -350, now + minutes(1.2))
    assert meter.told()[2] == 2
    ride(world, rider, 5000, now + minutes(1.1))  # captured before the last one
    assert world.delivery(delivery.id).version == version


def test_a_whole_ride_writes_the_delivery_a_few_times(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    now = clock.now()
    for number in range(1, 30):  # at the speed that was expected
        ride(world, rider, -50 * number, now + seconds(50 * number * 1.3 / 4.2))
    assert world.delivery(delivery.id).version - delivery.version <= 2


def test_a_rider_who_falls_behind_is_told_of_before_it_is_late(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider, promised_at=clock.now() + minutes(14))
    now = clock.now()
    ride(world, rider, 3000, now + minutes(6))
    late = world.delivery(delivery.id)
    assert late.is_at_risk
    assert now + minutes(6) < late.promised_at
    ride(world, rider, 3500, now + minutes(8))
    assert kinds_of(delivery.id).count("DeliveryAtRisk") == 1


def test_what_is_taken_too_late_to_keep_the_promise_is_told_at_once(world: World) -> None:
    delivery = world.assigned_to(world.rider(), promised_at=clock.now() + minutes(9))
    assert delivery.is_at_risk
    assert kinds_of(delivery.id).count("DeliveryAtRisk") == 1


def check(delivery_id: str, at: datetime) -> None:
    with clock.freeze(at):
        service.check_on_delivery(delivery_id)


def test_a_silent_rider_is_found_late_by_the_timer_which_may_come_twice(world: World) -> None:
    delivery = world.picked_up_by(world.rider())
    check(delivery.id, delivery.promised_at - minutes(1))
    check(delivery.id, delivery.promised_at - minutes(1))
    assert kinds_of(delivery.id).count("DeliveryAtRisk") == 1
    assert kinds_of(delivery.id).count("DeliveryCheckDue") == 1


def test_a_timer_that_comes_early_or_after_the_door_changes_nothing(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    service.arrive_at_door(delivery.id, told(rider))
    version = world.delivery(delivery.id).version
    check(delivery.id, clock.now() + minutes(30))
    check(ids.new_id("dlv"), clock.now())
    assert world.delivery(delivery.id).version == version
    assert "DeliveryAtRisk" not in kinds_of(delivery.id)
