"""The search for a rider: when to look, what a look leads to, and that an open delivery is never forgotten."""

from __future__ import annotations

import heapq
import json
import random
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.delivery import EXCLUDED_LIMIT, EXPIRED, SEARCHING, Delivery, Status, excluding
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.search import (
    Asked,
    Look,
    conclude,
    expire,
    first_looks,
    hold,
    pace,
    reassign,
    rings,
    search_begins,
    waits_for_phone,
    wants_rider,
)
from chalicelib.dispatch.service.policy import in_force
from chalicelib.kernel import clock, ids
from tests.dispatch.factories import NOW, a_delivery, carried, command, minutes, offered, seconds


def look(delivery: Delivery, rider_id: str | None, now: datetime = NOW) -> Look:
    asked = None if rider_id is None else Asked(rider_id)
    return conclude(delivery, asked, now, ids.new_id("evt"), STANDARD)


def held(delivery: Delivery, _rider_id: str | None, now: datetime) -> Look:
    """A look that finds it too early to ask anybody."""
    if delivery.status not in SEARCHING or not wants_rider(delivery, now, STANDARD):
        return look(delivery, None, now)
    return hold(delivery, now, ids.new_id("evt"), STANDARD)


def searching(**changes: object) -> Delivery:
    return a_delivery(ready_at=NOW, **changes)


def test_the_search_begins_a_riders_way_before_the_order_is_ready() -> None:
    assert search_begins(NOW + minutes(25), NOW, STANDARD) == NOW + minutes(14)
    assert search_begins(NOW + minutes(26), NOW, STANDARD) == NOW + minutes(16), "on the beat of phones that wait"
    assert search_begins(NOW + minutes(4), NOW, STANDARD) == NOW


def test_two_looks_are_set_at_once_where_a_queue_can_carry_both() -> None:
    assert first_looks(NOW + minutes(13), NOW, minutes(15), STANDARD) == [NOW + minutes(2), NOW + seconds(155)]
    assert first_looks(NOW + minutes(41), NOW, minutes(15), STANDARD) == [NOW + minutes(30)]


@pytest.mark.parametrize(
    ("asks_after", "tick_after", "due_since", "waits"),
    [
        (None, 20, 0, False),  # a phone that asks soon anyway
        (8, 20, 0, False),  # it looks before the next tick
        (48, 20, 0, True),
        (48, 60, 0, False),
        (48, 20, 239, True),
        (48, 20, 240, False),  # whoever it is: the next tick might again find another one who sleeps
    ],
)
def test_who_looks_after_the_next_tick_is_asked_by_it(
    asks_after: float | None, tick_after: float, due_since: float, waits: bool
) -> None:
    due = NOW - seconds(due_since)
    delivery = a_delivery(ready_at=due)
    delivery = replace(delivery, steps=(replace(delivery.steps[0], at=due - minutes(20)), *delivery.steps[1:]))
    asks_at = None if asks_after is None else NOW + seconds(asks_after)
    assert waits_for_phone(delivery, asks_at, NOW + seconds(tick_after), NOW, STANDARD) is waits
    placed_late = replace(delivery, steps=(replace(delivery.steps[0], at=NOW),))
    assert waits_for_phone(placed_late, NOW + seconds(48), NOW + seconds(20), NOW, STANDARD), "due when it came"


def test_an_offer_is_a_lease_of_thirty_seconds_for_one_rider() -> None:
    after = look(searching(), "rider-a").delivery
    assert (after.status, after.offered_to) == (Status.OFFERED, "rider-a")
    assert after.offer_expires_at == NOW + seconds(30)


def test_a_running_offer_is_left_alone() -> None:
    running = replace(offered("rider-a"), next_look_at=NOW + seconds(35))
    assert not wants_rider(running, NOW + seconds(20), STANDARD)
    assert look(running, None, NOW + seconds(20)).delivery is running


def test_a_running_offer_that_nobody_would_look_at_again_gets_a_timer() -> None:
    running = replace(offered("rider-a", at=NOW + seconds(10)), next_look_at=NOW + seconds(35))
    result = look(running, None, NOW + seconds(35))
    assert result.next_look_at == NOW + seconds(41)
    assert result.delivery.offered_to == "rider-a"


def test_an_offer_that_ran_out_goes_to_the_next_and_never_back() -> None:
    result = look(offered("rider-a"), "rider-b", NOW + seconds(35)).delivery
    assert (result.status, result.offered_to, result.rounds) == (Status.OFFERED, "rider-b", 1)
    assert result.excludes("rider-a")
    assert [step.reason for step in result.steps if step.reason] == [EXPIRED]


def test_an_offer_that_ran_out_with_nobody_left_is_open_again() -> None:
    result = look(offered("rider-a"), None, NOW + seconds(35))
    assert (result.delivery.status, result.delivery.offered_to) == (Status.UNASSIGNED, None)
    assert result.delivery.waits, "its zone's ticks find it"
    assert result.next_look_at == NOW + seconds(35) + STANDARD.guard, "and a look of its own, should they not come"


def test_a_look_that_comes_before_its_time_waits() -> None:
    early = a_delivery(ready_at=NOW + minutes(40))
    assert not wants_rider(early, NOW, STANDARD)
    assert look(early, None).next_look_at == NOW + minutes(30)


def test_food_that_is_ready_early_is_not_left_waiting() -> None:
    assert wants_rider(a_delivery(ready_at=NOW + minutes(40), marked_ready_at=NOW), NOW, STANDARD)


def test_a_timer_far_ahead_does_not_stand_in_for_the_look_after_an_offer() -> None:
    early = a_delivery(ready_at=NOW + minutes(40), marked_ready_at=NOW, next_look_at=NOW + minutes(30))
    assert look(early, "rider-a").next_look_at == NOW + seconds(31)


@pytest.mark.parametrize("status", [status for status in Status if status not in SEARCHING])
def test_a_delivery_that_has_moved_on_is_left_alone(status: Status) -> None:
    moved = replace(carried("rider-a"), status=status)
    assert look(moved, None).delivery is moved


def test_the_store_is_told_once_after_five_rounds_without_a_taker() -> None:
    fifth = replace(searching(), rounds=5, searching_since=NOW)
    result = look(fifth, "rider-f")
    assert result.alert
    assert result.delivery.status is Status.OFFERED
    assert not look(replace(result.delivery, rounds=9), None, NOW + minutes(2)).alert


def test_the_store_is_told_when_nobody_is_there_for_three_minutes() -> None:
    waiting = replace(searching(), searching_since=NOW - minutes(2))
    assert not look(waiting, None).alert
    assert look(replace(waiting, searching_since=NOW - minutes(3)), None).alert


def test_the_search_goes_on_slower_once_the_store_knows() -> None:
    old, older = (
        replace(searching(), searching_since=NOW - minutes(minute), unfilled_at=NOW - minutes(2)) for minute in (5, 45)
    )
    assert [pace(each, NOW, STANDARD) for each in ([searching()], [old], [older])] == [
        seconds(20),
        minutes(1),
        minutes(5),
    ]
    assert pace([older, searching(), old], NOW, STANDARD) == seconds(20), "as soon as the youngest asks"


def test_what_waits_is_written_only_when_something_changes() -> None:
    waiting = look(searching(), None).delivery
    assert look(waiting, None, NOW + seconds(20)).delivery is waiting
    assert look(waiting, None, NOW + seconds(40)).delivery is waiting
    later = look(waiting, None, NOW + seconds(90)).delivery
    assert (later.bonus, later.pooled_at) == (100, None)
    assert look(later, None, NOW + seconds(110)).delivery is later
    pooled = look(later, None, NOW + seconds(125)).delivery
    assert pooled.pooled_at == NOW + seconds(125)


def test_a_delivery_that_is_held_back_is_no_search_without_success() -> None:
    result = hold(searching(), NOW, "evt", STANDARD)
    assert result.delivery.waits
    assert result.delivery.searching_since is None
    assert hold(result.delivery, NOW + minutes(2), "evt", STANDARD).delivery is result.delivery


def test_many_refusals_call_for_a_bonus_and_the_pool_at_once() -> None:
    tired = replace(searching(), rounds=4, searching_since=NOW)
    result = look(tired, "rider-x").delivery
    assert (result.status, result.bonus, result.pooled_at) == (Status.OFFERED, 100, NOW)


def test_a_delivery_is_taken_from_one_rider_for_another() -> None:
    late = carried("rider-a")
    result = reassign(late, Asked("rider-b"), NOW + minutes(5), "evt", STANDARD)
    assert (result.delivery.status, result.delivery.offered_to) == (Status.OFFERED, "rider-b")
    assert result.delivery.rider_id is None
    assert result.delivery.excludes("rider-a")
    assert result.next_look_at == NOW + minutes(5) + seconds(31)


def test_a_search_that_finds_nobody_looks_further() -> None:
    assert rings(searching(), NOW, STANDARD) == 1
    assert rings(replace(searching(), searching_since=NOW - minutes(1)), NOW, STANDARD) == 2


def test_taking_back_leaves_others_as_they_are() -> None:
    for other in (searching(), offered("rider-a"), carried("rider-a")):
        assert expire(other, NOW, "evt") is other


def test_the_list_of_excluded_riders_is_bounded_and_forgets_the_oldest() -> None:
    delivery = searching()
    for number in range(EXCLUDED_LIMIT + 3):
        delivery = replace(delivery, excluded=excluding(delivery, f"rider-{number}"))
    assert len(delivery.excluded) == EXCLUDED_LIMIT
    assert not delivery.excludes("rider-2")
    assert delivery.excludes("rider-3")
    assert delivery.excludes(f"rider-{EXCLUDED_LIMIT + 2}")


def test_a_long_search_keeps_its_beginning_and_its_latest_offers() -> None:
    delivery = searching()
    now = NOW
    for number in range(20):
        delivery = look(delivery, f"rider-{number}", now).delivery
        now += seconds(31)
    assert delivery.steps[0].status is Status.UNASSIGNED
    assert len(delivery.steps) <= 10
    assert delivery.steps[-1].rider_id == "rider-19"
    assert delivery.steps[1].status is Status.OFFERED, "an offer goes together with its end"


@pytest.mark.parametrize("seed", range(40))
def test_an_open_delivery_always_has_a_look_ahead(seed: int) -> None:
    """Looks come late, twice and early; riders decline, accept and drop: still somebody looks again in time."""
    chance = random.Random(seed)
    delivery = a_delivery(ready_at=NOW + minutes(chance.choice((5, 14, 40))))
    begun = first_looks(delivery.ready_at, NOW, minutes(15), STANDARD)
    delivery = replace(delivery, next_look_at=begun[-1])
    queue = list(begun)
    now = NOW
    for _ in range(120):
        if delivery.status not in SEARCHING:
            delivery = journey.drop(delivery, command(delivery.rider_id or "", now), now).delivery
            heapq.heappush(queue, now)
        assert queue, "an open delivery without a look"
        due = heapq.heappop(queue)
        assert due - now <= minutes(31)
        now = max(now, due + seconds(chance.choice((-1, 0, 0, 0, 1, 4, 9, 40))))
        found = chance.choice((None, f"rider-{chance.randrange(10**6)}"))
        for _ in range(chance.choice((1, 1, 2))):
            result = chance.choice((look, look, held))(delivery, found, now)
            delivery = result.delivery
            if result.next_look_at is not None:
                heapq.heappush(queue, result.next_look_at)
        answer = chance.random()
        if delivery.status is Status.OFFERED and not delivery.offer_expired(now):
            told = command(delivery.offered_to or "", now)
            if answer < 0.2:
                delivery = journey.accept(delivery, told, now).delivery
            elif answer < 0.5:
                delivery = journey.decline(delivery, told, now).delivery
                heapq.heappush(queue, now)


@pytest.mark.parametrize(("speed", "lease"), [(1, 30), (6, 30), (60, 300)])
def test_on_a_fast_clock_an_offer_still_lives_five_seconds_of_the_wall(
    speed: float, lease: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clock.json"
    file.write_text(json.dumps({"wall_anchor": 0, "anchor": 0, "speed": speed}))
    monkeypatch.setenv("DOORSTEP_CLOCK_FILE", str(file))
    clock.reload()
    try:
        assert in_force().offer_for == seconds(lease)
    finally:
        monkeypatch.undo()
        clock.reload()
