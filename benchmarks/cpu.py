"""CPU seconds of processes with all their descendants: from /proc, or from `ps` where there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PROC = Path("/proc")


def seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system seconds so far of each named process and what it has started."""
    table = _from_proc() if _PROC.joinpath("self/stat").exists() else _from_ps()
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    return {name: _with_descendants([pid], table, children) for name, pid in pids.items()}


def _with_descendants(
    pids: Iterable[int], table: Mapping[int, tuple[int, float]], children: Mapping[int, list[int]]
) -> float:
    return sum(
        table[pid][1] + _with_descendants(children.get(pid, ()), table, children) for pid in pids if pid in table
    )


def _from_proc() -> dict[int, tuple[int, float]]:
    tick = os.sysconf("SC_CLK_TCK")
    table = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        table[int(path.parent.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / tick)
    return table


def _from_ps() -> dict[int, tuple[int, float]]:
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,time="], capture_output=True, text=True, check=True).stdout
    table = {}
    for line in told.splitlines():
        pid, parent, time = line.split()
        spent = 0.0
        for part in time.replace("-", ":").split(":"):
            spent = spent * 60 + float(part)
        table[int(pid)] = (int(parent), spent)
    return table
