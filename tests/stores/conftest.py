"""Merchants and stores in the table, each test's at a place of its own, and callers with real permissions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge import tokens
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.geo import Point
from chalicelib.kernel.principals import principal
from chalicelib.stores import service
from tests.edge.conftest import Answer, Caller
from tests.stores import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.stores.service import Merchant, Store


@pytest.fixture
def place() -> Point:
    """A place of this test's own: far enough from every other that no search finds another test's stores."""
    return Point(random.uniform(-60, 60), random.uniform(-179, 179))


@pytest.fixture
def merchant(dynamodb: Any) -> Merchant:
    return service.create_merchant("Lina", ids.new_id("usr"))


@pytest.fixture
def open_store(merchant: Merchant, place: Point) -> Callable[..., Store]:
    """Open a store of the merchant; without another point, at this test's place."""

    def opened(point: Point = place, **changes: Any) -> Store:
        settings = factories.settings(point={"lat": point.lat, "lng": point.lng}, **changes)
        return service.create_store(merchant.id, merchant.owner_id, settings)

    return opened


class Person:
    """A caller with a token. The token only says who it is; what that allows is looked up as in production."""

    def __init__(self, call: Caller, user_id: str, group: str | None) -> None:
        self.call = call
        self.id = user_id
        self.token = f"{user_id} {group or ''}"

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call(method, path, body, authorization=self.token, **headers)


@pytest.fixture
def person(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Person]:
    """Somebody with an id and a group of the user pool, calling the real app."""
    from app import app

    def of_token(token: str | None) -> Any:
        if not token:
            raise Unauthenticated("Send an access token.")
        user_id, _, group = token.partition(" ")
        return principal(user_id, [group])

    monkeypatch.setattr(tokens, "principal_of", of_token)
    call = Caller(app)
    return lambda user_id=None, group="staff": Person(call, user_id or ids.new_id("usr"), group)
