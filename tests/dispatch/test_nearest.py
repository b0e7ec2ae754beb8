"""Who is asked first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Delivery, Status, excluding
from chalicelib.dispatch.model.policy import STANDARD, Policy
from chalicelib.dispatch.model.rider import RiderAtWork, Vehicle
from chalicelib.dispatch.nearest import Offer, StraightLine, plan
from chalicelib.kernel import geo
from chalicelib.kernel.geo import Point
from tests.dispatch.factories import (
    DOOR,
    NOW,
    STORE,
    a_delivery,
    at_work,
    carried,
    metres_north,
    minutes,
    offered,
    seconds,
)


@dataclass(frozen=True)
class Steady:
    """Five metres a second in a straight line, whatever the vehicle."""

    def time(self, start: Point, end: Point, vehicle: Vehicle) -> timedelta:
        return timedelta(seconds=geo.distance_m(start, end) / 5)


def planned(deliveries: list[Delivery], riders: list[RiderAtWork], policy: Policy = STANDARD) -> list[Offer]:
    return plan(NOW, deliveries, riders, Steady(), policy)


def asked(delivery: Delivery, *riders: RiderAtWork) -> str | None:
    offers = planned([delivery], list(riders))
    return offers[0].rider_id if offers else None


def near(rider_id: str, metres: float, **changes: object) -> RiderAtWork:
    return at_work(rider_id, metres_north(STORE, metres), **changes)


def test_the_rider_who_is_there_first_is_asked() -> None:
    assert asked(a_delivery(), near("far", 3000), near("near", 300), near("middle", 900)) == "near"


def test_an_offer_says_when_the_rider_is_expected_and_when_it_runs_out() -> None:
    (offer,) = planned([a_delivery()], [near("a", 600)])
    assert abs(offer.at_store - (NOW + seconds(120))) < seconds(1)
    assert offer.expires_at == NOW + seconds(30)


def test_a_faster_vehicle_can_make_up_for_distance() -> None:
    on_foot = near("walker", 800, vehicle=Vehicle.FOOT)
    by_car = near("driver", 2500, vehicle=Vehicle.CAR)
    assert plan(NOW, [a_delivery()], [on_foot, by_car], StraightLine(), STANDARD)[0].rider_id == "driver"


@pytest.mark.parametrize(
    "unsuitable",
    [
        {"room": 0},
        {"heard_at": NOW - minutes(16)},
        {"deliveries": (offered("nearest"),)},
    ],
)
def test_riders_without_room_silent_or_with_an_open_offer_are_left_out(unsuitable: dict[str, object]) -> None:
    assert asked(a_delivery(), near("nearest", 10, **unsuitable), near("other", 2000)) == "other"


def test_who_was_asked_before_is_not_asked_again() -> None:
    delivery = a_delivery()
    delivery = replace(delivery, excluded=excluding(delivery, "nearest"))
    assert asked(delivery, near("nearest", 10), near("other", 2000)) == "other"
    assert asked(delivery, near("nearest", 10)) is None


def test_a_rider_out_of_reach_is_asked_only_once_the_store_was_alerted() -> None:
    delivery = a_delivery()
    far = near("far", 5 * 60 * 60)  # an hour
    assert asked(delivery, far) is None
    assert asked(replace(delivery, unfilled_at=NOW), far) == "far"


def test_a_busy_rider_counts_from_where_the_work_ends() -> None:
    elsewhere = carried("busy", Status.PICKED_UP, dropoff_point=metres_north(STORE, 3000))
    busy = near("busy", 0, deliveries=(elsewhere,))
    assert asked(a_delivery(), busy, near("idle", 1500)) == "idle"
    # The way to the door (3 km: 10 minutes), handing over (2), and back (10).
    (offer,) = planned([a_delivery()], [busy])
    assert abs(offer.at_store - (NOW + minutes(22))) < seconds(2)


def test_a_busy_rider_who_ends_at_the_store_is_nearer_than_an_idle_one_far_away() -> None:
    ending_here = carried("busy", Status.AT_DOOR, dropoff_point=STORE)
    assert asked(a_delivery(), near("busy", 0, deliveries=(ending_here,)), near("idle", 2000)) == "busy"


def test_a_rider_waits_for_food_before_going_on() -> None:
    cooking = carried("busy", Status.AT_STORE, ready_at=NOW + minutes(15), dropoff_point=metres_north(STORE, 10))
    delivery = a_delivery(ready_at=NOW, store_id="sto_other")
    (offer,) = planned([delivery], [near("busy", 0, deliveries=(cooking,))])
    assert offer.at_store >= NOW + minutes(19)


def test_orders_of_one_store_that_are_ready_together_and_go_the_same_way_travel_together() -> None:
    delivery = a_delivery(ready_at=NOW + minutes(10))
    mate = carried("busy", store_id=delivery.store_id, ready_at=NOW + minutes(8), dropoff_point=metres_north(DOOR, 200))
    assert asked(delivery, near("busy", 700, deliveries=(mate,)), near("idle", 800)) == "busy"


@pytest.mark.parametrize(
    "apart",
    [
        {"store_id": "sto_another"},
        {"ready_at": NOW + minutes(40)},
        {"dropoff_point": metres_north(DOOR, -6000)},
    ],
)
def test_orders_that_do_not_fit_together_are_not_bundled(apart: dict[str, object]) -> None:
    delivery = a_delivery(ready_at=NOW + minutes(10))
    mate = carried("busy", **{"store_id": delivery.store_id, "ready_at": NOW + minutes(10), **apart})
    assert asked(delivery, near("busy", 0, deliveries=(mate,)), near("idle", 800)) == "idle"


def test_who_brings_an_order_back_passes_by_the_store_first() -> None:
    failed = carried("busy", Status.FAILED, store_point=metres_north(STORE, 3000))
    (offer,) = planned([a_delivery()], [near("busy", 0, deliveries=(failed,))])
    assert abs(offer.at_store - (NOW + minutes(22))) < seconds(2)


def test_several_deliveries_go_to_several_riders_each_at_most_once() -> None:
    deliveries = [a_delivery() for _ in range(3)]
    offers = planned(deliveries, [near("a", 100), near("b", 200)])
    assert sorted(offer.rider_id for offer in offers) == ["a", "b"]
    assert len({offer.delivery_id for offer in offers}) == 2


def test_the_plan_does_not_depend_on_the_order_in_which_it_is_told() -> None:
    deliveries = [a_delivery() for _ in range(4)]
    riders = [near(f"r{number}", 100) for number in range(4)]
    assert planned(deliveries, riders) == planned(deliveries[::-1], riders[::-1])


def test_nobody_there_is_no_offer() -> None:
    assert planned([a_delivery()], []) == []
    assert planned([], [near("a", 1)]) == []
