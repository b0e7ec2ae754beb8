"""How often a caller may do something, in one process and over several."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock, ids, limits, settings, tables
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.limits import Limit, LimitRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.wire import Emulator

NOW = datetime(2026, 11, 22, 18, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def limited(dynamodb: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOORSTEP_RATE_LIMITS", "on")
    settings.reload()
    limits.forget()
    with clock.freeze(NOW):
        yield
    monkeypatch.undo()
    settings.reload()
    limits.forget()


@pytest.fixture
def limit() -> Limit:
    return Limit(name=ids.new_id("lim"), window=MINUTE, per_principal=20, per_ip=40)


def hits(limit: Limit, who: str) -> int | None:
    ends_at = clock.epoch_ms(NOW + timedelta(seconds=30))
    row = tables.get(LimitRow, f"LIMIT#{limit.name}#principal:{who}", str(ends_at))
    return None if row is None else int(row.hits)


def refused(limit: Limit, who: str | None, ip: str = "") -> DomainError | None:
    try:
        limits.admit(limit, who, ip)
    except DomainError as error:
        return error
    return None


def test_a_caller_is_refused_beyond_the_limit_until_the_window_ends(limit: Limit) -> None:
    assert [refused(limit, "ada") for _ in range(20)] == [None] * 20
    error = refused(limit, "ada")
    assert error is not None
    assert (error.code, error.status, error.retry_after, error.retryable) == ("too_many_requests", 429, 30, True)
    assert refused(limit, "bob") is None
    with clock.freeze(NOW + timedelta(seconds=30)):
        assert refused(limit, "ada") is None


def test_a_caller_far_from_the_limit_and_one_beyond_it_cost_no_write(limit: Limit) -> None:
    limits.admit(limit, "ada", "")
    assert hits(limit, "ada") is None
    limits.admit(limit, "ada", "")
    assert hits(limit, "ada") == 2
    for _ in range(50):
        refused(limit, "ada")
    assert hits(limit, "ada") == 20


def test_processes_count_together(limit: Limit) -> None:
    for _ in range(2):
        for _ in range(10):
            assert refused(limit, "ada") is None
        limits.forget()  # as another process, which has seen none of it
    assert refused(limit, "ada") is None
    assert refused(limit, "ada") is not None


def test_many_principals_of_one_address_are_counted_as_one(limit: Limit) -> None:
    outcomes = [refused(limit, f"bot-{number}", "203.0.113.7") for number in range(41)]
    assert outcomes[:40] == [None] * 40
    assert outcomes[40] is not None
    assert refused(limit, "bot-1", "203.0.113.8") is None


def test_only_the_named_refusals_count_and_each_of_them_is_shared() -> None:
    guesses = Limit(name=ids.new_id("lim"), window=MINUTE, per_principal=3, on=("pin_wrong",))
    for _ in range(9):
        limits.admit(guesses, "rita", "")
        limits.note_refusal(guesses, "order_not_found", "rita", "")
    for _ in range(3):
        limits.admit(guesses, "rita", "")
        limits.note_refusal(guesses, "pin_wrong", "rita", "")
    assert hits(guesses, "rita") == 3
    assert refused(guesses, "rita") is not None
    limits.forget()
    with pytest.raises(DomainError, match="too_many_requests"):
        limits.note_refusal(guesses, "pin_wrong", "rita", "")


def test_a_limit_that_is_not_shared_writes_nothing() -> None:
    own = Limit(name=ids.new_id("lim"), window=MINUTE, per_principal=3, shared=False)
    assert [refused(own, "ada") is None for _ in range(5)] == [True, True, True, False, False]
    assert hits(own, "ada") is None


def test_a_count_that_cannot_be_kept_lets_the_caller_in(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitRow.Meta, "table_name", "nowhere")
    monkeypatch.setattr(LimitRow, "_connection", None)
    assert [refused(limit, "ada") for _ in range(4)] == [None] * 4


def test_stages_may_switch_limits_off(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_RATE_LIMITS", "off")
    settings.reload()
    assert [refused(limit, "ada") for _ in range(30)] == [None] * 30
