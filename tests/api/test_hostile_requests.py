"""Paths, queries, cursors and headers made to break things: no 5xx, and nobody else's rows."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service as dispatch
from chalicelib.edge import cursors
from chalicelib.kernel import clock
from tests.api.sending import BY_NAME, caller_of, send
from tests.api.visits import TABLE, Visit

if TYPE_CHECKING:
    from tests.api.scene import Scene


# --- paths ------------------------------------------------------------------------------------------------------------

ODD_IDS = (
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2fetc",
    "a%2fb",
    "%00",
    "a%00b",
    "%0a",
    "a%0a",
    "%20",
    "a%20b",
    "%ff",
    "%c3%28",
    "%f0%9f%8d%95",
    "%d9%a1",
    "%",
    "%zz",
    "%25%32%30",
    "{store_id}",
    "a;b",
    "a'b",
    'a"b',
    "STAFF%23x",
    "0",
    "-1",
    "1e9",
    "99999999999999999999",
    "00000000001",
    "a" * 128,
    "a" * 129,
    "a" * 5000,
    "sto_" + "0" * 26,
)


# A shop gives its goods what names it likes; customers and riders have those of the identity provider.
ALLOWED = {
    **dict.fromkeys(("sku", "product_id", "item_id", "customer_id"), (200, 201, 202, 204, 403, 404, 422)),
    "rider_id": (200, 403, 404, 409, 412, 422),
}


@pytest.mark.parametrize("name", [name for name in TABLE if "{" in name])
def test_ids_that_are_none(town: Scene, name: str) -> None:
    row, route = TABLE[name], BY_NAME[name]
    visit = row.visit(town)
    caller = caller_of(name)
    wrong = []
    for parameter in route.parameters:
        for odd in ODD_IDS:
            path = {**visit.path, parameter: odd}
            answer = send(town, caller, name, Visit(path, visit.body, visit.headers, visit.query))
            if answer.status not in ALLOWED.get(parameter, (403, 404, 422)) and not (
                odd in (".", "..") and answer.status == 405
            ):
                wrong.append(f"{parameter} = {odd[:40]}: {answer}")
    assert wrong == []


# --- queries ----------------------------------------------------------------------------------------------------------

ODD_QUERIES = (
    "limit=",
    "limit=0",
    "limit=-1",
    "limit=101",
    "limit=1&limit=2",
    "limit=1.5",
    "limit=1e1",
    "limit=0x10",
    "limit=1_0",
    "limit=%d9%a1",
    "limit=" + "9" * 5000,
    "limit=%00",
    "limit=%zz",
    "limit=%ff",
    "limit[]=1",
    "limit",
    "unknown=1",
    "%00=1",
    "%ff=%fe",
    "=",
    "=1",
    "&&&&=&",
    "cursor=%00",
    "cursor=%ff",
    "cursor=====",
    "cursor=null",
    "cursor=" + "A" * 1024,
    "cursor=" + "A" * 1025,
    "cursor=W10",
    "cursor=W1tdLHt9XQ",
    "cursor=bnVsbA",
    "cursor=%F0%9F%8D%95",
)
LISTS = [name for name in TABLE if BY_NAME[name].query is not None and "limit" in BY_NAME[name].query.__struct_fields__]


@pytest.mark.parametrize("name", LISTS)
def test_queries_that_are_none(town: Scene, name: str) -> None:
    row = TABLE[name]
    visit = row.visit(town)
    caller = caller_of(name)
    wrong = []
    for odd in ODD_QUERIES:
        query = f"{visit.query}&{odd}" if visit.query else f"?{odd}"
        answer = send(town, caller, name, Visit(visit.path, query=query))
        if answer.status not in (200 if odd in ("=", "&&&&=&", "limit", "limit=1e1") else 422, 422):
            wrong.append(f"{odd[:40]}: {answer}")
    assert wrong == []


@pytest.mark.parametrize(
    "point",
    [
        "lat=90&lng=180",
        "lat=-90&lng=-180",
        "lat=90&lng=0",
        "lat=0&lng=180",
        "lat=0&lng=-180",
        "lat=-0.0&lng=0e0",
        "lat=1e-320&lng=1E-400",
        "lat=89.9999999999&lng=179.9999999999",
    ],
)
@pytest.mark.parametrize("mode", ["delivery", "pickup", "dine_in"])
def test_the_ends_of_the_earth_can_be_searched(town: Scene, point: str, mode: str) -> None:
    assert town.call(None, "GET", f"/v1/stores?{point}&mode={mode}").status == 200


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e999", "90.0000001", "", "1,5", "0x1p3", "1_0", "%d9%a1", "1 "]
)
def test_no_place_is_there(town: Scene, value: str) -> None:
    assert town.call(None, "GET", f"/v1/stores?lat={value}&lng=0&mode=pickup").status == 422


# --- cursors ----------------------------------------------------------------------------------------------------------


def _filters(scene: Scene, visit: Visit) -> dict[str, tuple[str, ...]]:
    """What each list binds its cursors to."""
    gift_card_id = visit.path.get("gift_card_id", "")
    place = (f"{scene.place.lat:.6f}", f"{scene.place.lng:.6f}", "pickup")
    return {
        "GET /v1/stores": ("stores", *place),
        "GET /v1/me/stores": ("workplaces", scene.subjects["owner"]),
        "GET /v1/stores/{store_id}/staff": ("staff", scene.store_id),
        "GET /v1/stores/{store_id}/invitations": ("invitations", scene.store_id),
        "GET /v1/merchants/{merchant_id}/stores": ("merchant_stores", scene.merchant_id),
        "GET /v1/merchants/{merchant_id}/invoices": (
            "invoices",
            scene.merchant_id,
            "2000-01-01T00:00:00.000Z",
            "2200-01-01T00:00:00.000Z",
        ),
        "GET /v1/stores/{store_id}/menu/versions": ("menu_versions", scene.store_id),
        "GET /v1/stores/{store_id}/stock": ("stock", scene.store_id),
        "GET /v1/orders": ("orders", scene.subjects["customer"]),
        "GET /v1/stores/{store_id}/orders": ("store orders", scene.store_id),
        "GET /v1/gift-cards/{gift_card_id}/movements": ("gift-card", gift_card_id),
        "GET /v1/merchants/{merchant_id}/gift-cards/{gift_card_id}/movements": ("gift-card", gift_card_id),
        "GET /v1/me/credits/{currency}/movements": ("credits", scene.subjects["customer"], "EUR"),
        "GET /v1/me/export": ("export", scene.subjects["customer"]),
        "GET /v1/customers/{customer_id}/export": ("export", visit.path.get("customer_id", "")),
        "GET /v1/reconciliations": ("reconciliations", str(clock.now().year)),
        "GET /v1/cases": ("cases", "open"),
        "GET /v1/stores/{store_id}/statements": ("statements", "store", scene.store_id),
        "GET /v1/audit": ("audit", "platform"),
        "GET /v1/stores/{store_id}/audit": ("audit", f"store:{scene.store_id}"),
        "GET /v1/shifts": ("shifts", dispatch.zone_of(scene.place), "2200-01-01T00:00:00.000Z"),
        "GET /v1/shifts/{shift_id}/riders": ("roster", visit.path.get("shift_id", "")),
        "GET /v1/riders/{rider_id}/shifts": ("duties", visit.path.get("rider_id", "")),
        "GET /v1/riders/{rider_id}/earnings": ("earnings", visit.path.get("rider_id", "")),
        "GET /v1/rider/earnings": ("earnings", scene.subjects["rider"]),
        "GET /v1/rider/shifts": ("duties", scene.subjects["rider"]),
        "GET /v1/rider/open-shifts": ("open-shifts", *place[:2]),
        "GET /v1/rider/statements": ("statements", "rider", scene.subjects["rider"]),
        "GET /v1/settlement/{party}/{party_id}/statements": ("statements", "store", scene.store_id),
    }


FORGED: list[Any] = [
    {"pk": {"S": ""}, "sk": {"S": ""}},
    {"pk": {"S": "x"}, "sk": {"S": "y"}},
    {"pk": {"S": "x"}},
    {"pk": {"N": "1"}, "sk": {"N": "x"}},
    {"pk": {"S": "\x00"}, "sk": {"S": "\ud83c\udf55"}},
    {"pk": {"S": "x" * 500}, "sk": {"S": "y"}},
    {"a": {"S": "x"}, "b": {"S": "y"}, "c": {"S": "z"}, "d": {"S": "w"}},
    {"last": {"S": "x"}},
    {"ring": {"N": "999999999999999999999"}},
    {"after": {"N": "-1"}},
    {"": {"S": ""}},
]


@pytest.mark.parametrize("name", LISTS)
def test_forged_cursors(town: Scene, name: str) -> None:
    """The binding is no secret: anybody can make a cursor of any key. It leads to nobody else's rows, and to no 5xx."""
    town.order()
    row = TABLE[name]
    visit = row.visit(town)
    caller = caller_of(name)
    filters = _filters(town, visit)[name]
    real = _real_keys(town)
    wrong = []
    for key in [*FORGED, *real]:
        cursor = cursors.encode(key, *filters)
        query = f"{visit.query or '?limit=5'}&cursor={cursor}"
        answer = send(town, caller, name, Visit(visit.path, query=query))
        if answer.status not in (200, 422):
            wrong.append(f"{key}: {answer}")
        if answer.status == 200 and key in real and town.elsewhere.id in answer.text:
            wrong.append(f"{key}: shows what is elsewhere")
    assert wrong == []


def _real_keys(scene: Scene) -> list[dict[str, Any]]:
    """Keys as each list's own cursors hold them, of this store and of another."""
    keys = []
    for path in (f"/v1/stores/{scene.store_id}/orders", f"/v1/stores/{scene.store_id}/stock"):
        cursor = scene.call("owner", "GET", f"{path}?limit=1").json["next_cursor"]
        if cursor:
            own = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[1]
            keys.append(own)
            keys.append(json.loads(json.dumps(own).replace(scene.store_id, scene.elsewhere.id)))
    return keys


# --- headers ----------------------------------------------------------------------------------------------------------

ODD_TAGS = (
    "",
    "*",
    '""',
    '"',
    "1",
    'W/"1"',
    '"1", "2"',
    '"-1"',
    '"+1"',
    '"0x1"',
    '"1e3"',
    '" 1"',
    '"\u00b2"',
    '"999999999999999"',
    '"9999999999999999"',
    '"' + "9" * 5000 + '"',
    '"1.\u00e9"',
    '"None"',
    ",",
    "'1'",
)


@pytest.mark.parametrize(
    "name", [name for name in TABLE if BY_NAME[name].if_match or name.startswith("PUT /v1/stores")]
)
def test_if_match_that_is_no_version(scene: Scene, name: str) -> None:
    row = TABLE[name]
    caller = caller_of(name)
    visit = row.visit(scene)
    wrong = []
    for tag in ODD_TAGS:
        answer = send(scene, caller, name, Visit(visit.path, visit.body, {**visit.headers, "If-Match": tag}))
        if answer.status not in ((412,) if BY_NAME[name].if_match else (200, 412)):
            if answer.status == 200 and tag in ("1", 'W/"1"', '"1", "2"', '"1.\u00e9"'):
                continue
            wrong.append(f"{tag[:30]}: {answer}")
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("GET ")])
def test_if_none_match_that_is_no_tag(town: Scene, name: str) -> None:
    row = TABLE[name]
    caller = caller_of(name)
    visit = row.visit(town)
    answers = {
        tag: send(town, caller, name, Visit(visit.path, headers={"If-None-Match": tag}, query=visit.query)).status
        for tag in (*ODD_TAGS, '"."', '"..."', '"1.2.3.4.5"', '"a.b"')
    }
    assert {tag: status for tag, status in answers.items() if status not in (200, 304)} == {}


@pytest.mark.parametrize("name", [name for name in TABLE if BY_NAME[name].idempotent])
def test_idempotency_keys_that_are_none(scene: Scene, name: str) -> None:
    row = TABLE[name]
    visit = row.visit(scene)
    caller = caller_of(name)
    for key in (None, "", "a b", "a" * 256, "\u00e9", "a\tb"):
        headers = {header: value for header, value in visit.headers.items() if header != "Idempotency-Key"}
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = send(scene, caller, name, Visit(visit.path, visit.body, headers))
        assert (answer.status, answer.code) == (400, "idempotency_key_required"), f"{key!r}: {answer}"
    for key in ("#", "IDEM#x", '"', "~" * 255, "{}", "%00"):
        headers = {**visit.headers, "Idempotency-Key": key}
        answer = send(scene, caller, name, Visit(visit.path, visit.body, headers))
        assert answer.status < 500, f"{key!r}: {answer}"


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "\u00e9", "a,b", "../x", "x" * 5000])
def test_a_request_id_that_is_none_is_replaced(town: Scene, given: str) -> None:
    answer = town.call("customer", "GET", "/v1/orders", X_Request_Id=given)
    assert answer.status == 200
    assert answer.headers["X-Request-Id"] != given


def test_a_request_id_that_all_requests_share_joins_nothing(town: Scene) -> None:
    """Some clients send one id for a whole session: it is for the logs and may not decide what happens."""
    order = town.order()
    path = f"/v1/stores/{town.store_id}/orders/{order.id}"
    version = order.version
    for command, body in (("accept", {"prep_minutes": 20}), ("start", None), ("ready", None)):
        answer = town.call("clerk", "POST", f"{path}/{command}", body, If_Match=f'"{version}"', X_Request_Id="same")
        assert answer.status == 200
        version = answer.json["version"]
    assert answer.json["status"] == "ready"
