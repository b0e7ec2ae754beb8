"""A shop of its own for each test, and a payment provider in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, settings
from chalicelib.payments import provider
from infra.local.stripe_sandbox import Config, Sandbox
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk_test_ordering"


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(Config(tmp_path_factory.mktemp("stripe") / "stripe.db", KEY, port=0)) as running:
        yield running


@pytest.fixture
def stripe(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[world.Stripe]:
    monkeypatch.setenv("DOORSTEP_STRIPE_API_BASE", sandbox.url)
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setattr(provider.client, "_client", None)
    settings.reload()
    phone = world.Stripe(sandbox.url)
    phone.listen(monkeypatch)
    yield phone
    monkeypatch.undo()
    settings.reload()


@pytest.fixture
def noon() -> Iterator[None]:
    with clock.freeze(world.NOON):
        yield


@pytest.fixture
def shop(dynamodb: Any, noon: None, stripe: world.Stripe) -> world.Shop:
    return world.open_shop()
