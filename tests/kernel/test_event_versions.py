"""Events of other releases: every shape that was ever sent is read, and no shape changes unnoticed."""

from __future__ import annotations

import json
import logging
from itertools import pairwise
from typing import Any, ClassVar

import pytest

from chalicelib.kernel import batches, event_types, events, upcasting
from chalicelib.kernel.envelopes import Envelope, Event, of_json, to_json
from chalicelib.kernel.event_types import OrderHandedOver
from chalicelib.kernel.upcasting import UnknownVersion, as_of_today
from tests.kernel.golden.events import DIRECTORY, as_it_is, every_type, kept, read

TYPES = every_type()


def message(entry: Envelope, **more: Any) -> dict[str, Any]:
    detail = {**to_json(entry), **more}
    return {"messageId": entry.id, "receiptHandle": "none", "body": json.dumps({"detail": detail}), "attributes": {}}


class TestGolden:
    @pytest.mark.parametrize("kind", TYPES, ids=lambda kind: str(kind.__name__))
    def test_a_shape_that_changed_is_kept_beside_the_one_before(self, kind: type[Event]) -> None:
        """Fails where a field came, went or changed: `python -m tests.kernel.golden` adds the new shape."""
        shapes = kept(kind.__name__)
        now = as_it_is(kind)
        assert shapes
        assert {key: shapes[-1][key] for key in now} == now

    @pytest.mark.parametrize("kind", TYPES, ids=lambda kind: str(kind.__name__))
    def test_every_shape_that_was_ever_sent_is_read_today(self, kind: type[Event]) -> None:
        shapes = kept(kind.__name__)
        for entry in shapes[:-1]:
            assert read(kind, entry) == entry["read_as"]
        assert read(kind, shapes[-1]) == shapes[-1]["data"]

    @pytest.mark.parametrize("kind", TYPES, ids=lambda kind: str(kind.__name__))
    def test_within_a_version_a_field_only_ever_comes_and_has_a_default(self, kind: type[Event]) -> None:
        """What any other change of shape needs is a new version, and a function that reads the old one."""
        shapes = kept(kind.__name__)
        for before, after in pairwise(shapes):
            assert before["version"] <= after["version"]
            if before["version"] == after["version"]:
                assert breaks(before["fields"], after["fields"]) == []

    def test_nothing_that_was_ever_sent_is_forgotten(self) -> None:
        """An event that is emitted no more is still in archives: its type stays in the catalogue."""
        assert {path.stem for path in DIRECTORY.glob("*.json")} <= {kind.__name__ for kind in TYPES}

    def test_every_step_leads_on_from_a_version_that_there_was(self) -> None:
        for name, version in upcasting.UPCASTERS:
            assert 1 <= version < getattr(event_types, name).version
            assert version in {entry["version"] for entry in kept(name)}


def breaks(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What a reader of ``before`` or of ``after`` would miss in an event of the other."""
    changed = [name for name, kind in before.items() if after.get(name) != kind]
    return changed + [name for name in after if name not in before and " = " not in after[name]]


class TestBreaks:
    FIELDS: ClassVar = {"order_id": "str", "kept": "bool = False"}

    def test_a_field_with_a_default_may_come(self) -> None:
        assert breaks(self.FIELDS, {**self.FIELDS, "why": "str = ''"}) == []

    def test_a_field_may_not_go_come_without_a_default_or_become_another_type(self) -> None:
        assert breaks(self.FIELDS, {"order_id": "str"}) == ["kept"]
        assert breaks(self.FIELDS, {**self.FIELDS, "why": "str"}) == ["why"]
        assert breaks(self.FIELDS, {**self.FIELDS, "kept": "str = ''"}) == ["kept"]


class Moved(Event, frozen=True, kw_only=True):
    """An event in its third version."""

    version = 3

    order_id: str
    reasons: tuple[str, ...]


STEPS: dict[tuple[str, int], upcasting.Upcaster] = {
    ("Moved", 1): lambda data: {"order_id": data["order"], "reason": data["reason"]},
    ("Moved", 2): lambda data: {"order_id": data["order_id"], "reasons": [data["reason"]]},
}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upcasting, "UPCASTERS", STEPS)


@pytest.mark.usefixtures("steps")
class TestUpcasting:
    def test_an_older_version_is_read_step_by_step(self) -> None:
        now = {"order_id": "ord_1", "reasons": ["late"]}
        assert as_of_today(Moved, 1, {"order": "ord_1", "reason": "late"}) == now
        assert as_of_today(Moved, 2, {"order_id": "ord_1", "reason": "late"}) == now
        assert as_of_today(Moved, 3, now) == now

    def test_a_step_changes_nothing_of_what_it_reads(self) -> None:
        data = {"order": "ord_1", "reason": "late"}
        as_of_today(Moved, 1, data)
        assert data == {"order": "ord_1", "reason": "late"}

    def test_a_newer_version_and_one_without_a_step_are_not_guessed_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(UnknownVersion, match="Moved of version 4: this release knows versions up to 3"):
            as_of_today(Moved, 4, {"order_id": "ord_1"})
        monkeypatch.setattr(upcasting, "UPCASTERS", {})
        with pytest.raises(UnknownVersion, match="version 1"):
            as_of_today(Moved, 1, {"order": "ord_1"})


class TestConsuming:
    @pytest.fixture
    def seen(self, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
        """What reactions of a consumer of its own were called with."""
        found: list[Event] = []
        react = (Moved, lambda event, meta: found.append(event))
        monkeypatch.setattr(events, "_reactions", {("moving", "Moved"): react})
        monkeypatch.setattr(events, "_show_again", lambda queue, message, seconds: None)
        monkeypatch.setattr(batches, "_batches", {"moving": (Moved, found.extend)})
        monkeypatch.setattr(upcasting, "UPCASTERS", STEPS)
        return found

    def entry(self, version: int, **data: Any) -> Envelope:
        return Envelope(id=f"evt_{version}", type="Moved", version=version, at="2026-03-04T18:30:15.250Z", data=data)

    def test_a_consumer_reads_what_the_release_before_sent(self, seen: list[Event]) -> None:
        older = message(self.entry(2, order_id="ord_1", reason="late"))
        newer = message(self.entry(3, order_id="ord_2", reasons=["far", "late"]))
        assert events.consume("moving", [older, newer]) == {"batchItemFailures": []}
        told = [Moved(order_id="ord_1", reasons=("late",)), Moved(order_id="ord_2", reasons=("far", "late"))]
        assert seen == told
        seen.clear()
        assert batches.consume("moving", [older, newer]) == {"batchItemFailures": []}
        assert seen == told

    def test_what_a_newer_release_sends_stays_on_the_queue_and_is_told(
        self, seen: list[Event], caplog: pytest.LogCaptureFixture
    ) -> None:
        newer = self.entry(4, order_id="ord_1", reasons={})
        foreign = Envelope(id="evt_5", type="Vanished", version=1, at=newer.at, data={})
        readable = self.entry(3, order_id="ord_2", reasons=["late"])
        with caplog.at_level(logging.ERROR):
            answer = events.consume("moving", [message(newer), message(foreign), message(readable)])
        assert answer == {"batchItemFailures": [{"itemIdentifier": "evt_4"}, {"itemIdentifier": "evt_5"}]}
        assert seen == [Moved(order_id="ord_2", reasons=("late",))]
        told = [(record.event, record.version, record.known) for record in caplog.records]  # type: ignore[attr-defined]
        assert told == [("Moved", 4, 3), ("Vanished", 1, None)]
        assert {record.message for record in caplog.records} == {"event of another release"}

    def test_a_batch_with_one_newer_event_is_handled_but_for_that_one(self, seen: list[Event]) -> None:
        newer, readable = self.entry(4), self.entry(3, order_id="ord_2", reasons=["late"])
        answer = batches.consume("moving", [message(newer), message(readable)])
        assert answer == {"batchItemFailures": [{"itemIdentifier": "evt_4"}]}

    def test_what_a_newer_envelope_says_besides_is_ignored(self, seen: list[Event]) -> None:
        told = message(self.entry(3, order_id="ord_1", reasons=["late"]), region="eu-west-1")
        assert events.consume("moving", [told]) == {"batchItemFailures": []}
        assert len(seen) == 1


def test_the_relay_passes_versions_on_that_it_does_not_know() -> None:
    newer = {"id": "evt_1", "type": "OrderHandedOver", "version": 9, "at": "2026-03-04T18:30:15.250Z", "data": {"a": 1}}
    assert to_json(of_json(newer)) == newer
    assert events.envelope(OrderHandedOver(order_id="ord_1", store_id="sto_1")).version == OrderHandedOver.version
