"""Sending webhooks: signed POSTs to the configured endpoint, again and again until it answers 2xx.

At least once and in no promised order, as with Stripe: a process killed between the endpoint's answer and the note
of it sends that event again.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import threading
import time
from dataclasses import dataclass
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
        "charge.captured",
        "charge.refunded",
        "refund.created",
    }
)
_WORKERS: Final = 4
_LONGEST_IDLE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go, which event types it wants ("*" for all), and how patient we are with it (seconds)."""

    url: str
    secret: str
    events: frozenset[str] = DEFAULT_EVENTS
    timeout: float = 20.0
    first_retry: float = 0.5
    longest_retry: float = 60.0

    def wants(self, event_type: str) -> bool:
        return "*" in self.events or event_type in self.events

    def wait_after(self, attempts: int) -> float:
        """Seconds until the next try, doubling with each failed one."""
        return min(self.longest_retry, self.first_retry * 2.0 ** min(attempts, 20))


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """The Stripe-Signature header of this raw body at this time."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Sender:
    """Threads that send what is due. `wake` tells them that there is something new."""

    def __init__(self, store: Store, deliveries: Deliveries, endpoint: Endpoint) -> None:
        self._store = store
        self._deliveries = deliveries
        self._endpoint = endpoint
        self._busy: set[int] = set()
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
            answer, delivered = connection.post(delivery)
            now = time.time()
            with self._store.transaction():
                self._busy.discard(delivery.id)
                if delivered:
                    self._deliveries.delivered(delivery, answer)
                else:
                    LOG.debug("webhook %s: %s", delivery.event, answer)
                    wait = self._endpoint.wait_after(delivery.attempts)
                    self._deliveries.failed(delivery, answer, now, wait)
        connection.close()

    def _take(self) -> Delivery | None:
        """Wait for a delivery that is due and claim it; None when stopping."""
        with self._work:
            while not self._stopping:
                now = time.time()
                delivery = self._deliveries.next(now, self._busy)
                if delivery is not None:
                    self._busy.add(delivery.id)
                    # Each one that finds work wakes the next, so that a slow endpoint holds up no others.
                    self._work.notify()
                    return delivery
                due = self._deliveries.next_due(self._busy)
                self._work.wait(_LONGEST_IDLE if due is None else min(_LONGEST_IDLE, max(0.0, due - now)))
            return None


class _Connection:
    """A kept-alive connection of one thread to the endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        parts = urlsplit(endpoint.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = kind(parts.hostname or "", parts.port, timeout=endpoint.timeout)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(self, delivery: Delivery) -> tuple[str, bool]:
        """What came of it in words, and whether it counts as delivered."""
        fresh = self._http.sock is None
        try:
            return self._post(delivery)
        except (http.client.HTTPException, OSError) as error:
            self._http.close()
            if fresh or isinstance(error, TimeoutError):
                return f"{type(error).__name__}: {error}"[:200], False
        # The endpoint may just have closed a connection that was idle for long: that is no failure of its own.
        try:
            return self._post(delivery)
        except (http.client.HTTPException, OSError) as error:
            self._http.close()
            return f"{type(error).__name__}: {error}"[:200], False

    def close(self) -> None:
        self._http.close()

    def _post(self, delivery: Delivery) -> tuple[str, bool]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(delivery.body, self._endpoint.secret, int(time.time())),
        }
        self._http.request("POST", self._path, delivery.body, headers)
        response = self._http.getresponse()
        response.read()
        return f"HTTP {response.status}", 200 <= response.status < 300
