"""A store with hours, taxes and nothing else, as a tenant of its own in shared tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Callable

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
