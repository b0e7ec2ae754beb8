"""The parts put together: a sandbox that can be started and stopped, in a process of its own or inside a test."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from infra.local.stripe_sandbox.balances import Balances
from infra.local.stripe_sandbox.deliveries import Deliveries
from infra.local.stripe_sandbox.faults import Faults
from infra.local.stripe_sandbox.gateway import Gateway
from infra.local.stripe_sandbox.server import Server
from infra.local.stripe_sandbox.store import Store
from infra.local.stripe_sandbox.webhooks import Sender

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from infra.local.stripe_sandbox.webhooks import Endpoint


@dataclass(frozen=True, slots=True)
class Config:
    """How a sandbox runs. Port 0 takes any free one; without `endpoint` no webhooks are sent."""

    db: Path
    secret_key: str
    port: int = 0
    publishable_key: str | None = None
    """Derived from a secret key `sk_test_x` as `pk_test_x` when None."""
    endpoint: Endpoint | None = None
    funds_after: int = 0
    """Seconds until the money of a payment is available to transfers and payouts. Stripe takes days."""

    def __post_init__(self) -> None:
        if not self.secret_key:
            raise ValueError("a secret key is needed, such as sk_test_local")
        if self.funds_after < 0:
            raise ValueError("money can't be available before it was paid: funds after 0 seconds or more")
        if self.endpoint is not None:
            parts = urlsplit(self.endpoint.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"not a webhook URL: {self.endpoint.url}")
            if not self.endpoint.secret:
                raise ValueError("webhooks need a secret to sign with, such as whsec_local")


class Sandbox:
    """A running sandbox; `url` is the base address for the SDK. Use as a context manager or call `stop`."""

    def __init__(self, config: Config) -> None:
        self._store = Store(config.db)
        deliveries = Deliveries(self._store)
        sender = Sender(self._store, deliveries, config.endpoint) if config.endpoint else None
        gateway = Gateway(
            self._store,
            Balances(self._store),
            deliveries,
            Faults(self._store),
            secret_key=config.secret_key,
            publishable_key=config.publishable_key or config.secret_key.replace("sk_", "pk_", 1),
            endpoint=config.endpoint,
            funds_after=config.funds_after,
            wake_webhooks=sender.wake if sender else lambda: None,
        )
        try:
            self._server = Server(config.port, gateway)
        except OSError:
            self._store.close()
            raise
        self.url = self._server.url
        self._sender = sender
        self._serving = threading.Thread(target=self._server.serve, name="http", daemon=True)

    def start(self) -> Self:
        if self._sender:
            self._sender.start()
        self._serving.start()
        return self

    def stop(self) -> None:
        self._server.stop()
        if self._sender:
            self._sender.stop()
        self._store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
