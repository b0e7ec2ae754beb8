"""The state of one instance in virtual time: what is known, who is where, and what was assigned. Seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from benchmarks.dispatch.instances import MINUTE, CeilTravel
from chalicelib.dispatch.planner.prep import Preparation, PrepPolicy, PrepTimes, expected_ready_at, quantile_at
from chalicelib.dispatch.planner.types import Delivery, Outlook, Rider

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.dispatch.instances import Courier, Instance, Order
    from chalicelib.dispatch.planner.types import Offer, Place

SOON = 60 * MINUTE  # a planned shift is known this long before it begins
ROOM = 10
_SOON_FREE = 20 * MINUTE


class Assignment(msgspec.Struct, frozen=True, order=True):
    """What is written: minutes, and the orders in drop-off sequence."""

    assigned_at: float
    pickup_at: float
    courier: str
    orders: tuple[str, ...]


class Duty(msgspec.Struct):
    """A courier during the day: when and where free, and how many orders were carried."""

    courier: Courier
    free_at: float
    place: Place
    carried: int = 0


class Day:
    """A day on which the stores tell at placement when an order will be ready."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.travel = CeilTravel(instance.parameters.meters_per_minute)
        self.duties = {each.id: Duty(each, each.on * MINUTE, each.place) for each in instance.couriers}
        self.coming = sorted(instance.orders, key=lambda each: (each.placed, each.id), reverse=True)
        self.open: dict[str, Order] = {}
        self.written: list[Assignment] = []
        self.asked: dict[str, set[str]] = {}
        self._ordered = dict.fromkeys(instance.restaurants, 1.0)

    @property
    def begin(self) -> float:
        """When the first order is placed."""
        return min((each.placed for each in self.instance.orders), default=0.0) * MINUTE

    @property
    def end(self) -> float:
        """When the last courier goes off duty."""
        return max((each.off for each in self.instance.couriers), default=0.0) * MINUTE

    @property
    def done(self) -> bool:
        """Whether every order is assigned."""
        return not self.coming and not self.open

    def advance(self, now: float) -> None:
        """What happens until now becomes known."""
        while self.coming and self.coming[-1].placed * MINUTE <= now:
            order = self.coming.pop()
            self.open[order.id] = order
            self._ordered[order.restaurant] += 1.0

    # --- what the planner is told ---------------------------------------------------------------------------------

    def outlook(self) -> list[Outlook]:
        """Where orders are to be expected: where they came from so far, and every restaurant once."""
        return [Outlook(place, self._ordered[each]) for each, place in self.instance.restaurants.items()]

    def deliveries(self, now: float) -> list[Delivery]:
        """The open orders."""
        return [self._delivery(each, self.ready_at(each, now)) for each in self.open.values()]

    def riders(self, now: float) -> list[Rider]:
        """Couriers on duty or soon, when and where they are free."""
        return [
            self._rider(each, max(now, self.free_at(each, now)))
            for each in self.duties.values()
            if now <= each.courier.off * MINUTE and each.courier.on * MINUTE <= now + SOON
        ]

    def ready_at(self, order: Order, now: float) -> float:
        """When the order is known, or expected, to be ready."""
        del now
        return order.ready * MINUTE

    def free_at(self, duty: Duty, now: float) -> float:
        """When the courier is known, or expected, to be free."""
        del now
        return duty.free_at

    def _delivery(self, order: Order, ready_at: float) -> Delivery:
        return Delivery(
            id=order.id,
            store_id=order.restaurant,
            store=self.instance.restaurants[order.restaurant],
            door=order.place,
            placed_at=order.placed * MINUTE,
            ready_at=ready_at,
            due_at=(order.placed + self.instance.parameters.target) * MINUTE,
            excludes=frozenset(self.asked.get(order.id, ())),
        )

    def _rider(self, duty: Duty, free_at: float) -> Rider:
        pay, hours = self.instance.parameters, (duty.courier.off - duty.courier.on) / 60
        return Rider(
            id=duty.courier.id,
            place=duty.place,
            free_at=free_at,
            off_at=duty.courier.off * MINUTE,
            room=ROOM,
            covered=pay.pay_per_hour * hours / pay.pay_per_order - duty.carried,
        )

    # --- what couriers do -----------------------------------------------------------------------------------------

    def commit(self, now: float, offer: Offer) -> None:
        """The courier sets out now; the rules decide when the orders are picked up and brought."""
        duty = self.duties[offer.rider_id]
        if duty.free_at > now or len({self.open[each].restaurant for each in offer.deliveries}) != 1:
            raise ValueError(f"the rules do not allow {offer}")
        bundle = [self.open.pop(each) for each in offer.deliveries]
        self._ride(now, duty, bundle)

    def _ride(self, now: float, duty: Duty, bundle: Sequence[Order]) -> None:
        arrival = self._arrival(now, duty, bundle[0])
        pickup = max(arrival, *(each.ready * MINUTE for each in bundle))
        duty.free_at, duty.place = self._after(pickup, bundle)
        duty.carried += len(bundle)
        orders = tuple(each.id for each in bundle)
        self.written.append(Assignment(now / MINUTE, pickup / MINUTE, duty.courier.id, orders))

    def _arrival(self, now: float, duty: Duty, order: Order) -> float:
        """The earliest hand-over of an order that is ready."""
        way = self.travel.seconds(duty.place, self.instance.restaurants[order.restaurant], "")
        return now + way + self.instance.parameters.pickup_service / 2 * MINUTE

    def _after(self, pickup: float, bundle: Sequence[Order]) -> tuple[float, Place]:
        """When and where the courier is free again."""
        service = self.instance.parameters
        at = pickup + service.pickup_service / 2 * MINUTE
        place = self.instance.restaurants[bundle[0].restaurant]
        for each in bundle:
            at += self.travel.seconds(place, each.place, "") + service.dropoff_service * MINUTE
            place = each.place
        return at, place


class _Errand(msgspec.Struct):
    """A courier who set out and has not picked up."""

    duty: Duty
    bundle: list[Order]
    set_out: float
    arrival: float


class UncertainDay(Day):
    """A day on which nobody knows when an order will be ready until it is; the stores' history so far is known.

    A courier waits at the counter until the whole bundle is ready, at the latest until the end of the shift, and takes
    then what there is. The planner sees a courier on an errand free at the time that is expected at that moment.
    """

    def __init__(self, instance: Instance, policy: PrepPolicy | None = None) -> None:
        super().__init__(instance)
        self.policy = policy or PrepPolicy()
        self.history = {each: PrepTimes(seen=[]) for each in instance.restaurants}
        self.everywhere = PrepTimes(seen=[])
        self.cooking: dict[str, tuple[Order, int]] = {}
        self.errands: dict[str, _Errand] = {}
        self._quantile = self.policy.quantile_calm

    def advance(self, now: float) -> None:
        """New orders, marks of the kitchens, and couriers who leave the counter."""
        known = set(self.open)
        super().advance(now)
        for each in self.open.values():
            if each.id not in known:
                load = sum(1 for other, _ in self.cooking.values() if other.restaurant == each.restaurant)
                self.cooking[each.id] = (each, load)
        for order, load in list(self.cooking.values()):
            if order.ready * MINUTE <= now:
                del self.cooking[order.id]
                happened = Preparation((order.ready - order.placed) * MINUTE, order.placed * MINUTE, load)
                self.history[order.restaurant].learn(happened, self.policy.remembered)
                self.everywhere.learn(happened, self.policy.remembered_of_all)
        for errand in list(self.errands.values()):
            self._leave(errand, now)
        riders = sum(
            1
            for each in self.duties.values()
            if each.courier.on * MINUTE <= now <= each.courier.off * MINUTE
            and self.free_at(each, now) <= now + _SOON_FREE
        )
        self._quantile = quantile_at(len(self.open), riders, self.policy)

    def _leave(self, errand: _Errand, now: float) -> None:
        duty, off = errand.duty, errand.duty.courier.off * MINUTE
        pickup = max(errand.arrival, *(each.ready * MINUTE for each in errand.bundle))
        if min(pickup, off) > now:
            return
        del self.errands[duty.courier.id]
        if pickup <= off:
            self._ride(errand.set_out, duty, errand.bundle)
            return
        ready = [each for each in errand.bundle if each.ready * MINUTE <= off]
        self.open.update((each.id, each) for each in errand.bundle if each not in ready)
        if ready:
            self._ride(errand.set_out, duty, ready)

    @property
    def done(self) -> bool:
        return super().done and not self.errands

    def commit(self, now: float, offer: Offer) -> None:
        duty = self.duties[offer.rider_id]
        if duty.free_at > now or offer.rider_id in self.errands:
            raise ValueError(f"{offer.rider_id} is not free")
        bundle = [self.open.pop(each) for each in offer.deliveries]
        self.errands[offer.rider_id] = _Errand(duty, bundle, now, self._arrival(now, duty, bundle[0]))

    def ready_at(self, order: Order, now: float) -> float:
        return self._expected(order, now, self._quantile)

    def _expected(self, order: Order, now: float, quantile: float) -> float:
        if order.id not in self.cooking:
            return order.ready * MINUTE
        load = self.cooking[order.id][1]
        store = self.history[order.restaurant]
        return expected_ready_at(now, order.placed * MINUTE, load, store, self.everywhere, self.policy, quantile)

    def free_at(self, duty: Duty, now: float) -> float:
        errand = self.errands.get(duty.courier.id)
        if errand is None:
            return duty.free_at
        middle = self.policy.quantile_of_waiting
        pickup = max(errand.arrival, *(self._expected(each, now, middle) for each in errand.bundle))
        return max(now + MINUTE, self._after(pickup, errand.bundle)[0])

    def _rider(self, duty: Duty, free_at: float) -> Rider:
        rider = super()._rider(duty, free_at)
        errand = self.errands.get(duty.courier.id)
        if errand is None:
            return rider
        return msgspec.structs.replace(rider, place=errand.bundle[-1].place)


def write(path: Path, assignments: Sequence[Assignment]) -> None:
    """``assignments.txt``: a header line, then a line for each assignment in the order of time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["assigned_at pickup_at courier order"]
    lines += [
        f"{each.assigned_at:.10g} {each.pickup_at:.10g} {each.courier} {' '.join(each.orders)}"
        for each in sorted(assignments)
    ]
    path.write_text("\n".join(lines) + "\n")
