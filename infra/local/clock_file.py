"""The file that all processes of a stack read their time from."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def write_clock(path: Path, speed: float, start_at: datetime | None = None) -> None:
    """Make the clock of a new stack, or let that of an earlier run go on.

    Doorstep's time never goes back: an existing clock keeps its pace while the stack is down, and from now on has
    the given speed.
    """
    wall = time.time()
    if path.exists():
        before = json.loads(path.read_text())
        if before["speed"] == speed:
            return
        anchor = before["anchor"] + (wall - before["wall_anchor"]) * before["speed"]
    else:
        anchor = wall if start_at is None else start_at.timestamp()
    path.write_text(json.dumps({"wall_anchor": wall, "anchor": anchor, "speed": speed}) + "\n")
