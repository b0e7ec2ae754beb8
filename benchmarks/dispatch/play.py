"""A day in virtual time: a planner decides every minute from what is known at that minute, couriers do as told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from benchmarks.dispatch.instances import MINUTE, CeilTravel
from chalicelib.dispatch.planner.types import Delivery, Outlook, Rider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.dispatch.instances import Courier, Instance, Order
    from chalicelib.dispatch.planner.types import Offer, Place, Travel


class Assignment(msgspec.Struct, frozen=True, order=True):
    """What is written: minutes, and the orders in drop-off sequence."""

    assigned_at: float
    pickup_at: float
    courier: str
    orders: tuple[str, ...]


class Decide(Protocol):
    """A planner: from what is known now to what must be told to couriers now. Seconds."""

    def __call__(
        self, now: float, deliveries: Sequence[Delivery], riders: Sequence[Rider], travel: Travel, outlook: Sequence[Outlook], /
    ) -> Sequence[Offer]: ...


class Duty(msgspec.Struct):
    """A courier during the day. Seconds."""

    courier: Courier
    free_at: float
    place: Place
    carried: int = 0


SOON = 60 * MINUTE  # a planned shift is known this long before it begins


class Day:
    """The state of one instance at one moment."""

    def __init__(self, instance: Instance, *, tick: float = MINUTE) -> None:
        self.instance = instance
        self.travel = CeilTravel(instance.parameters.meters_per_minute)
        self.tick = tick
        self.duties = {each.id: Duty(each, each.on * MINUTE, each.place) for each in instance.couriers}
        self.coming = sorted(instance.orders, key=lambda each: (each.placed, each.id), reverse=True)
        self.open: dict[str, Order] = {}
        self.written: list[Assignment] = []

        self.placed_by = dict.fromkeys(instance.restaurants, 1.0)

    def outlook(self) -> list[Outlook]:
        """Where orders are to be expected, from what was ordered so far."""
        return [Outlook(place, self.placed_by[key]) for key, place in self.instance.restaurants.items()]

    def advance(self, now: float) -> None:
        """Orders that are placed by now are known."""
        while self.coming and self.coming[-1].placed * MINUTE <= now:
            order = self.coming.pop()
            self.open[order.id] = order
            self.placed_by[order.restaurant] += 1.0

    def deliveries(self, now: float) -> list[Delivery]:
        """The open orders as the planner sees them."""
        del now
        return [self.delivery(each, each.ready * MINUTE) for each in self.open.values()]

    def delivery(self, order: Order, ready_at: float) -> Delivery:
        """One order, expected to be ready then."""
        return Delivery(
            id=order.id,
            store_id=order.restaurant,
            store=self.instance.restaurants[order.restaurant],
            door=order.place,
            placed_at=order.placed * MINUTE,
            ready_at=ready_at,
            due_at=(order.placed + self.instance.parameters.target) * MINUTE,
        )

    def riders(self, now: float) -> list[Rider]:
        """Couriers on duty, or soon: where and when each is free."""
        pay = self.instance.parameters
        return [
            Rider(
                id=each.courier.id,
                place=each.place,
                free_at=max(now, each.free_at),
                off_at=each.courier.off * MINUTE,
                room=10,
                covered=pay.pay_per_hour * (each.courier.off - each.courier.on) / 60 / pay.pay_per_order
                - each.carried,
            )
            for each in self.duties.values()
            if each.courier.off * MINUTE >= now and each.courier.on * MINUTE <= now + SOON
        ]

    def commit(self, now: float, offer: Offer) -> None:
        """The courier sets out now: the rules decide when the orders are picked up and brought."""
        duty = self.duties[offer.rider_id]
        bundle = [self.open.pop(each) for each in offer.deliveries]
        service = self.instance.parameters
        store = self.instance.restaurants[bundle[0].restaurant]
        arrival = now + self.travel.seconds(duty.place, store, "")
        pickup = max(arrival + service.pickup_service / 2 * MINUTE, *(each.ready * MINUTE for each in bundle))
        at, place = pickup + service.pickup_service / 2 * MINUTE, store
        for each in bundle:
            at += self.travel.seconds(place, each.place, "") + service.dropoff_service * MINUTE
            place = each.place
        duty.free_at, duty.place = at, place
        duty.carried += len(bundle)
        self.written.append(Assignment(now / MINUTE, pickup / MINUTE, duty.courier.id, offer.deliveries))


def play(instance: Instance, decide: Decide, watch: Callable[[float], None] | None = None) -> list[Assignment]:
    """Every minute from the first order until nothing is left to do or nobody is left to do it."""
    day = Day(instance)
    now = min((each.placed for each in instance.orders), default=0.0) * MINUTE
    end = max((each.off for each in instance.couriers), default=0.0) * MINUTE
    while now <= end and (day.coming or day.open):
        day.advance(now)
        if day.open:
            for offer in decide(now, day.deliveries(now), day.riders(now), day.travel, day.outlook()):
                day.commit(now, offer)
        if watch:
            watch(now)
        now += day.tick
    return day.written


def write(path: Path, assignments: Sequence[Assignment]) -> None:
    """``assignments.txt``: a header line, then a line for each assignment in the order of time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["assigned_at pickup_at courier order"]
    lines += [
        f"{each.assigned_at:.10g} {each.pickup_at:.10g} {each.courier} {' '.join(each.orders)}"
        for each in sorted(assignments)
    ]
    path.write_text("\n".join(lines) + "\n")
