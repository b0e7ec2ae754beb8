"""What every history needs and no history changes: keys, secrets, and who signs the tokens."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

import pytest

from chalicelib.edge import tokens
from chalicelib.kernel import settings
from infra.local.environment import STRIPE_WEBHOOK_SECRET
from tests.issuer import CLIENT_ID, Issuer
from tests.payments.histories.wires import STRIPE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.local.wire import Emulator


@pytest.fixture(scope="module")
def token_for(dynamodb: Emulator) -> Iterator[Callable[..., str]]:
    """Tokens of anybody, which the app in this process takes."""
    import stripe

    issuer = Issuer()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DOORSTEP_OIDC_JWKS_URL", raising=False)
        for name, value in {
            "DOORSTEP_OIDC_ISSUER": issuer.url,
            "DOORSTEP_OIDC_CLIENT_IDS": CLIENT_ID,
            "DOORSTEP_STRIPE_API_BASE": "http://stripe",
            "STRIPE_API_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": STRIPE_WEBHOOK_SECRET,
        }.items():
            patch.setenv(name, value)
        # How long the SDK waits before it tries again is no part of what is tested.
        patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.0)
        patch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.0)
        settings.reload()
        tokens._key_clients.clear()
        logging.disable(logging.CRITICAL)  # reactions that fail are what it is about
        yield cache(issuer.token)
        logging.disable(logging.NOTSET)
    settings.reload()
    tokens._key_clients.clear()
    issuer.close()
