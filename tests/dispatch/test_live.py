"""What a customer sees of the rider: between the store and the door, and only then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.live import follow_after, live_position
from chalicelib.dispatch.model.rider import Position
from chalicelib.kernel.geo import Point
from tests.dispatch.factories import NOW, a_delivery, carried, minutes, seconds

HERE = Position("rider-a", Point(52.5212345678, 13.4098765432), NOW + seconds(60))
SOON = NOW + seconds(70)


def on_board(**changes: object) -> Delivery:
    return replace(carried("rider-a", Status.PICKED_UP), **changes)


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.PICKED_UP])
def test_nobody_is_seen_before_the_pick_up_and_from_the_door_on(status: Status) -> None:
    delivery = a_delivery() if status is Status.UNASSIGNED else carried("rider-a", status)
    assert live_position(delivery, HERE, SOON) is None


def test_a_rider_on_the_way_is_seen_to_the_metre() -> None:
    seen = live_position(on_board(), HERE, SOON)
    assert seen is not None
    assert (seen.point, seen.precision, seen.at) == (Point(52.52123, 13.40988), "exact", HERE.at)


def test_another_rider_is_never_seen() -> None:
    assert live_position(on_board(), replace(HERE, rider_id="rider-b"), SOON) is None
    assert live_position(None, HERE, SOON) is None
    assert live_position(on_board(), None, SOON) is None


def test_a_silent_phone_is_seen_coarsely_and_then_not_at_all() -> None:
    seen = live_position(on_board(), HERE, HERE.at + minutes(3))
    assert seen is not None
    assert (seen.point, seen.precision) == (Point(52.52, 13.41), "coarse")
    assert live_position(on_board(), HERE, HERE.at + minutes(11)) is None


def test_the_doors_of_other_customers_are_not_given_away() -> None:
    seen = live_position(on_board(doors_before=1), HERE, SOON)
    assert seen is not None
    assert seen.precision == "coarse"


def test_where_the_rider_was_before_the_pick_up_is_not_told() -> None:
    assert live_position(on_board(), replace(HERE, at=NOW - minutes(2)), NOW) is None


def test_an_app_asks_when_the_phone_should_have_told_another_place() -> None:
    fresh = live_position(on_board(), HERE, SOON)
    waits = [follow_after(on_board(), fresh, HERE.at + seconds(age)) for age in (5, 30, 51)]
    assert waits == [57, 32, 11]
    assert follow_after(on_board(), fresh, HERE.at + seconds(80)) == 30, "the phone is late, or has nothing to tell"


def test_an_app_asks_seldom_while_there_is_nothing_to_see() -> None:
    ended = carried("rider-a", Status.DELIVERED)
    assert follow_after(a_delivery(), None, NOW) < follow_after(ended, None, NOW)
    assert follow_after(None, None, NOW) == follow_after(a_delivery(), None, NOW)
