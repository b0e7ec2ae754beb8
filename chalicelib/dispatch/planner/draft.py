"""Routes under construction: orders are put in by regret, taken out again, and whole routes change riders.

An order goes into a trip of its store where there is one with room, or between two trips as one of its own. The order
that would lose most by its second best rider goes first.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from chalicelib.dispatch.planner.assignment import HOLD, assign
from chalicelib.dispatch.planner.world import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.dispatch.planner.world import Trip, World

_ALTERNATIVES = 8  # riders, the cheapest, among whom a route may find another than the one it has

_Place = tuple[float, "list[Trip]"]


class Draft:
    """A plan: the trips of each rider who has any, what each route costs, and which orders nobody can fetch."""

    def __init__(self, world: World, candidates: list[list[int]], largest: int) -> None:
        self.world, self.candidates, self.largest = world, candidates, largest
        self.routes: dict[int, list[Trip]] = {}
        self.costs: dict[int, float] = {}
        self.left: set[int] = set()
        self.looks = 0
        for rider, head in world.heads.items():
            self.routes[rider], self.costs[rider] = [head], world.cost(rider, (head,))

    def copy(self) -> Draft:
        """The same plan, to be changed apart from this one."""
        other = Draft.__new__(Draft)
        other.world, other.candidates, other.largest = self.world, self.candidates, self.largest
        other.routes, other.costs, other.left = self.routes.copy(), self.costs.copy(), self.left.copy()
        other.looks = self.looks
        return other

    def total(self) -> float:
        """All routes, and the orders that are in none."""
        return sum(self.costs.values()) + self.world.policy.unserved * len(self.left)

    # --- putting in ---------------------------------------------------------------------------------------------

    def insert(self, orders: Iterable[int]) -> None:
        """Put these orders into routes; what fits nowhere is left."""
        options: dict[int, dict[int, _Place]] = {}
        for order in orders:
            options[order] = {}
            for rider in self.candidates[order]:
                found = self.best_place(order, rider)
                if found is not None:
                    options[order][rider] = found
        ranks = {order: _rank(each) for order, each in options.items()}
        while options:
            order = max(ranks, key=ranks.__getitem__)
            chosen = ranks.pop(order)[2]
            places = options.pop(order)
            if chosen < 0:
                self.left.add(order)
                continue
            added, self.routes[chosen] = places[chosen]
            self.costs[chosen] = self.costs.get(chosen, 0.0) + added
            for other, others in options.items():
                if chosen in others:
                    found = self.best_place(other, chosen)
                    if found is None:
                        del others[chosen]
                    else:
                        others[chosen] = found
                    ranks[other] = _rank(others)

    def best_place(self, order: int, rider: int) -> _Place | None:
        """What the order adds to the rider's route at its best place there, and the route then; None: no place."""
        world = self.world
        self.looks += 1
        single = world.single(order, world.vehicle_of[rider])
        trips = self.routes.get(rider)
        if trips is None:
            cost = world.cost(rider, (single,))
            return (cost, [single]) if cost < NEVER else None
        best, route = NEVER, None
        for place, trip in enumerate(trips):
            together = trip.size + 1, trip.volume + single.volume
            if trip.size >= self.largest or not world.fits(rider, *together):
                continue
            if trip.store != single.store and not world.policy.neighbours:
                continue
            longer = world.longer(trip, order)
            if longer is not None:
                made = [*trips[:place], longer, *trips[place + 1 :]]
                cost = world.cost(rider, made)
                if cost < best:
                    best, route = cost, made
        for place in range(len(trips) + 1):
            made = [*trips[:place], single, *trips[place:]]
            cost = world.cost(rider, made)
            if cost < best:
                best, route = cost, made
        return None if route is None else (best - self.costs[rider], route)

    # --- taking out ---------------------------------------------------------------------------------------------

    def remove(self, orders: Iterable[int]) -> None:
        """Take orders out of their routes, and off what is left."""
        world, gone = self.world, set(orders)
        self.left -= gone
        for rider, trips in list(self.routes.items()):
            if all(gone.isdisjoint(trip.orders) for trip in trips):
                continue
            kept = [rest for trip in trips if (rest := world.shorter(trip, gone)) is not None]
            cost = world.cost(rider, kept) if kept else NEVER
            if cost < NEVER:
                self.routes[rider], self.costs[rider] = kept, cost
                continue
            # Without its middle the rest may come too late for the shift: it has to find other places, too.
            self.left.update(each for trip in kept for each in trip.orders if each < world.open)
            head = world.heads.get(rider)
            if head is None:
                del self.routes[rider], self.costs[rider]
            else:
                self.routes[rider], self.costs[rider] = [head], world.cost(rider, (head,))

    # --- changing riders ----------------------------------------------------------------------------------------

    def rematch(self) -> None:
        """Give every route as it is to one of the riders for whom it is cheapest, so that the sum becomes least."""
        world = self.world
        holders = [rider for rider in self.routes if rider not in world.heads]
        able = [rider for rider in range(len(world.riders)) if rider not in world.heads]
        column = {rider: number for number, rider in enumerate(able)}
        rows = []
        for holder in holders:
            trips = self.routes[holder]
            others = []
            vehicle, size = world.vehicle_of[holder], max(trip.size for trip in trips)
            volume = max(trip.volume for trip in trips)
            for rider in self._could_all(trips):
                if rider == holder or rider in world.heads:
                    continue
                if world.vehicle_of[rider] == vehicle and world.fits(rider, size, volume):
                    cost = world.cost(rider, trips)
                    if cost < NEVER:
                        others.append((cost, column[rider]))
            row = [(place, cost) for cost, place in nsmallest(_ALTERNATIVES, others)]
            rows.append([(column[holder], self.costs[holder]), *row])
        chosen = assign(rows, [NEVER] * len(rows), len(able))
        routes = [self.routes.pop(holder) for holder in holders]
        costs = [dict(row) for row in rows]
        for holder in holders:
            del self.costs[holder]
        for number, (place, trips) in enumerate(zip(chosen, routes, strict=True)):
            if place == HOLD:
                raise ValueError("a rider was left without a plan, though everyone can keep what they have")
            self.routes[able[place]], self.costs[able[place]] = trips, costs[number][place]

    def _could_all(self, trips: list[Trip]) -> list[int]:
        """Riders who are candidates for every order of these trips."""
        first, *others = (order for trip in trips for order in trip.orders)
        able = self.candidates[first]
        if not others:
            return able
        return [rider for rider in able if all(rider in self.candidates[other] for other in others)]


def _rank(places: dict[int, _Place]) -> tuple[float, float, int]:
    """What is lost without the best rider, how cheap that one is, and who it is (-1: nobody)."""
    best = second = NEVER
    chosen = -1
    for rider, (cost, _) in places.items():
        if cost < best:
            best, second, chosen = cost, best, rider
        elif cost < second:
            second = cost
    return (second - best if best < NEVER else 0.0, -best, chosen)
