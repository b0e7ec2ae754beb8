"""The demo's data, made through the API. What is there already stays: seeding twice is seeding once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.kernel.geo import Point
from infra.local.actors import Cast, Refused
from infra.local.demo import places

if TYPE_CHECKING:
    from infra.local.actors import Merchant
    from infra.local.demo.places import Json

LEAST_ON_THE_SHELF = 10


@dataclass(frozen=True)
class Neighbourhood:
    """The demo's stores by name, with their ids."""

    stores: dict[str, str]

    @property
    def trattoria(self) -> str:
        """The store in which the demo's order is placed."""
        return self.stores[places.TRATTORIA["name"]]


def seed_stores(cast: Cast) -> Neighbourhood:
    """Merchant, stores, menus, stock and staff."""
    owner = cast.merchant(places.OWNER)
    found = _found_stores(cast, owner)
    merchant_id = None
    for settings, menu, stock in places.STORES:
        name = settings["name"]
        if name not in found:
            merchant_id = merchant_id or _merchant_id(cast, found)
            found[name] = owner.open_store(merchant_id, settings, key=f"demo-{merchant_id}-{len(found)}")["id"]
        _fill(owner, found[name], menu, stock)
        for person, role in ((places.MANAGER, "manager"), (places.CLERK, "clerk")):
            owner.hire(found[name], cast.user("staff", person).sub, role, person.title())
    return Neighbourhood(found)


def seed_riders(cast: Cast) -> None:
    """Two riders on bicycles, not on shift yet."""
    for name in places.RIDERS:
        cast.rider(name).register(places.RIDER_NAMES[name], "bicycle", capacity=3)


def begin_shifts(cast: Cast) -> None:
    """The riders go on shift around the trattoria."""
    for number, name in enumerate(places.RIDERS, start=1):
        near = Point(places.TRATTORIA_POINT.lat + 0.002 * number, places.TRATTORIA_POINT.lng - 0.001 * number)
        rider = cast.rider(name)
        rider.start_shift(near)
        rider.report_position(near)


def _found_stores(cast: Cast, owner: Merchant) -> dict[str, str]:
    """The stores of an earlier run, by name."""
    anybody = cast.passer_by()
    mine = [anybody.get(f"/v1/stores/{each['store_id']}").body for each in owner.workplaces()]
    wanted = {settings["name"] for settings, _, _ in places.STORES}
    return {store["name"]: store["id"] for store in mine if store["name"] in wanted}


def _merchant_id(cast: Cast, found: dict[str, str]) -> str:
    """The merchant of the stores that are there, or a new one."""
    for store_id in found.values():
        return str(cast.passer_by().get(f"/v1/stores/{store_id}").body["merchant_id"])
    owner_id = cast.user("staff", places.OWNER).sub
    merchant = cast.back_office().register_merchant(places.MERCHANT, owner_id, key=f"demo-{owner_id}")
    return str(merchant["id"])


def _fill(owner: Merchant, store_id: str, menu: Json, stock: dict[str, int]) -> None:
    try:
        owner.client.get(f"/v1/stores/{store_id}/menu")
    except Refused as refused:
        if refused.code != "menu_not_found":
            raise
        owner.publish_menu(store_id, menu, "The first menu")
    left = {each["sku"]: each["available"] for each in owner.client.get(f"/v1/stores/{store_id}/stock").body["items"]}
    for sku, full in stock.items():
        if left.get(sku, 0) < LEAST_ON_THE_SHELF:
            owner.set_stock(store_id, sku, full)
