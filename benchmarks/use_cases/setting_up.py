"""Merchants, stores, staff, menus, stock, and the search for stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import shop
from benchmarks.use_cases.place import DRAFT, key, match, unless
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from benchmarks.use_cases.place import Place

# Far from each other and from the shop, so that a search finds one group only.
FEW, MANY = Point(50.11, 8.68), Point(48.14, 11.58)


def merchants(place: Place) -> None:
    count, owner = place.count, place.owner
    asked = {"name": "Pizza Nuova", "owner_id": owner.sub}
    merchant_id = count("register merchant", "POST", "/v1/merchants", place.admin, asked, headers=key()).body["id"]
    one, stores = "/v1/merchants/{merchant_id}", "/v1/merchants/{merchant_id}/stores"
    merchant = count("merchant", "GET", one, owner, merchant_id=merchant_id)
    count(
        "rename merchant", "PATCH", one, owner, {"name": "Nuova"}, headers=match(merchant.etag), merchant_id=merchant_id
    )
    opened = count("open store", "POST", stores, owner, shop.store(), headers=key(), merchant_id=merchant_id)
    place.store_id = store_id = opened.body["id"]
    count("stores of a merchant", "GET", stores, owner, merchant_id=merchant_id)
    one = "/v1/stores/{store_id}"
    store = count("store", "GET", one, store_id=store_id)
    count("store, 304", "GET", one, headers=unless(store.etag), store_id=store_id)
    changes = {"accept_within_minutes": 5, "name": "Nuova, Mitte"}
    count("change store", "PATCH", one, owner, changes, headers=match(store.etag), store_id=store_id)
    pause: dict[str, Any] = {"kind": "busy", "minutes": 15, "extra_minutes": 10}
    paused = count("pause store", "POST", f"{one}/pauses", owner, pause, store_id=store_id)
    pause_id = paused.body["pauses"][0]["id"]
    count("audit trail of a store", "GET", f"{one}/audit", owner, store_id=store_id)
    count("audit trail", "GET", "/v1/audit", place.admin, query={"subject": "platform"})
    count("end pause", "DELETE", one + "/pauses/{pause_id}", owner, store_id=store_id, pause_id=pause_id)


def staff(place: Place) -> None:
    count, owner, store_id = place.count, place.owner, place.store_id
    clerk = place.machine.user("staff", "clerk")
    everybody, one = "/v1/stores/{store_id}/staff", "/v1/stores/{store_id}/staff/{user_id}"
    count("add staff", "POST", everybody, owner, {"user_id": clerk.sub, "role": "clerk"}, store_id=store_id)
    count("staff of a store", "GET", everybody, owner, store_id=store_id)
    member = count("staff member", "GET", one, owner, store_id=store_id, user_id=clerk.sub)
    count(
        "change staff", "PATCH", one, owner, {"role": "manager"},
        headers=match(member.etag), store_id=store_id, user_id=clerk.sub,
    )  # fmt: skip
    count("workplaces", "GET", "/v1/me/stores", clerk)
    invitations = "/v1/stores/{store_id}/invitations"
    invited = count("invite staff", "POST", invitations, owner, {"role": "clerk"}, store_id=store_id).body
    count("open invitations", "GET", invitations, owner, store_id=store_id)
    newcomer = place.machine.user("customer", "newcomer")
    count("accept an invitation", "POST", "/v1/invitations/accept", newcomer, {"token": invited["token"]})
    other = place.machine.call("POST", invitations.format(store_id=store_id), owner, {"role": "clerk"}).body
    one_of = invitations + "/{invitation_id}"
    count("withdraw an invitation", "DELETE", one_of, owner, store_id=store_id, invitation_id=other["id"])
    count("remove staff", "DELETE", one, owner, store_id=store_id, user_id=clerk.sub)


def menus(place: Place) -> None:
    from chalicelib.catalog import service as catalog

    count, owner, store_id = place.count, place.owner, place.store_id
    menu = "/v1/stores/{store_id}/menu"
    draft = count("draft", "GET", DRAFT, owner, store_id=store_id)
    for what, products in (("menu of 2,000", 1997), ("menu", 0)):
        saved = count(
            f"save draft, {what}",
            "PUT",
            DRAFT,
            owner,
            shop.menu(products),
            headers=match(draft.etag),
            store_id=store_id,
        )
        count(f"publish {what}", "POST", f"{DRAFT}/publish", owner, {}, headers=match(saved.etag), store_id=store_id)
        read = count(what, "GET", menu, store_id=store_id)
        catalog.forget_menus()
        count(f"{what}, not in memory", "GET", menu, store_id=store_id)
        count(f"{what}, 304", "GET", menu, headers=unless(read.etag), store_id=store_id)
        draft = place.machine.call("GET", DRAFT.format(store_id=store_id), owner)
    versions = f"{menu}/versions"
    count("menu versions", "GET", versions, owner, store_id=store_id)
    count("menu version", "GET", versions + "/{version}", owner, store_id=store_id, version="2")
    count("republish", "POST", versions + "/{version}/republish", owner, {}, store_id=store_id, version="1")
    product = {**shop.menu()["products"][2], "id": "water"}
    product["variants"] = [{**product["variants"][0], "sku": "DRK-WATER"}]
    one = DRAFT + "/products/{product_id}"
    saved = count(
        "put product", "PUT", one, owner, product, headers=match(draft.etag), store_id=store_id, product_id="water"
    )
    count("remove product", "DELETE", one, owner, headers=match(saved.etag), store_id=store_id, product_id="water")


def stock(place: Place) -> None:
    count, owner, store_id = place.count, place.owner, place.store_id
    all_of_it, one = "/v1/stores/{store_id}/stock", "/v1/stores/{store_id}/stock/{sku}"
    sku, *others = shop.SKUS
    count("state stock", "PUT", one, owner, {"available": shop.PLENTY}, store_id=store_id, sku=sku)
    for other in others:
        path = one.format(store_id=store_id, sku=other)
        place.machine.call("PUT", path, owner, {"available": shop.PLENTY})
    count("stock", "GET", all_of_it, owner, store_id=store_id)
    count("stock of a SKU", "GET", one, owner, store_id=store_id, sku=sku)
    count("adjust stock", "POST", one, owner, {"delta": 12}, headers=key(), store_id=store_id, sku=sku)
    item = "/v1/stores/{store_id}/availability/{kind}/{item_id}"
    olives: dict[str, Any] = {"store_id": store_id, "kind": "option", "item_id": "olives"}
    count("86", "PUT", item, owner, {"until": "further_notice"}, **olives)
    count("86 until tomorrow", "PUT", item, owner, {"until": "tomorrow"}, **olives)
    read = count("availability", "GET", "/v1/stores/{store_id}/availability", store_id=store_id)
    count(
        "availability, 304", "GET", "/v1/stores/{store_id}/availability", headers=unless(read.etag), store_id=store_id
    )
    count("put back", "DELETE", item, owner, **olives)


def search(place: Place) -> None:
    """Few stores and many, each group in a town of its own."""
    from chalicelib.stores import service

    merchant = service.create_merchant("Towns", place.owner.sub)
    for town, stores in ((FEW, 10), (MANY, 500)):
        for number in range(stores):
            at = Point(town.lat + 0.0001 * (number % 25), town.lng + 0.0001 * (number // 25))
            settings = shop.store(f"Store {number}", at, modes={"delivery": {"lead_minutes": 15}})
            service.create_store(merchant.id, place.owner.sub, settings)
        query = {"lat": town.lat, "lng": town.lng, "mode": "delivery"}
        found = place.count(f"search among {stores} stores", "GET", "/v1/stores", query=query)
        if len(found.body["items"]) != min(stores, 20):
            raise LookupError(f"of {stores} stores {len(found.body['items'])} were found")
