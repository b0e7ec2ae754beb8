"""Whole plans by general solvers on the same moments: `python -m benchmarks.dispatch.whole_plans`.

The planner beside VROOM and OR-Tools' routing (development only, see solvers.txt; one that is missing is left out).
All get the same ways, shifts and hand-over times; the solvers may mix stores on a route, the planner may not. Every
plan is ridden again by the same rule and judged by the minutes from ready to door, by riders' time on the way and at
doors, and by what nobody brings. See docs/adr/0070.
"""

from __future__ import annotations

import argparse
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.dispatch.snapshots import Snapshot, snapshot
from chalicelib.dispatch.planner import Policy, StraightLine
from chalicelib.dispatch.planner.plan import drafted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.dispatch.planner import Place

SIZES = ((30, 60), (100, 200))
HANDOVER = 120  # seconds before and after a hand-over, at the counter and at the door
LARGEST = 5  # orders at once on a route
UNSERVED = 7_200
SLACK = 1_800  # the window that VROOM gets at a door, beyond the straight way from when the order is ready
_TRAVEL = StraightLine()


class Stop(msgspec.Struct, frozen=True):
    """A place on a route: the counter (``door`` is false) or the door of one of the moment's deliveries."""

    delivery: int
    door: bool


Routes = dict[int, list[Stop]]  # by the rider's number


class Ridden(msgspec.Struct):
    """What a plan comes to; seconds, summed over what is brought."""

    brought: int = 0
    ready_to_door: float = 0.0
    worked: float = 0.0


def ride(moment: Snapshot, routes: Routes) -> Ridden:
    """Ride the routes: a rider waits at the counter for all that it takes there, two minutes before and after each."""
    result = Ridden()
    for number, stops in routes.items():
        rider = moment.riders[number]
        at, place, position = rider.free_at, rider.place, 0
        while position < len(stops):
            stop = stops[position]
            order = moment.deliveries[stop.delivery]
            goal = order.door if stop.door else order.store
            way = _TRAVEL.seconds(place, goal, rider.vehicle)
            at += way + HANDOVER
            result.worked += way + 2 * HANDOVER
            place = goal
            position += 1
            if stop.door:
                result.ready_to_door += at - order.ready_at
                result.brought += 1
            else:
                at = max(at, order.ready_at)
                while position < len(stops) and _same_counter(moment, stop, stops[position]):
                    at = max(at, moment.deliveries[stops[position].delivery].ready_at)
                    position += 1
            at += HANDOVER
    return result


def _same_counter(moment: Snapshot, one: Stop, other: Stop) -> bool:
    return not other.door and moment.deliveries[one.delivery].store_id == moment.deliveries[other.delivery].store_id


def by_planner(moment: Snapshot, seconds: float) -> Routes:
    """Everything the planner intends, also what it would not tell yet."""
    del seconds
    policy = Policy(delivered_by_off=True, cover=0.0, pay=0.0)
    draft = drafted(moment.now, moment.deliveries, moment.riders, _TRAVEL, policy, moment.outlook)
    return {
        rider: [Stop(order, door) for trip in trips for door in (False, True) for order in trip.orders]
        for rider, trips in draft.routes.items()
    }


def by_vroom(moment: Snapshot, seconds: float) -> Routes:
    """VROOM: the least riding within half an hour of slack; how long customers wait is no aim that it knows."""
    from datetime import timedelta

    import vroom

    places, riders, stores, doors = _places(moment)
    begin = int(min(moment.now, *(each.ready_at for each in moment.deliveries))) - 2 * HANDOVER
    last = int(max(each.off_at for each in moment.riders)) - begin
    problem = vroom.Input()
    problem.set_durations_matrix("car", _ways(places))
    for number, rider in enumerate(moment.riders):
        window = vroom.TimeWindow(int(rider.free_at) - begin, int(rider.off_at) - begin)
        problem.add_vehicle(vroom.Vehicle(number, start=riders[number], capacity=[LARGEST], time_window=window))
    for number, order in enumerate(moment.deliveries):
        ready = int(order.ready_at) - begin
        straight = int(_TRAVEL.seconds(order.store, order.door, "bicycle"))
        due = max(ready, int(moment.now) - begin) + straight + SLACK
        problem.add_shipment(
            # Set-up is spent once at a counter, whatever is taken there: it holds both halves of the hand-over.
            vroom.ShipmentStep(
                number, stores[number], 2 * HANDOVER, 0, [vroom.TimeWindow(max(0, ready - HANDOVER), last)]
            ),
            vroom.ShipmentStep(number, doors[number], 0, 2 * HANDOVER, [vroom.TimeWindow(0, due)]),
            amount=vroom.Amount([1]),
        )
    solution = problem.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=seconds))
    routes: Routes = {}
    for row in solution.routes.to_dict("records"):
        if row["type"] in {"pickup", "delivery"}:
            routes.setdefault(int(row["vehicle_id"]), []).append(Stop(int(row["id"]), row["type"] == "delivery"))
    return routes


def by_ortools(moment: Snapshot, seconds: float) -> Routes:
    """OR-Tools' routing with the planner's aim: seconds from ready to door, and a tenth of the riders' seconds."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    places, riders, stores, doors = _places(moment)
    ways = _ways(places).tolist()
    ways = [[*row, 0] for row in ways] + [[0] * (len(places) + 1)]
    end = len(places)  # routes end where they end
    count = len(moment.riders)
    manager = pywrapcp.RoutingIndexManager(end + 1, count, [riders[each] for each in range(count)], [end] * count)
    routing = pywrapcp.RoutingModel(manager)
    counters, at_doors = set(stores.values()), set(doors.values())
    handing = counters | at_doors

    def transit(start: int, goal: int) -> int:
        one, other = manager.IndexToNode(start), manager.IndexToNode(goal)
        # At a counter a second order of the same store costs no second hand-over.
        same = one in handing and other in handing and one != other and places[one] == places[other]
        return int(ways[one][other]) + (2 * HANDOVER if one in handing and not same else 0)

    callback = routing.RegisterTransitCallback(transit)
    routing.SetArcCostEvaluatorOfAllVehicles(callback)
    begin = int(min(moment.now, *(each.ready_at for each in moment.deliveries))) - 2 * HANDOVER
    last = int(max(each.off_at for each in moment.riders)) - begin
    routing.AddDimension(callback, last, last, False, "time")
    clock = routing.GetDimensionOrDie("time")
    load = routing.RegisterUnaryTransitCallback(
        lambda index: (manager.IndexToNode(index) in counters) - (manager.IndexToNode(index) in at_doors)
    )
    routing.AddDimension(load, 0, LARGEST, True, "load")
    for number, rider in enumerate(moment.riders):
        clock.CumulVar(routing.Start(number)).SetMin(int(rider.free_at) - begin)
        clock.CumulVar(routing.End(number)).SetMax(max(0, int(rider.off_at) - begin))
    for number, order in enumerate(moment.deliveries):
        ready = int(order.ready_at) - begin
        fetch, bring = manager.NodeToIndex(stores[number]), manager.NodeToIndex(doors[number])
        routing.AddPickupAndDelivery(fetch, bring)
        routing.solver().Add(routing.VehicleVar(fetch) == routing.VehicleVar(bring))
        routing.solver().Add(clock.CumulVar(fetch) <= clock.CumulVar(bring))
        clock.CumulVar(fetch).SetMin(max(0, ready - HANDOVER))
        clock.SetCumulVarSoftUpperBound(bring, ready, 10)
        routing.AddDisjunction([fetch], 5 * UNSERVED)
        routing.AddDisjunction([bring], 5 * UNSERVED)
    search = pywrapcp.DefaultRoutingSearchParameters()
    search.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    search.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    search.time_limit.FromMilliseconds(int(1_000 * seconds))
    found = routing.SolveWithParameters(search)
    return _routes_of(routing, manager, found, stores, doors) if found else {}


def _routes_of(routing: Any, manager: Any, found: Any, stores: dict[int, int], doors: dict[int, int]) -> Routes:
    stop_at = {node: Stop(number, door=False) for number, node in stores.items()}
    stop_at |= {node: Stop(number, door=True) for number, node in doors.items()}
    routes: Routes = {}
    for rider in range(routing.vehicles()):
        index = found.Value(routing.NextVar(routing.Start(rider)))
        while not routing.IsEnd(index):
            routes.setdefault(rider, []).append(stop_at[manager.IndexToNode(index)])
            index = found.Value(routing.NextVar(index))
    return routes


def _places(moment: Snapshot) -> tuple[list[Place], dict[int, int], dict[int, int], dict[int, int]]:
    """All places, and where in that list each rider, each delivery's store and each door is."""
    places = [each.place for each in moment.riders]
    riders = dict(enumerate(range(len(places))))
    stores = {number: len(places) + number for number in range(len(moment.deliveries))}
    places += [each.store for each in moment.deliveries]
    doors = {number: len(places) + number for number in range(len(moment.deliveries))}
    places += [each.door for each in moment.deliveries]
    return places, riders, stores, doors


def _ways(places: Sequence[Place]) -> Any:
    import numpy as np

    return np.array(
        [[round(_TRAVEL.seconds(one, other, "bicycle")) for other in places] for one in places], dtype=np.uint32
    )


PLANNERS: tuple[tuple[str, str, Callable[[Snapshot, float], Routes], tuple[float, ...]], ...] = (
    ("Doorstep", "chalicelib", by_planner, (0.0,)),
    ("VROOM", "vroom", by_vroom, (60.0,)),
    ("OR-Tools routing", "ortools", by_ortools, (20.0, 120.0)),
)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="benchmarks.dispatch.whole_plans", description="Whole plans, compared.")
    parser.add_argument("--moments", type=int, default=3, help="of each size")
    moments = parser.parse_args().moments
    table = Table("planner", "size", "seconds", "not brought", "ready to door, min", "riders' min per order")
    for size in SIZES:
        for name, module, decide, limits in PLANNERS:
            if find_spec(module) is None:
                continue
            for limit in limits:
                table.add_row(name, f"{size[0]} x {size[1]}", *_measured(decide, size, limit, moments))
    Console().print(table)


def _measured(
    decide: Callable[[Snapshot, float], Routes], size: tuple[int, int], limit: float, moments: int
) -> tuple[str, str, str, str]:
    whole, spent, orders = Ridden(), 0.0, 0
    for seed in range(moments):
        moment = snapshot(seed, *size)
        began = time.process_time()
        routes = decide(moment, limit)
        spent += time.process_time() - began
        got = ride(moment, routes)
        whole.brought += got.brought
        whole.ready_to_door += got.ready_to_door
        whole.worked += got.worked
        orders += len(moment.deliveries)
    brought = max(1, whole.brought)
    return (
        f"{spent / moments:.3f}",
        str(orders - whole.brought),
        f"{whole.ready_to_door / brought / 60:.2f}",
        f"{whole.worked / brought / 60:.2f}",
    )


if __name__ == "__main__":
    main()
