"""How a zone fares, and what its next half hour will be like."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chalicelib.dispatch import service
from chalicelib.dispatch.model import health
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.health import Hands
from chalicelib.dispatch.model.zone import lineage
from chalicelib.kernel import clock
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.geo import Point
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import NOW, a_delivery, carried, metres_north, minutes, offered

if TYPE_CHECKING:
    from infra.local.wire import Emulator


@pytest.fixture
def world(dynamodb: Emulator) -> World:
    """A store that is in the same zone as the riders near it: cells of two sizes don't end at the same place."""
    while True:
        store = Point(random.uniform(-55, 55), random.uniform(-170, 170))
        places = (store, metres_north(store, 200))
        if len({zone for place in places for zone in (service.zone_of(place), lineage(place)[0])}) == 1:
            return World(store)


def waiting(ready: float, **changes: object) -> Delivery:
    """Requested long ago, so that it promises no further orders."""
    delivery = a_delivery(ready_at=NOW + minutes(ready))
    steps = (replace(delivery.steps[0], at=NOW - minutes(60)),)
    return replace(delivery, steps=steps, **changes)


def test_with_a_rider_for_every_order_nothing_is_short() -> None:
    seen = health.outlook(NOW, [waiting(5), waiting(8)], [Hands(NOW), Hands(NOW + minutes(6))], ())
    assert (seen.expected, seen.short, seen.short_from, seen.riders_missing) == (0, 0, None, 0)


def test_a_rider_is_kept_for_as_long_as_a_delivery_takes() -> None:
    orders = [waiting(1), waiting(2), waiting(25)]
    seen = health.outlook(NOW, orders, [Hands(NOW)], ())
    assert (seen.short, seen.short_from, seen.riders_missing) == (1, NOW + minutes(2), 1)


def test_who_goes_home_before_the_door_is_no_help() -> None:
    for until, short in ((minutes(10), 1), (minutes(30), 0)):
        assert health.outlook(NOW, [waiting(5)], [Hands(NOW, NOW + until)], ()).short == short


def test_a_shift_that_begins_helps_what_is_ready_then() -> None:
    to_come = [Hands(NOW + minutes(12))]
    assert health.outlook(NOW, [waiting(5)], to_come, ()).short == 0
    assert health.outlook(NOW, [waiting(0)], to_come, ()).short == 1


def test_as_many_orders_are_expected_as_came_of_late() -> None:
    known = [a_delivery(), carried("rider-a"), waiting(3)]
    seen = health.outlook(NOW, [], [], known)
    assert (seen.expected, seen.short, seen.riders_missing) == (2, 2, 1)


def test_what_is_ready_later_than_the_half_hour_is_not_counted() -> None:
    assert health.outlook(NOW, [waiting(31)], [], ()).short == 0


def test_a_trip_takes_as_long_as_those_under_way() -> None:
    assert health.trip_time(()) == health.USUAL_TRIP
    assert health.trip_time([carried("rider-a", at_door_at=NOW + minutes(14))]) == minutes(14)


def test_offers_are_counted_by_delivery() -> None:
    assert health.offers_per_delivery([a_delivery()]) is None
    assert health.offers_per_delivery([a_delivery(), offered("rider-a"), a_delivery(rounds=2)]) == 1.5


def test_a_zone_tells_what_waits_and_who_could_take_it(world: World) -> None:
    zone = service.zone_of(world.store)
    quiet = service.read_health(zone)
    assert (quiet.waiting, quiet.offered, quiet.idle, quiet.oldest_since) == (0, 0, 0, None)

    first = world.look(world.request(ready_at=clock.now()).id)
    alone = service.read_health(zone)
    assert (alone.waiting, alone.idle, alone.busy, alone.active) == (1, 0, 0, True)
    assert alone.oldest_since is not None
    assert alone.outlook.short >= 1
    assert alone.outlook.riders_missing >= 1
    assert [(each.store_id, each.waiting) for each in alone.stores] == [(first.store_id, 1)]

    world.rider()
    assert service.read_health(zone).idle == 1


def test_what_is_offered_and_what_is_taken_are_told_apart(world: World) -> None:
    zone = service.zone_of(world.store)
    rider = world.rider()
    delivery = world.offered_to(rider)
    asked = service.read_health(zone)
    assert (asked.waiting, asked.offered, asked.idle, asked.busy) == (0, 1, 1, 0)
    assert asked.offers_per_delivery == 1
    service.accept_offer(delivery.id, told(rider))
    taken = service.read_health(zone)
    assert (taken.offered, taken.idle, taken.busy) == (0, 0, 1)
    assert [(each.waiting, each.riders_coming) for each in taken.stores] == [(0, 1)]


def test_a_store_at_the_edge_is_in_the_zone_that_plans_for_it(dynamodb: Emulator) -> None:
    """A coarse cell is not quite the union of its finer ones: one place in twenty is in another by its parents."""
    places = (Point(random.uniform(-55, 55), random.uniform(-170, 170)) for _ in range(10_000))
    world = World(next(each for each in places if service.zone_of(each) != lineage(each)[0]))
    delivery = world.look(world.request(ready_at=clock.now()).id)
    seen = service.read_health(lineage(world.store)[0])
    assert (seen.waiting, [each.store_id for each in seen.stores]) == (1, [delivery.store_id])
    assert service.read_health(service.zone_of(world.store)).waiting == 0


@pytest.mark.parametrize("zone", ["", "861f1d48ffffff", "871f1d488ffffff", "zzzzzzzzzzzzzzz", "ffffffffffffffff"])
def test_what_is_no_zone_is_not_found(zone: str) -> None:
    with pytest.raises(NotFound) as refused:
        service.read_health(zone)
    assert refused.value.code == "zone_not_found"


def test_offers_answers_and_unfilled_deliveries_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr("chalicelib.kernel.metrics.count", lambda name, *_, **__: counted.append(name))
    rider = world.rider()
    delivery = world.offered_to(rider)
    assert counted == ["OffersMade"]
    service.accept_offer(delivery.id, told(rider))
    assert counted == ["OffersMade", "OffersAccepted"]
    assert delivery.status is Status.OFFERED
