"""What `make run` shows: a merchant with two stores, its people, riders and a customer, and one order to the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.actors import Cast
from infra.local.demo import curl, seeding
from infra.local.demo.journey import Journey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.stack import LocalStack


def seed(stack: LocalStack) -> None:
    """Make the demo's data; what an earlier run made is found again."""
    cast = Cast(stack)
    seeding.seed_stores(cast)
    seeding.seed_riders(cast)


def play(stack: LocalStack) -> None:
    """Play one order from the search for a store to the captured payment, telling each step as it happens."""
    Journey(Cast(stack)).play()


def curl_lines(stack: LocalStack) -> Sequence[str]:
    """Requests to paste, for each role."""
    return curl.lines(stack)
