"""What time it is on a stack's clock, for those who live by it outside of its processes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chalicelib.kernel.clock import Pace


class Watch:
    """Shows the stack's time. Seconds are the stack's unless they are called the wall's."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()

    @classmethod
    def of(cls, clock_file: Path | str) -> Watch:
        """A watch that goes with the processes that read this clock file."""
        return cls(Pace(**json.loads(Path(clock_file).read_text())))

    def now(self) -> datetime:
        """The instant, in UTC."""
        seconds = self.pace.anchor + (time.time() - self.pace.wall_anchor) * self.pace.speed
        return datetime.fromtimestamp(seconds, UTC)

    def wall_until(self, instant: datetime) -> float:
        """The wall's seconds from now to an instant; negative when it is past."""
        return (instant - self.now()) / timedelta(seconds=self.pace.speed)

    def sleep(self, seconds: float) -> None:
        """Let this many seconds pass."""
        time.sleep(max(0.0, seconds / self.pace.speed))
