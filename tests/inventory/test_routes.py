"""Stock over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel.ids import new_id
from tests.catalog.conftest import call_as as _call_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edge.conftest import Caller

call_as = _call_as


@pytest.fixture
def call(call_as: Callable[[str | None], Caller]) -> Caller:
    return call_as("clerk")


@pytest.fixture
def path() -> str:
    return f"/v1/stores/{new_id('sto')}/stock"


def test_stock_is_stated_read_and_listed(call: Caller, path: str) -> None:
    assert call("GET", f"{path}/COLA").json["code"] == "stock_not_found"
    stated = call("PUT", f"{path}/COLA", {"available": 24})
    assert (stated.status, stated.json["available"], stated.headers["etag"]) == (200, 24, '"24"')
    call("PUT", f"{path}/DIP", {"available": 3})
    assert call("GET", f"{path}/COLA", if_none_match='"24"').status == 304
    first = call("GET", f"{path}?limit=1").json
    second = call("GET", f"{path}?limit=1&cursor={first['next_cursor']}").json
    assert [(item["sku"], item["available"]) for item in first["items"] + second["items"]] == [
        ("COLA", 24),
        ("DIP", 3),
    ]


def test_a_count_can_insist_on_what_was_read(call: Caller, path: str) -> None:
    call("PUT", f"{path}/COLA", {"available": 24})
    assert call("PUT", f"{path}/COLA", {"available": 20}, if_match='"24"').status == 200
    assert call("PUT", f"{path}/COLA", {"available": 22}, if_match='"24"').status == 412
    assert call("GET", f"{path}/COLA").json["available"] == 20


def test_an_adjustment_counts_once_however_often_it_is_sent(call: Caller, path: str) -> None:
    call("PUT", f"{path}/COLA", {"available": 24})
    assert call("POST", f"{path}/COLA", {"delta": 6}).json["code"] == "idempotency_key_required"
    first = call("POST", f"{path}/COLA", {"delta": 6}, idempotency_key="delivery-17")
    assert (first.status, first.json) == (200, {"sku": "COLA", "delta": 6, "available": 30})
    again = call("POST", f"{path}/COLA", {"delta": 6}, idempotency_key="delivery-17")
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (200, first.json, "true")
    short = call("POST", f"{path}/COLA", {"delta": -31}, idempotency_key="waste-1")
    assert (short.status, short.json["code"]) == (409, "stock_below_zero")
    nothing = call("POST", f"{path}/FANTA", {"delta": 1}, idempotency_key="waste-2")
    assert (nothing.status, nothing.json["code"]) == (404, "stock_not_found")


@pytest.mark.parametrize(
    "body", [{"available": -1}, {"available": 10**30}, {"available": 1.5}, {"available": None}, {}, []]
)
def test_what_is_no_count_is_refused(call: Caller, path: str, body: Any) -> None:
    assert call("PUT", f"{path}/COLA", body).status == 422


def test_a_cursor_of_another_store_is_refused(call: Caller, path: str) -> None:
    for sku in ("A", "B"):
        call("PUT", f"{path}/{sku}", {"available": 1})
    cursor = call("GET", f"{path}?limit=1").json["next_cursor"]
    elsewhere = f"/v1/stores/{new_id('sto')}/stock"
    assert call("GET", f"{elsewhere}?cursor={cursor}").status == 422


def test_customers_see_no_stock(call_as: Callable[[str | None], Caller], path: str) -> None:
    assert call_as(None)("GET", path).status == 403
