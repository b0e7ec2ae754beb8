"""What recurs: its times, as both machines read them, and jobs that carry themselves on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, events, ids, schedules, tables
from chalicelib.kernel.event_types import OrderDeadlineReached
from chalicelib.kernel.events import Event, EventsRow
from chalicelib.kernel.schedules import Schedule
from infra import resources
from infra.local.timetable import Timetable

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)


class JobDue(Event, frozen=True, kw_only=True):
    """A job of these tests."""

    page: int = 0


def every(period: timedelta, offset: timedelta = timedelta()) -> Schedule:
    return Schedule(name="job", event=JobDue, period=period, offset=offset)


@pytest.mark.parametrize(
    ("period", "offset", "expression", "last"),
    [
        ({"minutes": 15}, {}, "cron(0/15 * * * ? *)", (12, 0)),
        ({"minutes": 10}, {"minutes": 3}, "cron(3/10 * * * ? *)", (12, 3)),
        ({"hours": 1}, {"minutes": 20}, "cron(20 0/1 * * ? *)", (11, 20)),
        ({"hours": 6}, {"hours": 1}, "cron(0 1/6 * * ? *)", (7, 0)),
        ({"days": 1}, {"hours": 3, "minutes": 10}, "cron(10 3 * * ? *)", (3, 10)),
    ],
)
def test_both_machines_read_the_same_times(
    period: dict[str, int], offset: dict[str, int], expression: str, last: tuple[int, int]
) -> None:
    schedule = every(timedelta(**period), timedelta(**offset))
    assert schedule.expression == expression
    assert schedule.last_due(NOON) == NOON.replace(hour=last[0], minute=last[1])


def test_times_that_no_expression_can_tell_are_refused() -> None:
    for period in (timedelta(), timedelta(minutes=7), timedelta(hours=5), timedelta(days=2), timedelta(seconds=30)):
        with pytest.raises(ValueError, match="no such times"):
            every(period)
    with pytest.raises(ValueError, match="no such times"):
        every(timedelta(minutes=15), timedelta(minutes=15))


def test_every_schedule_is_a_resource_and_has_one_queue_that_reacts() -> None:
    template = resources.template()["Resources"]
    for schedule in schedules.SCHEDULES:
        (queue,) = events.ROUTES[schedule.event.__name__]
        assert (queue, schedule.event.__name__) in events.reactions()
        written = template[resources.schedule_id(schedule.name)]["Properties"]
        assert written["ScheduleExpression"] == schedule.expression
        assert schedule.event.__name__ in written["Target"]["Input"]


def test_the_timetable_fires_each_time_once_and_makes_up_for_missed_ones_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[events.Envelope] = []
    monkeypatch.setattr(events, "publish", sent.extend)
    declared = (every(timedelta(minutes=15)),)

    def fire_at(at: datetime, timetable: Timetable | None = None) -> Timetable:
        with clock.freeze(at):
            timetable = timetable or Timetable(tmp_path / "schedules.json", declared)
            timetable.fire()
        return timetable

    timetable = fire_at(NOON)
    assert not sent, "a schedule that was never seen waits for its next time"
    for minutes in (8, 9, 12, 23):
        fire_at(NOON + timedelta(minutes=minutes), timetable)
    assert [entry.id for entry in sent] == ["job@2026-03-02T12:15:00.000Z", "job@2026-03-02T12:30:00.000Z"]
    fire_at(NOON + timedelta(hours=5))
    assert [entry.at for entry in sent[2:]] == ["2026-03-02T17:00:00.000Z"]


def test_what_could_not_be_sent_is_sent_at_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[events.Envelope] = []

    def fail(_: Any) -> None:
        raise ConnectionError

    with clock.freeze(NOON):
        timetable = Timetable(tmp_path / "schedules.json", (every(timedelta(minutes=15)),))
    with clock.freeze(NOON + timedelta(minutes=10)):
        monkeypatch.setattr(events, "publish", fail)
        with pytest.raises(ConnectionError):
            timetable.fire()
        monkeypatch.setattr(events, "publish", sent.extend)
        timetable.fire()
        timetable.fire()
    assert len(sent) == 1


def test_a_page_that_comes_twice_carries_on_once(dynamodb: Any) -> None:
    order_id = ids.new_id("ord")
    meta = events.Meta(event_id=ids.new_id("evt"), at=clock.now(), trace_id=None)
    for _ in range(2):
        schedules.carry_on("payments", meta, OrderDeadlineReached(order_id=order_id))
    row = tables.get(EventsRow, f"INBOX#payments#{meta.event_id}", "-")
    assert row is not None
    assert [entry["data"]["order_id"] for entry in row.outbox] == [order_id]
