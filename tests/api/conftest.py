"""The whole app behind HTTP in this process: real tables, real tokens, and the payment sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge import tokens
from chalicelib.kernel import settings
from chalicelib.payments import provider
from infra.local.stripe_sandbox import Config, Sandbox
from tests.api.scene import Scene
from tests.api.server import Served
from tests.issuer import CLIENT_ID, Issuer
from tests.ordering.world import Stripe

if TYPE_CHECKING:
    from collections.abc import Iterator

WEBHOOK_SECRET = "whsec_of_the_api_tests"
STRIPE_KEY = "sk_test_of_the_api_tests"


@pytest.fixture(scope="module")
def environment(dynamodb: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Issuer, Stripe]]:
    """Who signs the tokens that the process trusts, and who takes its payments."""
    issuer = Issuer()
    config = Config(tmp_path_factory.mktemp("stripe") / "stripe.db", STRIPE_KEY, port=0)
    with Sandbox(config) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.delenv("DOORSTEP_OIDC_JWKS_URL", raising=False)
        for name, value in {
            "DOORSTEP_BUS_NAME": "bus",
            "DOORSTEP_OIDC_ISSUER": issuer.url,
            "DOORSTEP_OIDC_CLIENT_IDS": f"another-app,{CLIENT_ID}",
            "DOORSTEP_STRIPE_API_BASE": sandbox.url,
            "STRIPE_API_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }.items():
            patch.setenv(name, value)
        patch.setattr(provider.client, "_client", None)
        settings.reload()
        tokens._key_clients.clear()
        stripe = Stripe(sandbox.url)
        stripe.listen(patch)
        yield issuer, stripe
    settings.reload()
    tokens._key_clients.clear()
    issuer.close()


@pytest.fixture(scope="module")
def issuer(environment: tuple[Issuer, Stripe]) -> Issuer:
    return environment[0]


@pytest.fixture(scope="module")
def stripe(environment: tuple[Issuer, Stripe]) -> Stripe:
    return environment[1]


@pytest.fixture(scope="module")
def served(environment: tuple[Issuer, Stripe]) -> Iterator[Served]:
    """The app behind HTTP, in this process."""
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def town(issuer: Issuer, served: Served) -> Scene:
    """A scene that all tests of a module share: for what is refused, or spoils nothing for the others."""
    return Scene(issuer, served)


@pytest.fixture
def scene(issuer: Issuer, served: Served) -> Scene:
    """A city of its own: a store with its people, another one with other people, customers and riders."""
    return Scene(issuer, served)
