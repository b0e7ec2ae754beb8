"""How often each function was invoked: what a bill for Lambda would count."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FLUSH_SECONDS = 0.1


class Invocations:
    """Counts in memory and writes `invocations-<process>.json` when something changed, a tenth of a second later."""

    def __init__(self, directory: Path, process: str) -> None:
        self._path = directory / f"invocations-{process}.json"
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._records: dict[str, int] = {}
        self._dirty = threading.Event()
        threading.Thread(target=self._write, name="invocations", daemon=True).start()

    def count(self, function: str, records: int = 1) -> None:
        """One invocation of a function with this many records."""
        with self._lock:
            self._counts[function] = self._counts.get(function, 0) + 1
            self._records[function] = self._records.get(function, 0) + records
        self._dirty.set()

    def _write(self) -> None:
        while self._dirty.wait():
            time.sleep(FLUSH_SECONDS)
            self._dirty.clear()
            with self._lock:
                text = json.dumps({"invocations": self._counts, "records": self._records})
            new = self._path.with_suffix(".new")
            new.write_text(text)
            new.replace(self._path)


def read(directory: Path) -> dict[str, int]:
    """Invocations by function, of every process of a stack since it was started."""
    total: dict[str, int] = {}
    for path in directory.glob("invocations-*.json"):
        for function, count in json.loads(path.read_text())["invocations"].items():
            total[function] = total.get(function, 0) + count
    return total
