"""A courier of the recorded day: on shift, polling, carrying one store's orders to their doors, trip after trip.

The instances' rules: a way takes whole minutes at the instance's pace; an order is picked up when every order of the
trip is ready and two minutes after the arrival, and handed over two minutes after the arrival at the door; the courier
leaves two minutes later, and waits where it finished. Nothing is picked up after the end of the shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from infra.local.actors import Refused

if TYPE_CHECKING:
    from infra.local.actors import Rider
    from infra.local.replay.day import Day, Played
    from infra.local.replay.instance import Courier as Recorded
    from infra.local.replay.instance import Spot

Json = dict[str, Any]

HEARTBEAT_SECONDS = 60  # where the API does not say
TO_STORE = frozenset(("assigned", "at_store"))
ABOARD = frozenset(("picked_up", "at_door"))
# What a phone that was late may be told: the offer or the delivery is somebody else's by now, or nobody's.
LOST = frozenset(("offer_gone", "delivery_not_yours", "delivery_cancelled", "delivery_not_found"))


@dataclass
class Leg:
    """A way to a store or a door, and what is done there."""

    start: Spot
    end: Spot
    departs: datetime
    arrives: datetime
    restaurant: str | None = None
    delivery_id: str | None = None
    arrived: bool = False

    def place_at(self, now: datetime) -> Spot:
        """Where one is on it."""
        if now >= self.arrives or self.arrives <= self.departs:
            return self.end
        return self.start.towards(self.end, max(0.0, (now - self.departs) / (self.arrives - self.departs)))


class Courier:
    """Works from the beginning of the shift until it is over and everything on board is delivered."""

    def __init__(self, day: Day, recorded: Recorded, rider: Rider) -> None:
        self.name = f"courier {recorded.id}"
        self.rider = rider
        self.on_shift = False
        self._day = day
        self._off = day.at(recorded.off)
        self._place = recorded.start
        self._closing = False
        self._leg: Leg | None = None
        self._busy_until = day.at(recorded.on)
        self._next_poll = self._next_heartbeat = day.at(recorded.on)
        self._jobs: list[Json] = []
        half = timedelta(minutes=1) / 2
        self._handling = {"store": half * day.instance.pickup_minutes, "door": half * day.instance.dropoff_minutes}

    def wake(self, now: datetime) -> datetime | None:
        """Do what is due: poll, report the position, arrive, pick up, hand over, set off."""
        if not self.on_shift:
            self.rider.start_shift(self._day.point(self._place))
            self.on_shift = True
            self._next_heartbeat = now + timedelta(seconds=HEARTBEAT_SECONDS)
        if now >= self._next_poll or (now >= self._off and not self._closing):
            self._poll(now)
        if now >= self._next_heartbeat:
            heard = self.rider.report_position(self._day.point(self._here(now)))
            self._day.count("heartbeats")
            self._next_heartbeat = now + timedelta(seconds=heard.retry_after or HEARTBEAT_SECONDS)
        if now >= self._busy_until:
            self._go_on(now)
        if now >= self._off and not self._jobs:
            return self._go_home(now)
        soon = (self._busy_until, self._off)
        return min([self._next_poll, self._next_heartbeat, *(each for each in soon if each > now)])

    # --- the phone ----------------------------------------------------------------------------------------------------

    def _poll(self, now: datetime) -> None:
        answer = self.rider.look()
        self._next_poll = now + timedelta(seconds=answer.retry_after or 15)
        for offer in answer.body["offers"]:
            self._answer_offer(offer, now)
        self._jobs = answer.body["deliveries"]
        self._closing = now >= self._off
        if self._closing:
            for job in [each for each in self._jobs if each["status"] in TO_STORE]:
                self._report(job, "drop", now)

    def _answer_offer(self, offer: Json, now: datetime) -> None:
        taken = self._report(offer, "decline" if now >= self._off else "accept", now)
        self._day.count("offers accepted" if taken else "offers missed")
        if taken:
            self._day.by_order_id[offer["delivery_id"].replace("dlv_", "ord_", 1)].taken_at = now

    def _report(self, job: Json, step: str, now: datetime, **evidence: Any) -> Json | None:
        """Report a step; None where the delivery is not this courier's any more."""
        # Whatever came of it, the feed is another one now.
        self._next_poll = min(self._next_poll, now)
        try:
            return self.rider.report(job["delivery_id"], step, **evidence)
        except Refused as refused:
            if refused.code not in LOST:
                raise
            self._jobs = [each for each in self._jobs if each["delivery_id"] != job["delivery_id"]]
            return None

    def _go_home(self, now: datetime) -> datetime | None:
        try:
            self.rider.end_shift()
        except Refused as refused:
            if refused.code != "shift_has_deliveries":
                raise
            self._next_poll = now
            return now + timedelta(seconds=5)
        self.on_shift = False
        return None

    # --- the road -----------------------------------------------------------------------------------------------------

    def _here(self, now: datetime) -> Spot:
        return self._leg.place_at(now) if self._leg else self._place

    def _go_on(self, now: datetime) -> None:
        """What follows when nothing keeps the courier any longer."""
        if self._leg is None:
            self._set_off(now)
        elif not self._leg.arrived:
            self._arrive(self._leg, now)
        elif self._leg.restaurant is not None:
            self._pick_up(self._leg, now)
        else:
            self._hand_over(self._leg, now)

    def _set_off(self, now: datetime) -> None:
        """To the nearest door, if something is on board; otherwise to the store whose order is ready first."""
        aboard = [job for job in self._jobs if job["status"] in ABOARD]
        waiting = [job for job in self._jobs if job["status"] in TO_STORE]
        if aboard:
            nearest = min(aboard, key=lambda job: self._place.to(self._played(job).recorded.door))
            self._leg = self._way(self._played(nearest).recorded.door, now, delivery_id=nearest["delivery_id"])
        elif waiting:
            first = min(waiting, key=lambda job: (job["ready_at"], job["order_id"]))
            restaurant = self._played(first).recorded.restaurant
            self._leg = self._way(self._day.instance.restaurants[restaurant], now, restaurant=restaurant)

    def _way(self, end: Spot, now: datetime, restaurant: str | None = None, delivery_id: str | None = None) -> Leg:
        minutes = self._day.instance.travel_minutes(self._place, end)
        self._next_heartbeat = min(self._next_heartbeat, now + timedelta(seconds=HEARTBEAT_SECONDS))
        leg = Leg(self._place, end, now, now + timedelta(minutes=minutes), restaurant, delivery_id)
        self._busy_until = leg.arrives
        return leg

    def _arrive(self, leg: Leg, now: datetime) -> None:
        leg.arrived = True
        self._place = leg.end
        self._busy_until = now + self._handling["store" if leg.restaurant else "door"]
        for job in self._here_for(leg):
            if job["status"] == "assigned":
                self._report(job, "arrived_at_store", now)
            elif job["status"] == "picked_up":
                self._report(job, "arrived", now)

    def _pick_up(self, leg: Leg, now: datetime) -> None:
        """Everything of this store at once, when all of it is ready."""
        jobs = self._here_for(leg)
        if not all(job["ready"] for job in jobs):
            return  # the feed will tell
        for job in jobs:
            receipt = self._report(job, "picked_up", now)
            if receipt is not None:
                self._played(job).picked_up_at = now
        self._leave(now, "store", jobs)

    def _hand_over(self, leg: Leg, now: datetime) -> None:
        jobs = self._here_for(leg)
        for job in jobs:
            played = self._played(job)
            receipt = self._report(job, "delivered", now, pin=played.pin)
            if receipt is not None:
                played.delivered_at = now
                played.deliveries += 1
                self._day.count("delivered")
        self._leave(now, "door", jobs)

    def _leave(self, now: datetime, where: str, done: list[Json]) -> None:
        self._leg = None
        self._busy_until = now + (self._handling[where] if done else timedelta(0))

    def _here_for(self, leg: Leg) -> list[Json]:
        """The deliveries in hand that this place is about."""
        if leg.delivery_id is not None:
            return [each for each in self._jobs if each["delivery_id"] == leg.delivery_id]
        return [
            each
            for each in self._jobs
            if each["status"] in TO_STORE and self._played(each).recorded.restaurant == leg.restaurant
        ]

    def _played(self, job: Json) -> Played:
        return self._day.by_order_id[job["order_id"]]
