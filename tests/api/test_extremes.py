"""The most and the largest that may be sent, and texts that become keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids
from tests.api.visits import MENU
from tests.ordering import world

if TYPE_CHECKING:
    from tests.api.scene import Scene


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_the_largest_basket_is_quoted_and_ordered(scene: Scene) -> None:
    """Sixty lines with the longest notes, in the longest letters, at the longest address: far below an item's limit."""
    letter = "\U0001f355"
    lines = [
        {"sku": "DRK-CHIANTI", "quantity": 1, "note": letter * 200},
        *({"sku": "DRK-COLA-33", "note": letter * 150 + str(number)} for number in range(59)),
    ]
    address = {
        "point": {"lat": scene.place.lat + 0.004, "lng": scene.place.lng},
        "street": letter * 200,
        "details": letter * 200,
        "city": letter * 100,
        "instructions": letter * 300,
        "contact_name": letter * 100,
    }
    body = {"store_id": scene.store_id, "mode": "delivery", "lines": lines, "address": address}
    quote = scene.call("customer", "POST", "/v1/quotes", body)
    assert quote.status == 201
    order = scene.call(
        "customer",
        "POST",
        "/v1/orders",
        {"quote_id": quote.json["id"], "payment_method": "cash_on_delivery"},
        Idempotency_Key=ids.new_id("key"),
    )
    assert order.status == 201
    board = scene.call("clerk", "GET", f"/v1/stores/{scene.store_id}/board")
    assert board.json["cards"][0]["lines"][0]["note"] == letter * 200


def test_a_basket_of_every_choice_there_could_be(town: Scene) -> None:
    nested = [{"group_id": "g" * 64, "option_id": "o" * 64, "quantity": 99}] * 30
    modifiers = [{"group_id": "crust", "option_id": "classic", "modifiers": nested}] * 30
    line = {"sku": "PIZ-MARG-32", "modifiers": modifiers}
    for lines in ([line], [line] * 2, [{"sku": f"S{number}"} for number in range(60)]):
        body = {"store_id": town.store_id, "mode": "pickup", "lines": lines}
        assert town.call("customer", "POST", "/v1/quotes", body).status == 422


def test_a_store_with_the_most_and_largest_zones(scene: Scene) -> None:
    """Every corner that fits, from pole to pole and around the earth: refused or taken, and soon."""
    store = scene.call("owner", "GET", f"/v1/stores/{scene.store_id}")
    amount = {"amount": 10**9, "currency": "EUR"}
    rings = {
        "the world": [(-90, -180), (-90, 180), (90, 180), (90, -180), (-90, -180)],
        "a point": [(1, 1)] * 4,
        "a line": [(0, 0), (1, 1), (2, 2), (0, 0)],
        "a bow tie": [(0, 0), (1, 1), (0, 1), (1, 0), (0, 0)],
        "not closed": [(0, 0), (0, 1), (1, 1), (1, 0)],
        "across the date line": [(1, 179.9), (1, -179.9), (-1, -179.9), (-1, 179.9), (1, 179.9)],
        "around a pole": [(89.9, 0), (89.9, 120), (89.9, -120), (89.9, 0)],
        "thin as a hair": [(0, 0), (1e-12, 1), (2e-12, 1), (0, 0)],
        "very many corners": [(0.001 * number, 0.0001 * (number % 2)) for number in range(100)] + [(0, 0)],
    }
    wrong = []
    for what, corners in rings.items():
        ring = [{"lat": lat, "lng": lng} for lat, lng in corners]
        zone = {"area": {"type": "polygon", "ring": ring}, "tiers": [{"fee": amount}]}
        zones = [{"id": f"z{number}", **zone} for number in range(8)]
        answer = scene.call(
            "owner", "PATCH", f"/v1/stores/{scene.store_id}", {"zones": zones}, If_Match=store.headers["ETag"]
        )
        if answer.status != 422:
            wrong.append(f"{what}: {answer}")
    assert wrong == []


@pytest.mark.parametrize("place", [(90, 0), (-90, 180), (0, 180), (0, -180), (89.99, 10)])
def test_a_store_at_the_end_of_the_earth(town: Scene, place: tuple[float, float]) -> None:
    point = {"lat": place[0], "lng": place[1]}
    zone = {"id": "z", "area": {"type": "radius", "radius_m": 100_000}, "tiers": [{"fee": _euro(0)}]}
    body = {**world.store_settings(), "point": point, "zones": [zone]}
    answer = town.call(
        "owner", "POST", f"/v1/merchants/{town.merchant_id}/stores", body, Idempotency_Key=ids.new_id("key")
    )
    assert answer.status in (201, 422)
    if answer.status == 201:
        found = town.call(None, "GET", f"/v1/stores?lat={place[0]}&lng={place[1]}&mode=delivery")
        assert answer.json["id"] in [each["id"] for each in found.json["items"]]


def test_amounts_at_their_bounds_are_priced_or_refused(scene: Scene) -> None:
    """Nothing overflows: neither sums nor what a payment or a column can hold."""
    for amount, quantity, tip in ((100_000_000, 99, 10_000_000), (100_000_000, 1, 0), (0, 99, 0)):
        menu = json.loads(json.dumps(MENU))
        wine = next(each for each in menu["products"] if each["id"] == "prd_wine")
        wine["variants"][0]["price_minor"] = amount
        draft = f"/v1/stores/{scene.store_id}/menu/draft"
        version = scene.call("owner", "GET", draft).headers["ETag"]
        saved = scene.call("owner", "PUT", draft, menu, If_Match=version)
        scene.call("owner", "POST", f"{draft}/publish", {}, If_Match=saved.headers["ETag"])
        body = {
            "store_id": scene.store_id,
            "mode": "pickup",
            "lines": [{"sku": "DRK-CHIANTI", "quantity": quantity}] * 60,
            "tip": _euro(tip),
        }
        quote = scene.call("customer", "POST", "/v1/quotes", body)
        assert quote.status in (201, 422)
        for method in ("card", "pay_at_store") if quote.status == 201 else ():
            order = {"quote_id": quote.json["id"], "payment_method": method}
            placed = scene.call("customer", "POST", "/v1/orders", order, Idempotency_Key=ids.new_id("key"))
            assert placed.status < 500, str(placed)


def test_an_order_does_not_grow_with_every_touch_of_a_tablet(town: Scene) -> None:
    order = town.accepted()
    path = f"/v1/stores/{town.store_id}/orders/{order.id}"
    version = order.version
    for minutes in range(5, 35):
        answer = town.call("clerk", "POST", f"{path}/postpone", {"prep_minutes": minutes}, If_Match=f'"{version}"')
        assert answer.status == 200
        version = answer.json["version"]
    steps = [entry["step"] for entry in answer.json["timeline"]]
    assert (steps, version) == (["placed", "accepted", "postponed"], order.version + 30)


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sku", ["a#b", "a:b", "#", "A" * 64, "\U0001f355" * 64, "\x00", "a\x00b", "\n", " ", "STOCK#", "\u202e"]
)
def test_texts_that_become_keys(town: Scene, sku: str) -> None:
    """A SKU of a basket is a part of the key under which its stock is read."""
    body = {"store_id": town.store_id, "mode": "pickup", "lines": [{"sku": sku}]}
    answer = town.call("customer", "POST", "/v1/quotes", body)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/lines/0/sku")
    for field in ("store_id", "quote_id"):
        told = {"store_id": {**body, "store_id": sku}, "quote_id": {"quote_id": sku, "payment_method": "card"}}[field]
        path = {"store_id": "/v1/quotes", "quote_id": "/v1/orders"}[field]
        assert town.call("customer", "POST", path, told, Idempotency_Key=ids.new_id("key")).status in (404, 422)


def test_whose_subject_is_odd_has_things_of_their_own(town: Scene) -> None:
    """Subjects are the issuer's to choose; what stands between the parts of a key can't be one of them."""
    customer = town.subjects["customer"]
    town.order()
    for subject in (f"{customer}#", f"#{customer}", f"{customer}\x00", customer.upper(), f" {customer}"):
        answer = town.served.call("GET", "/v1/orders", token=town.issuer.token(subject))
        assert answer.status in (200, 401)
        assert answer.status == 401 or answer.json["items"] == []


def _euro(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}
