"""What recurs by the clock: the one declaration that EventBridge's schedules and the local pump are made of.

A schedule puts an event on the bus at its times; the queue that ``events.ROUTES`` names for it has the reaction that
does the work. Schedules fire at least once, sometimes late, and not at all while something is down: a job looks at the
world and does what is missing, and so does it twice without harm. One that has more to do than an invocation should
take does a page of it and carries itself on:

    @events.on(StatementsDue)
    def close_statements(event: StatementsDue, meta: events.Meta) -> None:
        next_page = service.close_statements(event.page)
        if next_page is not None:
            schedules.carry_on("payments", meta, StatementsDue(page=next_page))
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from chalicelib.kernel import clock, events
from chalicelib.kernel.event_types import ReconciliationDue, SettlementDue, TruthSweepDue
from chalicelib.kernel.events import Event
from chalicelib.kernel.transaction import AlreadyHandled, Transaction

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """An event at regular times, UTC: every ``period`` (minutes that divide an hour, hours that divide a day, a day).

    The times are ``offset`` and whole periods after midnight. ``event`` needs no fields without a default: the job's
    first page.
    """

    name: str
    event: type[Event]
    period: timedelta
    offset: timedelta = timedelta()

    def __post_init__(self) -> None:
        whole = _HOUR if self.period < _HOUR else _DAY
        unit = timedelta(minutes=1) if self.period < _HOUR else _HOUR
        if not self.period or whole % self.period or self.period % unit or not timedelta() <= self.offset < self.period:
            raise ValueError(f"{self.name}: no such times")

    @property
    def expression(self) -> str:
        """The times as EventBridge Scheduler reads them."""
        hours, minutes = divmod(self.offset // timedelta(minutes=1), 60)
        if self.period < _HOUR:
            return f"cron({minutes}/{self.period // timedelta(minutes=1)} * * * ? *)"
        if self.period < _DAY:
            return f"cron({minutes} {hours}/{self.period // _HOUR} * * ? *)"
        return f"cron({minutes} {hours} * * ? *)"

    def last_due(self, now: datetime) -> datetime:
        """The latest of its times that is not after ``now``."""
        return _EPOCH + (now - _EPOCH - self.offset) // self.period * self.period + self.offset

    def envelope_at(self, time: str) -> events.Envelope:
        """The event of one of its times (RFC 3339), with an id that is the same however often it fires for it."""
        return events.Envelope(
            id=f"{self.name}@{time}",
            type=self.event.__name__,
            version=self.event.version,
            at=time,
            data=msgspec.to_builtins(self.event()),
        )


# Names become those of resources: a schedule that is renamed is another one.
SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="truth-sweep", event=TruthSweepDue, period=timedelta(minutes=15)),
    Schedule(name="settlement", event=SettlementDue, period=timedelta(hours=1), offset=timedelta(minutes=5)),
    Schedule(name="reconciliation", event=ReconciliationDue, period=timedelta(days=1), offset=timedelta(hours=3)),
)


def carry_on(queue: str, meta: events.Meta, event: Event) -> None:
    """Tell the next page of a job to begin, once for the event of the page that is done, however often that came."""
    tx = Transaction()
    tx.claim(queue, meta.event_id)
    tx.emit(event)
    try:
        tx.commit()
    except AlreadyHandled:
        return


def due_since(schedule: Schedule, since: datetime) -> datetime | None:
    """The latest of a schedule's times that passed after ``since``; those that were missed in between are one."""
    latest = schedule.last_due(clock.now())
    return latest if latest > since else None
