"""Before the pick-up a delivery may change riders: for a clear gain, seldom, and never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Delivery, Status, mark
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.zone import lineage
from chalicelib.dispatch.service.around import read_waiting
from chalicelib.dispatch.service.records import write_delivery, write_rider
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import metres_north, minutes, seconds

if TYPE_CHECKING:
    from datetime import datetime


def far_away(world: World, metres: float, **profile: Any) -> tuple[str, Delivery]:
    """A rider on the way from so far, with a delivery that is ready."""
    rider = world.rider(metres, capacity=1, **profile)
    return rider, world.assigned_to(rider, ready_at=clock.now())


def tick_with_something_waiting(world: World) -> datetime:
    """A delivery that nobody may take keeps the zone awake; its next tick."""
    delivery = world.request(ready_at=clock.now() + minutes(9))
    service.look_for_rider(delivery.id, ids.new_id("evt"))
    zone = world.zone()
    assert zone.next_tick_at is not None
    return zone.next_tick_at


def plan(world: World, at: datetime, *uninterested: str) -> None:
    """The tick, with riders who have declined what keeps the zone awake."""
    for waiting in read_waiting(world.zone().cell, lineage(world.store)[0]).values():
        marks = tuple(mark(rider) for rider in uninterested)
        tx = Transaction()
        write_delivery(tx, waiting, replace(waiting, version=waiting.version + 1, excluded=marks))
        tx.commit()
    zone = world.zone()
    assert zone.next_tick_at is not None
    with clock.freeze(at):
        service.tick_zone(zone.cell, zone.next_tick_at, ids.new_id("evt"))


def test_a_rider_who_is_there_much_sooner_gets_the_delivery(world: World) -> None:
    slow, delivery = far_away(world, 4_000)
    due = tick_with_something_waiting(world)
    quick = world.rider(200, capacity=1)
    plan(world, due)
    after = world.delivery(delivery.id)
    assert (after.status, after.offered_to, after.rider_id) == (Status.OFFERED, quick, None)
    with clock.freeze(due):
        assert service.read_feed(slow, None).active == ()
        with pytest.raises(DomainError) as refused:
            service.arrive_at_store(delivery.id, told(slow))
        assert refused.value.code == "delivery_not_yours"
        service.accept_offer(delivery.id, told(quick))
    assert world.delivery(delivery.id).rider_id == quick
    assert service.read_rider(slow).reassigned == 1


def test_a_small_gain_changes_nothing(world: World) -> None:
    rider, delivery = far_away(world, 1_200)
    due = tick_with_something_waiting(world)
    world.rider(200, capacity=1)
    plan(world, due)
    assert world.delivery(delivery.id).rider_id == rider


def test_a_rider_at_the_store_keeps_the_delivery(world: World) -> None:
    rider, delivery = far_away(world, 4_000)
    service.arrive_at_store(delivery.id, told(rider))
    due = tick_with_something_waiting(world)
    world.rider(200, capacity=1)
    plan(world, due)
    assert world.delivery(delivery.id).rider_id == rider


def test_a_rider_who_fell_silent_loses_the_delivery(world: World) -> None:
    rider, delivery = far_away(world, 1_200)
    due = STANDARD.on_slow_beat(tick_with_something_waiting(world) + minutes(6))
    other = world.rider(900, capacity=1)
    with clock.freeze(due - seconds(5)):
        service.report_position(other, metres_north(world.store, 900), clock.now())
    plan(world, due, other)
    after = world.delivery(delivery.id)
    assert (after.rider_id, after.offered_to) == (None, other)
    assert after.excludes(rider)


def test_a_delivery_changes_riders_once(world: World) -> None:
    _, delivery = far_away(world, 4_000)
    due = tick_with_something_waiting(world)
    second = world.rider(3_400, capacity=1, vehicle=service.Vehicle.CAR)
    plan(world, due, second)
    with clock.freeze(due):
        service.accept_offer(delivery.id, told(second))
    third = world.rider(100, capacity=1)
    zone = world.zone()
    assert zone.next_tick_at is not None
    plan(world, zone.next_tick_at, second, third)
    assert world.delivery(delivery.id).rider_id == second


def test_a_rider_loses_no_more_than_two_in_a_shift(world: World) -> None:
    rider, delivery = far_away(world, 4_000)
    before = service.read_rider(rider)
    tx = Transaction()
    write_rider(tx, before, replace(before, version=before.version + 1, reassigned=2))
    tx.commit()
    due = tick_with_something_waiting(world)
    other = world.rider(200, capacity=1)
    plan(world, due, other)
    assert world.delivery(delivery.id).rider_id == rider
    service.break_off_shift(rider)
    assert service.start_shift(rider, world.store).reassigned == 0, "a new shift, a new count"


def leaves_in(rider_id: str, span: float) -> None:
    """The rider's planned shift ends in so many minutes."""
    before = service.read_rider(rider_id)
    tx = Transaction()
    ends_at = clock.now() + minutes(span)
    write_rider(tx, before, replace(before, version=before.version + 1, shift_ends_at=ends_at))
    tx.commit()


def test_nothing_is_given_to_a_rider_whose_shift_would_be_over(world: World) -> None:
    slow, delivery = far_away(world, 4_000)
    due = tick_with_something_waiting(world)
    leaves_in(world.rider(200, capacity=1), 8)
    plan(world, due)
    assert world.delivery(delivery.id).rider_id == slow


def test_what_a_rider_would_deliver_after_the_shift_goes_to_another(world: World) -> None:
    late, delivery = far_away(world, 1_200)
    due = tick_with_something_waiting(world)
    leaves_in(late, 8)
    other = world.rider(200, capacity=1)
    plan(world, due)
    assert world.delivery(delivery.id).offered_to == other
