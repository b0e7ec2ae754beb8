"""Hours and pauses together: whether orders are taken, and when that changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.errors import Conflict, Invalid, NotFound
from chalicelib.stores.model import (
    ModeSettings,
    PauseRequest,
    Store,
    opening_state,
    pause,
    pauses_in_force,
    unpause,
)
from tests.stores.factories import NOON, berlin, busy_pause, closed_pause, store

MINUTE = timedelta(minutes=1)


def test_an_open_store_takes_orders_until_it_closes() -> None:
    state = opening_state(store(), None, NOON)

    assert (state.open, state.reason, state.busy_minutes) == (True, "open", 0)
    assert state.next_change_at == berlin("2026-06-10 22:00")


def test_a_closed_store_says_when_it_opens() -> None:
    state = opening_state(store(), None, berlin("2026-06-10 23:00"))

    assert (state.open, state.reason) == (False, "closed")
    assert state.next_change_at == berlin("2026-06-11 11:00")


def test_a_paused_store_opens_again_when_the_pause_ends() -> None:
    paused = store(pauses=(closed_pause(30),))

    state = opening_state(paused, None, NOON + 10 * MINUTE)
    assert (state.open, state.reason) == (False, "paused")
    assert state.next_change_at == NOON + 30 * MINUTE
    assert opening_state(paused, None, NOON + 30 * MINUTE).open


def test_a_pause_past_closing_time_ends_with_the_next_opening() -> None:
    paused = store(pauses=(closed_pause(minutes=11 * 60),))

    assert opening_state(paused, None, NOON).next_change_at == berlin("2026-06-11 11:00")


def test_pauses_that_follow_each_other_are_one_closure() -> None:
    paused = store(pauses=(closed_pause(30), closed_pause(40, since=NOON + 20 * MINUTE, id="pau_2")))

    assert opening_state(paused, None, NOON + 25 * MINUTE).next_change_at == NOON + 60 * MINUTE


def test_while_the_store_is_closed_anyway_a_pause_is_not_the_reason() -> None:
    night = berlin("2026-06-10 23:00")

    assert opening_state(store(pauses=(closed_pause(30, since=night),)), None, night).reason == "closed"


def test_a_busy_store_is_open_and_takes_longer() -> None:
    busy = store(pauses=(busy_pause(15), busy_pause(10, id="pau_2")))

    state = opening_state(busy, None, NOON)
    assert (state.open, state.busy_minutes) == (True, 15)
    assert opening_state(busy, None, NOON + 60 * MINUTE).busy_minutes == 0


def test_a_pause_of_one_mode_leaves_the_others_open() -> None:
    paused = store(pauses=(closed_pause(modes=("delivery",)),))

    assert not opening_state(paused, "delivery", NOON).open
    assert opening_state(paused, "pickup", NOON).open
    assert opening_state(paused, None, NOON).open


def test_a_mode_with_hours_of_its_own_keeps_those() -> None:
    modes = {
        "pickup": ModeSettings(lead_minutes=5),
        "delivery": ModeSettings(lead_minutes=5, opening_hours="17:00-21:00"),
    }
    evening_delivery = store(modes=modes)

    assert opening_state(evening_delivery, "pickup", NOON).open
    state = opening_state(evening_delivery, "delivery", NOON)
    assert not state.open
    assert state.next_change_at == berlin("2026-06-10 17:00")


@given(
    since=st.integers(-600, 600),
    minutes=st.integers(1, 3000),
    second_since=st.integers(-600, 600),
    ahead=st.integers(0, 2000),
)
def test_next_change_is_when_it_changes(since: int, minutes: int, second_since: int, ahead: int) -> None:
    pauses = (
        closed_pause(minutes, since=NOON + since * MINUTE),
        closed_pause(90, since=NOON + second_since * MINUTE, id="pau_2"),
    )
    # Pauses begin at once: those that begin later than now are none that the store can have.
    paused = store(pauses=tuple(p for p in pauses if p.since <= NOON + ahead * MINUTE))
    now = NOON + ahead * MINUTE

    state = opening_state(paused, None, now)

    assert state.next_change_at is not None
    assert opening_state(paused, None, state.next_change_at).open != state.open
    assert opening_state(paused, None, state.next_change_at - timedelta(seconds=1)).open == state.open


class TestPausing:
    def test_for_some_minutes(self) -> None:
        paused, begun = pause(store(), "pau_1", PauseRequest(kind="closed", minutes=30), NOON)

        assert paused.pauses == (begun,)
        assert begun.until == NOON + 30 * MINUTE
        assert paused.version == 2

    def test_until_an_instant(self) -> None:
        until = berlin("2026-06-10 18:00")

        paused, _ = pause(store(), "pau_1", PauseRequest(kind="closed", until=until), NOON)

        assert opening_state(paused, None, NOON).next_change_at == until

    def test_drops_the_pauses_that_have_ended(self) -> None:
        earlier = store(pauses=(closed_pause(30, since=NOON - 60 * MINUTE),))

        paused, begun = pause(earlier, "pau_2", PauseRequest(kind="busy", minutes=30, extra_minutes=15), NOON)

        assert paused.pauses == (begun,)

    @pytest.mark.parametrize(
        ("request_", "pointer"),
        [
            (PauseRequest(kind="closed"), "/minutes"),
            (PauseRequest(kind="closed", minutes=5, until=NOON + MINUTE), "/minutes"),
            (PauseRequest(kind="closed", until=NOON), "/until"),
            (PauseRequest(kind="closed", until=NOON + timedelta(days=32)), "/until"),
            (PauseRequest(kind="busy", minutes=5), "/extra_minutes"),
            (PauseRequest(kind="closed", minutes=5, extra_minutes=5), "/extra_minutes"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, request_: PauseRequest, pointer: str) -> None:
        with pytest.raises(Invalid) as refused:
            pause(store(), "pau_1", request_, NOON)

        assert pointer in [violation.pointer for violation in refused.value.violations]

    def test_refuses_a_mode_that_the_store_does_not_offer(self) -> None:
        only_pickup = store(modes={"pickup": ModeSettings(lead_minutes=5)})

        with pytest.raises(Invalid) as refused:
            pause(only_pickup, "pau_1", PauseRequest(kind="closed", minutes=5, modes=("pickup", "delivery")), NOON)

        assert [v.pointer for v in refused.value.violations] == ["/modes/1"]

    def test_has_a_limit(self) -> None:
        paused: Store = store()
        for i in range(20):
            paused, _ = pause(paused, f"pau_{i}", PauseRequest(kind="closed", minutes=5), NOON)

        with pytest.raises(Conflict) as refused:
            pause(paused, "pau_x", PauseRequest(kind="closed", minutes=5), NOON)
        assert refused.value.code == "too_many_pauses"


def test_ending_a_pause_opens_the_store_at_once() -> None:
    paused = store(pauses=(closed_pause(30),))

    assert opening_state(unpause(paused, "pau_1", NOON + MINUTE), None, NOON + MINUTE).open


def test_a_pause_that_has_ended_can_not_be_ended() -> None:
    paused = store(pauses=(closed_pause(30),))

    with pytest.raises(NotFound):
        unpause(paused, "pau_1", NOON + 30 * MINUTE)
    assert pauses_in_force(paused, NOON + 30 * MINUTE) == ()
