"""Bodies made to break things, where random data seldom goes: no 5xx, and what is taken can be read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge.endpoint import MAX_BODY_BYTES
from tests.api.sending import BY_NAME, caller_of, send
from tests.api.visits import MENU, TABLE, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.scene import Scene


WITH_BODY = [name for name in TABLE if BY_NAME[name].body not in (None, bytes)]

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


@pytest.mark.parametrize("name", WITH_BODY)
def test_each_value_of_a_body_replaced_by_a_hostile_one(scene: Scene, name: str) -> None:
    """One value at a time, so that everything else about the request is right and it gets as far as it can."""
    row, route = TABLE[name], BY_NAME[name]
    visit = row.visit(scene)
    caller = caller_of(name)
    body = _small(visit.body)
    wrong = []
    leaves = list(_leaves(body))
    share = 1 + len(leaves) // 6  # large bodies have many alike: each value gets some of what is tried
    for number, (place, leaf) in enumerate(leaves):
        kinds = NUMBERS if isinstance(leaf, int | float) and not isinstance(leaf, bool) else TEXTS
        for raw in (*kinds, *ANYTHING)[number % share :: share]:
            content = _with(body, place, raw)
            answer = send(scene, caller, name, Visit(visit.path, content, visit.headers, visit.query))
            if answer.status >= 500:
                wrong.append(f"{'/'.join(map(str, place))} = {raw[:60]}: {answer.text[:200]}")
            if answer.status < 300:
                wrong += _unreadable(scene, caller, name, visit)
                visit = _again(scene, name, visit)
    assert wrong == []
    assert send(scene, caller, name, Visit(visit.path, body, visit.headers)).status < 500
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
    caller = caller_of(name)
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
        answer = send(scene, caller, name, Visit(visit.path, content, {**visit.headers, **headers}, visit.query))
        expected = (400, 415, 422) if content != good else (200, 201, 409, 412, 415)
        if answer.status not in expected:
            wrong.append(f"{content[:30]!r} {headers}: {answer}")
    assert wrong == []


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_that_is_too_large_is_refused(town: Scene, name: str) -> None:
    row = TABLE[name]
    visit = row.visit(town)
    content = json.dumps(visit.body).encode() + b" " * max(BY_NAME[name].max_body, MAX_BODY_BYTES)
    answer = send(town, caller_of(name), name, Visit(visit.path, content, visit.headers))
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_field_that_is_given_twice_is_not_smuggled_past(town: Scene) -> None:
    """Whatever is read is what was checked: the last one, as JSON readers do."""
    content = b'{"user_id": "usr_a", "role": "clerk", "role": "owner"}'
    answer = town.call("manager", "POST", f"/v1/stores/{town.store_id}/staff", content)
    assert answer.status == 403
