"""When a rider comes: stops in order, their times, and what is worth telling whom."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.dispatch.model import eta
from chalicelib.dispatch.model.delivery import NEARBY_TOLD, Actor, Delivery, Status, Step
from chalicelib.dispatch.model.eta import Trip
from chalicelib.dispatch.model.rider import Vehicle
from chalicelib.dispatch.nearest import StraightLine
from chalicelib.kernel.geo import Point
from tests.dispatch.factories import NOW, STORE, carried, metres_north, minutes, seconds

RIDER = "rider-a"
WAYS = StraightLine(detour=1.0, bicycle=5.0)  # 300 m a minute


def a_trip(*deliveries: Delivery, point: Point = STORE) -> Trip:
    return Trip(NOW, point, Vehicle.BICYCLE, deliveries, WAYS)


def to_fetch(door_m: float = 3000, store_m: float = 0, ready: float = 0, taken: float = 0, op: str = "") -> Delivery:
    """Taken so many minutes after noon; the store so far north of ours, the door so far north of that."""
    store = metres_north(STORE, store_m)
    begun = carried(RIDER, ready_at=NOW + minutes(ready), store_point=store, dropoff_point=metres_north(store, door_m))
    step = Step(Status.ASSIGNED, NOW + minutes(taken), Actor.RIDER, op or begun.id)
    return replace(begun, steps=(*begun.steps[:-1], step))


def on_board(door_m: float = 3000, **changes: object) -> Delivery:
    return replace(to_fetch(door_m), **{"status": Status.PICKED_UP, **changes})


def kinds(trip: Trip) -> list[str]:
    return [stop.kind for stop in eta.planned_stops(trip)]


def near(at: object, wanted: object) -> bool:
    return abs(at - wanted) < seconds(5)  # type: ignore[operator]


def test_a_rider_rides_to_the_store_waits_there_and_rides_to_the_door() -> None:
    delivery = to_fetch(3000, ready=8)
    expected = eta.with_times(a_trip(delivery, point=metres_north(STORE, -600)))[delivery.id]
    assert near(expected.at_store_at, NOW + minutes(2))
    assert near(expected.at_door_at, NOW + minutes(8 + 1 + 10))
    assert expected.doors_before == 0


def test_an_order_that_waits_for_the_rider_costs_the_handling_only() -> None:
    delivery = to_fetch(3000, ready=-5)
    expected = eta.with_times(a_trip(delivery, point=metres_north(STORE, -600)))[delivery.id]
    assert near(expected.at_door_at, NOW + minutes(2 + 2 + 10))


def test_the_doors_before_ones_own_take_their_time() -> None:
    first, second = on_board(900), on_board(1500)
    expected = eta.with_times(a_trip(second, first))
    assert near(expected[first.id].at_door_at, NOW + minutes(3))
    assert near(expected[second.id].at_door_at, NOW + minutes(3 + 2 + 2))
    assert [expected[each.id].doors_before for each in (first, second)] == [0, 1]


def test_what_was_accepted_together_is_picked_up_together() -> None:
    first, second = to_fetch(900, op="both"), to_fetch(900, store_m=600, op="both")
    picked = replace(first, status=Status.PICKED_UP)
    assert kinds(a_trip(picked, second, point=metres_north(STORE, 300))) == ["store", "door", "door"]


def test_what_was_accepted_later_comes_after_the_doors() -> None:
    trip = a_trip(on_board(900), to_fetch(900, store_m=-600, taken=3), point=metres_north(STORE, 300))
    assert kinds(trip) == ["door", "store", "door"]


def test_what_waits_where_the_rider_stands_is_taken_along() -> None:
    assert kinds(a_trip(on_board(900), to_fetch(600, taken=3), point=STORE)) == ["store", "door", "door"]


def test_two_orders_of_a_store_are_one_stop() -> None:
    stops = eta.planned_stops(a_trip(to_fetch(900), to_fetch(600, taken=2), point=metres_north(STORE, -900)))
    assert [len(stop.deliveries) for stop in stops] == [2, 1, 1]


def test_what_failed_goes_back_after_the_doors() -> None:
    assert kinds(a_trip(on_board(900, status=Status.FAILED), on_board(1500))) == ["door", "return"]


def test_a_door_where_the_rider_rings_is_the_first() -> None:
    ringing, other = on_board(3000, status=Status.AT_DOOR), on_board(300)
    assert eta.planned_stops(a_trip(other, ringing))[0].deliveries == (ringing.id,)


def test_what_has_ended_is_no_stop() -> None:
    over = [on_board(status=status) for status in (Status.DELIVERED, Status.RETURNED, Status.CANCELLED)]
    assert eta.planned_stops(a_trip(*over)) == ()
    assert eta.with_times(a_trip(*over)) == {}


@given(st.lists(st.tuples(st.floats(-5000, 5000), st.floats(-3000, 3000), st.booleans()), min_size=1, max_size=8))
def test_every_delivery_has_one_door_and_time_goes_on(given_trips: list[tuple[float, float, bool]]) -> None:
    trip = a_trip(*(on_board(d) if aboard else to_fetch(d, store_m=s) for d, s, aboard in given_trips))
    stops = eta.planned_stops(trip)
    doors = [each for stop in stops if stop.kind == "door" for each in stop.deliveries]
    assert sorted(doors) == sorted(each.id for each in trip.deliveries)
    assert all(one.at <= other.at for one, other in pairwise(stops))
    for each in eta.with_times(trip).values():
        if each.status is Status.ASSIGNED:
            assert each.at_store_at is not None
            assert each.at_door_at is not None
            assert each.at_store_at < each.at_door_at


@pytest.mark.parametrize(("minutes_moved", "worth"), [(1.9, False), (-1.9, False), (2, True), (-2, True)])
def test_a_difference_that_nobody_notices_is_not_written(minutes_moved: float, worth: bool) -> None:
    before = on_board(at_door_at=NOW + minutes(9))
    assert eta.differs(before, replace(before, at_door_at=NOW + minutes(9 + minutes_moved))) is worth


def test_the_first_times_and_another_sequence_are_written() -> None:
    before = on_board()
    known = replace(before, at_door_at=NOW)
    assert eta.differs(before, known)
    assert eta.differs(known, replace(known, doors_before=1))
    assert not eta.differs(known, known)


def test_two_minutes_away_is_told_once_and_to_whom_the_rider_rides() -> None:
    near_by = on_board(at_door_at=NOW + minutes(2))
    assert eta.is_nearby(near_by, NOW)
    assert not eta.is_nearby(near_by, NOW - seconds(1))
    assert not eta.is_nearby(replace(near_by, doors_before=1), NOW)
    assert not eta.is_nearby(replace(near_by, told=NEARBY_TOLD), NOW)
    assert not eta.is_nearby(replace(near_by, status=Status.AT_DOOR), NOW)
    assert not eta.is_nearby(replace(near_by, status=Status.ASSIGNED), NOW)


def test_a_promise_that_will_be_broken_is_told_once_before_it_is() -> None:
    late = on_board(promised_at=NOW + minutes(20), at_door_at=NOW + minutes(22))
    assert eta.is_at_risk(late)
    assert not eta.is_at_risk(replace(late, told="nr"))
    assert not eta.is_at_risk(replace(late, at_door_at=NOW + minutes(21)))
    assert not eta.is_at_risk(replace(late, status=Status.DELIVERED))


def test_the_check_is_before_it_is_late_or_as_late_as_a_queue_can_carry() -> None:
    longest = minutes(14)
    riding = on_board(promised_at=NOW + minutes(12), at_door_at=NOW + minutes(9))
    assert eta.check_at(riding, NOW, longest) == NOW + minutes(10)
    assert eta.check_at(replace(riding, promised_at=NOW + minutes(40)), NOW, longest) == NOW + longest
    assert eta.check_at(replace(riding, promised_at=NOW), NOW, longest) == NOW + timedelta(minutes=2)
    assert eta.check_at(replace(riding, told="r"), NOW, longest) is None
    assert eta.check_at(replace(riding, status=Status.AT_DOOR), NOW, longest) is None


def test_the_route_is_by_the_times_that_are_kept() -> None:
    known = eta.with_times(a_trip(to_fetch(900, op="x"), to_fetch(300, op="x"), point=metres_north(STORE, -600)))
    shown = eta.route(tuple(known.values()))
    assert [stop.kind for stop in shown] == ["store", "door", "door"]
    assert shown[0].deliveries == tuple(sorted(known))
    without = eta.route((to_fetch(),))
    assert [stop.kind for stop in without] == ["store", "door"]
