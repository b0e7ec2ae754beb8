"""A restaurant of the recorded day: takes every order at once and has it ready when the record says."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from infra.local.actors import Refused

if TYPE_CHECKING:
    from infra.local.actors import Tablet
    from infra.local.replay.day import Day, Played

# A tablet that was woken for an order which has not appeared yet stays awake so long.
EXPECTING = timedelta(minutes=12)
# The instances' bound from click to door. An order for which no rider was found by then is given up.
GIVE_UP_AFTER = timedelta(minutes=90)
# What others have settled meanwhile: the order was rejected in our silence, or cancelled.
SETTLED = frozenset(("order_status_conflict", "version_conflict", "order_not_found"))


class Kitchen:
    """Watches its board while something is open or expected on it."""

    def __init__(self, day: Day, restaurant: str, tablet: Tablet) -> None:
        self.name = f"kitchen {restaurant}"
        self.tablet = tablet
        self._day = day
        self._expecting_until: datetime | None = None

    def expect(self, now: datetime) -> None:
        """An order was paid and will come up on the board."""
        self._expecting_until = now + EXPECTING

    def wake(self, now: datetime) -> datetime | None:
        """Look at the board and do what is due on it."""
        answer = self.tablet.look()
        again = now + timedelta(seconds=answer.retry_after or 20)
        due = []
        for card in answer.body["cards"]:
            played = self._day.by_order_id.get(card["order"]["id"])
            if played is None:
                continue
            try:
                due.append(self._serve(card["order"], played, now))
            except Refused as refused:
                if refused.code not in SETTLED:
                    raise
        if not answer.body["cards"] and (self._expecting_until is None or now > self._expecting_until):
            return None
        return min([again, *(each for each in due if each is not None and each > now)])

    def _serve(self, order: dict[str, Any], played: Played, now: datetime) -> datetime | None:
        """The next step of one order; when it is due, if that is known."""
        order_id = order["id"]
        if order["status"] == "placed":
            minutes = math.ceil((played.ready - now) / timedelta(minutes=1))
            self.tablet.accept(order_id, prep_minutes=max(1, minutes))
            played.accepted_at = now
            self.tablet.start(order_id)
        elif order["status"] == "accepted":
            self.tablet.start(order_id)
        elif "no_rider" in order["attention"] and now >= played.click + GIVE_UP_AFTER:
            self.tablet.cancel(order_id, "no_rider")
            return None
        if played.marked_ready_at is not None:
            return None
        if now < played.ready:
            return played.ready
        self.tablet.ready(order_id)
        played.marked_ready_at = now
        return None
