"""The local stack, and the hand at its power switch: kills everything or one process, and starts it again."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from infra import resources
from infra.local import provision
from infra.local.environment import queue_url
from infra.local.pump import READY_FILE
from infra.local.wire import SQS

if TYPE_CHECKING:
    from infra.local.processes import Child
    from infra.local.stack import LocalStack

# How long a message stays with a consumer that was killed; AWS's three minutes would be a test's whole time.
VISIBILITY_SECONDS = 3
START_SECONDS = 60.0


@dataclass
class Plant:
    """The stack, and the hand at its power switch."""

    stack: LocalStack

    def kill(self, seconds: float = 0.0) -> None:
        """`kill -9` of every process at once; after so many seconds they start again."""
        self.stack.kill()
        time.sleep(seconds)
        self.start()

    def start(self) -> None:
        """Bring it up, on what is on disk."""
        self.stack.start()
        self._shorten_visibility()

    def go_on_at(self, speed: float) -> None:
        """Stop, and start again with time at so many times its pace."""
        self.stack.stop()
        self.stack.speed = speed
        self.start()

    def kill_one(self, name: str, seconds: float = 0.0) -> None:
        """`kill -9` of one process; after so many seconds it starts again."""
        child = self.child(name)
        child.signal(signal.SIGKILL)
        child.reap()
        time.sleep(seconds)
        # A bus keeps its rules and a queue its existence through any outage; this one's are made anew, unseen.
        others = [each for each in self.stack.children if each.name != name] if name == "moto" else []
        for each in others:
            each.signal(signal.SIGSTOP)
        if name == "pump":
            (self.stack.directory / READY_FILE).unlink()
        child.start()
        child.wait_until_ready(time.monotonic() + START_SECONDS)
        if name == "moto":
            provision.create_messaging(self.stack.moto, self.stack.prefix)
            provision.create_users(self.stack.moto, self.stack.prefix)
            self._shorten_visibility()
        for each in others:
            each.signal(signal.SIGCONT)

    def pause(self, name: str) -> None:
        """Let a process do nothing more before it is killed."""
        self.child(name).signal(signal.SIGSTOP)

    def child(self, name: str) -> Child:
        return next(child for child in self.stack.children if child.name == name)

    def fault(self, kind: str, path: str, **more: Any) -> None:
        """Let it happen to the next call of Stripe's path."""
        wanted = {"kind": kind, "match": {"path_prefix": path}, **more}
        requests.post(f"{self.stack.stripe_url}/sandbox/faults", json=wanted, timeout=10).raise_for_status()

    def _shorten_visibility(self) -> None:
        for queue in self.stack.queue_depths():
            url = queue_url(self.stack.env["AWS_ENDPOINT_URL_SQS"], resources.queue_name(self.stack.prefix, queue))
            attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
            self.stack.moto.call(SQS, "SetQueueAttributes", QueueUrl=url, Attributes=attributes)
