"""The feed's ETag: what it names, when it changes, and that lagging copies never hide a delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.delivery import Delivery, Status
from chalicelib.dispatch.model.feed import (
    Feed,
    asks_seldom,
    compose,
    named_deliveries,
    next_step,
    offer_for,
    sleeps_until,
)
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.rider import in_hand, with_offer
from tests.dispatch.factories import NOW, a_delivery, a_rider, carried, command, minutes, offered, seconds

RIDER = "rider-a"


def known(*deliveries: Delivery) -> dict[str, Delivery | None]:
    return {delivery.id: delivery for delivery in deliveries}


def test_an_idle_riders_etag_is_the_riders_version() -> None:
    feed = compose(a_rider(version=7), {}, NOW)
    assert (feed.etag, feed.offers, feed.active) == ("r7", (), ())


def test_the_etag_names_every_delivery_that_must_be_read_to_see_a_change() -> None:
    one, two = carried(RIDER), offered(RIDER)
    rider = a_rider(jobs={one.id: 2, two.id: 2})
    etag = compose(rider, known(one, two), NOW).etag
    assert sorted(named_deliveries(etag)) == sorted([one.id, two.id])


@pytest.mark.parametrize(
    "garbage",
    [None, "", "*", "r", "r7.", "r7.x:1", "r7.01k9z0c2m3", "W/r7", "r7." + "0" * 26, "r" + "9" * 40, "r٣"],
)
def test_what_is_no_etag_of_ours_names_nothing(garbage: str | None) -> None:
    assert named_deliveries(garbage) == []


def test_an_etag_can_not_make_us_read_without_end() -> None:
    parts = "".join(f".{'0' * 24}{number:02d}:1" for number in range(60))
    assert len(named_deliveries("r1" + parts)) == 12


def test_every_change_of_a_delivery_in_hand_changes_the_etag() -> None:
    delivery = carried(RIDER)
    rider = a_rider(jobs={delivery.id: 2})
    before = compose(rider, known(delivery), NOW).etag
    arrived = journey.arrive_at_store(delivery, command(RIDER), NOW).delivery
    assert compose(rider, known(arrived), NOW).etag != before


def test_an_offer_that_runs_out_changes_the_feed_without_any_write() -> None:
    delivery = offered(RIDER)
    rider = a_rider(jobs={delivery.id: delivery.version})
    before = compose(rider, known(delivery), NOW + seconds(29))
    after = compose(rider, known(delivery), NOW + seconds(31))
    assert [len(before.offers), len(after.offers)] == [1, 0]
    assert before.etag != after.etag


def test_an_offer_taken_in_its_last_moment_is_not_lost_to_a_lagging_copy() -> None:
    lagging = offered(RIDER)
    rider = a_rider(jobs={lagging.id: lagging.version})
    etag = compose(rider, known(lagging), NOW + seconds(31)).etag
    assert named_deliveries(etag) == [lagging.id]
    taken = journey.accept(lagging, command(RIDER), NOW + seconds(29)).delivery
    assert compose(rider, known(taken), NOW + seconds(31)).etag != etag


def test_a_copy_from_before_the_offer_does_not_hide_the_offer() -> None:
    newest = offered(RIDER)
    rider = a_rider(jobs={newest.id: newest.version})
    older = replace(newest, status=Status.UNASSIGNED, offered_to=None, version=newest.version - 1)
    for copy in (older, None):
        etag = compose(rider, {newest.id: copy}, NOW).etag
        assert named_deliveries(etag) == [newest.id]
        assert compose(rider, known(newest), NOW).etag != etag


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.RETURNED, Status.CANCELLED])
def test_what_has_ended_vanishes_and_changes_the_etag(status: Status) -> None:
    delivery = carried(RIDER)
    rider = a_rider(jobs={delivery.id: 2})
    before = compose(rider, known(delivery), NOW)
    after = compose(rider, known(replace(delivery, status=status, version=delivery.version + 1)), NOW)
    assert after.active == ()
    assert after.etag == f"r{rider.version}" != before.etag


def test_what_went_to_another_rider_is_no_longer_mine() -> None:
    taken_over = replace(carried("rider-b"), version=9)
    assert in_hand(a_rider(jobs={taken_over.id: 2}), known(taken_over)) == []


def test_a_new_offer_sweeps_what_is_done_from_the_list() -> None:
    kept, done, fresh = carried(RIDER), a_delivery(), offered(RIDER)
    rider = a_rider(jobs={kept.id: 2, done.id: 2})
    after = with_offer(rider, [fresh], [kept.id], NOW)
    assert dict(after.jobs) == {kept.id: 2, fresh.id: fresh.version}
    assert after.version == rider.version + 1


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        (lambda: compose_of(offered(RIDER)), 10),
        (lambda: compose_of(offered(RIDER, at=NOW - seconds(24))), 6),
        (lambda: compose_of(*full(Status.AT_STORE, ready_at=NOW + seconds(22))), 22),
        (lambda: compose_of(*full(Status.AT_STORE, ready_at=NOW - minutes(1))), 15),
        (lambda: compose_of(carried(RIDER), carried(RIDER)), 60),
        (lambda: compose_of(carried(RIDER, Status.PICKED_UP), offered(RIDER)), 10),
        (lambda: compose(a_rider(on_shift=False), {}, NOW), 60),
        (lambda: compose(a_rider(break_at=NOW), {}, NOW), 60),
    ],
)
def test_the_phone_is_told_how_soon_to_ask_again(feed: object, expected: int) -> None:
    assert feed().retry_after == expected  # type: ignore[operator]


@pytest.mark.parametrize(("door", "expected"), [(None, 25), (120, 50), (540, 115)])
def test_who_rides_asks_on_the_beat_and_shortly_before_the_door(door: float | None, expected: int) -> None:
    now = NOW + seconds(10)
    on_board = carried(RIDER, Status.PICKED_UP, at_door_at=None if door is None else NOW + seconds(door))
    rider = a_rider(jobs={on_board.id: 2}, shift_changed_at=NOW - minutes(9))
    assert compose(rider, known(on_board), now).retry_after == expected


@pytest.mark.parametrize("after", [0, 7.3, 13, 19.9, 55, 3607])
@pytest.mark.parametrize("rider_id", ["rider-a", "rider-b", "rider-c"])
@pytest.mark.parametrize(
    ("asked_before", "beat"), [(None, STANDARD.slow_beat), (60, STANDARD.slow_beat), (1, STANDARD.beat)]
)
def test_the_phone_of_who_may_be_asked_comes_a_moment_after_the_beat(
    after: float, rider_id: str, asked_before: float | None, beat: timedelta
) -> None:
    at = NOW + seconds(after)
    asked_at = None if asked_before is None else at - minutes(asked_before)
    rider = replace(a_rider(last_offer_at=asked_at, shift_changed_at=NOW - minutes(9)), id=rider_id)
    wait = compose(rider, {}, at).retry_after
    assert 3 <= wait <= 4 + beat.total_seconds()
    behind = (at + seconds(wait)).timestamp() % beat.total_seconds()
    assert 3 <= behind <= 10


@pytest.mark.parametrize("after", [0, 7.3, 30, 55, 119])
@pytest.mark.parametrize("began", [1, 60])
def test_an_offer_lives_until_the_phone_has_asked(after: float, began: float) -> None:
    at = NOW + seconds(after)
    riding = (carried(RIDER, Status.PICKED_UP),)
    rider = a_rider(shift_changed_at=NOW - minutes(began))
    far = carried(RIDER, Status.PICKED_UP, at_door_at=NOW + minutes(30))
    for jobs in ((), (far,)):
        # As told to a phone that asked a while before, and has slept since.
        asked = replace(rider, jobs={each.id: 2 for each in jobs})
        asks_again = compose(asked, known(*jobs), at - seconds(4)).retry_after - 4
        lives = offer_for(asked, jobs, at, STANDARD)
        assert STANDARD.offer_for <= lives <= STANDARD.slow_beat + seconds(11)
        assert lives >= seconds(asks_again + 9)
    assert asks_seldom(riding) is True
    assert asks_seldom((carried(RIDER), *riding)) is False


@pytest.mark.parametrize("after", [0, 7.3, 30, 55, 119])
def test_a_phone_sleeps_once_its_rider_has_waited_for_a_while(after: float) -> None:
    at = NOW + seconds(after)
    waits = a_rider(shift_changed_at=NOW - minutes(9))
    wakes = sleeps_until(waits, (), at)
    assert wakes is not None
    assert wakes - at <= STANDARD.slow_beat
    assert compose(waits, {}, wakes - STANDARD.beat).retry_after == 20, "it was told so"
    assert sleeps_until(replace(waits, last_offer_at=at - minutes(1)), (), at) is None
    assert sleeps_until(a_rider(shift_changed_at=NOW), (), at) is None
    said_yes = replace(waits, last_offer_at=at - seconds(50))
    assert sleeps_until(said_yes, (carried(RIDER),), at) is None
    assert sleeps_until(said_yes, (carried(RIDER),), at + minutes(1)) is not None
    assert sleeps_until(waits, (carried(RIDER, Status.PICKED_UP),), at) == wakes, "who rides sleeps"


def full(status: Status, **changes: object) -> tuple[Delivery, Delivery]:
    """Both hands: one at this stage, one to be fetched."""
    return carried(RIDER, status, **changes), carried(RIDER)


def compose_of(*deliveries: Delivery) -> Feed:
    return compose(a_rider(jobs={each.id: 2 for each in deliveries}), known(*deliveries), NOW)


def test_the_next_step_waits_for_the_kitchen() -> None:
    waiting = carried(RIDER, Status.AT_STORE)
    assert next_step(waiting) == "wait_for_order"
    assert next_step(replace(waiting, marked_ready_at=NOW)) == "pick_up"
    assert next_step(replace(waiting, status=Status.DELIVERED)) is None
