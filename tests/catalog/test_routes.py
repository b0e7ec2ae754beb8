"""The catalog over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.kernel.ids import new_id
from tests.catalog.conftest import metered
from tests.catalog.factories import large_menu, menu_document, pizzeria, product, variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.catalog.document import MenuDocument
    from chalicelib.stores.service import Store
    from tests.edge.conftest import Answer, Caller

    CallAs = Callable[[str | None], Caller]


def as_json(document: MenuDocument) -> Any:
    return msgspec.to_builtins(document)


def save(call: Caller, store: Store, document: Any, version: int = 0) -> Answer:
    return call("PUT", f"/v1/stores/{store.id}/menu/draft", document, if_match=f'"{version}"')


def publish(call: Caller, store: Store, version: int = 1) -> Answer:
    return call("POST", f"/v1/stores/{store.id}/menu/draft/publish", {"note": "new"}, if_match=f'"{version}"')


@pytest.fixture
def call(store: Store, call_as: CallAs) -> Caller:
    """A manager's calls, in a store with the pizzeria's menu."""
    manager = call_as("manager")
    assert save(manager, store, as_json(pizzeria())).status == 200
    assert publish(manager, store).status == 200
    return manager


# --- the menu that customers read ---------------------------------------------------------------------


def test_there_is_no_menu_before_the_first_publication(store: Store, call_as: CallAs) -> None:
    answer = call_as(None)("GET", f"/v1/stores/{store.id}/menu")
    assert (answer.status, answer.json["code"]) == (404, "menu_not_found")


def test_customers_read_one_document_that_caches_may_keep(store: Store, call: Caller) -> None:
    answer = call("GET", f"/v1/stores/{store.id}/menu")
    assert answer.status == 200
    assert answer.headers["cache-control"].startswith("public")
    assert (answer.json["store_id"], answer.json["version"]) == (store.id, 1)
    assert msgspec.convert(answer.json["menu"], type(pizzeria())) == pizzeria()


def test_a_menu_that_the_client_has_costs_half_a_read_unit(store: Store, call: Caller) -> None:
    path = f"/v1/stores/{store.id}/menu"
    etag = call("GET", path).headers["etag"]
    with metered() as meter:
        answer = call("GET", path, if_none_match=etag)
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, "", etag)
    assert answer.headers["cache-control"].startswith("public")
    assert (meter.requests, meter.units) == (["BatchGetItem"], 0.5)


def test_a_new_version_has_a_new_tag(store: Store, call: Caller) -> None:
    path = f"/v1/stores/{store.id}/menu"
    etag = call("GET", path).headers["etag"]
    save(call, store, as_json(menu_document()), 1)
    assert call("GET", path, if_none_match=etag).status == 304
    publish(call, store, 2)
    answer = call("GET", path, if_none_match=etag)
    assert (answer.status, answer.json["version"]) == (200, 2)


def test_a_menu_of_2000_products_passes_through_the_api(store: Store, call_as: CallAs) -> None:
    manager = call_as("manager")
    saved = save(manager, store, as_json(large_menu()))
    assert (saved.json["products"], saved.json["skus"], saved.json["violations"]) == (2000, 4000, [])
    assert publish(manager, store).status == 200
    answer = manager("GET", f"/v1/stores/{store.id}/menu")
    assert len(answer.json["menu"]["products"]) == 2000
    # Lambda's answer is JSON inside JSON, of at most 6 MB.
    assert len(json.dumps(answer.body)) < 6_000_000


# --- the draft ----------------------------------------------------------------------------------------


def test_the_draft_is_edited_against_the_version_that_was_read(store: Store, call_as: CallAs) -> None:
    manager = call_as("manager")
    path = f"/v1/stores/{store.id}/menu/draft"
    empty = manager("GET", path)
    assert (empty.headers["etag"], empty.json["menu"]) == ('"0"', {"currency": "EUR"})
    assert manager("PUT", path, as_json(pizzeria())).status == 428
    assert save(manager, store, as_json(pizzeria()), 3).status == 412
    saved = save(manager, store, as_json(pizzeria()))
    assert (saved.status, saved.headers["etag"]) == (200, '"1"')
    assert manager("GET", path).json["menu"]["products"][0]["id"] == "prd_pizza"
    assert manager("GET", path, if_none_match='"1"').status == 304


def test_single_products_are_put_and_removed(store: Store, call: Caller) -> None:
    path = f"/v1/stores/{store.id}/menu/draft/products"
    water = msgspec.to_builtins(product("prd_water", variant("WATER", 200), tax_category="drinks"))
    put = call("PUT", f"{path}/prd_water?category_id=drinks", water, if_match='"1"')
    assert (put.status, put.json["products"], put.headers["etag"]) == (200, 5, '"2"')
    mismatch = call("PUT", f"{path}/prd_other", water, if_match='"2"')
    assert (mismatch.status, mismatch.json["errors"][0]["pointer"]) == (422, "/id")
    assert call("DELETE", f"{path}/prd_water", if_match='"2"').json["products"] == 4
    assert call("DELETE", f"{path}/prd_water", if_match='"3"').json["code"] == "product_not_found"


def test_a_faulty_menu_is_refused_with_a_pointer_for_each_fault(store: Store, call_as: CallAs) -> None:
    manager = call_as("manager")
    faulty = as_json(menu_document(product("prd_a", variant("A", -5), tax_category="gold")))
    told = save(manager, store, faulty).json["violations"]
    refused = publish(manager, store)
    assert refused.status == 422
    assert [found["pointer"] for found in refused.json["errors"]] == [found["pointer"] for found in told]
    assert {found["code"] for found in told} == {"negative_price", "unknown_tax_category"}


def dish(**changes: Any) -> dict[str, Any]:
    return {"products": [{"id": "a", "name": "a", "tax_category": "food", "variants": [], **changes}]}


def window(start: str, end: str = "11:00") -> dict[str, Any]:
    return {"dayparts": [{"id": "a", "name": "a", "windows": [{"days": ["mon"], "start": start, "end": end}]}]}


@pytest.mark.parametrize(
    "change",
    [
        {"products": [{}]},
        dish(variants=[{"sku": "a", "price_minor": 10**40}]),
        dish(variants=[{"sku": "a", "price_minor": 1.5}]),
        dish(id=""),
        dish(name="x" * 121),
        dish(allergens=["water"]),
        window("25:00"),
        window("10:00\n"),
        window("10:00", "24:01"),
        {"currency": "EURO"},
        {"currency": "EUR\n"},
        {"surprise": 1},
        {"categories": None},
    ],
)
def test_what_has_not_the_shape_of_a_menu_is_no_draft(store: Store, call_as: CallAs, change: dict[str, Any]) -> None:
    answer = save(call_as("manager"), store, {"currency": "EUR", **change})
    assert answer.status == 422
    assert answer.json["code"] == "validation_failed"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"currency": "\\ud800"}', b"\xff\xfe", b"[" * 5000])
def test_what_is_no_menu_at_all_is_refused(store: Store, call_as: CallAs, body: bytes) -> None:
    answer = save(call_as("manager"), store, body)
    assert 400 <= answer.status < 500


def test_odd_characters_survive(store: Store, call_as: CallAs) -> None:
    odd = as_json(menu_document(product(name="\x00 \u2028 \U0001f355 \u202e e\u0301")))
    assert save(call_as("manager"), store, odd).status == 200
    draft = call_as("manager")("GET", f"/v1/stores/{store.id}/menu/draft")
    assert draft.json["menu"]["products"][0]["name"] == odd["products"][0]["name"]


# --- versions -----------------------------------------------------------------------------------------


def test_versions_are_listed_read_and_brought_back(store: Store, call: Caller) -> None:
    save(call, store, as_json(menu_document()), 1)
    publish(call, store, 2)
    path = f"/v1/stores/{store.id}/menu/versions"
    assert call("POST", f"{path}/2/republish", {"note": "\x00\U0001f355\u202e" * 60}).status == 200

    first = call("GET", f"{path}?limit=1").json
    second = call("GET", f"{path}?limit=1&cursor={first['next_cursor']}").json
    assert [page["items"][0]["version"] for page in (first, second)] == [2, 1]

    old = call("GET", f"{path}/1")
    assert len(old.json["menu"]["products"]) == 4
    assert call("GET", f"{path}/1", if_none_match=old.headers["etag"]).status == 304

    back = call("POST", f"{path}/1/republish", {"note": "undo"})
    assert (back.status, back.json["version"], back.json["republished_from"]) == (200, 3, 1)
    assert back.headers["location"] == f"{path}/3"
    assert call("GET", f"/v1/stores/{store.id}/menu").json["version"] == 3


@pytest.mark.parametrize("version", ["9", "0", "-1", "1.0", "one", "9" * 30])
def test_a_version_that_never_was_is_not_found(store: Store, call: Caller, version: str) -> None:
    assert call("GET", f"/v1/stores/{store.id}/menu/versions/{version}").status == 404
    assert call("POST", f"/v1/stores/{store.id}/menu/versions/{version}/republish", {}).status == 404


# --- availability -------------------------------------------------------------------------------------


def test_staff_86_things_and_customers_see_it(store: Store, call: Caller) -> None:
    path = f"/v1/stores/{store.id}/availability"
    before = call("GET", path)
    assert before.json["eighty_sixed"] == []
    assert call("GET", path, if_none_match=before.headers["etag"]).status == 304
    assert before.headers["retry-after"]

    assert call("PUT", f"{path}/sku/WINE", {"until": "further_notice"}).json["until"] is None
    timed = call("PUT", f"{path}/option/cheese", {"until": "tomorrow"})
    assert timed.status == 200
    after = call("GET", path, if_none_match=before.headers["etag"])
    assert after.status == 200
    assert {(entry["kind"], entry["id"]): entry["until"] for entry in after.json["eighty_sixed"]} == {
        ("sku", "WINE"): None,
        ("option", "cheese"): timed.json["until"],
    }

    assert call("DELETE", f"{path}/sku/WINE").status == 204
    assert call("DELETE", f"{path}/sku/WINE").status == 204
    assert len(call("GET", path).json["eighty_sixed"]) == 1


def test_polling_availability_costs_one_request_of_one_read_unit(store: Store, call_as: CallAs) -> None:
    manager = call_as("manager")
    save(manager, store, as_json(menu_document()))
    publish(manager, store)
    manager("PUT", f"/v1/stores/{store.id}/availability/sku/PIZZA", {"until": "further_notice"})
    with metered() as meter:
        assert manager("GET", f"/v1/stores/{store.id}/availability").status == 200
    assert (meter.requests, meter.units) == (["BatchGetItem"], 1.0)


@pytest.mark.parametrize(
    "body",
    [
        {"until": "time"},
        {"until": "time", "time": "2020-01-01T00:00:00Z"},
        {"until": "time", "time": "9999-12-31T23:59:59-14:00"},
        {"until": "time", "time": "0001-01-01T00:00:00+14:00"},
        {"until": "time", "time": "2030-01-01T00:00:00"},
        {"until": "time", "time": 12},
        {"until": "whenever"},
        {},
    ],
)
def test_an_end_that_is_none_is_refused(store: Store, call: Caller, body: Any) -> None:
    assert call("PUT", f"/v1/stores/{store.id}/availability/sku/COLA", body).status == 422


def test_what_is_not_on_the_menu_is_not_found(store: Store, call: Caller) -> None:
    path = f"/v1/stores/{store.id}/availability"
    for place in ("sku/NONE", "dish/COLA", "option/prd_cola"):
        assert call("PUT", f"{path}/{place}", {"until": "further_notice"}).status == 404
    assert call("DELETE", f"{path}/dish/COLA").status == 404


# --- who may ------------------------------------------------------------------------------------------


def test_clerks_86_things_and_managers_edit_menus(store: Store, call: Caller, call_as: CallAs) -> None:
    clerk = call_as("clerk")
    assert save(clerk, store, as_json(menu_document()), 1).status == 403
    assert publish(clerk, store).status == 403
    assert clerk("GET", f"/v1/stores/{store.id}/menu/draft").status == 403
    assert clerk("PUT", f"/v1/stores/{store.id}/availability/sku/COLA", {"until": "tomorrow"}).status == 200
    customer = call_as(None)
    assert customer("PUT", f"/v1/stores/{store.id}/availability/sku/COLA", {"until": "tomorrow"}).status == 403
    assert customer("GET", f"/v1/stores/{store.id}/menu").status == 200


def test_a_draft_needs_a_store(dynamodb: Any, call_as: CallAs) -> None:
    answer = call_as("manager")("GET", f"/v1/stores/{new_id('sto')}/menu/draft")
    assert (answer.status, answer.json["code"]) == (404, "store_not_found")
