"""Merchants and stores at rest: versions, lists, and the cells that follow every change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound, VersionConflict
from chalicelib.kernel.geo import Point
from chalicelib.stores import service
from chalicelib.stores.model import PauseRequest, cell_entries
from chalicelib.stores.tables import (
    CELLS_SK,
    STORE_SK,
    CellRow,
    CellsRow,
    StoreRow,
    keys_of,
    line_key,
    store_pk,
)
from tests.catalog.conftest import metered
from tests.stores import factories
from tests.stores.factories import NOON, north

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.stores.service import Merchant, Store


def lines_at_rest(store: Store) -> set[tuple[str, str]]:
    """The lines of the store that it remembers and that are really there."""
    remembered = sorted(keys_of(tables.get(CellsRow, store_pk(store.id), CELLS_SK)))
    rows = tables.batch_get([(CellRow, pk, sk) for pk, sk in remembered])
    return {(row.pk, row.sk) for row in rows if row is not None}


def lines_expected(store: Store) -> set[tuple[str, str]]:
    return {line_key(store.id, entry) for entry in cell_entries(store)}


def exists(line: tuple[str, str]) -> bool:
    return tables.get(CellRow, *line) is not None


def test_a_store_reads_as_it_was_written(open_store: Callable[..., Store]) -> None:
    store = open_store(
        zones=[
            {
                "id": "kiez",
                "area": {"type": "radius", "radius_m": 3000},
                "tiers": [
                    {"up_to_m": 1000, "fee": {"amount": 190, "currency": "EUR"}},
                    {"up_to_m": None, "fee": {"amount": 290, "currency": "EUR"}},
                ],
                "minimum_order": {"amount": 1500, "currency": "EUR"},
            }
        ],
        phone="+49 30 1234",
        name="Zoë's 店",
    )

    assert service.get_store(store.id) == store
    assert tables.fetch(service.store_ref(store.id)) == (store,)


def test_what_is_kept_names_every_field_so_that_a_new_default_changes_no_old_store(
    open_store: Callable[..., Store],
) -> None:
    row = tables.get(StoreRow, store_pk(open_store().id), STORE_SK)

    assert row is not None
    assert row.document.keys() == set(service.Store.__struct_fields__)


def test_there_is_no_store_without_having_been_opened(dynamodb: Any) -> None:
    with pytest.raises(NotFound):
        service.get_store("sto_nowhere")
    assert tables.fetch(service.store_ref("sto_nowhere")) == (None,)


def test_only_the_owner_of_a_merchant_opens_stores_of_it(merchant: Merchant) -> None:
    with pytest.raises(NotFound) as refused:
        service.create_store(merchant.id, "usr_stranger", factories.settings())

    assert refused.value.code == "merchant_not_found"
    assert service.list_stores(merchant.id, None, 10) == ([], None)


def test_a_store_with_faults_is_not_opened(open_store: Callable[..., Store], merchant: Merchant) -> None:
    with pytest.raises(Invalid) as refused:
        open_store(country="XX", opening_hours="whenever")

    assert {violation.pointer for violation in refused.value.violations} == {"/country"}
    assert service.list_stores(merchant.id, None, 10) == ([], None)


def test_a_merchants_stores_are_listed_in_pages_oldest_first(
    open_store: Callable[..., Store], merchant: Merchant
) -> None:
    opened = [open_store(name=f"Branch {i}") for i in range(5)]

    names: list[str] = []
    start = None
    for _ in range(3):
        page, start = service.list_stores(merchant.id, start, 2)
        names += [store.name for store in page]

    assert names == sorted(store.name for store in opened)
    assert start is None


def test_owners_of_merchants_are_known(merchant: Merchant) -> None:
    assert service.is_merchant_owner(merchant.owner_id, merchant.id)
    assert not service.is_merchant_owner("usr_stranger", merchant.id)
    assert not service.is_merchant_owner(merchant.owner_id, "mer_nowhere")


def test_a_merchant_is_renamed_by_who_knows_its_version(merchant: Merchant) -> None:
    renamed = service.change_merchant(merchant.id, {"name": "Linas"}, 1)

    assert service.get_merchant(merchant.id) == renamed
    assert (renamed.name, renamed.version) == ("Linas", 2)
    with pytest.raises(VersionConflict):
        service.change_merchant(merchant.id, {"name": "Late"}, 1)


class TestChanging:
    def test_replaces_what_is_given_and_keeps_the_rest(self, open_store: Callable[..., Store]) -> None:
        store = open_store(phone="+49 30 1234")

        changed = service.change_store(store.id, {"name": "Lina II", "phone": None}, 1)

        assert (changed.name, changed.phone, changed.version) == ("Lina II", None, 2)
        assert changed.zones == store.zones
        assert service.get_store(store.id) == changed

    def test_needs_the_version_that_was_read(self, open_store: Callable[..., Store]) -> None:
        store = open_store()
        service.change_store(store.id, {"name": "First"}, 1)

        with pytest.raises(VersionConflict):
            service.change_store(store.id, {"name": "Second"}, 1)
        assert service.get_store(store.id).name == "First"

    def test_checks_the_store_as_it_would_be(self, open_store: Callable[..., Store]) -> None:
        store = open_store()

        with pytest.raises(Invalid) as refused:
            service.change_store(store.id, {"zones": []}, 1)

        assert [violation.code for violation in refused.value.violations] == ["zone_required"]
        assert service.get_store(store.id) == store

    def test_by_many_at_once_lets_one_win(self, open_store: Callable[..., Store]) -> None:
        store = open_store()

        def change(i: int) -> str:
            try:
                return service.change_store(store.id, {"name": f"Name {i}"}, 1).name
            except DomainError as error:
                return error.code

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(change, range(8)))

        assert sorted(answers)[1:] == ["version_conflict"] * 7
        assert service.get_store(store.id).name in answers

    def test_of_anything_but_place_and_service_writes_one_item(self, open_store: Callable[..., Store]) -> None:
        store = open_store()

        with metered() as meter:
            service.change_store(store.id, {"name": "Lina II", "opening_hours": "Mo-Fr 09:00-17:00"}, 1)

        assert meter.requests == ["BatchGetItem", "UpdateItem"]


class TestCells:
    def test_follow_the_store(self, open_store: Callable[..., Store], place: Point) -> None:
        store = open_store()
        moves: list[dict[str, Any]] = [
            {"point": {"lat": place.lat + 1, "lng": place.lng}},
            {"zones": [factories.settings()["zones"][0] | {"area": {"type": "radius", "radius_m": 12_000}}]},
            {"modes": {"pickup": {"lead_minutes": 5}}},
            {"status": "inactive"},
            {"status": "active"},
            {"modes": {"dine_in": {"lead_minutes": 5}, "delivery": {"lead_minutes": 5}}},
        ]
        ever = lines_at_rest(store)
        assert ever == lines_expected(store)

        for changes in moves:
            store = service.change_store(store.id, changes, store.version)
            now = lines_at_rest(store)
            assert now == lines_expected(store)
            assert not any(exists(line) for line in ever - now)
            ever |= now

    def test_say_what_the_store_serves(self, open_store: Callable[..., Store]) -> None:
        store = open_store()

        changed = service.change_store(store.id, {"modes": {"dine_in": {"lead_minutes": 5}}}, 1)

        modes = {sk.rpartition("#")[2] for _, sk in lines_at_rest(changed)}
        assert modes == {"i"}
        assert lines_at_rest(changed) == lines_expected(changed)

    def test_that_an_older_release_chose_are_cleared_away(self, open_store: Callable[..., Store]) -> None:
        store = open_store()
        stale = CellRow(pk="CEL#8001fffffffffff", sk=f"DLV#0000001#{store.id}#1#1#1#d")
        stale.save()
        remembered = tables.get(CellsRow, store_pk(store.id), CELLS_SK)
        assert remembered is not None
        remembered.keys = [*remembered.keys, [stale.pk, stale.sk]]
        remembered.save()

        changed = service.change_store(store.id, {"name": "Lina II"}, 1)

        assert not exists((stale.pk, stale.sk))
        assert lines_at_rest(changed) == lines_expected(changed)

    def test_of_a_store_with_the_most_lines_are_replaced_in_one_transaction(
        self, open_store: Callable[..., Store], place: Point
    ) -> None:
        def radius(radius_m: int) -> list[dict[str, Any]]:
            return [factories.settings()["zones"][0] | {"area": {"type": "radius", "radius_m": radius_m}}]

        def lines(radius_m: int) -> int:
            return len(cell_entries(factories.store(point=place, zones=(factories.zone(radius_m=radius_m),))))

        store = open_store(
            zones=radius(max(range(3000, 8000, 250), key=lines)),
            modes={"pickup": {"lead_minutes": 1}, "delivery": {"lead_minutes": 1}},
        )

        moved = service.change_store(store.id, {"point": {"lat": place.lat + 2, "lng": place.lng}}, 1)

        assert lines_at_rest(moved) == lines_expected(moved)
        assert len(lines_expected(store)) > 25
        assert not any(exists(line) for line in lines_expected(store))


class TestPauses:
    def test_hold_until_they_end_by_themselves(self, open_store: Callable[..., Store]) -> None:
        store = open_store()
        with clock.freeze(NOON):
            paused = service.pause_store(store.id, PauseRequest(kind="closed", minutes=30))

        at_rest = service.get_store(store.id)
        assert at_rest == paused
        assert service.opening_state(at_rest, None, NOON + timedelta(minutes=29)).reason == "paused"
        assert service.opening_state(at_rest, None, NOON + timedelta(minutes=30)).open

    def test_can_be_ended(self, open_store: Callable[..., Store]) -> None:
        store = open_store()
        (begun,) = service.pause_store(store.id, PauseRequest(kind="closed", minutes=30)).pauses

        assert service.end_pause(store.id, begun.id).pauses == ()
        with pytest.raises(NotFound):
            service.end_pause(store.id, begun.id)

    def test_need_one_write(self, open_store: Callable[..., Store]) -> None:
        store = open_store()

        with metered() as meter:
            service.pause_store(store.id, PauseRequest(kind="busy", minutes=30, extra_minutes=15))

        assert meter.requests == ["GetItem", "UpdateItem"]
        assert meter.units <= 4

    def test_set_at_once_are_all_kept(self, open_store: Callable[..., Store]) -> None:
        store = open_store()

        def begin(minutes: int) -> None:
            service.pause_store(store.id, PauseRequest(kind="closed", minutes=minutes))

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(begin, (10, 20, 30)))

        assert len(service.get_store(store.id).pauses) == 3


def test_a_store_is_read_for_one_unit_however_large(open_store: Callable[..., Store], place: Point) -> None:
    """Eight zones of a hundred corners, which no sane store has, are one item still."""
    zones = [
        {
            "id": f"zone-{i}",
            "area": {"type": "polygon", "ring": _circle(place, 1000 + 100 * i, corners=100)},
            "tiers": [{"fee": {"amount": 100 * i, "currency": "EUR"}}],
        }
        for i in range(8)
    ]
    usual, large = open_store(), open_store(zones=zones)

    with metered() as meter:
        service.get_store(usual.id)
    assert (meter.requests, meter.units) == (["GetItem"], 1)
    with metered() as meter:
        service.get_store(large.id)
    assert meter.units <= 3


def _circle(center: Point, radius_m: int, corners: int) -> list[dict[str, float]]:
    import math

    made = []
    for i in range(corners):
        angle = 2 * math.pi * i / corners
        lat = north(radius_m * math.cos(angle), center).lat
        lng = center.lng + (radius_m * math.sin(angle)) / 111_195 / math.cos(math.radians(center.lat))
        made.append({"lat": round(lat, 6), "lng": round(lng, 6)})
    return [*made, made[0]]


def test_too_many_pauses_are_refused(open_store: Callable[..., Store]) -> None:
    store = open_store()
    for _ in range(20):
        service.pause_store(store.id, PauseRequest(kind="closed", minutes=5))

    with pytest.raises(Conflict) as refused:
        service.pause_store(store.id, PauseRequest(kind="closed", minutes=5))
    assert refused.value.code == "too_many_pauses"


def test_ids_do_not_collide(open_store: Callable[..., Store]) -> None:
    assert ids.is_id(open_store().id, "sto")
