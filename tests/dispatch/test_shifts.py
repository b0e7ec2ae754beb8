"""What riders work: begun, paused, ended, and written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.dispatch import service
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import DomainError
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import minutes, seconds

if TYPE_CHECKING:
    from chalicelib.dispatch.model.shift import Duty


def last_duty(rider_id: str) -> Duty:
    now = clock.now()
    return service.read_duties(rider_id, now - minutes(24 * 60), now + minutes(24 * 60)).items[-1]


def test_who_goes_online_without_a_plan_has_a_duty_all_the_same(world: World) -> None:
    rider = world.rider()
    at_work = service.read_rider(rider)
    duty = last_duty(rider)
    assert (duty.shift_id, duty.origin, duty.status, duty.ends_at) == (
        at_work.shift_id, "off_roster", "working", None,
    )  # fmt: skip
    service.end_shift(rider)
    duty = last_duty(rider)
    assert duty.status == "ended"
    assert duty.ended_at is not None
    assert service.read_rider(rider).shift_id is None


def test_nothing_is_offered_on_a_break_and_what_is_offered_goes_to_somebody_else(world: World) -> None:
    rider = world.rider()
    delivery = world.offered_to(rider)
    service.take_break(rider)
    assert world.look(delivery.id).offered_to is None
    service.end_break(rider)
    with clock.freeze(clock.now() + minutes(2)):
        other = world.request(ready_at=clock.now())
        world.look(other.id)
        assert [each.id for each in service.read_feed(rider, None).offers] == [other.id]


def test_a_break_begins_when_what_is_in_hand_is_done(world: World) -> None:
    rider = world.rider()
    start = clock.now()
    delivery = world.picked_up_by(rider)
    with clock.freeze(start + minutes(5)):
        service.take_break(rider)
    with clock.freeze(start + minutes(12)):
        service.deliver(delivery.id, told(rider), service.Evidence())
    with clock.freeze(start + minutes(32)):
        service.end_break(rider)
    (pause,) = last_duty(rider).breaks
    assert (pause.begun_at - start, pause.ended_at - start) == (minutes(12), minutes(32))
    with clock.freeze(start + minutes(60)):
        service.end_shift(rider)
        assert abs(last_duty(rider).worked - minutes(40)) < seconds(5)


def test_a_break_that_is_called_off_before_it_began_is_none(world: World) -> None:
    rider = world.rider()
    world.picked_up_by(rider)
    service.take_break(rider)
    service.end_break(rider)
    assert last_duty(rider).breaks == ()
    assert service.read_rider(rider).is_available


def test_a_break_taken_into_the_end_of_the_shift_is_no_work(world: World) -> None:
    rider = world.rider()
    start = clock.now()
    with clock.freeze(start + minutes(30)):
        service.take_break(rider)
    with clock.freeze(start + minutes(50)):
        service.end_shift(rider)
    assert abs(last_duty(rider).worked - minutes(30)) < seconds(5)


def test_who_wants_to_leave_finishes_what_is_in_hand_and_gets_nothing_new(world: World) -> None:
    rider = world.rider(capacity=5)
    start = clock.now()
    delivery = world.picked_up_by(rider)
    assert service.finish_shift(rider).ending
    assert world.look(world.request().id).offered_to is None
    shift_id = last_duty(rider).shift_id
    service.check_on_shift(rider, shift_id, ids.new_id("evt"))
    assert service.read_rider(rider).on_shift
    with clock.freeze(start + minutes(20)):
        service.deliver(delivery.id, told(rider), service.Evidence())
    with clock.freeze(start + minutes(22)):
        service.check_on_shift(rider, shift_id, ids.new_id("evt"))
        service.check_on_shift(rider, shift_id, ids.new_id("evt"))
    assert not service.read_rider(rider).on_shift
    duty = last_duty(rider)
    assert duty.ended_at == start + minutes(20)


def test_breaks_are_for_riders_on_shift(world: World) -> None:
    rider = world.rider()
    service.end_shift(rider)
    for use_case in (service.take_break, service.end_break):
        with pytest.raises(DomainError) as refused:
            use_case(rider)
        assert refused.value.code == "not_on_shift"
