"""Preparation times are learned from what happened, and corrected by what is known."""

from __future__ import annotations

from chalicelib.dispatch.planner import Preparation, PrepPolicy, PrepTimes, expected_ready_at, quantile_at

MINUTE = 60.0
NOON = 12 * 3_600.0
POLICY = PrepPolicy()


def history(*minutes: float, at: float = NOON, load: int = 0) -> PrepTimes:
    return PrepTimes(seen=[Preparation(each * MINUTE, at, load) for each in minutes])


def expected(
    now: float, store: PrepTimes, *, quantile: float = 0.5, load: int = 0, marked_at: float | None = None
) -> float:
    everywhere = history(30, 40)
    return (expected_ready_at(now, NOON, load, store, everywhere, POLICY, quantile, marked_at) - NOON) / MINUTE


def test_a_store_is_expected_to_need_what_it_needed() -> None:
    assert expected(NOON, history(*[12] * 9)) == 12
    assert expected(NOON, history(8, 9, 10, 11, 12, 13, 14), quantile=0.9) > expected(
        NOON, history(8, 9, 10, 11, 12, 13, 14), quantile=0.2
    )


def test_a_store_without_history_is_like_all_others_and_those_like_the_prior() -> None:
    assert expected(NOON, PrepTimes()) == 30
    nobody = expected_ready_at(NOON, NOON, 0, PrepTimes(), PrepTimes(), POLICY, 0.5)
    assert nobody - NOON in POLICY.prior


def test_hours_and_load_that_are_alike_count_more() -> None:
    store = history(10, 10, 10, load=0)
    store.seen += history(25, 25, 25, load=12).seen
    assert expected(NOON, store, load=0) == 10
    assert expected(NOON, store, load=12) == 25

    evening = history(10, 10, 10)
    evening.seen += history(20, 20, 20, at=NOON - 10 * 3_600).seen
    assert expected(NOON, evening) == 10


def test_an_order_that_takes_longer_is_expected_anew() -> None:
    store = history(10, 10, 10, 18, 19)
    assert expected(NOON + 11 * MINUTE, store) > 11
    assert expected(NOON + 99 * MINUTE, store) == 99 + POLICY.overtime / MINUTE


def test_the_kitchens_mark_ends_the_guessing() -> None:
    assert expected(NOON + 3 * MINUTE, history(20, 20), marked_at=NOON + 3 * MINUTE) == 3


def test_the_oldest_is_forgotten() -> None:
    store = PrepTimes()
    for minutes in range(10):
        store.learn(Preparation(minutes * MINUTE, NOON), remembered=4)
    assert [each.took / MINUTE for each in store.seen] == [6, 7, 8, 9]
    assert PrepTimes().seen == []


def test_riders_wait_for_orders_only_while_there_are_enough_riders() -> None:
    assert quantile_at(1, 50, POLICY) == POLICY.quantile_calm
    assert quantile_at(50, 1, POLICY) == POLICY.quantile_busy
    assert POLICY.quantile_calm < quantile_at(20, 20, POLICY) < POLICY.quantile_busy
