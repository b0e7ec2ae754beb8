"""One order, from the search for a store to the captured payment, told as it happens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from infra.local.actors import Refused, Rider
from infra.local.actors.rider import delivery_of
from infra.local.demo import places, seeding

if TYPE_CHECKING:
    from infra.local.actors import Cast

Json = dict[str, Any]

WAIT_SECONDS = 30.0
DEADLINE_SECONDS = 400.0
_COLOURS = {"customer": "cyan", "staff": "yellow", "rider": "green", "doorstep": "magenta"}


@dataclass(frozen=True)
class OnTheRoad:
    """The rider who was offered the delivery, and their name."""

    rider: Rider
    name: str
    delivery_id: str


class Journey:
    """Plays the demo's people through one delivery that is paid by card."""

    def __init__(self, cast: Cast, console: Console | None = None) -> None:
        self.cast = cast
        self.customer = cast.customer(places.CUSTOMER)
        self.tablet = cast.tablet(seeding.seed_stores(cast).trattoria, places.CLERK)
        self.riders = {places.RIDER_NAMES[name]: cast.rider(name) for name in places.RIDERS}
        self._console = console or Console(highlight=False)
        self._began = time.monotonic()

    def play(self) -> Json:
        """The whole way to the door; the order at its end."""
        self._finish_what_was_left()
        seeding.begin_shifts(self.cast)
        order = self._order_and_pay()
        job = self._cook_and_offer(order)
        self._bring(job, order)
        return self._settle(order["id"])

    def _order_and_pay(self) -> Json:
        stores = self.customer.find_stores(places.HOME)
        nearest = ", ".join(f"{store['name']} ({store['distance_m']} m)" for store in stores)
        self._tell("customer", f"looks for stores that deliver to {places.HOME_ADDRESS['street']}: {nearest}")
        menu = self.customer.read_menu(self.tablet.store_id)
        self._tell("customer", f"reads the menu, version {menu['version']}: {len(menu['menu']['products'])} products")
        quote = self.customer.quote(self.tablet.store_id, places.BASKET, address=places.HOME_ADDRESS)
        self._tell("customer", f"gets a quote: {_told(quote)}")
        placed = self.customer.place(quote)
        self._tell("customer", f"orders: {placed['label']} ({placed['id']}), PIN {placed['delivery_pin']}")
        intent = self.customer.pay(placed)
        self._tell("customer", f"confirms the card payment at Stripe: {intent['status']}")
        return placed

    def _cook_and_offer(self, order: Json) -> OnTheRoad:
        order_id = order["id"]
        if self.cast.stack.env["DOORSTEP_STRIPE_API_BASE"]:
            self.tablet.wait_for(order_id, seconds=WAIT_SECONDS)
        else:
            self._tell("doorstep", "waits for Stripe's webhook (stripe listen), or asks Stripe in five minutes")
            self.tablet.wait_for(order_id, seconds=DEADLINE_SECONDS)
        self._tell("doorstep", "hears from Stripe that the money is held: the order is on the store's board")
        self.tablet.accept(order_id, prep_minutes=8)
        self._tell("staff", "accepts: ready in 8 minutes; a rider is looked for")
        self.tablet.start(order_id)
        self._tell("staff", "puts the pizzas into the oven")
        job = self._offered(delivery_of(order_id))
        self._tell("rider", f"{job.name} is offered the delivery and takes it")
        job.rider.accept(job.delivery_id)
        job.rider.report_position(places.TRATTORIA_POINT)
        job.rider.arrive_at_store(job.delivery_id)
        self._tell("rider", f"{job.name} is at the store")
        self._try_to_leave_early(job)
        self.tablet.ready(order_id)
        self._tell("staff", "packs the order: ready")
        return job

    def _bring(self, job: OnTheRoad, order: Json) -> None:
        job.rider.pick_up(job.delivery_id)
        self._tell("rider", f"{job.name} leaves with it")
        self.customer.wait_for(order["id"], "out_for_delivery", seconds=WAIT_SECONDS)
        self._tell("customer", "sees that it is out for delivery")
        job.rider.report_position(places.HOME)
        job.rider.arrive_at_door(job.delivery_id)
        self._tell("rider", f"{job.name} is at the door")
        job.rider.deliver(job.delivery_id, pin=order["delivery_pin"])
        self._tell("rider", f"{job.name} is told the PIN and hands over")

    def _settle(self, order_id: str) -> Json:
        order = self.customer.wait_for(
            order_id,
            lambda seen: seen["status"] == "completed" and seen["payment"]["state"] == "captured",
            seconds=WAIT_SECONDS,
        )
        self._tell("doorstep", f"captures {_amount(self.customer.payment(order_id)['captured'])}")
        steps = " → ".join(entry["step"] for entry in order["timeline"])
        self._tell("customer", f"sees the order's timeline: {steps}")
        return order

    def _offered(self, delivery_id: str) -> OnTheRoad:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for name, rider in self.riders.items():
                feed = rider.look().body
                if any(offer["delivery_id"] == delivery_id for offer in feed["offers"]):
                    return OnTheRoad(rider, name, delivery_id)
            time.sleep(0.1)
        raise TimeoutError(f"nobody was offered {delivery_id} in {WAIT_SECONDS} s")

    def _try_to_leave_early(self, job: OnTheRoad) -> None:
        try:
            job.rider.pick_up(job.delivery_id)
        except Refused as refused:
            self._tell("doorstep", f"lets nobody leave with what is not ready: {refused.status} {refused.code}")

    def _finish_what_was_left(self) -> None:
        """A demo that was interrupted left an order under way: it is brought to its end, and the riders are free."""
        for order in self.customer.orders():
            if order["mode"] != "delivery" or order["status"] in ("completed", "cancelled", "rejected"):
                continue
            try:
                self._finish(self.customer.follow(order["id"]).body)
            except Refused as refused:
                self._tell("doorstep", f"leaves order {order['label']} of an earlier run: {refused}")
        for rider in self.riders.values():
            rider.end_shift(force=True)

    def _finish(self, order: Json) -> None:
        if order["can_cancel"]:
            self.customer.cancel(order["id"])
        elif order["status"] != "out_for_delivery":
            if self.tablet.store_id == order["store_id"]:
                self.tablet.cancel(order["id"])
        else:
            for rider in self.riders.values():
                if rider.job(order["delivery"]["id"]) is not None:
                    rider.deliver(order["delivery"]["id"], pin=order["delivery_pin"])
        self._tell("doorstep", f"ends order {order['label']}, which an earlier run left {order['status']}")

    def _tell(self, who: str, what: str) -> None:
        seconds = time.monotonic() - self._began
        self._console.print(f"[dim]{seconds:5.1f} s[/]  [{_COLOURS[who]}]{who:9}[/] {what}", soft_wrap=True)


def _told(quote: Json) -> str:
    parts = quote["breakdown"]
    fee = f"delivery {_amount(parts['delivery_fee'])}" if parts["delivery_fee"]["amount"] else "free delivery"
    tax = f"tax in it {_amount(parts['tax'])}"
    return f"{_amount(parts['items'])}, {fee}, {tax}, total {_amount(quote['total'])}; there by {quote['promised_at']}"


def _amount(money: Json) -> str:
    return f"{money['amount'] / 100:.2f} {money['currency']}"
