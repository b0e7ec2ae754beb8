"""One decision's numbers: ways, trips and what routes cost. Plain numbers and lists, since this is the hot loop.

A trip is a bundle in drop-off sequence; a route is the trips of one rider, one after the other. Riders, stores and
orders are numbered from 0. Places are numbered too: the riders' first, then the doors as seen by each kind of vehicle.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from chalicelib.dispatch.planner.types import Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.dispatch.planner.policy import Policy
    from chalicelib.dispatch.planner.types import Delivery, Place, Rider, Travel

NEVER = float("inf")


class Trip(msgspec.Struct):
    """A bundle in drop-off sequence, as one kind of vehicle rides it.

    The last hand-over is at ``max(arrival at the first counter + lead, ready)``. From there ``span`` lasts to the
    saddle at the last door, which is the place ``last``; ``size * hand-over + base`` is the waiting of its customers
    beyond the straight way. A hand-over after ``latest`` breaks a promise. ``reserve`` is what has to be left of the
    shift at the last hand-over.
    """

    orders: tuple[int, ...]
    stores: tuple[int, ...]
    store: int
    vehicle: int
    lead: float
    ready: float
    size: int
    volume: int
    base: float
    span: float
    last: int
    drops: tuple[float, ...]
    latest: float
    reserve: float = 0.0


class World:
    """What one decision knows, and what it has computed already."""

    def __init__(
        self, now: float, deliveries: Sequence[Delivery], riders: Sequence[Rider], travel: Travel, policy: Policy
    ) -> None:
        self.now, self.riders, self.travel, self.policy = now, riders, travel, policy
        self.open = len(deliveries)
        self.deliveries = [
            *deliveries,
            *(each for rider in riders if rider.pending for each in rider.pending.deliveries),
        ]
        self.vehicles = sorted({each.vehicle for each in riders})
        self.vehicle_of = [self.vehicles.index(each.vehicle) for each in riders]
        numbers: dict[tuple[str, Place], int] = {}
        self.store_of = [numbers.setdefault((each.store_id, each.store), len(numbers)) for each in self.deliveries]
        self.stores = [place for _, place in numbers]
        origin = self.stores[0] if self.stores else (0.0, 0.0)
        self.sites = [travel.flat(each, origin) for each in self.stores]
        self.spots = [travel.flat(each.place, origin) for each in riders]
        self.origin = origin
        self.paces = [travel.pace(each.vehicle) for each in riders]
        self.ready = [each.ready_at for each in self.deliveries]
        self.off = [each.off_at for each in riders]
        self.free = [max(now, each.free_at) for each in riders]
        self.worth = [0.0] * len(riders)
        self.doubt = [(1.0 - each.accepts) * policy.refusal for each in riders]
        self.heads: dict[int, Trip] = {}
        self._unknown = [-1.0] * len(self.stores)
        self._rows: list[list[float] | None] = [None] * (len(riders) + len(self.vehicles) * len(self.deliveries))
        self._legs: dict[tuple[int, int, int], float] = {}
        self._trips: dict[tuple[int, tuple[int, ...], tuple[int, ...]], Trip] = {}
        self._longer: dict[tuple[int, tuple[int, ...], tuple[int, ...], int], Trip | None] = {}
        self._begin_with_what_is_pending()

    def _begin_with_what_is_pending(self) -> None:
        """A rider on the way to a store is at its counter then, and can be nowhere else before."""
        number, policy = self.open, self.policy
        for rider, each in enumerate(self.riders):
            if each.pending is None:
                continue
            orders = tuple(range(number, number + len(each.pending.deliveries)))
            number += len(orders)
            stores = tuple(dict.fromkeys(self.store_of[order] for order in orders))
            head = self.trip(orders, stores, self.vehicle_of[rider])
            self.heads[rider] = head
            self.free[rider] = max(self.now, each.pending.at_store_at)
            row = [NEVER] * len(self.stores)
            row[head.store] = 0.0
            self._rows[rider] = row
            # What the rider goes to fetch anyway is done, however late.
            pickup = max(self.free[rider] + policy.counter_before + head.lead, head.ready)
            self.off[rider] = max(self.off[rider], pickup + head.reserve)

    # --- ways ---------------------------------------------------------------------------------------------------

    def way(self, place: int, store: int) -> float:
        """Seconds from a place to a store."""
        row = self._rows[place]
        if row is None:
            row = self._rows[place] = self._unknown.copy()
        seconds = row[store]
        if seconds < 0.0:
            if place < len(self.riders):
                start, vehicle = self.riders[place].place, self.vehicle_of[place]
            else:
                vehicle, order = divmod(place - len(self.riders), len(self.deliveries))
                start = self.deliveries[order].door
            seconds = row[store] = self.travel.seconds(start, self.stores[store], self.vehicles[vehicle])
        return seconds

    def between_stores(self, first: int, second: int, vehicle: int) -> float:
        """Seconds from one store to another."""
        return self._leg(-1 - first, -1 - second, vehicle, self.stores[first], self.stores[second])

    def to_door(self, store: int, order: int, vehicle: int) -> float:
        """Seconds from a store to a door."""
        return self._leg(-1 - store, order, vehicle, self.stores[store], self.deliveries[order].door)

    def between_doors(self, first: int, second: int, vehicle: int) -> float:
        """Seconds from one door to another."""
        return self._leg(first, second, vehicle, self.deliveries[first].door, self.deliveries[second].door)

    def _leg(self, first: int, second: int, vehicle: int, start: Place, end: Place) -> float:
        seconds = self._legs.get((first, second, vehicle))
        if seconds is None:
            seconds = self._legs[first, second, vehicle] = self.travel.seconds(start, end, self.vehicles[vehicle])
        return seconds

    def fits(self, rider: int, size: int, volume: int) -> bool:
        """Whether so many orders of this volume fit on one trip."""
        limits = self.riders[rider]
        return size <= limits.orders and volume <= limits.room

    # --- trips --------------------------------------------------------------------------------------------------

    def single(self, order: int, vehicle: int) -> Trip:
        """The trip with this order alone."""
        return self.trip((order,), (self.store_of[order],), vehicle)

    def trip(self, orders: tuple[int, ...], stores: tuple[int, ...], vehicle: int) -> Trip:
        """The trip that picks up and drops off in these sequences."""
        known = self._trips.get((vehicle, orders, stores))
        if known is not None:
            return known
        policy = self.policy
        lead = 0.0
        ready = max([self.ready[each] for each in orders if self.store_of[each] == stores[0]], default=self.now)
        for first, second in pairwise(stores):
            way = policy.counter_after + self.between_stores(first, second, vehicle) + policy.counter_before
            lead += way
            here = max([self.ready[each] for each in orders if self.store_of[each] == second], default=self.now)
            ready = max(ready + way, here)
        at, base, latest, drops = policy.counter_after, 0.0, NEVER, []
        place = -1
        for order in orders:
            straight = self.to_door(self.store_of[order], order, vehicle)
            at += self.to_door(stores[-1], order, vehicle) if place < 0 else self.between_doors(place, order, vehicle)
            at += policy.door_before
            drops.append(at)
            base += at - (policy.counter_after + straight + policy.door_before) - self.ready[order]
            due = self.deliveries[order].due_at
            if due is not None:
                latest = min(latest, due - at)
            at += policy.door_after
            place = order
        made = self._trips[vehicle, orders, stores] = Trip(
            orders=orders,
            stores=stores,
            store=stores[0],
            vehicle=vehicle,
            lead=lead,
            ready=ready,
            size=len(orders),
            volume=sum(self.deliveries[each].size for each in orders),
            base=base,
            span=at,
            last=len(self.riders) + vehicle * len(self.deliveries) + place,
            drops=tuple(drops),
            latest=latest,
            reserve=drops[-1] if policy.delivered_by_off and drops else 0.0,
        )
        return made

    def shorter(self, trip: Trip, gone: set[int]) -> Trip | None:
        """The trip without these orders, None when nothing of it is left."""
        rest = tuple(each for each in trip.orders if each not in gone)
        if len(rest) == trip.size:
            return trip
        if not rest:
            return None
        needed = {self.store_of[each] for each in rest}
        return self.trip(rest, tuple(each for each in trip.stores if each in needed), trip.vehicle)

    def longer(self, trip: Trip, order: int) -> Trip | None:
        """The trip with one more order where that costs least, None when the order is of a store too far away."""
        key = (trip.vehicle, trip.orders, trip.stores, order)
        if key in self._longer:
            return self._longer[key]
        best, least = None, NEVER
        for stores in self._sequences(trip, self.store_of[order]):
            for place in range(trip.size + 1):
                made = self.trip((*trip.orders[:place], order, *trip.orders[place:]), stores, trip.vehicle)
                cost = made.size * made.ready + made.base + self.policy.work * (made.lead + made.span)
                if cost < least:
                    best, least = made, cost
        self._longer[key] = best
        return best

    def _sequences(self, trip: Trip, store: int) -> list[tuple[int, ...]]:
        """In which sequences the stores of the trip and this one can be visited on one trip."""
        if store in trip.stores:
            return [trip.stores]
        limit = self.policy.neighbours
        if not limit or len(trip.stores) > 1 or self.between_stores(trip.store, store, trip.vehicle) > limit:
            return []
        # A rider who is on the way to a counter goes there first.
        bound = any(each >= self.open for each in trip.orders)
        return [(trip.store, store)] if bound else [(trip.store, store), (store, trip.store)]

    # --- routes -------------------------------------------------------------------------------------------------

    def cost(self, rider: int, trips: Sequence[Trip]) -> float:
        """What a route costs in weighted seconds, NEVER where something would come after the shift."""
        policy = self.policy
        before, work, approach, idle, overdue = (
            policy.counter_before, policy.work, policy.approach, policy.idle, policy.overdue,
        )  # fmt: skip
        rows, off, at, place = self._rows, self.off[rider], self.free[rider], rider
        total, size = self.worth[rider], 0
        for trip in trips:
            row = rows[place]
            way = row[trip.store] if row is not None else -1.0
            if way < 0.0:
                way = self.way(place, trip.store)
            arrival = way + before + trip.lead
            pickup = at + arrival
            pickup = max(pickup, trip.ready)
            if pickup + trip.reserve > off:
                return NEVER
            if idle:
                total += idle * (pickup - at - arrival)
            at = pickup + trip.span
            place = trip.last
            size += trip.size
            total += trip.size * pickup + trip.base + approach * way
            total += work * ((min(off, at)) - pickup + trip.lead)
            if overdue and pickup > trip.latest:
                total += overdue * self.beyond(trip, pickup)
        if policy.pay:
            total += policy.pay * max(0.0, size - max(0.0, self.riders[rider].covered))
        return total + self.doubt[rider] * len(trips)

    def beyond(self, trip: Trip, pickup: float) -> float:
        """Seconds beyond the promise, summed over the trip's orders."""
        late = 0.0
        for order, drop in zip(trip.orders, trip.drops, strict=True):
            due = self.deliveries[order].due_at
            if due is not None:
                late += max(0.0, pickup + drop - due)
        return late

    def terms(self, rider: int, trip: Trip) -> Terms:
        """What the trip costs as the first that this rider does, term by term."""
        policy = self.policy
        way = self.way(rider, trip.store)
        arrival = self.free[rider] + way + policy.counter_before + trip.lead
        pickup = max(arrival, trip.ready)
        end = min(pickup + trip.span, self.off[rider])
        return Terms(
            lateness=trip.size * pickup + trip.base,
            overdue=policy.overdue * self.beyond(trip, pickup),
            approach=policy.approach * way,
            idle=policy.idle * (pickup - arrival),
            work=policy.work * (end - pickup + trip.lead),
            pay=policy.pay * max(0.0, trip.size - max(0.0, self.riders[rider].covered)),
            doubt=self.doubt[rider],
            cover=self.worth[rider],
        )
