"""A customer with the app on their phone."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from infra.local.actors.card_form import VISA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.kernel.geo import Point
    from infra.local.actors.card_form import CardForm
    from infra.local.actors.client import Answer, Client

Json = dict[str, Any]


class Customer:
    """Finds stores, fills a basket, pays, follows the order to the door."""

    def __init__(self, client: Client, card_form: CardForm) -> None:
        self.client = client
        self.card_form = card_form

    def find_stores(self, point: Point, mode: str = "delivery") -> list[Json]:
        """The stores that serve a place, nearest first."""
        return self.client.get("/v1/stores", lat=point.lat, lng=point.lng, mode=mode).body["items"]

    def read_menu(self, store_id: str) -> Json:
        """A store's menu; the second time only if it changed."""
        return self.client.poll(f"/v1/stores/{store_id}/menu").body

    def quote(self, store_id: str, lines: Sequence[Json], mode: str = "delivery", **basket: Any) -> Json:
        """A price and a promise for a basket: `address` for deliveries (see `address`), `table` to eat in."""
        asked = {"store_id": store_id, "mode": mode, "lines": list(lines), **basket}
        return self.client.post("/v1/quotes", asked).body

    def place(self, quote: Json, method: str = "card", key: str | None = None) -> Json:
        """Order what was quoted; with the same `key` again it is the same order."""
        return self.place_raw(quote["id"], method, key).body

    def place_raw(self, quote_id: str, method: str = "card", key: str | None = None) -> Answer:
        """The whole answer to an order."""
        asked = {"quote_id": quote_id, "payment_method": method}
        return self.client.post("/v1/orders", asked, key=key or str(uuid.uuid4()))

    def pay(self, placed: Json, card: str = VISA) -> Json:
        """Confirm the card payment of a fresh order; the intent as Stripe has it then. Raises CardDeclined."""
        payment = placed["payment"]
        return self.card_form.confirm(payment["payment_intent_id"], payment["client_secret"], card)

    def order(self, store_id: str, lines: Sequence[Json], mode: str = "delivery", **basket: Any) -> Json:
        """From basket to authorised payment in three requests; the fresh order."""
        placed = self.place(self.quote(store_id, lines, mode, **basket))
        self.pay(placed)
        return placed

    def follow(self, order_id: str) -> Answer:
        """Poll the order once."""
        return self.client.poll(f"/v1/orders/{order_id}")

    def wait_for(
        self, order_id: str, holds: Callable[[Json], bool] | str, seconds: float = 20.0, pause: float | None = 0.05
    ) -> Json:
        """Follow an order until something holds of it, or it has a status. `seconds` and `pause` are the wall's.

        With `pause` None the app polls as it is told to. Raises TimeoutError.
        """
        deadline = time.monotonic() + seconds
        while True:
            answer = self.follow(order_id)
            order: Json = answer.body
            if order["status"] == holds if isinstance(holds, str) else holds(order):
                return order
            if time.monotonic() > deadline:
                raise TimeoutError(f"{order_id} after {seconds} s is {order['status']}: {order['timeline']}")
            if pause is None:
                self.client.watch.sleep(answer.retry_after or 5)
            else:
                time.sleep(pause)

    def cancel(self, order_id: str, reason: str = "changed_mind") -> Json:
        """Step back, as long as the store has not accepted."""
        return self.client.post(f"/v1/orders/{order_id}/cancel", {"reason": reason}).body

    def payment(self, order_id: str) -> Json:
        """How the payment stands."""
        return self.client.get(f"/v1/orders/{order_id}/payment").body

    def orders(self) -> list[Json]:
        """All orders, newest first."""
        found: list[Json] = []
        cursor = None
        while True:
            page = self.client.get("/v1/orders", limit=50, cursor=cursor).body
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found


def address(point: Point, street: str = "Weserstraße 12", **details: str) -> Json:
    """A place as a quote takes it."""
    return {"point": {"lat": point.lat, "lng": point.lng}, "street": street, **details}
