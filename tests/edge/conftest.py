"""A small app behind the real edge, and an issuer whose tokens it trusts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from chalice.local import LambdaEventConverter, RouteMatcher

from chalicelib.edge import tokens
from chalicelib.kernel import settings
from tests.issuer import CLIENT_ID, Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalice.app import Chalice


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
def trusting(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """The process trusts the issuer, and has not yet seen its keys."""
    for name, value in {
        "DOORSTEP_BUS_NAME": "bus",
        "DOORSTEP_OIDC_ISSUER": issuer.url,
        "DOORSTEP_OIDC_CLIENT_IDS": CLIENT_ID,
        "STRIPE_API_KEY": "sk_test_x",
        "STRIPE_WEBHOOK_SECRET": "whsec_x",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DOORSTEP_OIDC_JWKS_URL", raising=False)
    settings.reload()
    tokens._key_clients.clear()
    yield issuer
    monkeypatch.undo()
    settings.reload()
    tokens._key_clients.clear()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Calls a Chalice app with the events that API Gateway would send."""

    def __init__(self, app: Chalice) -> None:
        self.app = app
        self.converter = LambdaEventConverter(RouteMatcher(list(app.routes)))

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            named.setdefault("content-type", "application/json")
        event = self.converter.create_lambda_event(method, path, named, content)
        told = self.app(event, None)
        return Answer(told["statusCode"], {k.lower(): v for k, v in told["headers"].items()}, told["body"])
