"""The figures by which the planner decides, in one place, each with its unit."""

from __future__ import annotations

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Spans are seconds. Weights are seconds of one customer's waiting per unit, so that terms can be added."""

    # Until the next decision: what has to leave before it is told now, all else stays open.
    tick: float = 60.0
    # Offers go out this much earlier than the rider must leave: the time that polling and a refusal take.
    ahead: float = 0.0

    # From arrival at the counter to the earliest hand-over, and from there to the saddle; the same at the door.
    counter_before: float = 120.0
    counter_after: float = 120.0
    door_before: float = 120.0
    door_after: float = 120.0

    # Whether all has to be at its doors when a shift ends, or only picked up.
    delivered_by_off: bool = False

    # The most orders on one trip: while there is a rider for each trip, and when orders pile up.
    bundle: int = 3
    bundle_under_pressure: int = 5
    # Stores this close together (seconds of riding) may share a trip, two at most; 0: every store for itself.
    neighbours: float = 0.0

    # Riders looked at for each order.
    candidates: int = 16
    # Rounds in which a part of the plan is taken out and put back better, how many orders a round takes out at most,
    # and after how many looks at a rider's route no further round begins. Bounds time, not by the clock: a plan can be
    # made again.
    rounds: int = 10
    round_orders: int = 6
    effort: int = 2_400

    # Worth so many seconds of a customer’s waiting: an order that nobody can pick up before the shift ends, …
    unserved: float = 7_200.0
    # … a second beyond the promise, on top of the waiting itself, …
    overdue: float = 0.0
    # … a second of a rider's shift from the first counter to the last door; a second of the way to the store (none: a
    # rider from far away who is there in time is as good as one nearby, what either is missed for is in `cover`), …
    work: float = 0.1
    approach: float = 0.0
    # … a second that a rider who was sent waits at the counter, …
    idle: float = 0.0
    # … an order that the guarantee of the shift does not pay anyway, …
    pay: float = 60.0
    # … a refusal: what asking somebody else later costs, weighted with its probability.
    refusal: float = 60.0

    # Cover: how much later the orders to come would be fetched if this rider were not there. The weight of one second;
    # the chance that a rider turns out to be busy; who counts (free within); the part of a shift that counts in full;
    # a way of this length is half forgiven, since most orders are not ready at once; riders counted for each place.
    cover: float = 0.15
    cover_busy: float = 0.4
    cover_within: float = 1_200.0
    cover_horizon: float = 1_800.0
    cover_grace: float = 600.0
    cover_depth: int = 8
