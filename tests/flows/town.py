"""A place of its own for each test: one store, its people, and nobody else's riders for a hundred kilometres."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import requests

from chalicelib.dispatch.service import zone_of
from chalicelib.kernel.geo import Point
from infra.local.actors import Cast
from infra.local.actors.customer import address
from infra.local.actors.rider import delivery_of
from infra.local.demo import places

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.actors import Customer, Rider
    from infra.local.stack import LocalStack

Json = dict[str, Any]

BASKET: list[Json] = [
    {"sku": "PIZ-MARG-32", "quantity": 1, "modifiers": [{"group_id": "extras", "option_id": "olives"}]},
    {"sku": "TIRAMISU", "quantity": 2},
    {"sku": "LEMONADE", "quantity": 1},
]
TAKEN = {"TIRAMISU": 2, "LEMONADE": 1}
STOCK = {"TIRAMISU": 40, "LEMONADE": 100}


class Town:
    """A store as `settings` change it, open, with the demo's menu and stock."""

    def __init__(self, stack: LocalStack, **settings: Any) -> None:
        self.stack = stack
        self.cast = Cast(stack)
        self.name = f"town-{random.getrandbits(48):012x}"
        self.point = Point(round(random.uniform(-55, 55), 4), round(random.uniform(-170, 170), 4))
        self.home = self.beside(600)
        self.owner = self.cast.merchant(f"{self.name}-owner")
        self.store_id = self._open_store(settings)
        self.tablet = self.cast.tablet(self.store_id, f"{self.name}-clerk")

    def _open_store(self, settings: Json) -> str:
        owner = self.cast.user("staff", f"{self.name}-owner")
        merchant = self.cast.back_office().register_merchant(self.name, owner.sub)
        point = {"lat": self.point.lat, "lng": self.point.lng}
        store_id = str(self.owner.open_store(merchant["id"], {**places.TRATTORIA, "point": point, **settings})["id"])
        self.owner.publish_menu(store_id, places.TRATTORIA_MENU)
        for sku, count in STOCK.items():
            self.owner.set_stock(store_id, sku, count)
        clerk = self.cast.user("staff", f"{self.name}-clerk")
        self.owner.hire(store_id, clerk.sub, "clerk", "Clerk")
        return store_id

    def beside(self, metres: float) -> Point:
        """A point so far north of the store."""
        return Point(round(self.point.lat + metres / 111_195, 6), self.point.lng)

    def zone(self) -> str:
        """The zone whose riders deliver here."""
        return zone_of(self.point)

    def customer(self) -> Customer:
        """Somebody who lives here."""
        return self.cast.customer(f"{self.name}-{random.getrandbits(32):08x}")

    def rider(self, metres: float = 300) -> Rider:
        """A rider on shift, so far from the store."""
        rider = self.cast.rider(f"{self.name}-{random.getrandbits(32):08x}")
        rider.register("Rider")
        rider.start_shift(self.beside(metres))
        return rider

    def quote(self, customer: Customer, mode: str = "delivery", **basket: Any) -> Json:
        """A quote for the usual basket."""
        where: Json = {"delivery": {"address": address(self.home)}, "dine_in": {"table": "7"}}.get(mode, {})
        return customer.quote(self.store_id, BASKET, mode, **where, **basket)

    def order(self, customer: Customer, mode: str = "delivery", method: str = "card") -> Json:
        """A fresh order of the usual basket, paid if it is by card; on the board."""
        placed = customer.place(self.quote(customer, mode), method)
        if method == "card":
            customer.pay(placed)
        self.tablet.wait_for(placed["id"])
        return placed

    def ready_order(self, customer: Customer, rider: Rider, method: str = "card") -> tuple[Json, str]:
        """An order that is ready at the store, taken by the rider; it and its delivery's id."""
        placed = self.order(customer, method=method)
        self.tablet.accept(placed["id"])
        delivery_id = rider.wait_for_offer(placed["id"])["delivery_id"]
        rider.accept(delivery_id)
        self.tablet.start(placed["id"])
        self.tablet.ready(placed["id"])
        return placed, str(delivery_id)

    def order_at_the_door(self, customer: Customer, rider: Rider, method: str = "card") -> tuple[Json, str]:
        """An order whose rider stands at the door; it and its delivery's id."""
        placed, delivery_id = self.ready_order(customer, rider, method)
        rider.arrive_at_store(delivery_id)
        rider.pick_up(delivery_id)
        rider.arrive_at_door(delivery_id)
        return placed, delivery_id

    def charge(self, order_id: str) -> Json:
        """What the payment provider has of an order: exactly one intent."""
        summary = requests.get(f"{self.stack.stripe_url}/sandbox/summary", timeout=10).json()
        (line,) = [each for each in summary["intents"] if each["metadata"].get("order_id") == order_id]
        return dict(line)

    def stock(self) -> dict[str, int]:
        """What is left of what is counted."""
        return {sku: self.tablet.stock(sku) for sku in STOCK}


def left(taken: int = 1) -> dict[str, int]:
    """The stock after so many of the usual baskets were taken."""
    return {sku: count - taken * TAKEN[sku] for sku, count in STOCK.items()}


def eventually(question: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first answer that is true, asked until there is one; the last answer when time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def steps(order: Json) -> list[str]:
    """The timeline's steps, in order."""
    return [entry["step"] for entry in order["timeline"]]


__all__ = ["BASKET", "STOCK", "TAKEN", "Town", "delivery_of", "eventually", "left", "steps"]
