"""The riders' API over HTTP: who may, what is taken, and what pollers are told."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.kernel import clock
from chalicelib.kernel.money import Money
from tests.dispatch.factories import an_op, seconds
from tests.edge.conftest import Answer, Caller
from tests.edge.conftest import issuer as issuer  # noqa: PLC0414  (a fixture, shared by name)
from tests.edge.conftest import trusting as trusting  # noqa: PLC0414

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.dispatch.conftest import World
    from tests.issuer import Issuer


class Client:
    """Somebody with a token."""

    def __init__(self, caller: Caller, token: str) -> None:
        self.caller = caller
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self.caller(method, path, body, Authorization=f"Bearer {self.token}", **headers)


@pytest.fixture(scope="module")
def caller() -> Caller:
    from app import app  # after the environment of the tests is set

    return Caller(app)


@pytest.fixture
def client(caller: Caller, trusting: Issuer, world: World) -> Callable[..., Client]:
    return lambda subject, *groups: Client(caller, trusting.token(subject, *groups))


@pytest.fixture
def rider(client: Callable[..., Client], world: World) -> Client:
    """A rider on shift at the store, whose calls carry the token."""
    subject = str(uuid.uuid4())
    made = client(subject, "riders")
    made("PUT", "/v1/rider/profile", {"name": "Lena", "vehicle": "bicycle", "capacity": 2})
    made("POST", "/v1/rider/shift", {"state": "on", "position": spot(world)})
    made.subject = subject  # type: ignore[attr-defined]
    return made


def spot(world: World) -> dict[str, float]:
    return {"lat": world.store.lat, "lng": world.store.lng}


def report(**more: Any) -> dict[str, Any]:
    return {"op_id": an_op(), "captured_at": clock.rfc3339(clock.now()), **more}


def step(rider: Client, delivery_id: str, name: str, body: dict[str, Any] | None = None) -> Answer:
    return rider("POST", f"/v1/rider/deliveries/{delivery_id}/{name}", body or report())


def test_a_rider_delivers_over_http(rider: Client, world: World) -> None:
    due = Money(1850, "EUR")
    delivery = world.look(world.request(proof=service.Proof.PIN, pin="4711", cash_to_collect=due).id)
    feed = rider("GET", "/v1/rider/feed")
    (offer,) = feed.json["offers"]
    assert (offer["delivery_id"], offer["cash_to_collect"]) == (delivery.id, {"amount": 1850, "currency": "EUR"})
    assert "dropoff_address" not in offer
    assert "4711" not in feed.body

    assert step(rider, delivery.id, "accept").json["status"] == "assigned"
    (job,) = rider("GET", "/v1/rider/feed").json["deliveries"]
    assert (job["next_step"], job["dropoff_address"]) == (
        "go_to_store",
        "Schönhauser Allee 36, 3rd floor, 10435 Berlin",
    )
    assert step(rider, delivery.id, "arrived_at_store").status == 200
    early = step(rider, delivery.id, "picked_up")
    assert (early.status, early.json["code"], early.headers["retry-after"]) == (409, "order_not_ready", "10")
    world.ready(delivery.id)
    assert step(rider, delivery.id, "picked_up").status == 200
    assert step(rider, delivery.id, "arrived").status == 200
    wrong = step(rider, delivery.id, "delivered", report(pin="0000", cash_collected=dict(vars_of(due))))
    assert (wrong.status, wrong.json["code"], wrong.json["attempts_left"]) == (409, "pin_wrong", 4)
    done = report(pin="4711", cash_collected=dict(vars_of(due)))
    first, again = step(rider, delivery.id, "delivered", done), step(rider, delivery.id, "delivered", done)
    assert (first.status, first.json["status"]) == (200, "delivered")
    assert again.json == first.json

    seen = rider("GET", f"/v1/rider/deliveries/{delivery.id}")
    assert [entry["status"] for entry in seen.json["timeline"]][-1] == "delivered"
    assert seen.json["delivery"]["next_step"] is None
    assert "4711" not in seen.body


def vars_of(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}


def test_a_poll_with_nothing_new_is_told_so_and_when_to_come_back(rider: Client, world: World) -> None:
    first = rider("GET", "/v1/rider/feed")
    assert (first.status, 3 <= int(first.headers["retry-after"]) <= 124) == (200, True)
    etag = first.headers["etag"]
    same = rider("GET", "/v1/rider/feed", If_None_Match=etag)
    assert (same.status, same.body, same.headers["etag"]) == (304, "", etag)
    assert 3 <= int(same.headers["retry-after"]) <= 124
    delivery = world.look(world.request().id)
    news = rider("GET", "/v1/rider/feed", If_None_Match=etag)
    assert (news.status, news.headers["retry-after"]) == (200, "10")
    assert [offer["delivery_id"] for offer in news.json["offers"]] == [delivery.id]


def test_a_delivery_that_fails_comes_back(rider: Client, world: World) -> None:
    delivery = world.look(world.request().id)
    world.ready(delivery.id)
    for name in ("accept", "picked_up"):
        assert step(rider, delivery.id, name).status == 200
    assert step(rider, delivery.id, "failed").status == 422
    assert step(rider, delivery.id, "failed", report(reason="customer_absent")).json["status"] == "failed"
    assert step(rider, delivery.id, "returning").status == 200
    assert step(rider, delivery.id, "returned").json["status"] == "returned"


def test_offers_can_be_declined_and_deliveries_dropped(rider: Client, world: World) -> None:
    one = world.look(world.request().id)
    assert step(rider, one.id, "decline").json["status"] == "unassigned"
    two = world.look(world.request().id)
    step(rider, two.id, "accept")
    assert step(rider, two.id, "drop").json["status"] == "unassigned"
    gone = step(rider, two.id, "arrived_at_store")
    assert (gone.status, gone.json["code"]) == (409, "delivery_not_yours")


def test_shifts_and_heartbeats(rider: Client, world: World) -> None:
    later = clock.rfc3339(clock.now() + seconds(2))
    moved = rider("PUT", "/v1/rider/position", {"position": spot(world), "captured_at": later})
    assert (moved.status, moved.json["zone"]) == (200, service.zone_of(world.store))
    off = rider("POST", "/v1/rider/shift", {"state": "off"})
    assert (off.status, off.json["on_shift"]) == (200, False)
    refused = rider("PUT", "/v1/rider/position", {"position": spot(world), "captured_at": later})
    assert (refused.status, refused.json["code"]) == (409, "not_on_shift")
    nowhere = rider("POST", "/v1/rider/shift", {"state": "on"})
    assert (nowhere.status, nowhere.json["errors"][0]["pointer"]) == (422, "/position")


def test_a_forced_end_gives_deliveries_back(rider: Client, world: World) -> None:
    delivery = world.look(world.request().id)
    step(rider, delivery.id, "accept")
    held = rider("POST", "/v1/rider/shift", {"state": "off"})
    assert (held.status, held.json["deliveries"]) == (409, [delivery.id])
    assert rider("POST", "/v1/rider/shift", {"state": "off", "force": True}).status == 200
    assert world.delivery(delivery.id).status is service.Status.UNASSIGNED


def test_an_admin_registers_and_changes_riders(client: Callable[..., Client]) -> None:
    admin = client("ada", "admins")
    subject = str(uuid.uuid4())
    body = {"user": subject, "name": "Lena", "vehicle": "scooter", "capacity": 3}
    key = an_op()
    made = admin("POST", "/v1/riders", body, Idempotency_Key=key)
    assert (made.status, made.json["rider_id"], made.headers["location"]) == (201, subject, f"/v1/riders/{subject}")
    again = admin("POST", "/v1/riders", body, Idempotency_Key=key)
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (201, made.json, "true")
    twice = admin("POST", "/v1/riders", body, Idempotency_Key=an_op())
    assert (twice.status, twice.json["code"]) == (409, "rider_exists")

    assert admin("PATCH", f"/v1/riders/{subject}", {"capacity": 5}).status == 428
    changed = admin("PATCH", f"/v1/riders/{subject}", {"vehicle": "car"}, If_Match=made.headers["etag"])
    assert (changed.json["vehicle"], changed.json["capacity"]) == ("car", 3)
    assert admin("PATCH", f"/v1/riders/{subject}", {"capacity": 5}, If_Match=made.headers["etag"]).status == 412
    assert admin("GET", f"/v1/riders/{subject}").json == changed.json


def test_what_belongs_to_one_rider_is_nobody_elses(rider: Client, client: Callable[..., Client], world: World) -> None:
    delivery = world.look(world.request().id)
    step(rider, delivery.id, "accept")
    other = client(str(uuid.uuid4()), "riders")
    assert other("GET", "/v1/rider/feed").json["code"] == "rider_not_registered"
    assert other("GET", f"/v1/rider/deliveries/{delivery.id}").status == 404
    for name in ("accept", "decline", "drop", "arrived_at_store", "picked_up", "arrived", "delivered", "returned"):
        assert step(other, delivery.id, name).status == 404, name
    for stranger in (client("carl"), client("sam", "staff"), client("ada", "admins")):
        assert stranger("GET", "/v1/rider/feed").status == 403
        assert step(stranger, delivery.id, "accept").status == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"op_id": "short", "captured_at": "2026-03-01T12:00:00Z"},
        {"op_id": "12345678\n", "captured_at": "2026-03-01T12:00:00Z"},
        {"op_id": "x" * 37, "captured_at": "2026-03-01T12:00:00Z"},
        {"op_id": "a b c d e", "captured_at": "2026-03-01T12:00:00Z"},
        {"op_id": "12345678", "captured_at": "yesterday"},
        {"op_id": "12345678", "captured_at": "2026-02-30T12:00:00Z"},
        {"op_id": "12345678", "captured_at": "2026-03-01T12:00:00"},
        {"op_id": "12345678", "captured_at": "0001-01-01T00:00:00+14:00"},
        {"op_id": "12345678", "captured_at": "9999-12-31T23:59:59-14:00"},
        {"op_id": "12345678", "captured_at": "2026-03-01T12:00:00+99:99"},
        {"op_id": "12345678", "captured_at": "2126-03-01T12:00:00Z"},
        {"op_id": "12345678", "captured_at": 5},
        {"op_id": "12345678", "captured_at": "2026-03-01T12:00:00Z", "more": 1},
    ],
)
def test_a_report_that_makes_no_sense_is_refused(rider: Client, world: World, body: dict[str, Any]) -> None:
    delivery = world.look(world.request().id)
    answer = step(rider, delivery.id, "accept", body) if body else rider("POST", _accept(delivery.id), {})
    assert answer.status == 422
    assert answer.json["code"] == "validation_failed"


@pytest.mark.parametrize(
    "profile",
    [
        {"name": "", "vehicle": "bicycle"},
        {"name": " ", "vehicle": "bicycle"},
        {"name": "\u0000", "vehicle": "bicycle"},
        {"name": "Lena\n", "vehicle": "bicycle"},
        {"name": "x" * 81, "vehicle": "bicycle"},
        {"name": "Lena", "vehicle": "rocket"},
        {"name": "Lena", "vehicle": "car", "capacity": 0},
        {"name": "Lena", "vehicle": "car", "capacity": 10**30},
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(rider: Client, profile: dict[str, Any]) -> None:
    assert rider("PUT", "/v1/rider/profile", profile).status == 422


def test_a_lone_surrogate_is_no_text(rider: Client) -> None:
    answer = rider("PUT", "/v1/rider/profile", b'{"name": "a\\ud800", "vehicle": "car"}')
    assert answer.status in (400, 422)


@pytest.mark.parametrize("etag", ['"r1.' + "0" * 26 + ':1"', '"*"', "*", '"' + "9" * 400 + '"', 'W/"x"'])
def test_an_etag_that_is_not_ours_is_answered_in_full(rider: Client, etag: str) -> None:
    answer = rider("GET", "/v1/rider/feed", If_None_Match=etag)
    assert answer.status in (200, 304)
    assert answer.headers["etag"].startswith('"r')


def _accept(delivery_id: str) -> str:
    return f"/v1/rider/deliveries/{delivery_id}/accept"


def test_a_second_try_and_what_hostile_phones_send_at_the_door(rider: Client, world: World) -> None:
    delivery = world.picked_up_by(rider.subject)  # type: ignore[attr-defined]
    (job,) = rider("GET", "/v1/rider/feed").json["deliveries"]
    assert (job["tries_left"], job["age_check"]) == (1, False)
    assert step(rider, delivery.id, "missed", report(reason="customer_absent")).json["status"] == "picked_up"
    again = step(rider, delivery.id, "missed", report(reason="customer_absent"))
    assert (again.status, again.json["code"]) == (409, "no_more_tries")
    feed = rider("GET", "/v1/rider/feed").json
    assert (feed["deliveries"][0]["tries_left"], [stop["kind"] for stop in feed["route"]]) == (0, ["door"])
    for hostile in ("AB" * 32, "ab" * 31, "ab" * 32 + "\n", "", "\x00" * 64, 7):
        refused = step(rider, delivery.id, "delivered", report(photo_sha256=hostile))
        assert refused.status == 422
    for hostile in ("yes", 1, {}, []):
        assert step(rider, delivery.id, "delivered", report(age_proven=hostile)).status == 422
    assert step(rider, delivery.id, "missed", report(reason="age_not_proven")).status == 422
    done = step(rider, delivery.id, "delivered", report(photo="p/1.jpg", photo_sha256="ab" * 32, age_proven=True))
    assert done.status == 200
