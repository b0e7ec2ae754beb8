"""Riders: profile, shift, heartbeats."""

from __future__ import annotations

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Status
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.rider import zone_of
from chalicelib.dispatch.tables import PositionRow, zone_pk
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.geo import Point
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import metres_north, minutes, seconds

BICYCLE = service.Vehicle.BICYCLE


def in_zone(point: Point) -> list[str]:
    page = tables.query(PositionRow, zone_pk(zone_of(point)), index="zone")
    return [row.zone_sk for row in page.items]


def test_a_user_is_registered_once(world: World) -> None:
    rider = world.rider()
    with pytest.raises(DomainError) as refused:
        service.register_rider(rider, name="Again", vehicle=BICYCLE, capacity=2)
    assert refused.value.code == "rider_exists"


def test_riders_can_register_themselves_and_change_their_profile(world: World) -> None:
    rider_id = ids.new_id("sub")
    service.save_profile(rider_id, name="Lena", vehicle=BICYCLE, capacity=2)
    service.save_profile(rider_id, name="Lena K.", vehicle=service.Vehicle.CAR, capacity=5)
    rider = service.read_rider(rider_id)
    assert (rider.name, rider.vehicle, rider.capacity, rider.version) == ("Lena K.", "car", 5, 2)


def test_an_admin_changes_only_what_was_seen(world: World) -> None:
    rider = world.rider()
    version = service.read_rider(rider).version
    assert service.change_rider(rider, version, capacity=4).capacity == 4
    with pytest.raises(DomainError) as refused:
        service.change_rider(rider, version, capacity=5)
    assert refused.value.code == "version_conflict"


def test_nobody_works_without_a_profile(world: World) -> None:
    unknown = ids.new_id("sub")
    for use_case in (
        lambda: service.start_shift(unknown, world.store),
        lambda: service.end_shift(unknown),
        lambda: service.read_feed(unknown, None),
        lambda: service.read_own_rider(unknown),
    ):
        with pytest.raises(DomainError) as refused:
            use_case()
        assert (refused.value.status, refused.value.code) == (403, "rider_not_registered")


def test_a_shift_begins_and_ends_once_however_often_it_is_told(world: World) -> None:
    rider = world.rider()
    version = service.read_rider(rider).version
    assert service.start_shift(rider, world.store).version == version
    assert in_zone(world.store) == [rider]
    off = service.end_shift(rider)
    assert (off.on_shift, service.end_shift(rider).version) == (False, off.version)
    assert in_zone(world.store) == []


def test_positions_move_the_rider_between_zones(world: World) -> None:
    rider = world.rider()
    elsewhere = metres_north(world.store, 30_000)
    service.report_position(rider, elsewhere, clock.now() + seconds(1))
    assert in_zone(world.store) == []
    assert in_zone(elsewhere) == [rider]


def test_an_older_position_changes_nothing(world: World) -> None:
    rider = world.rider(0)
    newest = metres_north(world.store, 400)
    start = clock.now() + seconds(5)
    with clock.freeze(start):
        service.report_position(rider, newest, start)
        service.report_position(rider, world.store, start - seconds(3))
    row = tables.get(PositionRow, f"RDR#{rider}", "POSITION")
    assert row is not None
    assert row.point.lat == pytest.approx(newest.lat, abs=1e-5)


def test_positions_off_shift_are_not_taken(world: World) -> None:
    rider = world.rider()
    service.end_shift(rider)
    for someone in (rider, ids.new_id("sub")):
        with pytest.raises(DomainError) as refused:
            service.report_position(someone, world.store, clock.now())
        assert refused.value.code == "not_on_shift"
    assert in_zone(world.store) == []


def test_a_rider_who_is_not_heard_of_gets_no_offers(world: World) -> None:
    rider = world.rider()
    delivery = world.request()
    with clock.freeze(clock.now() + minutes(16)):
        assert world.look(delivery.id).status is Status.UNASSIGNED
        service.report_position(rider, world.store, clock.now())
    with clock.freeze(clock.now() + minutes(17)):
        assert world.look(delivery.id).offered_to == rider


def test_a_shift_does_not_end_with_deliveries_in_hand(world: World) -> None:
    rider = world.rider()
    delivery = world.assigned_to(rider)
    with pytest.raises(DomainError) as refused:
        service.end_shift(rider)
    assert refused.value.code == "shift_has_deliveries"
    assert refused.value.extra == {"deliveries": [delivery.id]}


def test_ending_a_shift_passes_an_open_offer_on(world: World) -> None:
    rider = world.rider(100)
    delivery = world.offered_to(rider)
    other = world.rider(2000)
    service.end_shift(rider)
    assert world.delivery(delivery.id).status is Status.UNASSIGNED
    assert world.look(delivery.id).offered_to == other


def test_breaking_a_shift_off_gives_back_what_is_still_at_the_store(world: World) -> None:
    rider = world.rider(100)
    delivery = world.assigned_to(rider)
    other = world.rider(2000)
    assert not service.break_off_shift(rider).on_shift
    dropped = world.delivery(delivery.id)
    assert (dropped.status, dropped.rider_id, dropped.steps[-1].reason) == (
        Status.UNASSIGNED,
        None,
        "shift_ended",
    )
    assert world.look(delivery.id).offered_to == other


def test_orders_on_board_hold_the_rider(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    with pytest.raises(DomainError) as refused:
        service.break_off_shift(rider)
    assert refused.value.code == "orders_on_board"
    service.deliver(delivery.id, told(rider), service.Evidence())
    assert not service.end_shift(rider).on_shift


def test_a_phone_that_stands_still_tells_its_place_less_often(world: World) -> None:
    rider = world.rider()
    here, start = metres_north(world.store, 200), clock.now()
    standing = service.report_position(rider, here, start + seconds(1)).again_after
    moving = service.report_position(rider, metres_north(world.store, 900), start + seconds(2)).again_after
    assert moving < standing < STANDARD.silent_after.total_seconds()
