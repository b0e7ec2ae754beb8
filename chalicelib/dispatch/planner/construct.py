"""Putting orders into routes: the order that would lose most by waiting for its second best rider goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.planner.routes import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.dispatch.planner.routes import Trip, World

Routes = dict[int, list["Trip"]]


class Draft:
    """Routes under construction, with what each costs."""

    def __init__(self, world: World, candidates: list[list[int]], largest: int) -> None:
        self.world = world
        self.candidates = candidates
        self.largest = largest
        self.routes: Routes = {}
        self.costs: dict[int, float] = {}
        self.left: set[int] = set()

    def copy(self) -> Draft:
        """The same routes, to be changed apart from these."""
        other = Draft(self.world, self.candidates, self.largest)
        other.routes = {rider: trips.copy() for rider, trips in self.routes.items()}
        other.costs = self.costs.copy()
        other.left = self.left.copy()
        return other

    def total(self) -> float:
        """All routes, and the orders that are in none."""
        return sum(self.costs.values()) + self.world.policy.unserved * len(self.left)

    def insert(self, orders: Iterable[int]) -> None:
        """Put these orders into routes; what fits nowhere is left."""
        places: dict[int, dict[int, tuple[float, list[Trip]]]] = {}
        for order in orders:
            options = {}
            for rider in self.candidates[order]:
                found = self.best_place(order, rider)
                if found is not None:
                    options[rider] = found
            places[order] = options
        ranks = {order: _rank(options) for order, options in places.items()}
        while places:
            order = max(ranks, key=ranks.__getitem__)
            options = places.pop(order)
            del ranks[order]
            if not options:
                self.left.add(order)
                continue
            rider = min(options, key=lambda each: (options[each][0], each))
            self.routes[rider] = options[rider][1]
            self.costs[rider] = self.costs.get(rider, 0.0) + options[rider][0]
            for other, others in places.items():
                if rider in others:
                    found = self.best_place(other, rider)
                    if found is None:
                        del others[rider]
                    else:
                        others[rider] = found
                    ranks[other] = _rank(others)

    def best_place(self, order: int, rider: int) -> tuple[float, list[Trip]] | None:
        """What the order adds to the rider's route at the best place there, and the route then."""
        world = self.world
        trips = self.routes.get(rider, ())
        vehicle = world.vehicle_of[rider]
        single = world.trip((order,), vehicle)
        if not trips:
            cost = world.cost(rider, (single,))
            return (cost, [single]) if cost < NEVER else None
        best, route = NEVER, None
        before = self.costs[rider]
        room = world.riders[rider].room
        for place, trip in enumerate(trips):
            if trip.store == single.store and trip.size < self.largest and trip.volume + single.volume <= room:
                made = [*trips[:place], world.longer(trip, order), *trips[place + 1 :]]
                cost = world.cost(rider, made)
                if cost < best:
                    best, route = cost, made
        for place in range(len(trips) + 1):
            made = [*trips[:place], single, *trips[place:]]
            cost = world.cost(rider, made)
            if cost < best:
                best, route = cost, made
        return None if route is None else (best - before, route)

    def remove(self, orders: Iterable[int]) -> None:
        """Take orders out of their routes, or off what is left."""
        world = self.world
        gone = set(orders)
        self.left -= gone
        for rider, trips in list(self.routes.items()):
            if not any(each in gone for trip in trips for each in trip.orders):
                continue
            kept = []
            for trip in trips:
                rest = tuple(each for each in trip.orders if each not in gone)
                if rest:
                    kept.append(trip if len(rest) == trip.size else world.trip(rest, trip.vehicle))
            if kept:
                self.routes[rider], self.costs[rider] = kept, world.cost(rider, kept)
            else:
                del self.routes[rider], self.costs[rider]


def _rank(options: dict[int, tuple[float, list[Trip]]]) -> tuple[float, float]:
    """How much is lost without the best rider, and how cheap that one is."""
    best = second = NEVER
    for cost, _ in options.values():
        if cost < best:
            best, second = cost, best
        elif cost < second:
            second = cost
    return (second - best if best < NEVER else 0.0, -best)
