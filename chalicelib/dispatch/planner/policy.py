"""The figures by which the planner decides, in one place, each with its unit."""

from __future__ import annotations

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Weights are in seconds of one customer's waiting per unit, so that terms can be added and compared."""

    # Seconds between two decisions: what has to leave before the next one is told now, all else stays open.
    tick: float = 60.0
    # Seconds from arrival at the counter to the earliest hand-over, and from there to the saddle; the same at the door.
    counter_before: float = 120.0
    counter_after: float = 120.0
    door_before: float = 120.0
    door_after: float = 120.0

    # Orders on one trip, where there are at least as many riders as trips; and under the greatest pressure.
    bundle: int = 3
    bundle_under_pressure: int = 5

    # Riders looked at for each order: those who could have it earliest.
    candidates: int = 24
    # Rounds in which a part of the plan is taken out and put back better; and how many orders a round takes out.
    rounds: int = 5
    round_orders: int = 6

    # Waiting seconds of customers that are worth …
    unserved: float = 7_200.0  # … an order that nobody can pick up any more
    approach: float = -0.1  # … a second of riding to the store
    work: float = 0.1  # … a second of a rider's shift
    overdue: float = 0.0  # … a second beyond the promise, on top
    pay: float = 0.0  # … an order that the guarantee of the shift does not pay anyway

    cover: float = 0.15
    cover_busy: float = 0.4
    cover_soon: float = 1200.0
    cover_horizon: float = 1800.0
    cover_grace: float = 600.0
    cover_shape: int = 1
