"""Every event twice or three times, in any order, early, late and at the same moment: the end is that of the plain run.

Each play is one way that an order can go. It is played with every message brought once and in order, and then with
messages brought as no network would dare to; orders, payments, stock, deliveries, riders and the provider must end
the same. In between people act as soon as they can, so that what told of their last step may come after the next.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.kernel import clock
from tests.faults.house import House, later
from tests.faults.mailbox import Mailbox
from tests.faults.plays import HELD_AND_LET_GO, PLAYS, brought, cooked, delivery_of, done, paid, undone
from tests.faults.posts import Crowded, Orderly, Post, Unruly

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.plays import MoveClock, Play

pytestmark = pytest.mark.fault

SEEDS = range(4)
plays = pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)


@pytest.fixture
def ends_well(house: House, mailbox: Mailbox, pass_time: MoveClock) -> Callable[[Play, Post], None]:
    """Play it with this post; nothing may be left under way, and the end be the right one."""

    def play_it(play: Play, post: Post) -> None:
        order_id = play(house, post, pass_time)
        post.settle()
        assert mailbox.owing() == []
        ending = house.ending(order_id)
        assert ending == PLAYS[play], ending.difference(PLAYS[play])

    return play_it


@plays
def test_everything_once_and_in_order(
    mailbox: Mailbox, pass_time: MoveClock, ends_well: Callable[[Play, Post], None], play: Play
) -> None:
    ends_well(play, Orderly(mailbox, pass_time))


@plays
@pytest.mark.parametrize("seed", SEEDS)
def test_everything_several_times_and_in_any_order(
    mailbox: Mailbox, pass_time: MoveClock, ends_well: Callable[[Play, Post], None], play: Play, seed: int
) -> None:
    ends_well(play, Unruly(mailbox, pass_time, random.Random(seed), copies=2 + seed % 2))


@plays
def test_everything_to_three_functions_at_once_and_the_youngest_first(
    mailbox: Mailbox, pass_time: MoveClock, ends_well: Callable[[Play, Post], None], play: Play
) -> None:
    ends_well(play, Crowded(mailbox, pass_time))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_accepts_at_its_deadline(house: House, mailbox: Mailbox, pass_time: MoveClock, seed: int) -> None:
    """Whoever comes first has it: the order goes to the door, or everything is undone."""
    chance = random.Random(seed)
    post = Unruly(mailbox, pass_time, chance, copies=2)
    placed = paid(house, post)
    pass_time(later(minutes=5))
    timers = [message for message in mailbox.messages if message.type == "OrderDeadlineReached"]
    for timer in chance.sample(timers, chance.randrange(len(timers) + 1)):
        mailbox.arrive(timer)

    refusal = house.refused(lambda: house.tablet.accept(placed["id"]))

    if refusal is None:
        pass_time(STANDARD.on_slow_beat(clock.now()))  # riders who have waited for a while are asked now
        rider = post.until(lambda: house.offered_to(placed["id"]))
        rider.accept(delivery_of(placed["id"]))
        cooked(house, placed)
        brought(rider, placed)
    post.settle()
    ending = house.ending(placed["id"])
    expected = done() if refusal is None else undone("rejected", "store_did_not_respond")
    assert refusal in (None, "version_conflict", "order_status_conflict")
    assert ending == expected, ending.difference(expected)


def test_the_store_and_its_deadline_at_the_same_moment(house: House, mailbox: Mailbox, pass_time: MoveClock) -> None:
    post = Orderly(mailbox, pass_time)
    for _ in range(6):
        placed = paid(house, post)
        pass_time(later(minutes=5))
        due = [each for each in mailbox.messages if each.type == "OrderDeadlineReached" and each.is_due]
        barrier = threading.Barrier(2)

        def deadline(due: list[Any] = due, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            mailbox.arrive(*due)

        racing = threading.Thread(target=deadline)
        racing.start()
        barrier.wait()
        refusal = house.refused(lambda order_id=placed["id"]: house.tablet.accept(order_id))
        racing.join()
        if refusal is None:
            house.tablet.cancel(placed["id"])
        post.settle()
        ending = house.ending(placed["id"])
        assert (ending.payment, ending.missing, ending.charges) == ("voided", {}, (HELD_AND_LET_GO,))
        assert ending.order == ("cancelled" if refusal is None else "rejected")
