"""Time can stand still and can run fast; ids sort by it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.kernel import clock, ids

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_frozen_clock_stands_still() -> None:
    with clock.freeze(NOON):
        assert clock.now() == NOON
    assert clock.now() > NOON


def test_an_accelerated_clock_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clock.json"
    file.write_text(json.dumps({"wall_anchor": time.time() - 10, "anchor": NOON.timestamp(), "speed": 60.0}))
    monkeypatch.setenv("DOORSTEP_CLOCK_FILE", str(file))
    clock.reload()
    try:
        assert timedelta(minutes=10) <= clock.now() - NOON < timedelta(minutes=12)
        assert clock.to_wall(timedelta(minutes=1)) == 1.0
    finally:
        monkeypatch.delenv("DOORSTEP_CLOCK_FILE")
        clock.reload()


def test_instants_survive_writing_and_reading() -> None:
    instant = NOON + timedelta(milliseconds=7)
    assert clock.rfc3339(instant) == "2026-03-01T12:00:00.007Z"
    assert clock.parse(clock.rfc3339(instant)) == instant
    assert clock.from_epoch_ms(clock.epoch_ms(instant)) == instant


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        clock.parse("2026-03-01T12:00:00")


def test_ids_sort_by_time_and_never_repeat() -> None:
    with clock.freeze(NOON):
        early = {ids.new_id("ord") for _ in range(100)}
    with clock.freeze(NOON + timedelta(milliseconds=1)):
        late = ids.new_id("ord")
    assert len(early) == 100
    assert max(early) < late


def test_retagged_ids_keep_their_identity() -> None:
    quote = ids.new_id("qte")
    assert ids.retag(ids.retag(quote, "ord"), "qte") == quote
    assert ids.is_id(quote, "qte")
    assert not ids.is_id(quote, "ord")
    assert not ids.is_id(quote + "\n", "qte")
