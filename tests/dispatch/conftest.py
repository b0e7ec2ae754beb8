"""A city of its own for each test, on the real tables, and a meter on every request to them."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Delivery
from chalicelib.dispatch.model.journey import Command
from chalicelib.dispatch.model.zone import Zone
from chalicelib.dispatch.service.around import read_zone
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.events import EventsRow
from chalicelib.kernel.geo import Point
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.factories import a_request, an_op, metres_north, minutes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.wire import Emulator


@dataclass
class Meter:
    """Requests and capacity units that went to DynamoDB since it was reset."""

    requests: Counter[str] = field(default_factory=Counter)
    read: float = 0.0
    written: float = 0.0

    def reset(self) -> None:
        self.requests.clear()
        self.read = self.written = 0.0

    def take(self, parsed: dict[str, Any], model: Any, **_rest: Any) -> None:
        self.requests[model.name] += 1
        consumed = parsed.get("ConsumedCapacity") or []
        units = sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))
        if model.name in ("GetItem", "BatchGetItem", "Query"):
            self.read += units
        else:
            self.written += units

    def told(self) -> tuple[dict[str, int], float, float]:
        return dict(self.requests), self.read, self.written


@dataclass
class World:
    """A store somewhere on earth where no other test is, its riders and its deliveries."""

    store: Point
    store_id: str = field(default_factory=lambda: ids.new_id("sto"))

    def rider(self, metres: float = 200, **profile: Any) -> str:
        """A rider on shift, so far north of the store."""
        rider_id = str(uuid.uuid4())
        given = {"name": "Lena", "vehicle": service.Vehicle.BICYCLE, "capacity": 2} | profile
        service.register_rider(rider_id, **given)
        service.start_shift(rider_id, metres_north(self.store, metres))
        return rider_id

    def request(self, **changes: Any) -> Delivery:
        """A delivery that wants a rider now."""
        now = clock.now()
        tx = Transaction()
        request = a_request(
            **{
                "store_id": self.store_id,
                "store_point": self.store,
                "dropoff_point": metres_north(self.store, -1500),
                "ready_at": now + minutes(8),
                "promised_at": now + minutes(35),
                **changes,
            }
        )
        delivery = service.request_delivery(tx, request)
        tx.commit()
        return delivery

    def look(self, delivery_id: str) -> Delivery:
        """A search timer fires, and the zone's tick if one is due."""
        service.look_for_rider(delivery_id, ids.new_id("evt"))
        self.tick()
        return self.delivery(delivery_id)

    def zone(self) -> Zone:
        """The rhythm of the store's zone."""
        return read_zone(self.store)

    def tick(self) -> None:
        """The zone's timer fires, if it is due."""
        zone = self.zone()
        if zone.next_tick_at is not None and zone.next_tick_at <= clock.now():
            service.tick_zone(zone.cell, zone.next_tick_at, ids.new_id("evt"))

    def delivery(self, delivery_id: str) -> Delivery:
        (delivery,) = tables.fetch(service.delivery_ref(ids.retag(delivery_id, "ord")))
        assert delivery is not None
        return delivery

    def offered_to(self, rider_id: str, **changes: Any) -> Delivery:
        """A delivery that this rider, the only one near, is being offered."""
        delivery = self.look(self.request(**changes).id)
        assert delivery.offered_to == rider_id
        return delivery

    def assigned_to(self, rider_id: str, **changes: Any) -> Delivery:
        delivery = self.offered_to(rider_id, **changes)
        service.accept_offer(delivery.id, told(rider_id))
        return self.delivery(delivery.id)

    def ready(self, delivery_id: str) -> None:
        tx = Transaction()
        service.mark_ready(tx, delivery_id)
        tx.commit()

    def picked_up_by(self, rider_id: str, **changes: Any) -> Delivery:
        delivery = self.assigned_to(rider_id, **changes)
        self.ready(delivery.id)
        service.pick_up(delivery.id, told(rider_id))
        return self.delivery(delivery.id)


def told(rider_id: str, op_id: str | None = None) -> Command:
    """A report of this rider, now."""
    return Command(rider_id, op_id or an_op(), clock.now())


def events_of(delivery_id: str) -> list[tuple[str, str | None]]:
    """(type, due) of every event in the outbox that speaks of the delivery, in the order of their ids."""
    found = [
        entry
        for row in EventsRow.scan()
        for entry in row.outbox or ()
        if entry["data"].get("delivery_id") == delivery_id
    ]
    return [(entry["type"], entry.get("due")) for entry in sorted(found, key=lambda entry: entry["id"])]


@pytest.fixture
def world(dynamodb: Emulator) -> World:
    return World(Point(random.uniform(-55, 55), random.uniform(-170, 170)))


@pytest.fixture
def meter(dynamodb: Emulator) -> Iterator[Meter]:
    made = Meter()
    events = tables.connection().client.meta.events
    events.register("after-call.dynamodb", made.take, unique_id="meter")
    yield made
    events.unregister("after-call.dynamodb", made.take, unique_id="meter")
