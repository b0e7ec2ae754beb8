"""The app in this process, with its events in the tests' hands and the payment sandbox beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge import tokens
from chalicelib.kernel import clock, events, settings
from chalicelib.payments import provider
from infra.local.environment import STRIPE_WEBHOOK_SECRET
from infra.local.stripe_sandbox import Config, Endpoint, Sandbox
from tests.api.server import Served
from tests.faults.house import House, move_clock
from tests.faults.mailbox import Mailbox
from tests.issuer import CLIENT_ID, Issuer
from tests.ordering.world import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from infra.local.wire import Emulator

STRIPE_KEY = "sk_test_of_the_faults"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The payment provider; it sends its notices to the app."""
    notices = Endpoint(
        f"{served.url}/v1/webhooks/stripe", STRIPE_WEBHOOK_SECRET, provider.WEBHOOK_TYPES, first_retry=0.05
    )
    config = Config(tmp_path_factory.mktemp("stripe") / "stripe.db", STRIPE_KEY, endpoint=notices)
    with Sandbox(config) as running:
        yield running


@pytest.fixture
def environment(issuer: Issuer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the app finds in its environment: who signs its tokens, who takes its payments."""
    import stripe

    monkeypatch.delenv("DOORSTEP_OIDC_JWKS_URL", raising=False)
    for name, value in {
        "DOORSTEP_OIDC_ISSUER": issuer.url,
        "DOORSTEP_OIDC_CLIENT_IDS": CLIENT_ID,
        "DOORSTEP_STRIPE_API_BASE": sandbox.url,
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": STRIPE_WEBHOOK_SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(provider.client, "_client", None)
    # How long the SDK waits before it tries again is no part of what is tested.
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)
    settings.reload()
    tokens._key_clients.clear()
    yield
    monkeypatch.undo()
    settings.reload()
    tokens._key_clients.clear()


@pytest.fixture
def mailbox(dynamodb: Emulator, environment: None, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    held = Mailbox(dynamodb)
    monkeypatch.setattr(events, "_client", held.client)
    return held


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Let Doorstep's time, which stands still, pass until an instant."""
    monkeypatch.setattr(clock, "_frozen", NOON)
    return move_clock(monkeypatch)


@pytest.fixture
def house(served: Served, issuer: Issuer, sandbox: Sandbox, mailbox: Mailbox, pass_time: Any) -> Iterator[House]:
    import urllib.request

    yield House(served.url, issuer, sandbox, STRIPE_KEY, mailbox)
    urllib.request.urlopen(urllib.request.Request(f"{sandbox.url}/sandbox/faults", method="DELETE"), timeout=5).close()
