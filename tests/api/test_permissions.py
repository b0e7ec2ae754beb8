"""Who is let in: every route, called by everybody who must not, and then by somebody who may.

The request is the same each time, and it is one that succeeds, so that a refusal is due to who asks and nothing else.
A route that is missing from the table fails the test.
"""

from __future__ import annotations

import base64
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import app
from chalicelib.edge.endpoint import ROUTES
from chalicelib.kernel import events, tables
from tests.api.visits import TABLE, Visit
from tests.issuer import CLIENT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.edge.endpoint import Route
    from tests.api.scene import Scene
    from tests.api.server import Answer
    from tests.issuer import Issuer
    from tests.ordering.world import Stripe

APP = app  # imported for the routes that it registers
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
IMPOSTOR = rsa.generate_private_key(public_exponent=65537, key_size=2048)

# Roles whose tokens are good and who may not: for each kind of route, everybody in the scene who is somebody else.
_OUTSIDERS = ("customer", "rider", "admin")
_STRANGERS = {
    "customer": ("owner", "rider", "admin"),
    "rider": ("customer", "owner", "admin"),
    "admin": ("customer", "owner", "rider"),
    "staff": _OUTSIDERS,
    "clerk": (*_OUTSIDERS, "owner elsewhere", "former manager"),
    "manager": (*_OUTSIDERS, "owner elsewhere", "former manager", "clerk"),
    "invited": ("rider", "admin"),
    "support": ("customer", "rider", "owner elsewhere", "former manager", "clerk"),
    "owner of the merchant": (*_OUTSIDERS, "owner elsewhere", "former manager", "clerk", "manager"),
}
_THOSE_WHO_MAY: dict[str, tuple[str | None, ...]] = {
    "anybody": (None,),
    "staff": ("clerk",),
    "clerk": ("clerk", "manager", "owner"),
    "manager": ("manager", "owner"),
    "support": ("admin", "manager", "owner"),
    "invited": ("customer",),
    "owner of the merchant": ("owner",),
}


def test_every_route_is_in_the_table() -> None:
    assert set(BY_NAME) - set(TABLE) == set(), "routes that nobody checks"
    assert set(TABLE) - set(BY_NAME) == set(), "rows of routes that are gone"


# --- without a good token ---------------------------------------------------------------------------------------------


def bad_tokens(issuer: Issuer, claims: dict[str, Any]) -> dict[str, str | None]:
    """Authorization headers that must not let the person in of whom a good token says these claims."""
    now = int(time.time())
    subject, groups = claims["sub"], claims["cognito:groups"]
    good = issuer.token(subject, *groups)
    header, payload, signature = good.split(".")
    public = issuer.keys["first"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def bearer(token: str) -> str:
        return f"Bearer {token}"

    def forged(told: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()

    return {
        "no header": None,
        "empty header": "",
        "another scheme": f"Basic {good}",
        "the token without a scheme": good,
        "no token": "Bearer ",
        "garbage": "Bearer garbage",
        "garbage of three parts": "Bearer a.b.c",
        "letters beyond ASCII": "Bearer clé",
        "much too long": bearer("a" * 9000),
        "expired": bearer(issuer.token(subject, *groups, iat=now - 7200, exp=now - 1)),
        "not valid yet": bearer(issuer.token(subject, *groups, nbf=now + 600)),
        "never expires": bearer(issuer.token(subject, *groups, exp=None)),
        "nobody's": bearer(issuer.token("", *groups, sub=None)),
        "signed with another key": bearer(jwt.encode(claims, IMPOSTOR, "RS256", headers={"kid": "first"})),
        "signed with a key that is not published": bearer(jwt.encode(claims, IMPOSTOR, "RS256", headers={"kid": "x"})),
        "signed with the public key as a password": f"Bearer {_hmac_token(claims, pem)}",
        "not signed": f"Bearer {forged({'alg': 'none', 'kid': 'first'})}.{payload}.",
        "signature cut off": bearer(f"{header}.{payload}."),
        "other claims under the signature": bearer(f"{header}.{forged({**claims, 'sub': 'x'})}.{signature}"),
        "another issuer": bearer(issuer.token(subject, *groups, iss="https://elsewhere.example")),
        "another client": bearer(issuer.token(subject, *groups, client_id="somebody-else")),
        "no client": bearer(issuer.token(subject, *groups, client_id=None)),
        "an audience instead of a client": bearer(issuer.token(subject, *groups, client_id=None, aud=CLIENT_ID)),
        "an id token": bearer(issuer.token(subject, *groups, token_use="id")),
        "no use": bearer(issuer.token(subject, *groups, token_use=None)),
    }


def _hmac_token(claims: dict[str, Any], secret: bytes) -> str:
    """PyJWT refuses to make this one."""
    import hashlib
    import hmac

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "kid": "first"}).encode()) + "." + part(json.dumps(claims).encode())
    return f"{head}.{part(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


# --- every route ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLE)
def test_only_those_who_may_are_let_in(scene: Scene, stripe: Stripe, name: str) -> None:
    route, row = BY_NAME[name], TABLE[name]
    visit = row.visit(scene)
    first, *higher = _THOSE_WHO_MAY.get(row.caller, (row.caller,))

    with nothing_written(stripe):
        wrong = [] if first is None else _let_in_without_a_good_token(scene, route, visit, first)
        for person in _STRANGERS.get(row.caller, ()):
            answer = _call(scene, route, visit, f"Bearer {scene.tokens[person]}")
            if (answer.status, answer.code) != (403, "forbidden"):
                wrong.append(f"{person}: {answer}")
        if row.of_others is not None:
            answer = _call(scene, route, visit, f"Bearer {scene.tokens[f'another {row.caller}']}")
            if answer.status != row.of_others:
                wrong.append(f"another {row.caller}: {answer}")
    assert wrong == []

    answer = _call(scene, route, visit, f"Bearer {scene.tokens[first]}" if first else None)
    assert answer.status == route.status, f"{first}: {answer}"
    for person in higher:
        answer = _call(scene, route, row.visit(scene), f"Bearer {scene.tokens[person]}")
        assert answer.status == route.status, f"{person}: {answer}"


def _let_in_without_a_good_token(scene: Scene, route: Route, visit: Visit, person: str) -> list[str]:
    """Call with everything that must not count as this person's token; what was answered that should not be."""
    wrong = []
    claims = jwt.decode(scene.tokens[person], options={"verify_signature": False})
    for what, header in bad_tokens(scene.issuer, claims).items():
        answer = _call(scene, route, visit, header)
        if (answer.status, answer.code) != (401, "unauthenticated"):
            wrong.append(f"{what}: {answer}")
        if answer.headers.get("WWW-Authenticate") != "Bearer":
            wrong.append(f"{what}: does not say how to sign in")
    # What else is wrong with a request is told to those who may make it, and to nobody else.
    malformed = Visit(visit.path, b"{" if route.body else None, {}, "?x=y")
    if (answer := _call(scene, route, malformed, None)).status != 401:
        wrong.append(f"malformed: {answer}")
    return wrong


# --- what is refused by more than the role ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_makes_nobody_a_manager_or_an_owner(scene: Scene, stripe: Stripe, role: str) -> None:
    staff = f"/v1/stores/{scene.store_id}/staff"
    clerk = f"{staff}/{scene.subjects['clerk']}"
    with nothing_written(stripe):
        assert scene.call("manager", "POST", staff, {"user_id": "usr_x", "role": role}).status == 403
        assert scene.call("manager", "PATCH", clerk, {"role": role}, If_Match='"1"').status == 403


def test_nobody_touches_those_above(scene: Scene, stripe: Stripe) -> None:
    staff = f"/v1/stores/{scene.store_id}/staff"
    with nothing_written(stripe):
        for actor, target in (("manager", "owner"), ("manager", "manager"), ("clerk", "manager")):
            path = f"{staff}/{scene.subjects[target]}"
            answer = scene.call(actor, "PATCH", path, {"role": "clerk"}, If_Match='"1"')
            assert answer.status == 403, f"{actor} demotes {target}: {answer}"
        for actor, target in (("manager", "owner"), ("clerk", "manager"), ("clerk", "owner")):
            answer = scene.call(actor, "DELETE", f"{staff}/{scene.subjects[target]}")
            assert answer.status == 403, f"{actor} removes {target}: {answer}"


def test_only_a_manager_hands_over_without_the_pickup_code(scene: Scene, stripe: Stripe) -> None:
    order = scene.ready("pickup")
    path = f"/v1/stores/{scene.store_id}/orders/{order.id}/hand_over"
    body, version = {"override_reason": "lost their phone"}, f'"{order.version}"'
    with nothing_written(stripe):
        assert scene.call("clerk", "POST", path, body, If_Match=version).status == 403
    assert scene.call("manager", "POST", path, body, If_Match=version).status == 200


@pytest.mark.parametrize(
    "name", [name for name in TABLE if name.partition(" ")[2].startswith("/v1/stores/{store_id}/orders/{")]
)
def test_the_orders_of_another_store_do_not_exist_for_ones_own(scene: Scene, stripe: Stripe, name: str) -> None:
    """Staff who may do anything at their own store put the id of another store's order into its path."""
    route = BY_NAME[name]
    visit = TABLE[name].visit(scene)
    moved = Visit({**visit.path, "store_id": scene.elsewhere.id}, visit.body, visit.headers)
    with nothing_written(stripe):
        answer = _call(scene, route, moved, f"Bearer {scene.tokens['owner elsewhere']}")
    assert (answer.status, answer.code) == (404, "order_not_found")


def test_a_pause_of_another_store_does_not_end(scene: Scene, stripe: Stripe) -> None:
    pause = TABLE["DELETE /v1/stores/{store_id}/pauses/{pause_id}"].visit(scene).path["pause_id"]
    path = f"/v1/stores/{scene.elsewhere.id}/pauses/{pause}"
    with nothing_written(stripe):
        assert scene.call("owner elsewhere", "DELETE", path).status == 404


def test_lists_hold_what_is_ones_own(scene: Scene) -> None:
    order = scene.order()
    scene.offered()
    assert [each["id"] for each in scene.call("customer", "GET", "/v1/orders").json["items"]][-1] == order.id
    assert scene.call("another customer", "GET", "/v1/orders").json["items"] == []
    assert len(scene.call("rider", "GET", "/v1/rider/feed").json["offers"]) == 1
    assert scene.call("another rider", "GET", "/v1/rider/feed").json["offers"] == []
    workplaces = scene.call("owner elsewhere", "GET", "/v1/me/stores").json["items"]
    assert [place["store_id"] for place in workplaces] == [scene.elsewhere.id]
    board = scene.call("owner elsewhere", "GET", f"/v1/stores/{scene.elsewhere.id}/board")
    assert board.json["cards"] == []


@pytest.mark.parametrize(
    ("owner", "thief", "path"),
    [
        ("customer", "another customer", "/v1/orders"),
        ("owner", "owner elsewhere", "/v1/stores/{store}/orders"),
        ("owner", "owner elsewhere", "/v1/stores/{store}/stock"),
        ("owner", "owner elsewhere", "/v1/stores/{store}/staff"),
    ],
)
def test_a_cursor_opens_no_list_but_its_own(scene: Scene, owner: str, thief: str, path: str) -> None:
    scene.order()
    scene.order()
    place = {"owner": scene.store_id, "owner elsewhere": scene.elsewhere.id}
    first = scene.call(owner, "GET", path.format(store=place.get(owner)) + "?limit=1")
    cursor = first.json["next_cursor"]
    answer = scene.call(thief, "GET", path.format(store=place.get(thief)) + f"?limit=1&cursor={cursor}")
    assert (answer.status, answer.code) == (422, "validation_failed")


def test_a_replayed_key_of_another_customer_replays_nothing(scene: Scene) -> None:
    body = {"quote_id": scene.quote().id, "payment_method": "cash_on_delivery"}
    first = scene.call("customer", "POST", "/v1/orders", body, Idempotency_Key="same")
    again = scene.call("customer", "POST", "/v1/orders", body, Idempotency_Key="same")
    stolen = scene.call("another customer", "POST", "/v1/orders", body, Idempotency_Key="same")
    assert (first.status, again.status, stolen.status) == (201, 201, 404)
    assert again.headers["Idempotent-Replayed"] == "true"


# --- tools ------------------------------------------------------------------------------------------------------------


def _call(scene: Scene, route: Route, visit: Visit, authorization: str | None) -> Answer:
    headers = dict(visit.headers)
    if authorization is not None:
        headers["Authorization"] = authorization
    return scene.served.call(route.method, visit.target(route.path), body=visit.body, headers=headers)


@contextmanager
def nothing_written(stripe: Stripe) -> Iterator[None]:
    """Fails when the block writes to a table, publishes an event or asks the payment provider for anything."""
    written: list[str] = []

    def note(http_response: Any, model: Any, **_: Any) -> None:
        if model.name not in ("GetItem", "BatchGetItem", "Query") and http_response.status_code == 200:
            written.append(model.name)

    told = tables.connection().client.meta.events
    asked = stripe.asked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "publish", lambda *_: written.append("an event"))
        told.register("after-call.dynamodb", note, unique_id="nothing-written")
        try:
            yield
        finally:
            told.unregister("after-call.dynamodb", unique_id="nothing-written")
    assert written == []
    assert stripe.asked == asked
