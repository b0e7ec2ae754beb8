"""A rider's phone."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.kernel.geo import Point
    from infra.local.actors.client import Answer, Client

Json = dict[str, Any]

FEED = "/v1/rider/feed"


class Rider:
    """Goes on shift, says where it is, polls for offers, takes them to the door."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def register(self, name: str, vehicle: str = "bicycle", capacity: int = 2) -> Json:
        """Save the profile; the first time this makes the user a rider."""
        profile = {"name": name, "vehicle": vehicle, "capacity": capacity}
        return self.client.send("PUT", "/v1/rider/profile", profile).body

    def start_shift(self, at: Point) -> Json:
        """Be ready for offers."""
        asked = {"state": "on", "position": {"lat": at.lat, "lng": at.lng}}
        return self.client.post("/v1/rider/shift", asked).body

    def end_shift(self, *, force: bool = False) -> Json:
        """Take no more offers; with `force`, what is not picked up goes to others."""
        return self.client.post("/v1/rider/shift", {"state": "off", "force": force}).body

    def report_position(self, at: Point) -> Answer:
        """A heartbeat."""
        return self.client.send(
            "PUT", "/v1/rider/position", {"position": {"lat": at.lat, "lng": at.lng}, "captured_at": self._now()}
        )

    def look(self) -> Answer:
        """Poll the feed once: `body["offers"]` and `body["deliveries"]`."""
        return self.client.poll(FEED)

    def wait_for_offer(
        self,
        order_id: str | None = None,
        holds: Callable[[Json], bool] = bool,
        seconds: float = 20.0,
        pause: float = 0.05,
    ) -> Json:
        """Poll until an offer comes (of this order). Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        wanted = None if order_id is None else delivery_of(order_id)
        while True:
            for offer in self.look().body["offers"]:
                if wanted in (None, offer["delivery_id"]) and holds(offer):
                    return offer
            if time.monotonic() > deadline:
                raise TimeoutError(f"no offer of {order_id or 'anything'} in {seconds} s")
            time.sleep(pause)

    def job(self, delivery_id: str) -> Json | None:
        """A delivery in hand as the feed has it, None where it is not in hand."""
        return next((job for job in self.look().body["deliveries"] if job["delivery_id"] == delivery_id), None)

    def accept(self, delivery_id: str) -> Json:
        """Take an offer."""
        return self.report(delivery_id, "accept")

    def decline(self, delivery_id: str) -> Json:
        """Turn an offer down."""
        return self.report(delivery_id, "decline")

    def drop(self, delivery_id: str) -> Json:
        """Drop out before the pick-up."""
        return self.report(delivery_id, "drop")

    def arrive_at_store(self, delivery_id: str) -> Json:
        """Be at the store."""
        return self.report(delivery_id, "arrived_at_store")

    def pick_up(self, delivery_id: str) -> Json:
        """Have the order."""
        return self.report(delivery_id, "picked_up")

    def arrive_at_door(self, delivery_id: str) -> Json:
        """Be at the door."""
        return self.report(delivery_id, "arrived")

    def deliver(self, delivery_id: str, **evidence: Any) -> Json:
        """Hand over, with `pin`, `photo` or `cash_collected`; whoever opens is old enough unless told otherwise."""
        return self.report(delivery_id, "delivered", **{"age_proven": True, **evidence})

    def miss(self, delivery_id: str, reason: str = "customer_absent") -> Json:
        """Ring in vain, to ring again later."""
        return self.report(delivery_id, "missed", reason=reason)

    def fail(self, delivery_id: str, reason: str = "customer_absent") -> Json:
        """Give up at the door."""
        return self.report(delivery_id, "failed", reason=reason)

    def start_return(self, delivery_id: str) -> Json:
        """Be on the way back."""
        return self.report(delivery_id, "returning")

    def finish_return(self, delivery_id: str) -> Json:
        """Give the order back at the store."""
        return self.report(delivery_id, "returned")

    def report(
        self, delivery_id: str, step: str, op_id: str | None = None, captured_at: str | None = None, **body: Any
    ) -> Json:
        """Report a step; a phone that was offline sends the `op_id` and `captured_at` of then."""
        told = {"op_id": op_id or str(uuid.uuid4()), "captured_at": captured_at or self._now(), **body}
        return self.client.post(f"/v1/rider/deliveries/{delivery_id}/{step}", told).body

    def _now(self) -> str:
        return clock.rfc3339(self.client.watch.now())


def delivery_of(order_id: str) -> str:
    """The delivery's id follows from the order's."""
    return order_id.replace("ord_", "dlv_", 1)
