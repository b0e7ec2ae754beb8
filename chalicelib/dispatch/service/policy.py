"""The policy in force in this process."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from chalicelib.dispatch.model.policy import STANDARD, Policy
from chalicelib.kernel import clock

# What a timer, a poll and an answer take on the wall's clock, however fast Doorstep's runs.
_ROUND_TRIP = timedelta(seconds=5)


def in_force() -> Policy:
    """The standard figures; on a clock that runs fast, offers live long enough to be taken, and ticks to arrive."""
    lease = clock.to_wall(STANDARD.offer_for)
    stretch = _ROUND_TRIP.total_seconds() / lease
    if stretch <= 1:
        return STANDARD
    return replace(
        STANDARD,
        offer_for=STANDARD.offer_for * stretch,
        tick_lost_after=STANDARD.tick_lost_after + STANDARD.offer_for * stretch,
    )
