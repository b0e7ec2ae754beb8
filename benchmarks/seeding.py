"""A running stack with the benchmarks' shop in it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import shop
from benchmarks.wire import Shopper
from infra.local.actors import Cast

if TYPE_CHECKING:
    from infra.local.actors import Merchant
    from infra.local.stack import LocalStack


@dataclass(frozen=True)
class Shop:
    """A store of a merchant of its own; `desk` is where its owner is signed in."""

    store_id: str
    desk: Merchant

    def left(self) -> dict[str, int]:
        """How many of each counted SKU are left."""
        items = self.desk.client.get(f"/v1/stores/{self.store_id}/stock").body["items"]
        return {item["sku"]: item["available"] for item in items}


def open_shop(stack: LocalStack, stock: int) -> Shop:
    """Open a store with the benchmarks' menu and `stock` of each counted SKU."""
    cast = Cast(stack)
    name = f"owner-{uuid.uuid4()}"
    owner, desk = cast.user("staff", name), cast.merchant(name)
    merchant = cast.back_office().register_merchant("Nuova", owner.sub)
    store = desk.open_store(merchant["id"], shop.store())
    desk.publish_menu(store["id"], shop.menu())
    for sku in shop.SKUS:
        desk.set_stock(store["id"], sku, stock)
    return Shop(store["id"], desk)


def shopper(stack: LocalStack, store_id: str, number: int, *, api: int | None = None) -> Shopper:
    """A customer with connections of their own, spread over the API processes unless `api` names one."""
    url = stack.api_urls[(number if api is None else api) % len(stack.api_urls)]
    key = stack.env["STRIPE_API_KEY"].replace("sk_", "pk_", 1)
    return Shopper.of(url, stack.stripe_url, stack.token_for("customer", f"shopper-{number}"), key, store_id)
