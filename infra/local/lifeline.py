"""A child of the stack dies with the stack, even when the supervisor is killed and can't tell it to."""

from __future__ import annotations

import os
import signal
import sys
import threading


def follow_parent(child_pid: int | None = None) -> None:
    """End this process (and `child_pid`) as soon as the other end of standard input is closed.

    The supervisor holds that end and never writes; the kernel closes it whichever way the supervisor ends.
    Does nothing when standard input is not a pipe of the supervisor (DOORSTEP_LIFELINE is unset).
    """
    if os.environ.pop("DOORSTEP_LIFELINE", None) is None:
        return

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 64):
            pass
        if child_pid is not None:
            os.kill(child_pid, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
