"""Fires what recurs by the clock (`kernel.schedules`), as EventBridge Scheduler would, on Doorstep's clock.

When a schedule last fired is kept in a file: what came due while nothing ran fires once at the next start.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, events, schedules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from chalicelib.kernel.schedules import Schedule


class Timetable:
    """When each schedule fired last. One that was never seen fires at its next time."""

    def __init__(self, path: Path, declared: Sequence[Schedule] | None = None) -> None:
        self._path = path
        self._schedules = schedules.SCHEDULES if declared is None else declared
        kept = json.loads(path.read_text()) if path.exists() else {}
        self._fired: dict[str, datetime] = {name: clock.parse(at) for name, at in kept.items()}
        for schedule in self._schedules:
            self._fired.setdefault(schedule.name, clock.now())
        self._keep()

    def fire(self) -> list[str]:
        """Put the events that are due on the bus; the names of their schedules.

        Sent first, noted after: a crash between the two fires a schedule twice, never not at all.
        """
        due = {}
        for schedule in self._schedules:
            at = schedules.due_since(schedule, self._fired[schedule.name])
            if at is not None:
                due[schedule.name] = at
                events.publish([schedule.envelope_at(clock.rfc3339(at))])
        if due:
            self._fired |= due
            self._keep()
        return list(due)

    def _keep(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({name: clock.rfc3339(at) for name, at in self._fired.items()}))
        fresh.replace(self._path)
