"""From an HTTP request to a use case and back: what is decoded, refused, remembered and conditional."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pytest
from chalice.app import Chalice

from chalicelib.edge import endpoint, permissions
from chalicelib.edge.endpoint import Endpoints, Reply, Request
from chalicelib.edge.permissions import Public, Role, StoreStaff
from chalicelib.kernel import limits, settings
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.idempotency import StoredAnswer
from chalicelib.kernel.limits import Limit
from tests.edge.conftest import Caller

if TYPE_CHECKING:
    from tests.issuer import Issuer


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quantity: Annotated[int, msgspec.Meta(ge=1, le=9)]


class Basket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lines: Annotated[list[Line], msgspec.Meta(max_length=3)]
    note: Annotated[str, msgspec.Meta(max_length=5)] = ""


class Near(msgspec.Struct, frozen=True, kw_only=True):
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    limit: int = 5


class Echo(msgspec.Struct, frozen=True, kw_only=True):
    text: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(endpoint, "ROUTES", [])
    monkeypatch.setattr(permissions, "_lookups", permissions._Lookups(_role_of, lambda *_: False))
    endpoints = Endpoints("test")
    _declare(endpoints)
    app = Chalice(app_name="edge-test")
    app.register_blueprint(endpoints.blueprint)
    endpoint.verify(app.routes)
    return Caller(app)


def _role_of(principal_id: str, store_id: str) -> str | None:
    return {("clara", "sto_1"): "clerk", ("mona", "sto_1"): "manager"}.get((principal_id, store_id))


def _declare(endpoints: Endpoints) -> None:
    @endpoints.post("/baskets", permission=Public(), body=Basket, returns=Echo, status=201)
    def fill(request: Request[Basket]) -> Reply[Echo]:
        """Fill a basket."""
        return Reply(Echo(text=str(sum(line.quantity for line in request.body.lines))), etag=1, location="/baskets/1")

    @endpoints.get("/near", permission=Public(), query=Near, returns=Echo)
    def near(request: Request[None]) -> Reply[Echo]:
        return Reply(Echo(text=f"{request.query.lat} {request.query.limit}"), etag="e7", retry_after=9)

    @endpoints.get("/broken", permission=Public(), returns=Echo)
    def broken(request: Request[None]) -> Reply[Echo]:
        raise ZeroDivisionError

    @endpoints.get("/mine", permission=Role("rider"), returns=Echo)
    def mine(request: Request[None]) -> Reply[Echo]:
        return Reply(Echo(text=request.principal.id))

    @endpoints.put("/v1/stores/{store_id}", permission=StoreStaff("manager"), returns=Echo, if_match=True)
    def change(request: Request[None]) -> Reply[Echo]:
        return Reply(Echo(text=f"{request.path['store_id']} {request.expected_version}"))


def test_a_good_request_is_answered_with_its_headers(call: Caller) -> None:
    answer = call("POST", "/baskets", {"lines": [{"quantity": 2}, {"quantity": 3}]}, x_request_id="r-1")
    assert (answer.status, answer.json) == (201, {"text": "5"})
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == "/baskets/1"
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (b"", 400, "malformed_request", None),
        (b"{", 400, "malformed_request", None),
        (b"\xff\xfe", 400, "malformed_request", None),
        (b"[" * 5000, 422, "validation_failed", ""),
        (b"[]", 422, "validation_failed", ""),
        ({}, 422, "validation_failed", ""),
        ({"lines": [{"quantity": 1}, {"quantity": 0}]}, 422, "validation_failed", "/lines/1/quantity"),
        ({"lines": [{"quantity": "1"}]}, 422, "validation_failed", "/lines/0/quantity"),
        ({"lines": [], "note": "too long"}, 422, "validation_failed", "/note"),
        ({"lines": [], "extra": 1}, 422, "validation_failed", ""),
        ({"lines": [{"quantity": 10**30}]}, 422, "validation_failed", "/lines/0/quantity"),
    ],
)
def test_bad_bodies_are_named_and_pointed_at(
    call: Caller, body: Any, status: int, code: str, pointer: str | None
) -> None:
    answer = call("POST", "/baskets", body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    if pointer is not None:
        assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_a_body_that_is_too_large_or_not_json_is_refused(call: Caller) -> None:
    assert call("POST", "/baskets", b" " * (endpoint.MAX_BODY_BYTES + 1)).status == 413
    assert call("POST", "/baskets", b"a=1", content_type="application/x-www-form-urlencoded").status == 415


@pytest.mark.parametrize("query", ["", "lat=91", "lat=x", "lat=nan", "lat=1&lat=2", "lat=1&what=2", "lat=1e999"])
def test_bad_queries_are_refused(call: Caller, query: str) -> None:
    answer = call("GET", f"/near?{query}")
    assert answer.status == 422
    assert all(fault["pointer"].startswith("?") for fault in answer.json["errors"])


def test_what_the_caller_has_already_is_not_sent_again(call: Caller) -> None:
    fresh = call("GET", "/near?lat=1.5")
    assert (fresh.status, fresh.json["text"], fresh.headers["retry-after"]) == (200, "1.5 5", "9")
    again = call("GET", "/near?lat=1.5", if_none_match=fresh.headers["etag"])
    assert (again.status, again.body, again.headers["retry-after"]) == (304, "", "9")
    assert call("GET", "/near?lat=1.5", if_none_match='"other"').status == 200


def test_a_fault_of_ours_tells_nothing_but_its_request_id(call: Caller) -> None:
    answer = call("GET", "/broken")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "ZeroDivision" not in answer.body


def test_roles_are_asked_for(call: Caller, trusting: Issuer) -> None:
    assert call("GET", "/mine").status == 401
    assert call("GET", "/mine", authorization=f"Bearer {trusting.token('c')}").status == 403
    answer = call("GET", "/mine", authorization=f"Bearer {trusting.token('r', 'riders')}")
    assert (answer.status, answer.json["text"]) == (200, "r")


@pytest.mark.usefixtures("dynamodb")  # what staff change is noted
@pytest.mark.parametrize(
    ("subject", "store", "status"),
    [("mona", "sto_1", 200), ("clara", "sto_1", 403), ("mona", "sto_2", 403), ("nobody", "sto_1", 403)],
)
def test_staff_act_in_their_own_store_with_the_rank_it_takes(
    call: Caller, trusting: Issuer, subject: str, store: str, status: int
) -> None:
    token = trusting.token(subject, "staff")
    assert call("PUT", f"/v1/stores/{store}", authorization=f"Bearer {token}", if_match='"4"').status == status


@pytest.mark.usefixtures("dynamodb")
def test_a_change_needs_the_version_it_is_based_on(call: Caller, trusting: Issuer) -> None:
    headers = {"authorization": f"Bearer {trusting.token('mona', 'staff')}"}
    assert call("PUT", "/v1/stores/sto_1", **headers).status == 428
    assert call("PUT", "/v1/stores/sto_1", **headers, if_match='W/"12.3"').json["text"] == "sto_1 12"
    assert call("PUT", "/v1/stores/sto_1", **headers, if_match='"x"').status == 412


def test_a_path_that_can_be_no_id_is_not_found(call: Caller, trusting: Issuer) -> None:
    token = trusting.token("mona", "staff")
    assert call("PUT", "/v1/stores/%00%2F..", authorization=f"Bearer {token}", if_match='"1"').status == 404


def test_a_route_without_a_permission_can_not_be_declared() -> None:
    with pytest.raises(TypeError, match="permission"):
        Endpoints("test").get("/open", returns=Echo)


def test_a_route_past_the_decorator_fails_at_start_up() -> None:
    app = Chalice(app_name="stray")
    app.route("/stray")(dict)
    with pytest.raises(RuntimeError, match="/stray"):
        endpoint.verify(app.routes)


class TestIdempotency:
    """The stored answer lives in the business transaction; here its store is a dictionary."""

    @pytest.fixture
    def store(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, StoredAnswer]:
        kept: dict[str, StoredAnswer] = {}
        monkeypatch.setattr(endpoint, "find_answer", lambda key: kept.get(key.scope + key.key))
        return kept

    @pytest.fixture
    def pay(self, store: dict[str, StoredAnswer], monkeypatch: pytest.MonkeyPatch) -> Caller:
        monkeypatch.setattr(endpoint, "ROUTES", [])
        endpoints = Endpoints("test")

        @endpoints.post(
            "/payments",
            permission=Role("customer"),
            body=Basket,
            returns=Echo,
            status=201,
            idempotent=True,
            answer=lambda text: Reply(Echo(text=text), etag=1),
            finish=lambda request, body: {**body, "secret": "s"},
        )
        def pay(request: Request[Basket]) -> str:
            key = request.idempotency
            assert key is not None
            if key.scope + key.key in store:
                raise Conflict("taken", "…")
            store[key.scope + key.key] = StoredAnswer(key.fingerprint, key.render("paid"))
            return "paid"

        app = Chalice(app_name="edge-test")
        app.register_blueprint(endpoints.blueprint)
        return Caller(app)

    def test_a_key_is_required(self, pay: Caller, trusting: Issuer) -> None:
        answer = pay("POST", "/payments", {"lines": []}, authorization=f"Bearer {trusting.token('c')}")
        assert (answer.status, answer.json["code"]) == (400, "idempotency_key_required")

    def test_a_repeat_gets_the_stored_answer(
        self, pay: Caller, trusting: Issuer, store: dict[str, StoredAnswer]
    ) -> None:
        headers = {"authorization": f"Bearer {trusting.token('c')}", "idempotency_key": "k1"}
        first = pay("POST", "/payments", {"lines": []}, **headers)
        again = pay("POST", "/payments", {"lines": []}, **headers)
        assert first.status == again.status == 201
        assert first.json == again.json == {"text": "paid", "secret": "s"}
        assert first.headers["etag"] == again.headers["etag"]
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert "secret" not in str(store)

    def test_the_same_key_for_another_body_is_refused(self, pay: Caller, trusting: Issuer) -> None:
        headers = {"authorization": f"Bearer {trusting.token('c')}", "idempotency_key": "k1"}
        pay("POST", "/payments", {"lines": []}, **headers)
        answer = pay("POST", "/payments", {"lines": [{"quantity": 1}]}, **headers)
        assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")

    def test_two_callers_do_not_share_a_key(self, pay: Caller, trusting: Issuer) -> None:
        for subject in ("c", "d"):
            answer = pay(
                "POST",
                "/payments",
                {"lines": []},
                authorization=f"Bearer {trusting.token(subject)}",
                idempotency_key="k1",
            )
            assert answer.status == 201
            assert "idempotent-replayed" not in answer.headers


def test_a_route_with_a_limit_answers_429_with_the_time_to_wait(
    trusting: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORSTEP_RATE_LIMITS", "on")
    settings.reload()
    limits.forget()
    monkeypatch.setattr(endpoint, "ROUTES", [])
    endpoints = Endpoints("limited")

    @endpoints.get(
        "/rare",
        permission=Public(),
        returns=Echo,
        limit=Limit(name="rare", window=timedelta(days=1), per_ip=2, shared=False),
    )
    def rare(request: Request[None]) -> Reply[Echo]:
        return Reply(Echo(text="yes"))

    app = Chalice(app_name="edge-limits")
    app.register_blueprint(endpoints.blueprint)
    answers = [Caller(app)("GET", "/rare") for _ in range(3)]
    limits.forget()
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].json["code"] == "too_many_requests"
    assert int(answers[2].headers["retry-after"]) > 0
    assert "too_many_requests" in endpoint.ROUTES[0].errors


@pytest.mark.parametrize("path", ["/near?lat=1", "/broken", "/mine"])
def test_every_answer_has_the_headers_of_security(call: Caller, path: str) -> None:
    headers = call("GET", path).headers
    assert headers["strict-transport-security"].startswith("max-age=63072000")
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
