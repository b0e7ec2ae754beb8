"""What stores needed is remembered at the pick-up, and what is not marked ready is expected by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Delivery
from chalicelib.dispatch.service.preparation import learn_preparation, with_expected_times
from chalicelib.dispatch.tables import preparation_ref
from chalicelib.kernel import clock, tables
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import NOW, a_delivery, minutes, seconds

if TYPE_CHECKING:
    from datetime import timedelta


def remembered(store_id: str) -> list[tuple[int, int, int]]:
    ((_, seen),) = tables.fetch(preparation_ref(store_id))
    return list(seen)


def made_in(store_id: str, took: timedelta, load: int = 1) -> Delivery:
    return replace(a_delivery(load=load), store_id=store_id, marked_ready_at=NOW + took)


def test_a_pick_up_remembers_how_long_the_store_took(world: World) -> None:
    rider = world.rider()
    delivery = world.assigned_to(rider)
    with clock.freeze(clock.now() + minutes(9)):
        world.ready(delivery.id)
    with clock.freeze(clock.now() + minutes(11)):
        again = told(rider)
        service.pick_up(delivery.id, again)
        service.pick_up(delivery.id, again)
    ((took, _, load),) = remembered(world.store_id)
    assert abs(took - 540) <= 2
    assert load == 1


def test_only_the_latest_are_remembered_in_a_small_item(world: World) -> None:
    for number in range(60):
        learn_preparation(made_in(world.store_id, minutes(5) + seconds(number)))
    seen = remembered(world.store_id)
    assert len(seen) == 40
    assert seen[-1][0] == 359


def test_a_store_that_is_always_late_is_not_believed(world: World) -> None:
    told_ready = replace(a_delivery(ready_at=NOW + minutes(5)), store_id=world.store_id)
    (expected,) = with_expected_times([told_ready], 5, NOW)
    assert expected.ready_at == NOW + minutes(5), "nothing is known of it yet"
    for _ in range(20):
        learn_preparation(made_in(world.store_id, minutes(25)))
    (expected,) = with_expected_times([told_ready], 5, NOW)
    assert minutes(20) < expected.ready_at - NOW < minutes(26)


def test_a_mark_ends_the_guessing(world: World) -> None:
    for _ in range(20):
        learn_preparation(made_in(world.store_id, minutes(25)))
    marked = replace(a_delivery(), store_id=world.store_id, marked_ready_at=NOW)
    assert with_expected_times([marked], 5, NOW) == [marked]


def test_an_order_that_is_late_is_expected_any_moment(world: World) -> None:
    late = a_delivery(store_id=world.store_id, ready_at=NOW - minutes(3))
    (expected,) = with_expected_times([late], 1, NOW)
    assert expected.ready_at == NOW
