"""Planned shifts: who may take a place, begin, give it back, and what happens when the end comes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.tables import DutyRow, ShiftRow, duties_pk
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import DomainError
from tests.dispatch.conftest import World, events_of, told
from tests.dispatch.factories import metres_north, minutes, seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def off_shift(world: World, **profile: Any) -> str:
    rider = world.rider(**profile)
    service.end_shift(rider)
    return rider


def planned(world: World, after: float = 24 * 60, lasts: float = 240, **given: Any) -> service.Shift:
    """A shift at the store that begins in so many minutes."""
    begins = clock.now() + minutes(after)
    return service.plan_shift(world.store, begins, begins + minutes(lasts), **{"places": 1} | given)


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(DomainError) as error:
        call()
    return error.value.code


def check(rider_id: str, shift_id: str) -> None:
    service.check_on_shift(rider_id, shift_id, ids.new_id("evt"))


def working(world: World, **profile: Any) -> tuple[str, service.Shift]:
    """A rider at work in a planned shift of four hours that has just begun; phones look at even minutes of it."""
    now = clock.now()
    begins = STANDARD.on_slow_beat(now + minutes(1))
    rider, shift = off_shift(world, **profile), planned(world, (begins - now) / minutes(1))
    service.claim_shift(rider, shift.id)
    service.start_shift(rider, metres_north(world.store, 200), shift.id)
    return rider, shift


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_place_has_one_rider(world: World) -> None:
    first, second, shift = off_shift(world), off_shift(world), planned(world)
    assert service.claim_shift(first, shift.id).status == "booked"
    assert service.claim_shift(first, shift.id).status == "booked"  # the phone asks twice
    assert refused(lambda: service.claim_shift(second, shift.id)) == "shift_full"
    assert service.read_shift(shift.id).taken == 1


@pytest.mark.fault
def test_of_many_who_claim_as_many_win_as_there_are_places(world: World) -> None:
    riders = [off_shift(world) for _ in range(6)]
    shift = planned(world, places=2)
    answers = at_once(*(partial(service.claim_shift, each, shift.id) for each in riders))
    won = [each for each in answers if each not in ("shift_full", "contention")]
    assert len(won) == service.read_shift(shift.id).taken <= 2
    assert "shift_full" in answers
    roster = service.list_roster(shift.id, None, 10).items
    assert {each.rider_id for each in roster} == {each.rider_id for each in won}


@pytest.mark.fault
def test_nobody_gets_two_shifts_at_the_same_time_by_tapping_both(world: World) -> None:
    for _ in range(4):
        rider = off_shift(world)
        one, other = planned(world, places=3), planned(world, 24 * 60 + 60, places=3)
        answers = at_once(
            partial(service.claim_shift, rider, one.id),
            partial(service.claim_shift, rider, other.id),
        )
        assert "shift_overlaps" in answers
        assert service.read_shift(one.id).taken + service.read_shift(other.id).taken == 1


@pytest.mark.fault
def test_a_place_that_is_claimed_and_withdrawn_at_once_is_counted_once(world: World) -> None:
    for _ in range(4):
        rider, other = off_shift(world), off_shift(world)
        shift = planned(world)
        service.claim_shift(rider, shift.id)
        at_once(
            partial(service.give_back_shift, rider, shift.id),
            partial(service.withdraw_shift, shift.id, rider),
            partial(service.claim_shift, other, shift.id),
        )
        booked = [each for each in service.list_roster(shift.id, None, 10).items if each.status == "booked"]
        assert service.read_shift(shift.id).taken == len(booked) <= 1


def test_places_that_are_not_open_are_for_whom_an_admin_assigns(world: World) -> None:
    rider, shift = off_shift(world), planned(world, is_open=False)
    assert refused(lambda: service.claim_shift(rider, shift.id)) == "shift_not_open"
    assert service.assign_shift(shift.id, rider).origin == "assigned"


def test_a_place_is_given_back_in_time_and_can_be_claimed_anew(world: World) -> None:
    rider, shift = off_shift(world), planned(world, 125)
    service.claim_shift(rider, shift.id)
    service.give_back_shift(rider, shift.id)
    service.give_back_shift(rider, shift.id)
    assert service.read_shift(shift.id).taken == 0
    service.claim_shift(rider, shift.id)
    with clock.freeze(clock.now() + minutes(6)):
        assert refused(lambda: service.give_back_shift(rider, shift.id)) == "too_late_to_give_back"
        assert service.withdraw_shift(shift.id, rider).status == "withdrawn"
    assert service.read_shift(shift.id).taken == 0


def test_what_can_be_claimed_is_shown_page_by_page_the_earliest_first(world: World) -> None:
    rider = off_shift(world)
    shifts = [planned(world, 60 * number) for number in (5, 3, 4, 1, 2)]
    service.claim_shift(rider, shifts[0].id)
    planned(world, 90, is_open=False)
    seen: list[str] = []
    after: str | None = None
    for _ in range(10):
        page, after = service.list_open_shifts(world.store, after, 2)
        seen += [each.id for each in page]
        if after is None:
            break
    assert seen == [shifts[number].id for number in (3, 4, 1, 2)]


def test_a_cancelled_shift_frees_its_riders(world: World) -> None:
    rider, shift = off_shift(world), planned(world)
    service.claim_shift(rider, shift.id)
    service.cancel_shift(shift.id)
    service.cancel_shift(shift.id)
    service.free_riders(shift.id)
    service.free_riders(shift.id)
    assert service.read_duty(rider, shift.id).status == "cancelled"
    assert service.claim_shift(rider, planned(world).id).status == "booked"


def test_nobody_begins_a_cancelled_shift_even_before_its_riders_are_told(world: World) -> None:
    rider, shift = off_shift(world), planned(world, 5)
    service.claim_shift(rider, shift.id)
    service.cancel_shift(shift.id)
    assert refused(lambda: service.start_shift(rider, world.store, shift.id)) == "shift_cancelled"
    assert service.start_shift(rider, world.store).on_shift  # but may go online without one


def test_there_are_never_fewer_places_than_riders_and_an_agreed_end_stays(world: World) -> None:
    riders, shift = [off_shift(world), off_shift(world)], planned(world, places=3)
    for each in riders:
        service.claim_shift(each, shift.id)
    version = service.read_shift(shift.id).version
    assert refused(lambda: service.change_shift(shift.id, version, places=1)) == "validation_failed"
    assert (
        refused(lambda: service.change_shift(shift.id, version, ends_at=shift.ends_at + minutes(30))) == "shift_taken"
    )
    assert refused(lambda: service.change_shift(shift.id, version - 1, places=2)) == "version_conflict"
    assert service.change_shift(shift.id, version, places=2, open=False).places == 2


def test_shifts_of_no_sensible_time_are_not_planned(world: World) -> None:
    for after, lasts in ((-300, 240), (60, 10), (60, 60 * 20), (60 * 24 * 120, 240)):
        assert refused(lambda after=after, lasts=lasts: planned(world, after, lasts)) == "validation_failed"


# --- beginning --------------------------------------------------------------------------------------------------------


def test_a_shift_begins_neither_too_early_nor_too_late_nor_elsewhere(world: World) -> None:
    rider, shift, here = off_shift(world), planned(world, 60), world.store
    service.claim_shift(rider, shift.id)
    with clock.freeze(shift.starts_at - minutes(16)):
        assert refused(lambda: service.start_shift(rider, here, shift.id)) == "shift_not_yet"
    with clock.freeze(shift.starts_at - minutes(14)):
        far = metres_north(here, 40_000)
        assert refused(lambda: service.start_shift(rider, far, shift.id)) == "outside_shift_area"
    with clock.freeze(shift.starts_at + minutes(31)):
        assert refused(lambda: service.start_shift(rider, here, shift.id)) == "shift_missed"
    with clock.freeze(shift.starts_at + minutes(20)):
        begun = service.start_shift(rider, here, shift.id)
    assert (begun.shift_id, begun.shift_ends_at) == (shift.id, shift.ends_at)
    assert service.read_duty(rider, shift.id).begun_at == shift.starts_at + minutes(20)


def test_who_simply_goes_online_begins_the_booked_shift_that_is_due(world: World) -> None:
    rider, shift = off_shift(world), planned(world, 10)
    service.claim_shift(rider, shift.id)
    assert service.start_shift(rider, world.store).shift_id == shift.id
    assert service.read_duty(rider, shift.id).status == "working"


def test_from_off_the_roster_into_a_planned_shift_without_going_offline(world: World) -> None:
    rider, shift = world.rider(), planned(world, 10)
    service.claim_shift(rider, shift.id)
    before = service.read_rider(rider).shift_id
    assert before is not None
    after = service.start_shift(rider, world.store, shift.id)
    assert (after.on_shift, after.shift_id) == (True, shift.id)
    assert service.read_duty(rider, before).status == "ended"


def test_who_never_comes_loses_the_place(world: World) -> None:
    rider, shift = off_shift(world), planned(world, 60)
    service.claim_shift(rider, shift.id)
    check(rider, shift.id)  # a timer that comes too early changes nothing
    assert service.read_duty(rider, shift.id).status == "booked"
    with clock.freeze(shift.starts_at + minutes(30)):
        check(rider, shift.id)
        check(rider, shift.id)
    assert service.read_duty(rider, shift.id).status == "missed"
    assert service.read_shift(shift.id).taken == 0


def test_a_shift_of_somebody_else_is_not_there(world: World) -> None:
    rider, other, shift = off_shift(world), off_shift(world), planned(world, 5)
    service.claim_shift(rider, shift.id)
    for call in (
        lambda: service.start_shift(other, world.store, shift.id),
        lambda: service.give_back_shift(other, shift.id),
        lambda: service.read_duty(other, shift.id),
        lambda: service.read_shift("shf_nonsense"),
    ):
        assert refused(call) == "shift_not_found"


# --- within the shift -------------------------------------------------------------------------------------------------


def test_nothing_is_offered_that_would_not_be_at_its_door_in_time(world: World) -> None:
    rider, shift = working(world)
    with clock.freeze(shift.ends_at - minutes(12)):
        service.report_position(rider, world.store, clock.now())
        late = world.request(ready_at=clock.now() + minutes(3))  # a ride of eight minutes, and two hand-overs
        assert world.look(late.id).offered_to is None
    rider, shift = working(World(metres_north(world.store, 60_000), ids.new_id("sto")))
    near = World(metres_north(world.store, 60_000))
    with clock.freeze(shift.ends_at - minutes(20)):
        service.report_position(rider, near.store, clock.now())
        early = near.request(ready_at=clock.now())
        assert near.look(early.id).offered_to == rider


def test_the_planner_knows_the_end_of_the_shift(world: World) -> None:
    rider, shift = working(world, capacity=5)
    with clock.freeze(shift.ends_at - minutes(24)):
        service.report_position(rider, world.store, clock.now())
        ready = clock.now()
        made = [world.request(ready_at=ready + minutes(after)) for after in (0, 0, 14, 14)]
        for each in made:
            world.look(each.id)
        offered = {each.id for each in service.read_feed(rider, None).offers}
    for after in (23.5, 23, 22.5):
        with clock.freeze(shift.ends_at - minutes(after)):
            service.report_position(rider, world.store, clock.now())
            world.tick()
            offered |= {each.id for each in service.read_feed(rider, None).offers}
    assert offered
    assert offered <= {each.id for each in made[:2]}


def test_the_pool_shows_and_gives_only_what_can_be_brought_in_time(world: World) -> None:
    rider, shift = working(world)
    with clock.freeze(shift.ends_at - minutes(6)):
        delivery = world.request(ready_at=clock.now())
        world.look(delivery.id)
    with clock.freeze(shift.ends_at - minutes(3)):
        service.report_position(rider, world.store, clock.now())
        world.tick()
        assert world.delivery(delivery.id).pooled_at is not None
        assert service.read_pool(rider).deliveries == ()
        assert refused(lambda: service.claim_delivery(delivery.id, told(rider))) == "shift_too_short"


def test_the_planned_end_ends_the_shift(world: World) -> None:
    rider, shift = working(world)
    check(rider, shift.id)  # too early
    assert service.read_rider(rider).on_shift
    with clock.freeze(shift.ends_at + seconds(40)):
        check(rider, shift.id)
        check(rider, shift.id)
    assert not service.read_rider(rider).on_shift
    assert service.read_duty(rider, shift.id).ended_at == shift.ends_at


def test_who_has_an_order_on_board_at_the_end_brings_it_and_gets_nothing_new(world: World) -> None:
    rider, shift = working(world, capacity=3)
    with clock.freeze(shift.ends_at - minutes(20)):
        service.report_position(rider, world.store, clock.now())
        delivery = world.picked_up_by(rider, ready_at=clock.now())
    with clock.freeze(shift.ends_at):
        check(rider, shift.id)
        assert service.read_rider(rider).ending
        assert world.look(world.request(ready_at=clock.now()).id).offered_to is None
    with clock.freeze(shift.ends_at + minutes(7)):
        service.deliver(delivery.id, told(rider), service.Evidence())
    with clock.freeze(shift.ends_at + minutes(8)):
        check(rider, shift.id)
    assert not service.read_rider(rider).on_shift
    assert service.read_duty(rider, shift.id).ended_at == shift.ends_at + minutes(7)


def test_who_is_still_on_the_way_to_the_store_at_the_end_goes_home_and_another_is_asked(world: World) -> None:
    rider, shift = working(world)
    with clock.freeze(shift.ends_at - minutes(20)):
        service.report_position(rider, world.store, clock.now())
        delivery = world.assigned_to(rider, ready_at=clock.now())
    with clock.freeze(shift.ends_at):
        check(rider, shift.id)
        assert not service.read_rider(rider).on_shift
        assert world.delivery(delivery.id).status == "unassigned"
        assert ("DeliverySearchDue", None) in events_of(delivery.id)


@pytest.mark.fault
def test_the_end_of_the_shift_against_an_offer_and_its_acceptance(world: World) -> None:
    for _ in range(4):
        rider, shift = working(world)
        with clock.freeze(shift.ends_at - minutes(20)):
            service.report_position(rider, world.store, clock.now())
            delivery = world.offered_to(rider, ready_at=clock.now())
            at_once(
                partial(service.accept_offer, delivery.id, told(rider)),
                partial(service.finish_shift, rider),
            )
            mine = world.delivery(delivery.id).is_carried_by(rider)
            after = service.read_rider(rider)
            assert (after.on_shift, after.ending) == ((True, True) if mine else (False, False))
            service.break_off_shift(rider)


# --- at rest ----------------------------------------------------------------------------------------------------------


def test_items_stay_below_a_kilobyte(world: World) -> None:
    rider, shift = working(world)
    for number in range(20):
        at: datetime = shift.starts_at + minutes(10 * number + 1)
        with clock.freeze(at):
            service.take_break(rider)
        with clock.freeze(at + minutes(5)):
            service.end_break(rider)
    with clock.freeze(shift.ends_at - minutes(1)):
        assert refused(lambda: service.take_break(rider)) == "too_many_breaks"
    assert len(service.read_duty(rider, shift.id).breaks) == 20
    (row,) = tables.query(DutyRow, duties_pk(shift.id), index="zone").items
    planned_row = tables.get(ShiftRow, shift.id, "STATE")
    assert planned_row is not None
    for each in (row, planned_row):
        assert len(str(each.serialize())) < 1_400  # with the wire's quotes and types; a third less at rest


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or was refused with, all begun at the same moment."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
