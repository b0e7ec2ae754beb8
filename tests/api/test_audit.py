"""Who did what: noted with what was done, read by who answers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pynamodb.exceptions import PutError

from chalicelib.edge import trail
from chalicelib.edge.endpoint import ROUTES
from chalicelib.kernel import audit, ids

if TYPE_CHECKING:
    from tests.api.scene import Scene
    from tests.ordering.world import Stripe

PAUSE = {"kind": "busy", "minutes": 15, "extra_minutes": 10}


def trail_of(scene: Scene, who: str = "owner", query: str = "") -> Any:
    return scene.call(who, "GET", f"/v1/stores/{scene.store_id}/audit{query}").json


def test_a_change_by_staff_is_noted_with_who_what_and_the_request(scene: Scene) -> None:
    path = f"/v1/stores/{scene.store_id}/pauses"
    made = scene.call("clerk", "POST", path, PAUSE, X_Request_Id="req-of-the-clerk")
    assert made.status == 201
    entry = trail_of(scene)["items"][0]
    assert entry["actor"] == scene.subjects["clerk"]
    assert entry["route"] == "POST /v1/stores/{store_id}/pauses"
    assert entry["ids"] == {"store_id": scene.store_id}
    assert (entry["request_id"], entry["status"]) == ("req-of-the-clerk", 201)


def test_a_command_on_an_order_names_the_order(scene: Scene) -> None:
    order = scene.order()
    path = f"/v1/stores/{scene.store_id}/orders/{order.id}/accept"
    done = scene.call("clerk", "POST", path, {"prep_minutes": 15}, If_Match=f'"{order.version}"')
    assert done.status == 200
    entry = trail_of(scene)["items"][0]
    assert (entry["actor"], entry["ids"]["order_id"]) == (scene.subjects["clerk"], order.id)


def test_looking_and_being_refused_leave_nothing(scene: Scene) -> None:
    scene.call("clerk", "GET", f"/v1/stores/{scene.store_id}")
    scene.call("customer", "POST", f"/v1/stores/{scene.store_id}/pauses", PAUSE)
    scene.call("clerk", "POST", f"/v1/stores/{scene.store_id}/pauses", {"kind": "no"})
    assert trail_of(scene)["items"] == []


def test_an_admin_reads_the_platforms_and_any_stores_trail_in_pages(scene: Scene, stripe: Stripe) -> None:
    for _ in range(2):
        scene.call("clerk", "POST", f"/v1/stores/{scene.store_id}/pauses", PAUSE)
    body = {"value": {"amount": 300, "currency": "EUR"}, "reason": "winter"}
    path = f"/v1/customers/{scene.subjects['customer']}/credits"
    assert scene.call("admin", "POST", path, body, Idempotency_Key=ids.new_id("key")).status == 201
    newest = scene.call("admin", "GET", "/v1/audit?limit=1").json["items"][0]
    assert (newest["actor"], newest["ids"]) == (
        scene.subjects["admin"],
        {"customer_id": audit.customer_mark(scene.subjects["customer"])},
    )

    one = f"/v1/audit?subject=store:{scene.store_id}&limit=1"
    first = scene.call("admin", "GET", one).json
    second = scene.call("admin", "GET", f"{one}&cursor={first['next_cursor']}").json
    assert first["items"][0]["id"] > second["items"][0]["id"]
    foreign = scene.call("admin", "GET", f"/v1/audit?cursor={first['next_cursor']}")
    assert (foreign.status, foreign.json["errors"][0]["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("who", ["clerk", "manager", "customer"])
def test_only_owners_read_a_stores_trail(scene: Scene, who: str) -> None:
    assert scene.call(who, "GET", f"/v1/stores/{scene.store_id}/audit").status == 403
    assert scene.call("owner", "GET", f"/v1/stores/{scene.elsewhere.id}/audit").status == 403


@pytest.mark.parametrize("subject", ["", "store", "store:", "rider:1", "store:a b", "platform\x00"])
def test_a_subject_of_another_form_is_refused(scene: Scene, subject: str) -> None:
    from urllib.parse import quote

    assert scene.call("admin", "GET", f"/v1/audit?subject={quote(subject)}").status == 422


def test_what_is_done_stays_done_when_the_trail_can_not_be_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(**_deed: Any) -> None:
        raise PutError("throttled")

    monkeypatch.setattr(audit, "keep", fails)
    assert scene.call("clerk", "POST", f"/v1/stores/{scene.store_id}/pauses", PAUSE).status == 201
    (record,) = [each for each in caplog.records if each.message == "an audit entry was not written"]
    assert record.__dict__["actor"] == scene.subjects["clerk"]


def test_every_change_by_staff_or_admins_is_kept_and_nothing_else() -> None:
    kept = {f"{route.method} {route.path}" for route in ROUTES if trail.is_kept(route)}
    assert "POST /v1/merchants" in kept
    assert "POST /v1/stores/{store_id}/orders/{order_id}/accept" in kept
    assert not {"POST /v1/orders", "POST /v1/quotes", "POST /v1/webhooks/stripe"} & kept
    assert {each for each in kept if each.startswith("GET ")} == {"GET /v1/customers/{customer_id}/export"}


def test_who_is_handed_everything_of_a_customer_is_noted_without_the_customers_id(scene: Scene) -> None:
    customer_id = scene.subjects["customer"]
    assert scene.call("admin", "GET", f"/v1/customers/{customer_id}/export").status == 200
    (entry,) = [
        each
        for each in scene.call("admin", "GET", "/v1/audit?limit=5").json["items"]
        if each["actor"] == scene.subjects["admin"]
    ]
    assert entry["ids"] == {"customer_id": audit.customer_mark(customer_id)}
    assert customer_id not in str(entry)
