"""What each use case costs in DynamoDB requests, read units and write units. A figure that grows fails here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.conftest import Meter, World, told
from tests.dispatch.factories import metres_north, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

Cost = tuple[int, float, float]  # requests, read units, write units


def cost(meter: Meter, call: Callable[[], Any]) -> Cost:
    meter.reset()
    call()
    return sum(meter.requests.values()), meter.read, meter.written


def test_a_delivery_from_the_request_to_the_door(world: World, meter: Meter) -> None:
    rider = world.rider()
    costs: dict[str, Cost] = {}
    made = []
    costs["request"] = cost(meter, lambda: made.append(world.request(proof=service.Proof.PIN, pin="4711")))
    delivery_id = made[0].id
    pin = service.Evidence(pin="4711")
    costs["search and offer"] = cost(meter, lambda: service.look_for_rider(delivery_id, ids.new_id("evt")))
    costs["accept"] = cost(meter, lambda: service.accept_offer(delivery_id, told(rider)))
    costs["moot look"] = cost(meter, lambda: service.look_for_rider(delivery_id, "evt"))
    costs["mark ready"] = cost(meter, lambda: world.ready(delivery_id))
    costs["at store"] = cost(meter, lambda: service.arrive_at_store(delivery_id, told(rider)))
    costs["picked up"] = cost(meter, lambda: service.pick_up(delivery_id, told(rider)))
    costs["at door"] = cost(meter, lambda: service.arrive_at_door(delivery_id, told(rider)))
    costs["delivered"] = cost(meter, lambda: service.deliver(delivery_id, told(rider), pin))
    assert costs == {
        "request": (1, 0, 4),  # delivery and outbox, as part of the order's transaction
        # Delivery, its zone (three sizes), what waits there, riders in seven cells and what they have, the transaction.
        "search and offer": (12, 1 + 1.5 + 0.5 + 7 * 0.5 + 0.5, 4),
        "accept": (4, 0.5 + 1 + 0.5, 1),  # where the rider is, and how long the store takes
        "moot look": (1, 1, 0),
        "mark ready": (1, 0, 1),  # 2 within the order's transaction
        "at store": (2, 0.5, 1),
        "picked up": (5, 0.5 + 0.5 + 0.5, 4 + 1),  # the rider; and the last pair remembers how long the store took
        "at door": (2, 0.5, 1),
        "delivered": (2, 0.5, 4),
    }


def test_giving_an_offer_back(world: World, meter: Meter) -> None:
    rider = world.rider()
    offer = world.offered_to(rider)
    assert cost(meter, lambda: service.decline_offer(offer.id, told(rider))) == (2, 0.5, 4)
    delivery = world.assigned_to(rider)
    assert cost(meter, lambda: service.drop_delivery(delivery.id, told(rider))) == (2, 0.5, 4)
    delivery = world.picked_up_by(rider)
    assert cost(meter, lambda: service.fail_delivery(delivery.id, told(rider), "other")) == (2, 0.5, 4)
    assert cost(meter, lambda: service.start_return(delivery.id, told(rider))) == (2, 0.5, 1)
    assert cost(meter, lambda: service.finish_return(delivery.id, told(rider))) == (2, 0.5, 4)


def test_a_look_that_finds_nobody(world: World, meter: Meter) -> None:
    delivery = world.request()
    around = 1.5 + 0.5 + 7 * 0.5  # the zone, what waits there, riders
    # Delivery and its place in the index, the zone, and the outbox with the tick.
    assert cost(meter, lambda: service.look_for_rider(delivery.id, "evt_1")) == (11, 1 + around, 2 + 1 + 2 + 2)
    # A look of its own finds that the zone's ticks have it.
    assert cost(meter, lambda: service.look_for_rider(delivery.id, "evt_2")) == (2, 1 + 1.5, 0)


def test_a_tick(world: World, meter: Meter) -> None:
    start = STANDARD.on_slow_beat(clock.now())
    for number in range(3):
        with clock.freeze(start + seconds(number)):
            service.look_for_rider(world.request(ready_at=start).id, ids.new_id("evt"))

    def tick() -> Cost:
        zone = world.zone()
        assert zone.next_tick_at is not None
        with clock.freeze(zone.next_tick_at):
            return cost(meter, partial(service.tick_zone, zone.cell, zone.next_tick_at, ids.new_id("evt")))

    zone_and_waiting, riders, preparation, taken = 2, 7, 1, 1
    # Nobody is there for the two that came while a tick was at work: their search begins, each with a write.
    requests, _, units = tick()
    assert (requests, units) == (zone_and_waiting + riders + preparation + taken + 2, 4 + 2 * 2)
    # The looks that came with the requests are over: each sets one in three minutes, should the ticks break off.
    requests, _, units = tick()
    assert (requests, units) == (zone_and_waiting + riders + preparation + taken + 3, 4 + 3 * 5)
    # From now on a tick that changes nothing writes the zone and its next tick, however much waits.
    riders_further = 19
    requests, _, units = tick()
    assert (requests, units) == (zone_and_waiting + riders_further + preparation + taken, 4)


def test_a_repeated_report_costs_half_a_read(world: World, meter: Meter) -> None:
    rider = world.rider()
    again = told(rider)
    delivery = world.offered_to(rider)
    service.accept_offer(delivery.id, again)
    assert cost(meter, lambda: service.accept_offer(delivery.id, again)) == (1, 0.5, 0)


def test_shift_and_heartbeat(world: World, meter: Meter) -> None:
    rider = world.rider()
    here = metres_north(world.store, 50)
    assert cost(meter, lambda: service.report_position(rider, here, clock.now() + seconds(1))) == (2, 1, 2)
    far = metres_north(world.store, 40_000)
    assert cost(meter, lambda: service.report_position(rider, far, clock.now() + seconds(2))) == (2, 1, 3)
    assert cost(meter, lambda: service.end_shift(rider)) == (3, 2, 9)  # rider, position, index, duty, outbox
    assert cost(meter, lambda: service.start_shift(rider, here)) == (3, 1.5, 9)


def test_what_asks_for_something_costs_more_at_the_acceptance_and_cash_at_the_door(world: World, meter: Meter) -> None:
    rider = world.rider()
    due = Money(1850, "EUR")
    offer = world.offered_to(rider, cash_to_collect=due)
    # As without cash, but for the rider, whose version is a condition of the write.
    assert cost(meter, lambda: service.accept_offer(offer.id, told(rider))) == (5, 0.5 + 1 + 0.5 + 1, 4)
    world.ready(offer.id)
    service.pick_up(offer.id, told(rider))
    paid = service.Evidence(cash_collected=due)
    assert cost(meter, lambda: service.deliver(offer.id, told(rider), paid)) == (3, 0.5 + 1, 6)
    assert cost(meter, lambda: service.hand_in_cash(rider, due)) == (2, 1, 1)  # 4 with the answer that is remembered


def test_a_poll_with_nothing_new_is_one_request_of_at_most_one_unit(world: World, meter: Meter) -> None:
    rider = world.rider(capacity=3)

    def poll() -> Cost:
        etag = service.read_feed(rider, None).etag
        told_again = cost(meter, lambda: service.read_feed(rider, etag))
        assert service.read_feed(rider, etag).etag == etag
        return told_again

    assert poll() == (1, 0.5, 0)  # idle
    offer = world.offered_to(rider)
    assert poll() == (1, 1, 0)  # one offer
    service.accept_offer(offer.id, told(rider))
    assert poll() == (1, 1, 0)  # one delivery
    world.assigned_to(rider)
    assert poll() == (1, 1.5, 0)  # half a unit more for each further one


def test_a_first_poll_and_one_with_news(world: World, meter: Meter) -> None:
    rider = world.rider()
    assert cost(meter, lambda: service.read_feed(rider, None)) == (1, 0.5, 0)
    idle = service.read_feed(rider, None).etag
    world.offered_to(rider)
    assert cost(meter, lambda: service.read_feed(rider, idle)) == (2, 1, 0)


@pytest.mark.parametrize("proof", list(service.Proof))
def test_a_delivered_delivery_is_still_under_a_kilobyte(world: World, proof: service.Proof) -> None:
    """Two riders, a wrong PIN, every report with a UUID: one write unit to the end."""
    first = world.rider(100)
    delivery = world.look(world.request(proof=proof, pin="4711" if proof is service.Proof.PIN else None).id)
    service.decline_offer(delivery.id, told(first))
    second = world.rider(300)
    world.look(delivery.id)
    for report in (service.accept_offer, service.arrive_at_store):
        report(delivery.id, told(second))
    world.ready(delivery.id)
    for report in (service.pick_up, service.arrive_at_door):
        report(delivery.id, told(second))
    photo = "proofs/2026/03/01/7d1f5d0e.jpg" if proof is service.Proof.PHOTO else None
    pin = "4711" if proof is service.Proof.PIN else None
    service.deliver(delivery.id, told(second), service.Evidence(pin=pin, photo=photo))
    assert size_of(delivery.id, "STATE") < 1024


def test_small_items_stay_small(world: World) -> None:
    rider = world.rider(capacity=10)
    for _ in range(6):
        world.assigned_to(rider)
    assert size_of(f"RDR#{rider}", "STATE") < 600
    assert size_of(f"RDR#{rider}", "POSITION") < 300


def test_a_marked_ready_delivery_costs_two_units_in_the_orders_transaction(world: World, meter: Meter) -> None:
    delivery = world.request()
    tx = Transaction()
    service.mark_ready(tx, delivery.id)
    service.mark_ready(tx, world.request().id)
    assert cost(meter, tx.commit) == (1, 0, 4)


def size_of(pk: str, sk: str) -> int:
    """Bytes of an item as DynamoDB counts them: names and values."""
    from chalicelib.dispatch.tables import RiderRow

    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    item = tables.connection().client.get_item(TableName=RiderRow.Meta.table_name, Key=key)["Item"]
    return sum(len(name.encode()) + _bytes(value) for name, value in item.items())


def _bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content.lstrip("-")) + 1) // 2 + 1
    if kind == "B":
        return len(content)
    if kind == "BOOL":
        return 1
    return 3 + sum(1 + _bytes(each) for each in content)
