"""Who comes: run by locust, in a process of its own. Everybody speaks as the actors of the local stack do.

Of the customers most look around, some order and follow their order to the door. Every store has a tablet and every
rider a phone. All ask again when the API says so (Retry-After), by the stack's clock.
"""

# ruff: noqa: S311 (chance decides what people do, and keeps no secret)
from __future__ import annotations

import itertools
import os
import random
import re
import time
from pathlib import Path
from typing import Any

from locust import User, constant, task

from benchmarks import shop
from benchmarks.load.stage import FILE, Scene
from chalicelib.kernel.geo import Point
from infra.local.actors import CardForm, Client, Customer, Refused, Rider, Tablet, Watch

SCENE = Scene.read(Path(os.environ[FILE]))
_ID = re.compile(r"\b(sto|ord|dlv|qte|pay)_[0-9a-hjkmnp-tv-z]{26}")
# What a good app is told now and then, by the way of the world: somebody was faster, an offer ran out.
EXPECTED = frozenset((404, 409, 412))
BROWSING = 0.8  # of the times that a customer opens the app
PATIENCE_SECONDS = 3600.0

_addresses = itertools.cycle(SCENE.api_urls)
_customers = itertools.cycle(SCENE.customers)
_tablets = itertools.cycle(list(zip(SCENE.stores, SCENE.tablets, strict=True)))
_riders = itertools.cycle(SCENE.riders)


class Phone(Client):
    """A client whose every request is measured."""

    def __init__(self, user: User, token: str) -> None:
        super().__init__(next(_addresses), lambda: token, Watch.of(SCENE.clock_file))
        self._fire = user.environment.events.request.fire

    def _exchange(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Any:
        began = time.perf_counter()
        name = _ID.sub(lambda found: "{" + found[1] + "}", path.partition("?")[0])
        told: dict[str, Any] = {"request_type": method, "name": name, "response_length": 0, "exception": None}
        try:
            answer = super()._exchange(method, path, content, headers)
        except Refused as refused:
            if refused.status in EXPECTED:
                told["name"] += f" ({refused.status})"
            else:
                told["exception"] = refused
            raise
        except OSError as error:
            told["exception"] = error
            raise
        else:
            if answer.status == 304:
                told["name"] += " (304)"
            return answer
        finally:
            self._fire(response_time=(time.perf_counter() - began) * 1000, **told)


class Somebody(User):
    """What all have in common: they ask again when they were told to."""

    abstract = True
    wait_time = constant(0)
    phone: Phone

    def pause(self, seconds: float) -> None:
        """Let Doorstep's time pass, not at the same moment as all others."""
        self.phone.watch.sleep(seconds * random.uniform(0.8, 1.2))

    def count(self, what: str, seconds: float) -> None:
        """Something that is not a request, by the wall's seconds."""
        self.environment.events.request.fire(
            request_type="ORDER", name=what, response_time=seconds * 1000, response_length=0, exception=None
        )


class Guest(Somebody):
    """A customer."""

    weight = 1

    def on_start(self) -> None:
        """Sign in."""
        self.phone = Phone(self, next(_customers))
        self.customer = Customer(self.phone, CardForm(SCENE.stripe_url, SCENE.stripe_key))
        self.number = random.randrange(len(SCENE.stores))

    @task
    def come(self) -> None:
        """Look around, or order."""
        try:
            if random.random() < BROWSING:
                self.browse()
            else:
                self.order()
        except (Refused, OSError):
            self.pause(10)
        self.pause(20)

    def browse(self) -> None:
        """Stores around, and a menu that is known from the last time."""
        lat, lng = SCENE.places[self.number]
        if random.random() < 0.2:
            self.customer.find_stores(Point(lat + 0.003, lng))
        store_id = SCENE.stores[self.number]
        self.customer.read_menu(store_id)
        self.phone.poll(f"/v1/stores/{store_id}/availability")

    def order(self) -> None:
        """From the basket to the door."""
        store_id, began = SCENE.stores[self.number], time.perf_counter()
        basket = shop.basket(store_id)
        lat, lng = SCENE.places[self.number]
        basket["address"] = {**basket["address"], "point": {"lat": lat + 0.004, "lng": lng}}
        placed = self.customer.place(self.phone.post("/v1/quotes", basket).body)
        self.customer.pay(placed)
        self.count("placed and paid", time.perf_counter() - began)
        until = self.phone.watch.now().timestamp() + PATIENCE_SECONDS
        while self.phone.watch.now().timestamp() < until:
            answer = self.customer.follow(placed["id"])
            if answer.body["status"] in ("completed", "cancelled", "rejected"):
                self.count(answer.body["status"], time.perf_counter() - began)
                return
            self.pause(answer.retry_after or 10)


class Counter(Somebody):
    """A store's tablet."""

    fixed_count = len(SCENE.stores)

    def on_start(self) -> None:
        """Sign in."""
        store_id, token = next(_tablets)
        self.phone = Phone(self, token)
        self.tablet = Tablet(self.phone, store_id)

    @task
    def serve(self) -> None:
        """The next step of everything on the board."""
        try:
            answer = self.tablet.look()
            for card in answer.body["cards"]:
                self.step(card["order"]["id"], card["order"]["status"])
            self.pause(answer.retry_after or 10)
        except (Refused, OSError):
            self.pause(5)

    def step(self, order_id: str, status: str) -> None:
        """Accept, start, ready; what was settled meanwhile is somebody else's."""
        try:
            if status == "placed":
                self.tablet.accept(order_id)
            elif status == "accepted":
                self.tablet.start(order_id)
            elif status == "preparing":
                self.tablet.ready(order_id)
        except Refused as refused:
            if refused.status not in EXPECTED:
                raise


class Courier(Somebody):
    """A rider's phone."""

    fixed_count = len(SCENE.riders)
    STEPS = ("arrived_at_store", "picked_up", "arrived", "delivered")

    def on_start(self) -> None:
        """Go on shift."""
        token, lat, lng = next(_riders)
        self.phone = Phone(self, token)
        self.rider, self.at = Rider(self.phone), Point(lat, lng)
        self.rider.start_shift(self.at)
        self.reported = self.phone.watch.now().timestamp()

    @task
    def ride(self) -> None:
        """Poll, take offers, bring what is in hand one step further."""
        try:
            if self.phone.watch.now().timestamp() - self.reported > 30:
                self.rider.report_position(self.at)
                self.reported = self.phone.watch.now().timestamp()
            answer = self.rider.look()
            for offer in answer.body["offers"]:
                self.report(offer["delivery_id"], "accept")
            for job in answer.body["deliveries"]:
                self.go_on(job)
            self.pause(answer.retry_after or 15)
        except (Refused, OSError):
            self.pause(5)

    def go_on(self, job: dict[str, Any]) -> None:
        """The step after the one that it is at."""
        after = {"assigned": 0, "at_store": 1, "picked_up": 2, "at_door": 3}
        if job["status"] in after:
            self.report(job["delivery_id"], self.STEPS[after[job["status"]]])

    def report(self, delivery_id: str, step: str) -> None:
        """Report; what is not ready yet, or not ours any more, comes up again or does not."""
        try:
            self.rider.report(delivery_id, step)
        except Refused as refused:
            if refused.status not in EXPECTED:
                raise
