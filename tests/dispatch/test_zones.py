"""What waits in a zone is planned together: ticks, one at a time, late, twice and never; bundles; splitting."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chalicelib.dispatch import service
from chalicelib.dispatch.model import policy as figures
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.rider import acceptance
from chalicelib.dispatch.model.zone import lineage
from chalicelib.dispatch.service import search, ticks
from chalicelib.dispatch.tables import zone_ref
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.events import EventsRow
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import metres_north, minutes, seconds
from tests.dispatch.test_races import at_once

if TYPE_CHECKING:
    from datetime import datetime


def waiting(world: World, count: int, **changes: Any) -> list[Delivery]:
    """Deliveries that were looked at when nobody was there; the zone's next tick is ahead."""
    made = [world.request(**{"ready_at": clock.now(), **changes}) for _ in range(count)]
    for each in made:
        service.look_for_rider(each.id, ids.new_id("evt"))
    return [world.delivery(each.id) for each in made]


def ticks_set(world: World) -> list[str]:
    """When each tick that was ever set for the store's zone is due."""
    cell = world.zone().cell
    return sorted(
        entry["due"]
        for row in EventsRow.scan()
        for entry in row.outbox or ()
        if entry["type"] == "ZoneTickDue" and entry["data"]["zone"] == cell
    )


def fire(world: World, late: float = 0.0) -> datetime:
    """The zone's next tick arrives, so many seconds late."""
    zone = world.zone()
    assert zone.next_tick_at is not None
    with clock.freeze(zone.next_tick_at + seconds(late)):
        service.tick_zone(zone.cell, zone.next_tick_at, ids.new_id("evt"))
    return zone.next_tick_at


def test_an_idle_zone_has_no_ticks(world: World) -> None:
    world.rider()
    delivery = world.look(world.request().id)
    assert delivery.status is Status.OFFERED
    assert world.zone().version == 0
    assert ticks_set(world) == []


def test_a_delivery_that_nobody_is_there_for_wakes_its_zone(world: World) -> None:
    (delivery,) = waiting(world, 1)
    assert delivery.waits
    assert len(ticks_set(world)) == 1
    rider = world.rider()
    fire(world)
    assert world.delivery(delivery.id).offered_to == rider
    fire(world)
    assert len(ticks_set(world)) == 2, "nothing waits any more: no further tick"


def test_ticks_follow_one_another_while_something_waits(world: World) -> None:
    waiting(world, 2)
    for _ in range(3):
        before = world.zone().next_tick_at
        fire(world)
        after = world.zone().next_tick_at
        assert before is not None
        assert after is not None
        assert seconds(15) <= after - before <= seconds(30)


def test_a_tick_that_comes_twice_or_much_later_does_nothing(world: World) -> None:
    deliveries = waiting(world, 2)
    due = fire(world)
    settled, known = world.zone(), [world.delivery(each.id) for each in deliveries]
    world.rider()
    for late in (0, 1, 20, 300):
        with clock.freeze(due + seconds(late)):
            service.tick_zone(settled.cell, due, ids.new_id("evt"))
    assert world.zone() == settled
    assert [world.delivery(each.id) for each in deliveries] == known


def test_two_ticks_at_once_plan_once(world: World) -> None:
    riders = [world.rider(200 + 50 * number) for number in range(3)]
    for rider in riders:
        service.end_shift(rider)
    deliveries = waiting(world, 6)
    for rider in riders:
        service.start_shift(rider, metres_north(world.store, 300))
    zone = world.zone()
    assert zone.next_tick_at is not None
    with clock.freeze(zone.next_tick_at):
        at_once(*(partial(service.tick_zone, zone.cell, zone.next_tick_at, ids.new_id("evt")) for _ in range(6)))
        offered = [each for each in map(world.delivery, (d.id for d in deliveries)) if each.status is Status.OFFERED]
        holders = {rider: {job.id for job in service.read_feed(rider, None).offers} for rider in riders}
    assert sum(len(each) for each in holders.values()) == len(offered) >= 3
    assert len(ticks_set(world)) == 2, "one tick took the zone and set the next"


def test_a_holder_that_dies_is_followed_by_the_next_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = waiting(world, 2)
    riders = {world.rider(300), world.rider(500)}

    def die(*_args: Any, **_named: Any) -> None:
        raise KeyboardInterrupt  # as a killed process: nothing after it runs

    monkeypatch.setattr(ticks, "make_offer", die)
    with pytest.raises(KeyboardInterrupt):
        fire(world)
    monkeypatch.undo()
    assert {world.delivery(each.id).status for each in deliveries} == {Status.UNASSIGNED}
    fire(world)
    assert {world.delivery(each.id).offered_to for each in deliveries} <= riders


def test_a_timer_that_never_comes_is_made_good_by_a_look(world: World) -> None:
    (delivery,) = waiting(world, 1)
    rider = world.rider()
    guard = world.delivery(delivery.id).next_look_at
    assert guard is not None, "a delivery that waits has a look of its own ahead"
    lost = world.zone().next_tick_at
    assert lost is not None
    with clock.freeze(STANDARD.on_slow_beat(lost + minutes(3))):
        service.look_for_rider(delivery.id, ids.new_id("evt"))
        assert world.delivery(delivery.id).offered_to == rider


def test_every_waiting_delivery_keeps_a_look_of_its_own_ahead(world: World) -> None:
    deliveries = waiting(world, 3)
    for _ in range(14):
        now = fire(world)
        for each in deliveries:
            ahead = world.delivery(each.id).next_look_at
            assert ahead is not None
            assert ahead > now


def test_orders_of_one_store_are_offered_as_one(world: World) -> None:
    deliveries = waiting(world, 2)
    rider = world.rider(capacity=3)
    with clock.freeze(fire(world)):
        offers = service.read_feed(rider, None).offers
    assert {each.id for each in offers} == {each.id for each in deliveries}
    assert {each.mates for each in offers} == {offers[0].mates}
    assert set(offers[0].mates) == {each.id for each in deliveries}


def bundle(world: World, **profile: Any) -> tuple[str, list[Delivery], datetime]:
    deliveries = waiting(world, 2)
    rider = world.rider(capacity=3, **profile)
    at = fire(world)
    return rider, [world.delivery(each.id) for each in deliveries], at


def test_an_offer_of_several_is_accepted_as_a_whole_and_once(world: World) -> None:
    rider, (first, second), at = bundle(world)
    with clock.freeze(at):
        again = told(rider)
        assert service.accept_offer(first.id, again) == service.accept_offer(first.id, again)
        assert {world.delivery(each.id).rider_id for each in (first, second)} == {rider}
        assert service.accept_offer(second.id, told(rider)).status is Status.ASSIGNED
        assert {job.id for job in service.read_feed(rider, None).active} == {first.id, second.id}


def test_an_offer_of_several_is_declined_as_a_whole_and_goes_to_another_rider(world: World) -> None:
    rider, (first, second), at = bundle(world)
    with clock.freeze(at + seconds(5)):
        service.decline_offer(second.id, told(rider))
        after = [world.delivery(each.id) for each in (first, second)]
        assert {each.status for each in after} == {Status.UNASSIGNED}
        assert all(each.excludes(rider) for each in after)
        other = world.rider(900, capacity=3)
    with clock.freeze(at + seconds(9)):
        service.look_for_rider(second.id, ids.new_id("evt"), (first.id,))
        assert {world.delivery(each.id).offered_to for each in (first, second)} == {other}


def test_an_offer_of_several_that_runs_out_goes_on_as_a_whole(world: World) -> None:
    rider, (first, second), at = bundle(world)
    other = world.rider(900, capacity=3)
    with clock.freeze((world.delivery(first.id).offer_expires_at or at) + seconds(1)):
        service.report_position(other, metres_north(world.store, 900), clock.now())
        service.look_for_rider(first.id, ids.new_id("evt"), (second.id,))
        after = [world.delivery(each.id) for each in (first, second)]
    assert {each.offered_to for each in after} == {other}
    assert all(each.excludes(rider) for each in after)


def test_what_is_cancelled_of_an_offer_is_left_out_when_it_is_accepted(world: World) -> None:
    rider, (first, second), at = bundle(world)
    with clock.freeze(at):
        tx = Transaction()
        service.cancel_delivery(tx, first.id, "customer")
        tx.commit()
        with pytest.raises(DomainError) as refused:
            service.accept_offer(first.id, told(rider))
        assert refused.value.code == "offer_gone"
        service.accept_offer(second.id, told(rider))
        assert world.delivery(first.id).status is Status.CANCELLED
        assert world.delivery(second.id).rider_id == rider


def test_accepting_an_offer_of_several_against_a_cancellation(world: World) -> None:
    def cancel(delivery_id: str) -> None:
        tx = Transaction()
        service.cancel_delivery(tx, delivery_id, "customer")
        tx.commit()

    rider, (first, second), at = bundle(world)
    with clock.freeze(at):
        accepted, _ = at_once(partial(service.accept_offer, first.id, told(rider)), partial(cancel, second.id))
    assert accepted.status is Status.ASSIGNED
    assert world.delivery(first.id).rider_id == rider
    assert world.delivery(second.id).status is Status.CANCELLED


def test_a_cancelled_delivery_waits_no_longer(world: World) -> None:
    (delivery,) = waiting(world, 1)
    tx = Transaction()
    service.cancel_delivery(tx, delivery.id, "customer")
    tx.commit()
    assert not world.delivery(delivery.id).waits
    world.rider()
    fire(world)
    assert world.delivery(delivery.id).status is Status.CANCELLED
    assert len(ticks_set(world)) == 1


def test_a_rider_who_takes_few_offers_is_known_for_it(world: World) -> None:
    keen, picky = world.rider(300, capacity=1), world.rider(310, capacity=1)
    for _ in range(4):
        delivery = world.request()
        for _ in range(2):
            asked = world.look(delivery.id).offered_to
            if asked == picky:
                service.decline_offer(delivery.id, told(picky))
            elif asked == keen:
                service.accept_offer(delivery.id, told(keen))
                world.ready(delivery.id)
                service.pick_up(delivery.id, told(keen))
                service.deliver(delivery.id, told(keen), service.Evidence())
    world.offered_to(keen)
    assert acceptance(service.read_rider(keen)) > 0.9
    declined = service.read_rider(picky)
    assert declined.asked == 0 or acceptance(declined) < 0.9


def test_riders_of_neighbouring_cells_are_asked(world: World) -> None:
    rider = world.rider(4_000, vehicle=service.Vehicle.SCOOTER)
    deliveries = [world.request(ready_at=clock.now()) for _ in range(2)]
    looked = [world.look(each.id) for each in deliveries]
    assert rider in {each.offered_to for each in looked}


@pytest.fixture
def small_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four deliveries are too many for a zone."""
    few = replace(STANDARD, split_above=3, join_below=3)
    for module in (search, ticks):
        monkeypatch.setattr(module, "in_force", lambda: few)
    monkeypatch.setattr(figures, "STANDARD", few)


def test_a_zone_with_too_much_waiting_splits_and_joins_again(world: World, small_zones: None) -> None:
    whole, part, _ = lineage(world.store)
    deliveries = waiting(world, 4)
    with clock.freeze(_due(whole)):
        service.tick_zone(whole, _due(whole), ids.new_id("evt"))
    (zone,) = tables.fetch(zone_ref(whole))
    assert zone.split
    assert world.zone().cell == part, "the part is in charge now"

    rider = world.rider(capacity=2)
    for _ in range(3):
        inner = world.zone()
        if inner.next_tick_at is None:
            break
        with clock.freeze(inner.next_tick_at):
            service.tick_zone(inner.cell, inner.next_tick_at, ids.new_id("evt"))
    offered = [each for each in map(world.delivery, (d.id for d in deliveries)) if each.offered_to == rider]
    assert len(offered) == 2

    with clock.freeze(_due(whole)):
        service.tick_zone(whole, _due(whole), ids.new_id("evt"))
    (zone,) = tables.fetch(zone_ref(whole))
    assert not zone.split, "two are few enough"


def _due(cell: str) -> datetime:
    (zone,) = tables.fetch(zone_ref(cell))
    due: datetime = zone.next_tick_at
    return due
