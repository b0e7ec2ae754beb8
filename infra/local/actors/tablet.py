"""The tablet on a store's counter."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.local.actors.client import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.actors.client import Answer, Client

Json = dict[str, Any]

_RACES = 4


class Tablet:
    """Watches the board and gives the staff's commands, each on the version of the order that was seen."""

    def __init__(self, client: Client, store_id: str) -> None:
        self.client = client
        self.store_id = store_id
        self._place = f"/v1/stores/{store_id}"
        self._versions: dict[str, str] = {}

    def look(self) -> Answer:
        """Poll the board once; `body["cards"]` are the open orders, the most urgent first."""
        answer = self.client.poll(f"{self._place}/board")
        if answer.changed:
            self._versions = {card["order"]["id"]: str(card["order"]["version"]) for card in answer.body["cards"]}
        return answer

    def card(self, order_id: str) -> Json | None:
        """An order's card on the board, None where it has none."""
        return next((card for card in self.look().body["cards"] if card["order"]["id"] == order_id), None)

    def wait_for(
        self, order_id: str, holds: Callable[[Json | None], bool] = bool, seconds: float = 20.0, pause: float = 0.05
    ) -> Json:
        """Watch the board until something holds of an order's card (that it is there). Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not holds(card := self.card(order_id)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{order_id} on the board after {seconds} s: {card}")
            time.sleep(pause)
        return card or {}

    def read(self, order_id: str) -> Json:
        """An order of the store with its lines, payment and delivery."""
        order: Json = self.client.get(f"{self._place}/orders/{order_id}").body
        self._versions[order_id] = str(order["order"]["version"])
        return order

    def accept(self, order_id: str, prep_minutes: int = 5) -> Json:
        """Take an order on."""
        return self._command(order_id, "accept", {"prep_minutes": prep_minutes})

    def postpone(self, order_id: str, prep_minutes: int) -> Json:
        """Say anew how long it needs."""
        return self._command(order_id, "postpone", {"prep_minutes": prep_minutes})

    def reject(self, order_id: str, reason: str = "too_busy") -> Json:
        """Turn an order down."""
        return self._command(order_id, "reject", {"reason": reason})

    def start(self, order_id: str) -> Json:
        """Begin to prepare."""
        return self._command(order_id, "start")

    def ready(self, order_id: str) -> Json:
        """Say that it is ready."""
        return self._command(order_id, "ready")

    def hand_over(self, order_id: str, pickup_code: str | None = None) -> Json:
        """To the customer who says the code, or to the rider."""
        return self._command(order_id, "hand_over", {"pickup_code": pickup_code})

    def complete(self, order_id: str) -> Json:
        """Close a table."""
        return self._command(order_id, "complete")

    def cancel(self, order_id: str, reason: str = "other") -> Json:
        """Give up an accepted order."""
        return self._command(order_id, "cancel", {"reason": reason})

    def stock(self, sku: str) -> int:
        """How many of a SKU are left."""
        return int(self.client.get(f"{self._place}/stock/{sku}").body["available"])

    def eighty_six(self, kind: str, item_id: str, until: str = "further_notice") -> Json:
        """Take a `product`, `sku` or `option` off sale."""
        path = f"{self._place}/availability/{kind}/{item_id}"
        return self.client.send("PUT", path, {"until": until}).body

    def _command(self, order_id: str, step: str, body: Json | None = None) -> Json:
        """Give a command. Somebody else was faster: see what the order is now, and whether it still makes sense."""
        path = f"{self._place}/orders/{order_id}/{step}"
        if order_id not in self._versions:
            self.read(order_id)
        for left in reversed(range(_RACES)):
            try:
                answer = self.client.post(path, body, if_match=self._versions[order_id])
            except Refused as refused:
                if refused.code != "version_conflict" or not left:
                    raise
                if step not in self.read(order_id)["order"]["next_steps"]:
                    raise
            else:
                self._versions[order_id] = str(answer.body["version"])
                return answer.body
        raise AssertionError("the last attempt returns or raises")
