"""A customer of the recorded day: orders, pays, follows the order to its end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from infra.local.actors.customer import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.actors import Customer
    from infra.local.replay.day import Day, Played


class Diner:
    """Places one order at its time."""

    def __init__(
        self, day: Day, played: Played, customer: Customer, store_id: str, tell_kitchen: Callable[[datetime], None]
    ) -> None:
        self.name = f"diner {played.recorded.id}"
        self.customer = customer
        self._day = day
        self._played = played
        self._store_id = store_id
        self._tell_kitchen = tell_kitchen
        self._unpaid: dict[str, Any] | None = None
        self._is_riding = self._was_riding = False

    def wake(self, now: datetime) -> datetime | None:
        """Order; then look how it goes as often as the API says."""
        if self._played.order_id is None:
            self._order()
        if self._unpaid is not None:
            self._pay(self._unpaid)
            return now + timedelta(seconds=5)
        if self._is_riding:
            place = self.customer.client.poll(f"/v1/orders/{self._played.order_id}/rider")
            self._day.count("looks at the map")
            self._is_riding = place.body["status"] == "picked_up"
            if self._is_riding:
                return now + timedelta(seconds=place.retry_after or 20)
        answer = self.customer.follow(str(self._played.order_id))
        order = answer.body
        # Once the rider is on the way the app shows the map, and looks at the order again when the rider is there.
        self._is_riding = order["status"] == "out_for_delivery" and not self._was_riding
        self._was_riding = self._was_riding or self._is_riding
        self._played.status = order["status"]
        if self._played.has_ended:
            last = order["timeline"][-1]
            self._played.reason = None if order["status"] == "completed" else f"{last['actor']}: {last['reason']}"
            return None
        return now + timedelta(seconds=answer.retry_after or 20)

    def _order(self) -> None:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in self._played.items.items()]
        door = self._day.point(self._played.recorded.door)
        where = address(door, f"Door of {self._played.recorded.id}")
        placed = self.customer.place(self.customer.quote(self._store_id, lines, address=where))
        self._played.pin = placed["delivery_pin"]
        self._played.total = placed["total"]["amount"]
        self._day.note_placed(self._played, placed["id"])
        self._day.count("placed")
        self._unpaid = placed

    def _pay(self, placed: dict[str, Any]) -> None:
        self.customer.pay(placed)
        self._unpaid = None
        # The order that comes wakes the tablet, as a push would.
        self._tell_kitchen(self.customer.client.watch.now())
