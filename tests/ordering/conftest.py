"""A shop of its own for each test, and a payment provider in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge import tokens
from chalicelib.kernel import clock, settings
from chalicelib.kernel.principals import CUSTOMER, STAFF, Principal
from chalicelib.payments import provider
from infra.local.stripe_sandbox import Config, Sandbox
from tests.edge.conftest import Answer, Caller
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.fixture
def call_as(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Callable[..., Answer]]:
    from app import app

    caller = Caller(app)

    def of(principal_id: str, role: str) -> Callable[..., Answer]:
        def call(*args: Any, **headers: str) -> Answer:
            monkeypatch.setattr(tokens, "principal_of", lambda _: Principal(principal_id, frozenset({role})))
            return caller(*args, **headers)

        return call

    return of


@pytest.fixture
def customer(shop: world.Shop, call_as: Any) -> Callable[..., Answer]:
    return call_as(shop.customer_id, CUSTOMER)


@pytest.fixture
def tablet(shop: world.Shop, call_as: Any) -> Callable[..., Answer]:
    return call_as(shop.owner_id, STAFF)
