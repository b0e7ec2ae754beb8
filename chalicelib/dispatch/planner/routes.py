"""Trips and routes: what a rider does one after the other, and what it costs. Plain numbers, since it is the hot loop.

A trip is a bundle of one store in drop-off sequence; a route is the trips of one rider. Everything is numbered: riders
from 0, and places, of which the first are the riders' and the rest the doors as seen by each kind of vehicle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.planner.policy import Policy
    from chalicelib.dispatch.planner.types import Delivery, Outlook, Rider, Travel

NEVER = float("inf")


class Trip(msgspec.Struct):
    """A bundle in drop-off sequence, as one kind of vehicle rides it.

    ``base`` makes ``size * pickup + base`` the waiting of its customers beyond the straight way. ``span`` lasts from
    pickup to the saddle at the last door, ``last`` is the place there.
    """

    orders: tuple[int, ...]
    store: int
    vehicle: int
    ready: float
    size: int
    base: float
    span: float
    last: int
    drops: tuple[float, ...]
    volume: int


class World:
    """One decision's numbers: orders, riders, ways (measured when they are first asked for) and the trips made."""

    def __init__(
        self, now: float, deliveries: Sequence[Delivery], riders: Sequence[Rider], travel: Travel, policy: Policy,
        outlook: Sequence[Outlook] = (),
    ) -> None:
        self.now = now
        self.deliveries = deliveries
        self.riders = riders
        self.travel = travel
        self.policy = policy
        names = sorted({each.vehicle for each in riders})
        self.vehicles = names
        self.vehicle_of = [names.index(each.vehicle) for each in riders]
        stores: dict[tuple[str, tuple[float, float]], int] = {}
        self.store_of = [stores.setdefault((each.store_id, each.store), len(stores)) for each in deliveries]
        self.stores = [place for _, place in stores]
        self.free = [max(now, each.free_at) for each in riders]
        self.off = [each.off_at for each in riders]
        self.ready = [each.ready_at for each in deliveries]
        self.covered = [each.covered for each in riders]
        from chalicelib.dispatch.planner.coverage import worths
        self.worth = worths(self, outlook)
        self._unknown = [-1.0] * len(self.stores)
        self._rows: list[list[float] | None] = [None] * (len(riders) + len(names) * len(deliveries))
        self._straight: dict[tuple[int, int], float] = {}
        self._doors: dict[tuple[int, int, int], float] = {}
        self._trips: dict[tuple[int, tuple[int, ...]], Trip] = {}
        self._longer: dict[tuple[int, tuple[int, ...], int], Trip] = {}

    # --- ways ---------------------------------------------------------------------------------------------------

    def way(self, place: int, store: int) -> float:
        """Seconds from a place to a store."""
        row = self._rows[place]
        if row is None:
            row = self._rows[place] = self._unknown.copy()
        seconds = row[store]
        if seconds < 0.0:
            count = len(self.riders)
            if place < count:
                start, vehicle = self.riders[place].place, self.vehicle_of[place]
            else:
                vehicle, order = divmod(place - count, len(self.deliveries))
                start = self.deliveries[order].door
            seconds = row[store] = self.travel.seconds(start, self.stores[store], self.vehicles[vehicle])
        return seconds

    def to_door(self, order: int, vehicle: int) -> float:
        """Seconds from the store straight to the door."""
        seconds = self._straight.get((order, vehicle))
        if seconds is None:
            each = self.deliveries[order]
            seconds = self.travel.seconds(each.store, each.door, self.vehicles[vehicle])
            self._straight[order, vehicle] = seconds
        return seconds

    def between_doors(self, first: int, second: int, vehicle: int) -> float:
        """Seconds from one door to another."""
        key = (first, second, vehicle)
        seconds = self._doors.get(key)
        if seconds is None:
            start, end = self.deliveries[first].door, self.deliveries[second].door
            seconds = self._doors[key] = self.travel.seconds(start, end, self.vehicles[vehicle])
        return seconds

    # --- trips --------------------------------------------------------------------------------------------------

    def trip(self, orders: tuple[int, ...], vehicle: int) -> Trip:
        """The trip that drops off in this sequence."""
        known = self._trips.get((vehicle, orders))
        if known is not None:
            return known
        policy = self.policy
        at, place = policy.counter_after, -1
        base = 0.0
        drops = []
        for order in orders:
            straight = self.to_door(order, vehicle)
            at += straight if place < 0 else self.between_doors(place, order, vehicle)
            at += policy.door_before
            drops.append(at)
            base += at - (policy.counter_after + straight + policy.door_before) - self.ready[order]
            at += policy.door_after
            place = order
        made = Trip(
            orders=orders,
            store=self.store_of[orders[0]],
            vehicle=vehicle,
            ready=max(self.ready[each] for each in orders),
            size=len(orders),
            base=base,
            span=at,
            last=len(self.riders) + vehicle * len(self.deliveries) + place,
            drops=tuple(drops),
            volume=sum(self.deliveries[each].size for each in orders),
        )
        self._trips[vehicle, orders] = made
        return made

    def longer(self, trip: Trip, order: int) -> Trip:
        """The trip with one more order, at the place in the sequence that costs least."""
        key = (trip.vehicle, trip.orders, order)
        best = self._longer.get(key)
        if best is None:
            work = self.policy.work
            cost = NEVER
            for place in range(trip.size + 1):
                made = self.trip((*trip.orders[:place], order, *trip.orders[place:]), trip.vehicle)
                if made.base + work * made.span < cost:
                    cost, best = made.base + work * made.span, made
            assert best is not None  # noqa: S101  (there is at least one place)
            self._longer[key] = best
        return best

    # --- routes -------------------------------------------------------------------------------------------------

    def cost(self, rider: int, trips: Sequence[Trip]) -> float:
        """What a route costs in weighted seconds, NEVER where something would be picked up after the shift."""
        if not trips:
            return 0.0
        return self.worth[rider] + self.cost_from(rider, self.free[rider], rider, trips)

    def cost_from(self, rider: int, at: float, place: int, trips: Sequence[Trip]) -> float:
        """What these trips cost a rider who is free then and there."""
        policy = self.policy
        before, work, approach = policy.counter_before, policy.work, policy.approach
        off = self.off[rider]
        rows = self._rows
        total = 0.0
        for trip in trips:
            row = rows[place]
            way = row[trip.store] if row is not None else -1.0
            if way < 0.0:
                way = self.way(place, trip.store)
            pickup = at + way + before
            if pickup < trip.ready:
                pickup = trip.ready
            if pickup > off:
                return NEVER
            at = pickup + trip.span
            place = trip.last
            total += trip.size * pickup + trip.base + approach * way
            total += work * ((at if at < off else off) - pickup + way + before)
        return total
