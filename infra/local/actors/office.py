"""Those who set things up: the platform's back office, and merchants at their desk."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from infra.local.actors.client import Refused

if TYPE_CHECKING:
    from infra.local.actors.client import Client

Json = dict[str, Any]


class BackOffice:
    """An admin of the platform."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def register_merchant(self, name: str, owner_id: str, key: str | None = None) -> Json:
        """Register a merchant for the user who owns it."""
        asked = {"name": name, "owner_id": owner_id}
        return self.client.post("/v1/merchants", asked, key=key or str(uuid.uuid4())).body


class Merchant:
    """An owner, or a manager, with the stores' back end open."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def open_store(self, merchant_id: str, settings: Json, key: str | None = None) -> Json:
        """Open a store."""
        path = f"/v1/merchants/{merchant_id}/stores"
        return self.client.post(path, settings, key=key or str(uuid.uuid4())).body

    def stores(self, merchant_id: str) -> list[Json]:
        """The merchant's stores, oldest first (the first fifty)."""
        return self.client.get(f"/v1/merchants/{merchant_id}/stores", limit=50).body["items"]

    def workplaces(self) -> list[Json]:
        """Where this user works, and as what (the first fifty)."""
        return self.client.get("/v1/me/stores", limit=50).body["items"]

    def publish_menu(self, store_id: str, menu: Json, note: str = "") -> Json:
        """Make this the store's menu. Raises Refused with everything that is wrong with it."""
        draft = f"/v1/stores/{store_id}/menu/draft"
        before = self.client.get(draft)
        saved = self.client.send("PUT", draft, menu, if_match=before.etag)
        return self.client.post(f"{draft}/publish", {"note": note}, if_match=saved.etag).body

    def set_stock(self, store_id: str, sku: str, available: int) -> Json:
        """State how many of a SKU are left; from then on it is counted."""
        path = f"/v1/stores/{store_id}/stock/{sku}"
        return self.client.send("PUT", path, {"available": available}).body

    def hire(self, store_id: str, user_id: str, role: str, name: str) -> None:
        """Let a user work at a store; who does already stays."""
        try:
            self.client.post(f"/v1/stores/{store_id}/staff", {"user_id": user_id, "role": role, "name": name})
        except Refused as refused:
            if refused.code != "already_staff":
                raise
