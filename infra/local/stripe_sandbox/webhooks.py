"""Sending webhooks: signed POSTs to the configured endpoint, again and again until it answers 2xx.

At least once and in no promised order, as with Stripe: a process killed between the endpoint's answer and the note
of it sends that event again.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import socket
import threading
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.deliveries import Deliveries, Delivery
    from infra.local.stripe_sandbox.store import Store

LOG = logging.getLogger(__name__)

DEFAULT_EVENTS: Final = frozenset(
    {
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.processing",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
        "charge.captured",
        "charge.refunded",
        "refund.created",
    }
)
_WORKERS: Final = 4
_LONGEST_IDLE: Final = 60.0
_LONGEST_ABSENCE: Final = 2.0
"""Seconds until an endpoint that was not there is tried again."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go, which event types it wants, and how patient we are with it (seconds).

    `charge.dispute.*` wants all types of that beginning, `*` all there are.
    """

    url: str
    secret: str
    events: frozenset[str] = DEFAULT_EVENTS
    timeout: float = 20.0
    first_retry: float = 0.5
    longest_retry: float = 60.0

    def wants(self, event_type: str) -> bool:
        return event_type in self.events or any(
            fnmatchcase(event_type, pattern) for pattern in self.events if "*" in pattern
        )

    def wait_after(self, attempts: int) -> float:
        """Seconds until the next try, doubling with each failed one."""
        return min(self.longest_retry, self.first_retry * 2.0 ** min(attempts, 20))


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """The Stripe-Signature header of this raw body at this time."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Sender:
    """Threads that send what is due. `wake` tells them that there is something new.

    An endpoint that refuses an event gets that event again after a growing pause. An endpoint that can't be reached
    at all is left alone as a whole, for short pauses, so that everything arrives soon after it is back.
    """

    def __init__(self, store: Store, deliveries: Deliveries, endpoint: Endpoint) -> None:
        self._store = store
        self._deliveries = deliveries
        self._endpoint = endpoint
        self._busy: set[int] = set()
        self._unreachable = 0
        """How many tries in a row found nobody."""
        self._resume_at = 0.0
        self._stopping = False
        # Its lock is the store's: looking for work and going to sleep are one step, so no wake-up is missed.
        self._work = threading.Condition(store.lock)
        self._threads = [
            threading.Thread(target=self._run, name=f"webhooks-{number}", daemon=True) for number in range(_WORKERS)
        ]

    def start(self) -> None:
        with self._store.transaction():
            self._deliveries.send_all_again_at(time.time())
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop sending. What is under way is finished or, after its timeout, sent again at the next start."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        deadline = time.monotonic() + self._endpoint.timeout + 1
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        with self._work:
            self._work.notify()

    def _run(self) -> None:
        connection = _Connection(self._endpoint)
        while (delivery := self._take()) is not None:
            result = connection.post(delivery)
            with self._store.transaction():
                self._busy.discard(delivery.id)
                self._note(delivery, result)
        connection.close()

    def _take(self) -> Delivery | None:
        """Wait for a delivery that is due and claim it; None when stopping."""
        with self._work:
            while not self._stopping:
                now = time.time()
                resume = max(now, self._resume_at)
                delivery = self._deliveries.next(now, self._busy) if resume == now else None
                if delivery is not None:
                    self._busy.add(delivery.id)
                    # Each one that finds work wakes the next, so that a slow answer holds up no others.
                    self._work.notify()
                    return delivery
                due = self._deliveries.next_due(self._busy)
                self._work.wait(_LONGEST_IDLE if due is None else min(_LONGEST_IDLE, max(resume, due) - now))
            return None

    def _note(self, delivery: Delivery, result: _Result) -> None:
        now = time.time()
        if result.delivered:
            self._deliveries.delivered(delivery, result.answer)
        elif result.reached:
            LOG.debug("webhook %s: %s", delivery.event, result.answer)
            self._deliveries.failed(delivery, result.answer, now, self._endpoint.wait_after(delivery.attempts))
        self._unreachable = 0 if result.reached else self._unreachable + 1
        if self._unreachable:
            pause = self._endpoint.first_retry * 2.0 ** min(self._unreachable, 20)
            self._resume_at = now + min(_LONGEST_ABSENCE, pause)


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of one try: the answer in words; whether anybody was there; whether it counts as delivered."""

    answer: str
    reached: bool
    delivered: bool = False


class _Connection:
    """A kept-alive connection of one thread to the endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        parts = urlsplit(endpoint.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = kind(parts.hostname or "", parts.port, timeout=endpoint.timeout)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(self, delivery: Delivery) -> _Result:
        reused = self._http.sock is not None
        try:
            return self._post(delivery)
        except (http.client.HTTPException, OSError) as error:
            self._http.close()
            if isinstance(error, TimeoutError) or not reused:
                return _failure(error)
        # The endpoint may just have closed a connection that was idle for long: that is no failure of its own.
        try:
            return self._post(delivery)
        except (http.client.HTTPException, OSError) as error:
            self._http.close()
            return _failure(error)

    def close(self) -> None:
        self._http.close()

    def _post(self, delivery: Delivery) -> _Result:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(delivery.body, self._endpoint.secret, int(time.time())),
        }
        self._http.request("POST", self._path, delivery.body, headers)
        response = self._http.getresponse()
        response.read()
        return _Result(f"HTTP {response.status}", reached=True, delivered=200 <= response.status < 300)


def _failure(error: Exception) -> _Result:
    nobody_there = isinstance(error, ConnectionRefusedError | socket.gaierror)
    return _Result(f"{type(error).__name__}: {error}"[:200], reached=not nobody_there)
