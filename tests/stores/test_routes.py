"""Stores over HTTP, with the permissions of production."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, ids
from tests.stores import factories
from tests.stores.factories import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.kernel.geo import Point
    from chalicelib.stores.service import Merchant, Store
    from tests.stores.conftest import Person

    People = Callable[..., Person]


@pytest.fixture
def owner(person: People, merchant: Merchant) -> Person:
    return person(merchant.owner_id)


@pytest.fixture
def anybody(person: People) -> Person:
    return person(group="customers")


def create(owner: Person, merchant: Merchant, key: str = "k", **changes: Any) -> Any:
    return owner("POST", f"/v1/merchants/{merchant.id}/stores", factories.settings(**changes), idempotency_key=key)


class TestMerchants:
    def test_are_registered_by_the_platform_once(self, person: People) -> None:
        admin, owner_id = person(group="admins"), ids.new_id("usr")
        body = {"name": "Lina", "owner_id": owner_id}

        first = admin("POST", "/v1/merchants", body, idempotency_key="m1")
        again = admin("POST", "/v1/merchants", body, idempotency_key="m1")

        assert (first.status, first.headers["etag"]) == (201, '"1"')
        assert (again.status, again.json) == (201, first.json)
        assert again.headers["idempotent-replayed"] == "true"
        seen = person(owner_id)("GET", first.headers["location"])
        assert (seen.status, seen.json["name"]) == (200, "Lina")

    def test_are_seen_and_renamed_by_their_owner_only(self, person: People, owner: Person, merchant: Merchant) -> None:
        path = f"/v1/merchants/{merchant.id}"

        assert person()("GET", path).status == 403
        assert owner("PATCH", path, {"name": "Linas"}).status == 428
        assert owner("PATCH", path, {"name": "Linas"}, if_match='"1"').json["name"] == "Linas"
        assert owner("PATCH", path, {"name": "Late"}, if_match='"1"').status == 412
        assert owner("GET", path, if_none_match='"2"').status == 304

    @pytest.mark.parametrize("group", ["staff", "customers", "riders"])
    def test_are_not_registered_by_others(self, person: People, group: str) -> None:
        body = {"name": "Lina", "owner_id": "usr_1"}

        assert person(group=group)("POST", "/v1/merchants", body, idempotency_key="m1").status == 403


class TestOpeningAStore:
    def test_answers_the_store_and_where_it_is(self, owner: Person, merchant: Merchant) -> None:
        made = create(owner, merchant)

        assert made.status == 201
        assert made.headers["location"] == f"/v1/stores/{made.json['id']}"
        assert made.headers["etag"].startswith('"1.')
        assert owner("GET", made.headers["location"]).json == made.json
        assert made.json["opening"]["open"]

    def test_happens_once_however_often_it_is_sent(self, owner: Person, merchant: Merchant) -> None:
        first, again = create(owner, merchant), create(owner, merchant)

        assert again.json == first.json
        assert len(owner("GET", f"/v1/merchants/{merchant.id}/stores").json["items"]) == 1

    def test_names_every_fault_with_its_pointer(self, owner: Person, merchant: Merchant) -> None:
        answer = create(
            owner,
            merchant,
            country="XX",
            currency="CHF",
            payment_methods=["pay_at_store"],
        )

        assert (answer.status, answer.json["code"]) == (422, "validation_failed")
        assert {error["pointer"] for error in answer.json["errors"]} == {
            "/country",
            "/zones/0/tiers/0/fee/currency",
            "/payment_methods",
        }

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"name": ""}, "/name"),
            ({"name": " \n "}, "/name"),
            ({"currency": "euro"}, "/currency"),
            ({"point": {"lat": 91, "lng": 0}}, "/point/lat"),
            ({"modes": {"drone": {"lead_minutes": 1}}}, "/modes"),
            ({"modes": {"pickup": {"lead_minutes": 10**30}}}, "/modes/pickup/lead_minutes"),
            ({"zones": [{"id": "a", "area": {"type": "star"}, "tiers": []}]}, "/zones/0/area/type"),
            ({"taxes": {"prices_include_tax": True, "rates": {}, "fee_tax_category": "x"}}, "/taxes/rates"),
            ({"accept_within_minutes": 0}, "/accept_within_minutes"),
            ({"surprise": 1}, ""),
        ],
    )
    def test_refuses_what_has_not_the_form(
        self, owner: Person, merchant: Merchant, changes: dict[str, Any], pointer: str
    ) -> None:
        answer = create(owner, merchant, **changes)

        assert answer.status == 422
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]

    @pytest.mark.parametrize("name", ["\x00", "a\x00b", "\u202e", "💥🍕", "a" * 120])
    def test_takes_strange_names(self, owner: Person, merchant: Merchant, name: str) -> None:
        made = create(owner, merchant, name=name)

        assert made.status == 201
        assert owner("GET", made.headers["location"]).json["name"] == name

    def test_refuses_half_a_character(self, owner: Person, merchant: Merchant) -> None:
        content = b'{"name": "\\ud800"}'

        answer = owner("POST", f"/v1/merchants/{merchant.id}/stores", content, idempotency_key="k")

        assert answer.status in (400, 422)

    def test_is_for_the_owner_of_the_merchant(self, person: People, merchant: Merchant) -> None:
        assert create(person(), merchant).status == 403


class TestSeeingAStore:
    def test_is_for_everybody_and_costs_little_when_nothing_is_new(
        self, anybody: Person, open_store: Callable[..., Store]
    ) -> None:
        path = f"/v1/stores/{open_store().id}"

        seen = anybody("GET", path)
        again = anybody("GET", path, if_none_match=seen.headers["etag"])

        assert (seen.status, again.status, again.body) == (200, 304, "")
        assert again.headers["etag"] == seen.headers["etag"]

    def test_is_new_when_it_opens_or_closes(self, anybody: Person, open_store: Callable[..., Store]) -> None:
        path = f"/v1/stores/{open_store(opening_hours='Mo-Su 11:00-22:00').id}"

        with clock.freeze(NOON):
            noon = anybody("GET", path)
        with clock.freeze(NOON + timedelta(hours=1)):
            assert anybody("GET", path, if_none_match=noon.headers["etag"]).status == 304
        with clock.freeze(NOON + timedelta(hours=11)):
            night = anybody("GET", path, if_none_match=noon.headers["etag"])

        assert noon.json["opening"] == {
            "open": True,
            "reason": "open",
            "busy_minutes": 0,
            "next_change_at": "2026-06-10T20:00:00.000Z",
        }
        assert night.status == 200
        assert not night.json["openings"]["pickup"]["open"]

    def test_that_is_none(self, anybody: Person) -> None:
        answer = anybody("GET", "/v1/stores/sto_nowhere")

        assert (answer.status, answer.json["code"]) == (404, "store_not_found")


class TestChangingAStore:
    def test_takes_the_tag_that_was_read(self, owner: Person, open_store: Callable[..., Store]) -> None:
        path = f"/v1/stores/{open_store().id}"
        tag = owner("GET", path).headers["etag"]

        assert owner("PATCH", path, {"name": "Lina II"}).status == 428
        changed = owner("PATCH", path, {"name": "Lina II"}, if_match=tag)
        late = owner("PATCH", path, {"name": "Late"}, if_match=tag)

        assert (changed.status, changed.json["name"], changed.json["version"]) == (200, "Lina II", 2)
        assert (late.status, late.json["code"]) == (412, "version_conflict")

    def test_says_what_would_be_wrong(self, owner: Person, open_store: Callable[..., Store]) -> None:
        path = f"/v1/stores/{open_store().id}"

        answer = owner("PATCH", path, {"opening_hours": "Mo-Fr 9-17"}, if_match='"1"')

        (error,) = answer.json["errors"]
        assert (answer.status, error["code"], error["pointer"]) == (422, "opening_hours_invalid", "/opening_hours")
        assert error["params"] == {"column": 7}

    @pytest.mark.parametrize("fixed", ["currency", "country", "id", "merchant_id", "version", "pauses"])
    def test_leaves_what_is_fixed(self, owner: Person, open_store: Callable[..., Store], fixed: str) -> None:
        path = f"/v1/stores/{open_store().id}"

        assert owner("PATCH", path, {fixed: "EUR"}, if_match='"1"').status == 422

    def test_is_for_managers(self, owner: Person, person: People, open_store: Callable[..., Store]) -> None:
        store = open_store()
        clerk, manager = person(), person()
        for who, role in ((clerk, "clerk"), (manager, "manager")):
            owner("POST", f"/v1/stores/{store.id}/staff", {"user_id": who.id, "role": role})

        path = f"/v1/stores/{store.id}"
        assert clerk("PATCH", path, {"name": "X"}, if_match='"1"').status == 403
        assert person()("PATCH", path, {"name": "X"}, if_match='"1"').status == 403
        assert manager("PATCH", path, {"name": "X"}, if_match='"1"').status == 200


class TestPausing:
    def test_by_a_clerk_without_a_version(
        self, owner: Person, person: People, anybody: Person, open_store: Callable[..., Store]
    ) -> None:
        path = f"/v1/stores/{open_store().id}"
        clerk = person()
        owner("POST", f"{path}/staff", {"user_id": clerk.id, "role": "clerk"})

        paused = clerk("POST", f"{path}/pauses", {"kind": "closed", "minutes": 30})

        assert (paused.status, paused.json["opening"]["reason"]) == (201, "paused")
        (pause,) = paused.json["pauses"]
        ended = clerk("DELETE", f"{path}/pauses/{pause['id']}")
        assert (ended.status, ended.json["opening"]["reason"], ended.json["pauses"]) == (200, "open", [])
        assert clerk("DELETE", f"{path}/pauses/{pause['id']}").json["code"] == "pause_not_found"
        assert anybody("POST", f"{path}/pauses", {"kind": "closed", "minutes": 30}).status == 403

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"kind": "closed"}, "/minutes"),
            ({"kind": "busy", "minutes": 10}, "/extra_minutes"),
            ({"kind": "closed", "until": "2020-01-01T00:00:00Z"}, "/until"),
            ({"kind": "closed", "until": "0001-01-01T00:00:00+14:00"}, "/until"),
            ({"kind": "closed", "until": "9999-12-31T23:59:59-14:00"}, "/until"),
            ({"kind": "closed", "until": "2026-06-10T12:00:00"}, "/until"),
            ({"kind": "closed", "minutes": 5, "modes": ["dine_in"]}, "/modes/0"),
        ],
    )
    def test_that_makes_no_sense(
        self, owner: Person, open_store: Callable[..., Store], body: dict[str, Any], pointer: str
    ) -> None:
        answer = owner("POST", f"/v1/stores/{open_store().id}/pauses", body)

        assert answer.status == 422
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


class TestStaff:
    def test_are_added_seen_changed_and_removed(
        self, owner: Person, person: People, open_store: Callable[..., Store]
    ) -> None:
        path = f"/v1/stores/{open_store().id}/staff"
        ada = person()

        added = owner("POST", path, {"user_id": ada.id, "role": "clerk", "name": "Ada"})
        assert (added.status, added.headers["etag"]) == (201, '"1"')
        assert added.headers["location"] == f"{path}/{ada.id}"
        assert owner("POST", path, {"user_id": ada.id, "role": "clerk"}).json["code"] == "already_staff"
        changed = owner("PATCH", f"{path}/{ada.id}", {"role": "manager"}, if_match='"1"')
        assert (changed.status, changed.json["role"]) == (200, "manager")
        assert owner("GET", f"{path}/{ada.id}", if_none_match='"2"').status == 304
        listed = owner("GET", path).json
        assert {item["user_id"]: item["role"] for item in listed["items"]} == {owner.id: "owner", ada.id: "manager"}
        assert owner("DELETE", f"{path}/{ada.id}").status == 204
        assert owner("GET", f"{path}/{ada.id}").json["code"] == "staff_member_not_found"

    def test_see_where_they_work(self, owner: Person, open_store: Callable[..., Store]) -> None:
        stores = {open_store().id for _ in range(3)}

        first = owner("GET", "/v1/me/stores?limit=2").json
        second = owner("GET", f"/v1/me/stores?limit=2&cursor={first['next_cursor']}").json

        assert {item["store_id"] for item in first["items"] + second["items"]} == stores
        assert second["next_cursor"] is None

    def test_of_another_store_are_strangers(self, person: People, open_store: Callable[..., Store]) -> None:
        path = f"/v1/stores/{open_store().id}/staff"

        assert person()("GET", path).status == 403
        assert person(group="customers")("GET", path).status == 403

    @pytest.mark.parametrize("user_id", ["", "a b", "a\n", "a#b", "x" * 129, "\x00"])
    def test_have_ids_that_can_be_addressed(
        self, owner: Person, open_store: Callable[..., Store], user_id: str
    ) -> None:
        path = f"/v1/stores/{open_store().id}/staff"

        assert owner("POST", path, {"user_id": user_id, "role": "clerk"}).status == 422


class TestSearching:
    def test_tells_what_a_customer_chooses_by(
        self, anybody: Person, open_store: Callable[..., Store], place: Point
    ) -> None:
        store = open_store()

        answer = anybody("GET", f"/v1/stores?lat={place.lat}&lng={place.lng}&mode=delivery")

        (item,) = answer.json["items"]
        assert answer.json["next_cursor"] is None
        assert item["id"] == store.id
        assert (item["distance_m"], item["expected_minutes"], item["zone_id"]) == (0, 22, "inner")
        assert item["fee"] == {"amount": 290, "currency": "EUR"}
        assert item["opening"] == {"open": True, "reason": "open", "busy_minutes": 0, "next_change_at": None}
        assert item["minimum_order"] is None

    def test_in_pages(self, anybody: Person, open_store: Callable[..., Store], place: Point) -> None:
        stores = {open_store().id for _ in range(3)}
        path = f"/v1/stores?lat={place.lat}&lng={place.lng}&mode=pickup&limit=2"

        first = anybody("GET", path).json
        second = anybody("GET", f"{path}&cursor={first['next_cursor']}").json

        assert {item["id"] for item in first["items"] + second["items"]} == stores
        assert (len(first["items"]), second["next_cursor"]) == (2, None)
        elsewhere = f"/v1/stores?lat=0&lng=0&mode=pickup&limit=2&cursor={first['next_cursor']}"
        assert anybody("GET", elsewhere).status == 422

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "lat=1&lng=2",
            "lat=1&lng=2&mode=drone",
            "lat=91&lng=2&mode=pickup",
            "lat=nan&lng=2&mode=pickup",
            "lat=inf&lng=2&mode=pickup",
            "lat=1&lng=2&mode=pickup&limit=51",
            "lat=1&lng=2&mode=pickup&cursor=x",
            "lat=1&lng=2&mode=pickup&page=2",
        ],
    )
    def test_needs_a_place_and_a_mode(self, anybody: Person, query: str) -> None:
        assert anybody("GET", f"/v1/stores?{query}").status == 422

    @pytest.mark.parametrize("place_", [(90, 0), (-90, 180), (0, -180), (0, 180), (-0.0, -0.0)])
    def test_works_at_the_ends_of_the_earth(self, anybody: Person, place_: tuple[float, float]) -> None:
        for mode in ("delivery", "pickup"):
            answer = anybody("GET", f"/v1/stores?lat={place_[0]}&lng={place_[1]}&mode={mode}")
            assert (answer.status, answer.json["items"]) == (200, [])
