"""Child processes of a stack: started in groups of their own, watched, stopped, killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 8.0
POLL_SECONDS = 0.01
LOG_TAIL_LINES = 8


class StackError(Exception):
    """The stack can't run; the message says what to do in one line."""


@dataclass
class Child:
    """One process: what it is called, how it is started, how one knows that it is ready."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it in a process group of its own, with its output in its log file."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=ROOT,
                env={**os.environ, **self.environment, "DOORSTEP_LIFELINE": "1"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self.process.pid if self.runs() and self.process else None

    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def wait_until_ready(self, deadline: float) -> None:
        """Return when it answers. Raises StackError with the end of its log when it ends or takes too long."""
        while not self.ready():
            if not self.runs():
                raise StackError(f"{self.name} ended while starting; {self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} does not answer; {self.last_words()}")
            time.sleep(POLL_SECONDS)

    def last_words(self) -> str:
        """Where its log is and how it ends."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return f"{self.log} ends with:\n" + "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:])

    def signal(self, number: int) -> None:
        """Signal its whole group; one that has ended is no error."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def reap(self) -> None:
        """Collect it after it ended."""
        if self.process is not None:
            self.process.wait()
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process = None


def stop(children: Sequence[Child]) -> None:
    """SIGTERM to all, SIGKILL to those that are still there after a while."""
    for child in children:
        child.signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        while child.runs() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    kill(children)


def kill(children: Sequence[Child]) -> None:
    """SIGKILL to all at once: what a power cut leaves behind is what is in the files."""
    for child in children:
        child.signal(signal.SIGKILL)
    for child in children:
        child.reap()


def answers(address: str) -> Callable[[], bool]:
    """A question that is true once a GET of the address gets any answer."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=1.0):  # noqa: S310 (an address of this stack)  # nosec B310
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return ask


def watch(children: Sequence[Child], ended: Callable[[Child], Any]) -> threading.Event:
    """Call `ended` with the first child that ends by itself; set the event to stop watching."""
    enough = threading.Event()

    def look() -> None:
        while not enough.wait(0.5):
            for child in children:
                if child.process is not None and child.process.poll() is not None and not enough.is_set():
                    ended(child)
                    return

    threading.Thread(target=look, name="watch", daemon=True).start()
    return enough
