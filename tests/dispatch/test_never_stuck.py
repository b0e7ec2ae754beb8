"""A town for half an hour of its time, with timers late, twice and in any order, and riders who do as they please.

Whatever happens: nothing is offered or given to two riders, and nothing that is open is forgotten; nor is it when every
third tick never comes.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import ENDED, SEARCHING, Delivery, Status
from chalicelib.kernel import clock, events, ids
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.event_types import DeliverySearchDue, ZoneTickDue
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import metres_north, minutes, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.kernel.events import Envelope

pytestmark = pytest.mark.fault


@dataclass
class Queue:
    """What the transactions of one test emit, to be delivered as badly as a queue may."""

    chance: random.Random
    lost: frozenset[str]
    held: list[tuple[datetime, int, Envelope]] = field(default_factory=list)
    numbers: Any = field(default_factory=itertools.count)

    def send(self, entry: Envelope) -> None:
        due = clock.parse(entry.due) if entry.due else clock.now() + seconds(1)
        if entry.type in self.lost and self.chance.random() < 0.3:
            return
        for _ in range(self.chance.choice((1, 1, 1, 2))):
            late = seconds(self.chance.choice((0, 0, 0, 1, 3, 15, 40)))
            heapq.heappush(self.held, (due + late, next(self.numbers), entry))


@pytest.fixture
def queue_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[random.Random, frozenset[str]], Queue]:
    made: list[Queue] = []
    envelope = events.envelope

    def taken(event: events.Event, due: datetime | None = None) -> Envelope:
        entry = envelope(event, due)
        if made:
            made[0].send(entry)
        return entry

    monkeypatch.setattr(events, "envelope", taken)

    def begin(chance: random.Random, lost: frozenset[str]) -> Queue:
        made.append(Queue(chance, lost))
        return made[0]

    return begin


def arrive(entry: Envelope) -> None:
    """A timer of dispatch arrives; a race that is lost is tried again, as the queue does."""
    for _ in range(5):
        try:
            if entry.type == DeliverySearchDue.__name__:
                service.look_for_rider(entry.data["delivery_id"], entry.id, tuple(entry.data["others"]))
            elif entry.type == ZoneTickDue.__name__:
                service.tick_zone(entry.data["zone"], clock.from_epoch_ms(entry.data["due"]), entry.id)
        except DomainError as error:
            if not error.retryable and error.code != "version_conflict":
                raise
        else:
            return


def act(chance: random.Random, rider: str, world: World) -> None:
    """A rider looks at the phone and does the next thing, or not."""
    service.report_position(rider, metres_north(world.store, chance.uniform(-2_000, 2_000)), clock.now())
    feed = service.read_feed(rider, None)
    if feed.offers and chance.random() < 0.8:
        take = service.accept_offer if chance.random() < 0.7 else service.decline_offer
        take(feed.offers[0].id, told(rider))
        return
    for job in feed.active:
        if job.status in (Status.ASSIGNED, Status.AT_STORE):
            if chance.random() < 0.08:
                service.drop_delivery(job.id, told(rider))
            elif job.marked_ready_at is not None:
                service.pick_up(job.id, told(rider))
        elif job.status is Status.PICKED_UP and chance.random() < 0.3:
            service.deliver(job.id, told(rider), service.Evidence())
    if not feed.active and not feed.offers and chance.random() < 0.3:
        for each in service.read_pool(rider).deliveries[:1]:
            service.claim_delivery(each.id, told(rider))


@pytest.mark.parametrize(
    ("seed", "lost"), [(1, ()), (2, ()), (3, ("ZoneTickDue",))], ids=["a day", "another day", "ticks are lost"]
)
def test_nothing_is_stuck_and_nothing_is_given_twice(
    world: World, queue_of: Callable[[random.Random, frozenset[str]], Queue], seed: int, lost: tuple[str, ...]
) -> None:
    chance = random.Random(seed)
    start = clock.now()
    queue = queue_of(chance, frozenset(lost))
    riders = [world.rider(chance.uniform(50, 2_500), capacity=chance.choice((1, 2, 3))) for _ in range(4)]
    known: list[Delivery] = []
    end = start + minutes(30)
    now = start
    while now < end:
        with clock.freeze(now):
            if now < start + minutes(9) and chance.random() < 0.35:
                known.append(world.request(ready_at=now + minutes(chance.choice((0, 2, 6, 14)))))
            for delivery in known:
                if chance.random() < 0.1 and world.delivery(delivery.id).status in (Status.ASSIGNED, Status.OFFERED):
                    world.ready(delivery.id)
            while queue.held and queue.held[0][0] <= now:
                arrive(heapq.heappop(queue.held)[2])
            for rider in riders:
                if chance.random() < 0.5:
                    _try(act, chance, rider, world)
            _nothing_twice(world, known, riders)
        now += timedelta(seconds=20)
    left = [each for each in map(world.delivery, (d.id for d in known)) if each.status not in ENDED]
    stuck = [each for each in left if each.status in SEARCHING and now - _last(each) > minutes(12)]
    assert stuck == []
    assert len(known) - len(left) > len(known) / 2, "most have arrived"


def _last(delivery: Delivery) -> datetime:
    """When something happened to an open delivery, or was to happen."""
    return max(delivery.steps[-1].at, delivery.ready_at)


def _try(call: Callable[..., None], *args: Any) -> None:
    try:
        call(*args)
    except DomainError:
        return  # the world moved on between the look at the phone and the tap


def _nothing_twice(world: World, known: list[Delivery], riders: list[str]) -> None:
    holders: dict[str, list[str]] = {}
    for rider in riders:
        feed = service.read_feed(rider, None)
        for each in (*feed.offers, *feed.active):
            holders.setdefault(each.id, []).append(rider)
        assert len({offer.mates or (offer.id,) for offer in feed.offers}) <= 1, "one offer at a time"
    assert all(len(each) == 1 for each in holders.values())


def test_the_queue_of_this_test_is_heard(world: World, queue_of: Callable[..., Queue]) -> None:
    queue = queue_of(random.Random(0), frozenset())
    world.request()
    assert {entry.type for _, _, entry in queue.held} == {"DeliverySearchDue"}
    assert ids.is_id(queue.held[0][2].data["delivery_id"], "dlv")
