"""A day played: every minute a planner decides from what is known, and couriers do as told; or with riders who poll."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Protocol

import msgspec

from benchmarks.dispatch.instances import MINUTE
from chalicelib.dispatch.planner.types import Rider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.dispatch.day import Assignment, Day
    from chalicelib.dispatch.planner.types import Delivery, Offer, Outlook, Travel


class Decide(Protocol):
    """A planner: from what is known now to what must be told to couriers now. Seconds."""

    def __call__(
        self,
        now: float,
        deliveries: Sequence[Delivery],
        riders: Sequence[Rider],
        travel: Travel,
        outlook: Sequence[Outlook],
        /,
    ) -> Sequence[Offer]: ...


def play(day: Day, decide: Decide) -> list[Assignment]:
    """Every minute from the first order until nothing is left to do, or nobody to do it. What is told is done."""
    now = day.begin
    while now <= day.end and not day.done:
        day.advance(now)
        if day.open:
            for offer in decide(now, day.deliveries(now), day.riders(now), day.travel, day.outlook()):
                day.commit(now, offer)
        now += MINUTE
    return day.written


class Habits(msgspec.Struct, frozen=True):
    """How riders behave: seconds between polls, how often they decline, how long an offer stands."""

    poll_from: int = 15
    poll_to: int = 30
    declines: float = 0.2
    offer_for: float = 30.0
    tick: float = 15.0
    seed: int = 1


class Live(msgspec.Struct, frozen=True):
    """How a day with polling riders went. ``seconds_to_answer`` are summed over the answers."""

    assignments: list[Assignment]
    offers: int
    declined: int
    expired: int
    seconds_to_answer: float


class _Standing(msgspec.Struct):
    offer: Offer
    made_at: float
    answer_at: float
    accepts: bool


def play_live(day: Day, decide: Decide, habits: Habits) -> Live:
    """The same day as riders' apps see it: they poll, see an offer at the next poll, and accept or decline it.

    A rider who accepts sets out at that moment. Declined and expired offers bring the orders back; who declined is not
    asked again. While an offer stands, neither its orders nor its rider are in another one.
    """
    draw = Random(f"{habits.seed} {day.instance.name}")  # noqa: S311  (not a secret)
    polls = {each: day.begin + draw.uniform(0, habits.poll_to) for each in day.duties}
    standing: dict[str, _Standing] = {}
    offers = declined = expired = 0
    waited = 0.0
    now = day.begin
    while now <= day.end and not day.done:
        for each in sorted(standing.values(), key=lambda one: one.answer_at):
            until = each.made_at + habits.offer_for
            if min(each.answer_at, until) > now:
                continue
            del standing[each.offer.rider_id]
            if each.answer_at > until:
                expired += 1
                continue
            waited += each.answer_at - each.made_at
            day.advance(each.answer_at)
            if each.accepts and _in_time(day, each):
                day.commit(each.answer_at, each.offer)
            else:
                declined += 1
                for delivery in each.offer.deliveries:
                    day.asked.setdefault(delivery, set()).add(each.offer.rider_id)
        day.advance(now)
        offered = {delivery for each in standing.values() for delivery in each.offer.deliveries}
        deliveries = [each for each in day.deliveries(now) if each.id not in offered]
        if deliveries:
            riders = [_as_asked(each, habits) for each in day.riders(now) if each.id not in standing]
            for offer in decide(now, deliveries, riders, day.travel, day.outlook()):
                while polls[offer.rider_id] <= now:
                    polls[offer.rider_id] += draw.randint(habits.poll_from, habits.poll_to)
                accepts = draw.random() >= habits.declines
                standing[offer.rider_id] = _Standing(offer, now, polls[offer.rider_id], accepts)
                offers += 1
        now += habits.tick
    return Live(day.written, offers, declined, expired, waited)


def _as_asked(rider: Rider, habits: Habits) -> Rider:
    """With the chance that the rider accepts, and with time for the answer before the end of the shift."""
    return msgspec.structs.replace(rider, accepts=1.0 - habits.declines, off_at=rider.off_at - habits.offer_for)


def _in_time(day: Day, standing: _Standing) -> bool:
    """Whether the rider can still pick up before the end of the shift when setting out at the answer."""
    delayed = max(0.0, standing.answer_at - standing.made_at)
    rider = day.duties[standing.offer.rider_id]
    return standing.offer.pickup_at + delayed <= rider.courier.off * MINUTE
