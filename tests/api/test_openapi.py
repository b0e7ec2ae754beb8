"""The contract: valid, complete, what is served, and what is checked in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import app
from chalicelib.edge.endpoint import ROUTES
from chalicelib.edge.openapi import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.server import Served

APP = app  # imported for the routes that it registers
ROOT = Path(__file__).parents[2]
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}


@pytest.fixture(scope="module")
def doc(served: Served) -> dict[str, Any]:
    """The document as it is served."""
    answer = served.call("GET", "/v1/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    told: dict[str, Any] = answer.json
    return told


def operations(doc: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in doc["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_openapi_3_1(doc: dict[str, Any]) -> None:
    assert doc["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(doc).iter_errors()] == []


def test_it_is_what_the_code_says(doc: dict[str, Any]) -> None:
    assert doc == json.loads(json.dumps(document()))


def test_it_is_checked_in() -> None:
    """Made in a process of its own, as `make openapi` does, so that no test's routes are in it."""
    made = subprocess.run([sys.executable, "-m", "chalicelib.edge.openapi"], capture_output=True, cwd=ROOT, check=True)
    assert made.stdout.decode() == (ROOT / "docs/openapi.json").read_text(), "run `make openapi` and commit"


def test_every_route_is_in_it_under_a_name_of_its_own(doc: dict[str, Any]) -> None:
    assert set(operations(doc)) == set(BY_NAME)
    names = [operation["operationId"] for operation in operations(doc).values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", BY_NAME)
def test_each_operation_says_what_it_takes_and_answers(doc: dict[str, Any], name: str) -> None:
    route, operation = BY_NAME[name], operations(doc)[name]
    assert operation["summary"]
    assert "For: " in operation["description"]
    assert {p["name"] for p in operation["parameters"] if p["in"] == "path"} == set(route.parameters)
    public = "For: everybody." in operation["description"]
    assert ("security" in operation) == (not public)
    assert ("401" in operation["responses"]) == (not public)
    assert ("requestBody" in operation) == (route.body is not None)
    required = {p["name"] for p in operation["parameters"] if p["in"] == "header" and p["required"]}
    assert ("If-Match" in required) == route.if_match
    assert ("Idempotency-Key" in required) == route.idempotent
    assert set(route.errors) <= set(operation["x-problem-codes"])
    for status, told in operation["responses"].items():
        if int(status) >= 400:
            assert told == {"$ref": f"#/components/responses/Problem{status}"}


def test_what_creates_or_moves_money_is_idempotent(doc: dict[str, Any]) -> None:
    """The only POSTs without a key are those whose repetition is harmless, each for a reason that is theirs."""
    without = {name for name, route in BY_NAME.items() if route.method == "POST" and not route.idempotent}
    commands = {name for name in without if BY_NAME[name].if_match}  # the version makes them act once
    reports = {name for name in without if name.startswith("POST /v1/rider/deliveries/")}  # their op_id does
    assert without - commands - reports == {
        "POST /v1/quotes",  # a quote binds nobody
        "POST /v1/orders/{order_id}/cancel",  # cancelling again changes nothing
        "POST /v1/orders/{order_id}/claims/{number}/decline",  # an answer is given once,
        "POST /v1/orders/{order_id}/claims/{number}/withdraw",  # and the same again changes nothing
        "POST /v1/orders/{order_id}/proposal/agree",  # so it is with what a store proposes
        "POST /v1/orders/{order_id}/proposal/decline",
        "POST /v1/cases/{case_id}/resolve",  # a case is resolved once
        "POST /v1/rider/shift",  # doing it twice is doing it once
        "POST /v1/rider/shift/break",  # so it is with a break, with coming back,
        "POST /v1/rider/shift/resume",
        "POST /v1/rider/shift/end",
        "POST /v1/riders/{rider_id}/shift/end",
        "POST /v1/rider/shifts/{shift_id}/start",  # and with beginning a shift
        "POST /v1/rider/shifts/{shift_id}/claim",  # a place is a rider's once
        "POST /v1/rider/shifts/{shift_id}/give_back",
        "POST /v1/shifts/{shift_id}/cancel",  # cancelling again changes nothing
        "POST /v1/rider/pool/{delivery_id}/claim",  # its op_id makes it act once
        "POST /v1/gift-cards/balance",  # looks, and changes nothing: a code is no part of a URL
        "POST /v1/gift-cards/{gift_card_id}/revoke",  # a card ends once
        "POST /v1/merchants/{merchant_id}/gift-cards/{gift_card_id}/revoke",  # so does a merchant's
        "POST /v1/stores/{store_id}/payout-account/onboarding-link",  # each link is a new one, and leads to one form
        "POST /v1/rider/payout-account/onboarding-link",  # so is a rider's
        "POST /v1/settlement/{party}/{party_id}/statements/{statement_id}/payout/retry",  # a payout is sent once
        "POST /v1/me/erasure",  # asked again, it answers how far it is
        "POST /v1/customers/{customer_id}/erasure",  # so does an admin's
        "POST /v1/stores/{store_id}/pauses",  # a pause ends by itself
        "POST /v1/stores/{store_id}/invitations",  # another one runs out by itself, and is good for one person
        "POST /v1/invitations/accept",  # an invitation is used up once
        "POST /v1/stores/{store_id}/staff",  # a member is added once
        "POST /v1/stores/{store_id}/menu/versions/{version}/republish",  # so is a version that is the newest already
        "POST /v1/webhooks/stripe",  # the provider's event id is the key
    }


def test_every_input_is_bounded(doc: dict[str, Any]) -> None:
    """Strings, numbers and lists that the API takes have an end."""
    assert [place for place, schema in inputs(doc) if not _bounded(schema)] == []


def inputs(doc: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema that something sent must match, by where it stands."""
    seen: set[str] = set()

    def within(place: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in seen:
                seen.add(name)
                yield from within(name, doc["components"]["schemas"][name])
            return
        yield place, schema
        for option in schema.get("anyOf", []):
            yield from within(place, option)
        for field, told in schema.get("properties", {}).items():
            yield from within(f"{place}.{field}", told)
        for key in ("items", "additionalProperties", "propertyNames"):
            if isinstance(schema.get(key), dict):
                yield from within(f"{place}.{key}", schema[key])

    for name, operation in operations(doc).items():
        for parameter in operation["parameters"]:
            if parameter["name"] != "If-None-Match":  # compared and never kept
                yield from within(f"{name} {parameter['name']}", parameter["schema"])
        for media in operation.get("requestBody", {}).get("content", {}).values():
            yield from within(name, media["schema"])


def _bounded(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    if "enum" in schema or "const" in schema:
        return True
    if kind == "string":
        counted = re.fullmatch(r"\^.*\{\d+(,\d+)?\}\$", schema.get("pattern", ""))
        return "maxLength" in schema or counted is not None or schema.get("format") == "date-time"
    if kind in ("integer", "number"):
        return "minimum" in schema and "maximum" in schema
    if kind == "array":
        return "maxItems" in schema
    if kind == "object":
        return schema.get("additionalProperties") is False or "maxProperties" in schema
    return True


def test_a_pattern_ends_where_the_text_does() -> None:
    """Python's `$` also matches before a final line break; every pattern of an input must say that it does not."""
    bodies = [route.body for route in ROUTES if route.body not in (None, bytes)]
    queries = [route.query for route in ROUTES if route.query is not None]
    _, components = msgspec.json.schema_components([*bodies, *queries])
    patterns = set(re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(components)))
    assert {pattern for pattern in patterns if pattern.endswith("$")} == set()


# --- the page ---------------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """The ids and the links of a page, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if told.get("href"):
            self.targets.add(str(told["href"]))
        self.loaded += [str(told[name]) for name in ("src", "data", "action") if name in told]
        if tag not in ("meta", "input", "wbr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(served: Served, doc: dict[str, Any]) -> None:
    answer = served.call("GET", "/v1/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = Links(answer.text)
    assert page.open == []
    assert page.loaded == []
    assert len(page.ids) == len(set(page.ids))
    here = {f"#{name}" for name in page.ids} | {"#"}
    assert page.targets - here == {"/v1/openapi.json"}
    assert {operation["operationId"] for operation in operations(doc).values()} <= set(page.ids)
    assert {f"shape-{name}" for name in doc["components"]["schemas"]} <= set(page.ids)


def test_a_problem_refers_to_its_place_on_the_page(served: Served) -> None:
    problem = served.call("GET", "/v1/orders").json
    page = Links(served.call("GET", "/v1/docs").text)
    path, _, code = problem["type"].partition("#")
    assert (path, code) == ("/v1/docs", "unauthenticated")
    assert code in page.ids


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/docs"])
def test_it_is_sent_again_only_when_it_changed(served: Served, path: str) -> None:
    first = served.call("GET", path)
    again = served.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")
