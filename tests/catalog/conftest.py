"""A store with hours, taxes and nothing else, as a tenant of its own in shared tables."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge import permissions, tokens
from chalicelib.kernel import ids, tables
from chalicelib.kernel.principals import STAFF, Principal
from chalicelib.stores import service as stores
from tests.edge.conftest import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.catalog.document import MenuDocument
    from chalicelib.catalog.service import MenuHead
    from chalicelib.stores.service import Store

OWNER = "usr_owner"


def open_store(**changes: Any) -> Store:
    """A pizzeria in Berlin, open at lunch and in the evening, closed on Sundays."""
    merchant = stores.create_merchant("Pizza Nuova", ids.new_id("usr"))
    settings: dict[str, Any] = {
        "name": "Pizza Nuova, Mitte",
        "currency": "EUR",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
        "point": {"lat": 52.53, "lng": 13.4},
        "opening_hours": "Mo-Sa 11:30-15:00,17:00-22:00",
        "modes": {"pickup": {"lead_minutes": 20}},
        "taxes": {
            "prices_include_tax": True,
            "rates": {"food": 700, "drinks": 1900},
            "fee_tax_category": "food",
        },
        "payment_methods": ["card"],
        **changes,
    }
    return stores.create_store(merchant.id, merchant.owner_id, settings)


@pytest.fixture
def store(dynamodb: Any) -> Store:
    return open_store()


@pytest.fixture
def publish(store: Store) -> Callable[[MenuDocument], MenuHead]:
    """Publish a menu in the store, whatever its draft was."""
    from chalicelib.catalog import service

    def publish_document(document: MenuDocument) -> MenuHead:
        saved = service.save_draft(store.id, document, service.get_draft(store.id).version, OWNER)
        return service.publish_draft(store.id, saved.version, OWNER)

    return publish_document


class Metered:
    """Counts DynamoDB requests and the capacity that they consumed."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.units = 0.0

    def ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        self.requests.append(model.name)

    def take(self, parsed: dict[str, Any], **_: Any) -> None:
        told = parsed.get("ConsumedCapacity", [])
        self.units += sum(each["CapacityUnits"] for each in (told if isinstance(told, list) else [told]))


@contextmanager
def metered() -> Iterator[Metered]:
    """What the block asks of DynamoDB."""
    events = tables.connection().client.meta.events
    meter = Metered()
    events.register("before-parameter-build.dynamodb", meter.ask)
    events.register("after-call.dynamodb", meter.take)
    try:
        yield meter
    finally:
        events.unregister("before-parameter-build.dynamodb", meter.ask)
        events.unregister("after-call.dynamodb", meter.take)


@pytest.fixture
def call_as(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], Caller]:
    """Call the app as staff with a role, or as nobody."""
    from app import app

    def caller(role: str | None) -> Caller:
        principal = Principal(OWNER, frozenset({STAFF}) if role else frozenset({"customer"}))
        monkeypatch.setattr(tokens, "principal_of", lambda _: principal)
        monkeypatch.setattr(permissions, "_lookups", permissions._Lookups(lambda *_: role, lambda *_: False))
        return Caller(app)

    return caller
