"""Input made to break things, where random data seldom goes. No input gives a 5xx; what is taken can be read again."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

import app
from chalicelib.edge import cursors
from chalicelib.edge.endpoint import MAX_BODY_BYTES, ROUTES
from chalicelib.kernel import ids
from tests.api.visits import MENU, TABLE, Visit
from tests.ordering import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.scene import Scene
    from tests.api.server import Answer

APP = app  # imported for the routes that it registers
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
WITH_BODY = [name for name in TABLE if BY_NAME[name].body not in (None, bytes)]
_CALLERS = {"owner of the merchant": "owner", "staff": "owner", "anybody": None}

# JSON as it is written, in the place of a number, of a text and of anything.
NUMBERS = (
    "1" + "0" * 400,
    "-1" + "0" * 400,
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "-1e400",
    "1E+2",
    "1.5",
    "0.1e-400",
    "-0",
    "-0.0",
    "NaN",
    "-Infinity",
)
TEXTS = (
    r'"\u0000"',
    r'"\u0000abc"',
    r'"\ud800"',
    r'"\udfff\ud800"',
    r'"\ud83c\udf55"',
    r'"\u202e\u2066\ufeff"',
    r'"\u007f\u0085\u2028"',
    r'"\n"',
    '" "',
    '""',
    '"\u0661\u0662"',
    '"1\u0662"',
    '"../../../etc/passwd"',
    '"%00%2e%2e%2f"',
    '"STORE#x"',
    '"' + "a" * 70_000 + '"',
    '"' + "\U0001f355" * 70 + '"',
    '"0001-01-01T00:00:00+23:59"',
    '"9999-12-31T23:59:59-23:59"',
    '"2026-02-30T00:00:00Z"',
    '"2026-06-30T23:59:60Z"',
    '"Europe"',
    '"24/7"',
)
ANYTHING = ("null", "true", "[]", "{}", "[[]]", '{"\\u0000": {}}', '"1"', "1")


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_BODY)
def test_each_value_of_a_body_replaced_by_a_hostile_one(scene: Scene, name: str) -> None:
    """One value at a time, so that everything else about the request is right and it gets as far as it can."""
    row, route = TABLE[name], BY_NAME[name]
    visit = row.visit(scene)
    caller = _CALLERS.get(row.caller, row.caller)
    body = _small(visit.body)
    wrong = []
    leaves = list(_leaves(body))
    share = 1 + len(leaves) // 6  # large bodies have many alike: each value gets some of what is tried
    for number, (place, leaf) in enumerate(leaves):
        kinds = NUMBERS if isinstance(leaf, int | float) and not isinstance(leaf, bool) else TEXTS
        for raw in (*kinds, *ANYTHING)[number % share :: share]:
            content = _with(body, place, raw)
            answer = _send(scene, caller, name, Visit(visit.path, content, visit.headers, visit.query))
            if answer.status >= 500:
                wrong.append(f"{'/'.join(map(str, place))} = {raw[:60]}: {answer.text[:200]}")
            if answer.status < 300:
                wrong += _unreadable(scene, caller, name, visit)
                visit = _again(scene, name, visit)
    assert wrong == []
    assert _send(scene, caller, name, Visit(visit.path, body, visit.headers)).status < 500
    assert route.body is not None


def _small(body: dict[str, Any]) -> dict[str, Any]:
    """A menu is cut to one of everything."""
    if body is not MENU:
        return body
    return {**body, "products": body["products"][-1:], "modifier_groups": body["modifier_groups"][:1]}


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if place:
        yield place, value
    if isinstance(value, dict):
        for name, told in value.items():
            yield from _leaves(told, (*place, name))
    if isinstance(value, list | tuple):
        for number, told in enumerate(value[:1]):
            yield from _leaves(told, (*place, number))


def _with(body: Any, place: tuple[Any, ...], raw: str) -> bytes:
    """The body as JSON, with what is written in the place of one value."""
    marked = json.loads(json.dumps(body))
    holder = marked
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = "@here@"
    return json.dumps(marked, ensure_ascii=False).replace('"@here@"', raw).encode("utf-8", "surrogatepass")


def _again(scene: Scene, name: str, visit: Visit) -> Visit:
    """The request for the next try, after one that was taken."""
    try:
        return TABLE[name].visit(scene)
    except Exception:  # noqa: BLE001  (what was taken may have closed the store: then the old one has to do)
        return visit


def _unreadable(scene: Scene, caller: str | None, name: str, visit: Visit) -> list[str]:
    """What can't be read any more after the request was taken."""
    path = visit.target(BY_NAME[name].path)
    reads = [path] if f"GET {BY_NAME[name].path}" in BY_NAME else [f"/v1/stores/{scene.store_id}"]
    answers = [scene.call(caller, "GET", read) for read in reads]
    return [f"then GET: {answer}" for answer in answers if answer.status >= 500]


@pytest.mark.parametrize("name", WITH_BODY)
def test_bodies_that_are_no_such_thing(scene: Scene, name: str) -> None:
    row = TABLE[name]
    visit = row.visit(scene)
    caller = _CALLERS.get(row.caller, row.caller)
    good = json.dumps(visit.body).encode()
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (b"", {}),
        (b" \n\t", {}),
        (b"\x00", {}),
        (b"\xff\xfe", {}),
        (b"\xef\xbb\xbf" + good, {}),
        (good + good, {}),
        (good + b"\x00", {}),
        (good[:-1], {}),
        (b"[" * 100_000, {}),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {}),
        (b"[" * 50_000 + b"]" * 50_000, {}),
        (b"null", {}),
        (b"0", {}),
        (b'"text"', {}),
        (b"[" + good + b"]", {}),
        (good.decode().encode("utf-16"), {"Content-Type": "application/json; charset=utf-16"}),
        (good, {"Content-Type": "text/plain"}),
        (b"a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"--x\r\n\r\n", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"<a/>", {"Content-Type": "application/xml"}),
        (good, {"Content-Type": ""}),
        (good, {"Content-Type": ";;;"}),
        (b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}),
    ]
    wrong = []
    for content, headers in bodies:
        answer = _send(scene, caller, name, Visit(visit.path, content, {**visit.headers, **headers}, visit.query))
        expected = (400, 415, 422) if content != good else (200, 201, 409, 412, 415)
        if answer.status not in expected:
            wrong.append(f"{content[:30]!r} {headers}: {answer}")
    assert wrong == []


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_that_is_too_large_is_refused(town: Scene, name: str) -> None:
    row = TABLE[name]
    visit = row.visit(town)
    content = json.dumps(visit.body).encode() + b" " * max(BY_NAME[name].max_body, MAX_BODY_BYTES)
    answer = _send(town, _CALLERS.get(row.caller, row.caller), name, Visit(visit.path, content, visit.headers))
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_field_that_is_given_twice_is_not_smuggled_past(town: Scene) -> None:
    """Whatever is read is what was checked: the last one, as JSON readers do."""
    content = b'{"user_id": "usr_a", "role": "clerk", "role": "owner"}'
    answer = town.call("manager", "POST", f"/v1/stores/{town.store_id}/staff", content)
    assert answer.status == 403


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


@pytest.mark.parametrize("name", [name for name in TABLE if "{" in name])
def test_ids_that_are_none(town: Scene, name: str) -> None:
    row, route = TABLE[name], BY_NAME[name]
    visit = row.visit(town)
    caller = _CALLERS.get(row.caller, row.caller)
    wrong = []
    for parameter in route.parameters:
        for odd in ODD_IDS:
            path = {**visit.path, parameter: odd}
            answer = _send(town, caller, name, Visit(path, visit.body, visit.headers, visit.query))
            allowed = (
                (403, 404, 422) if parameter not in ("sku", "product_id", "item_id") else (200, 204, 403, 404, 422)
            )
            if answer.status not in allowed and not (odd in (".", "..") and answer.status == 405):
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
    caller = _CALLERS.get(row.caller, row.caller)
    wrong = []
    for odd in ODD_QUERIES:
        query = f"{visit.query}&{odd}" if visit.query else f"?{odd}"
        answer = _send(town, caller, name, Visit(visit.path, query=query))
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


def _filters(scene: Scene) -> dict[str, tuple[str, ...]]:
    """What each list binds its cursors to."""
    place = (f"{scene.place.lat:.6f}", f"{scene.place.lng:.6f}", "pickup")
    return {
        "GET /v1/stores": ("stores", *place),
        "GET /v1/me/stores": ("workplaces", scene.subjects["owner"]),
        "GET /v1/stores/{store_id}/staff": ("staff", scene.store_id),
        "GET /v1/merchants/{merchant_id}/stores": ("merchant_stores", scene.merchant_id),
        "GET /v1/stores/{store_id}/menu/versions": ("menu_versions", scene.store_id),
        "GET /v1/stores/{store_id}/stock": ("stock", scene.store_id),
        "GET /v1/orders": ("orders", scene.subjects["customer"]),
        "GET /v1/stores/{store_id}/orders": ("store orders", scene.store_id),
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
    caller = _CALLERS.get(row.caller, row.caller)
    filters = _filters(town)[name]
    real = _real_keys(town)
    wrong = []
    for key in [*FORGED, *real]:
        cursor = cursors.encode(key, *filters)
        query = f"{visit.query or '?limit=5'}&cursor={cursor}"
        answer = _send(town, caller, name, Visit(visit.path, query=query))
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
    caller = _CALLERS.get(row.caller, row.caller)
    visit = row.visit(scene)
    wrong = []
    for tag in ODD_TAGS:
        answer = _send(scene, caller, name, Visit(visit.path, visit.body, {**visit.headers, "If-Match": tag}))
        if answer.status not in ((412,) if BY_NAME[name].if_match else (200, 412)):
            if answer.status == 200 and tag in ("1", 'W/"1"', '"1", "2"', '"1.\u00e9"'):
                continue
            wrong.append(f"{tag[:30]}: {answer}")
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("GET ")])
def test_if_none_match_that_is_no_tag(town: Scene, name: str) -> None:
    row = TABLE[name]
    caller = _CALLERS.get(row.caller, row.caller)
    visit = row.visit(town)
    answers = {
        tag: _send(town, caller, name, Visit(visit.path, headers={"If-None-Match": tag}, query=visit.query)).status
        for tag in (*ODD_TAGS, '"."', '"..."', '"1.2.3.4.5"', '"a.b"')
    }
    assert {tag: status for tag, status in answers.items() if status not in (200, 304)} == {}


@pytest.mark.parametrize("name", [name for name in TABLE if BY_NAME[name].idempotent])
def test_idempotency_keys_that_are_none(scene: Scene, name: str) -> None:
    row = TABLE[name]
    visit = row.visit(scene)
    caller = _CALLERS.get(row.caller, row.caller)
    for key in (None, "", "a b", "a" * 256, "\u00e9", "a\tb"):
        headers = {header: value for header, value in visit.headers.items() if header != "Idempotency-Key"}
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = _send(scene, caller, name, Visit(visit.path, visit.body, headers))
        assert (answer.status, answer.code) == (400, "idempotency_key_required"), f"{key!r}: {answer}"
    for key in ("#", "IDEM#x", '"', "~" * 255, "{}", "%00"):
        headers = {**visit.headers, "Idempotency-Key": key}
        answer = _send(scene, caller, name, Visit(visit.path, visit.body, headers))
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


# --- tools ------------------------------------------------------------------------------------------------------------


def _euro(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def _send(scene: Scene, caller: str | None, name: str, visit: Visit) -> Answer:
    route = BY_NAME[name]
    headers = dict(visit.headers)
    if "Idempotency-Key" in headers and headers["Idempotency-Key"].startswith("key_"):
        headers["Idempotency-Key"] = ids.new_id("key")
    token = scene.tokens[caller] if caller else None
    return scene.served.call(route.method, visit.target(route.path), token=token, body=visit.body, headers=headers)
