"""The planner of the dispatching centre: who is asked to bring what, and when. Pure: no I/O and no clock.

``plan(now, deliveries, riders, travel, policy, outlook)`` makes the offers that cannot wait for the next decision.
"""

from chalicelib.dispatch.planner.plan import plan
from chalicelib.dispatch.planner.policy import Policy
from chalicelib.dispatch.planner.prep import Preparation, PrepPolicy, PrepTimes, expected_ready_at, quantile_at
from chalicelib.dispatch.planner.travel import StraightLine
from chalicelib.dispatch.planner.types import (
    Delivery,
    Offer,
    Outlook,
    Pending,
    Place,
    Rider,
    RunnerUp,
    Terms,
    Travel,
)

__all__ = [
    "Delivery",
    "Offer",
    "Outlook",
    "Pending",
    "Place",
    "Policy",
    "PrepPolicy",
    "PrepTimes",
    "Preparation",
    "Rider",
    "RunnerUp",
    "StraightLine",
    "Terms",
    "Travel",
    "expected_ready_at",
    "plan",
    "quantile_at",
]
