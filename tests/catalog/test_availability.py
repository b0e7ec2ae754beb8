from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.catalog import service
from chalicelib.catalog.model.availability import MAX_EIGHTY_SIXED
from chalicelib.catalog.service import LineRequest
from chalicelib.catalog.tables import AVAILABILITY, AvailabilityRow, store_pk
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Invalid, NotFound
from tests.catalog.conftest import open_store
from tests.catalog.factories import menu_document, pizzeria, product, variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.catalog.document import MenuDocument
    from chalicelib.catalog.service import MenuHead
    from chalicelib.stores.service import Store

BERLIN = ZoneInfo("Europe/Berlin")


def gone(store: Store) -> list[tuple[str, str]]:
    (availability,) = tables.fetch(service.availability_ref(store.id))
    return sorted((entry.kind, entry.id) for entry in availability.eighty_sixed)


@pytest.fixture
def menu(publish: Callable[[MenuDocument], MenuHead]) -> MenuHead:
    return publish(pizzeria())


def test_everything_can_be_had_at_first(store: Store) -> None:
    assert gone(store) == []


def test_what_is_86d_is_gone_from_the_next_price_and_back_when_put_back(store: Store, menu: MenuHead) -> None:
    def codes() -> list[str]:
        head, availability = tables.fetch(service.menu_head_ref(store.id), service.availability_ref(store.id))
        _, violations = service.price_line(
            service.load_menu(head),
            availability,
            LineRequest(sku="COLA"),
            clock.now().astimezone(BERLIN),
            "/lines/0",
        )
        return [found.code for found in violations]

    assert codes() == []
    service.eighty_six(store.id, "sku", "COLA", None)
    assert codes() == ["unavailable_86"]
    service.put_back(store.id, "sku", "COLA")
    assert codes() == []


def test_putting_back_what_is_on_sale_changes_nothing(store: Store, menu: MenuHead) -> None:
    service.put_back(store.id, "sku", "COLA")
    service.eighty_six(store.id, "sku", "COLA", None)
    service.put_back(store.id, "option", "cheese")
    assert gone(store) == [("sku", "COLA")]


def test_an_86_until_a_time_ends_by_itself(store: Store, menu: MenuHead) -> None:
    now = clock.now()
    service.eighty_six(store.id, "option", "cheese", now + timedelta(hours=2))
    with clock.freeze(now + timedelta(hours=1, minutes=59)):
        assert gone(store) == [("option", "cheese")]
    with clock.freeze(now + timedelta(hours=2)):
        assert gone(store) == []


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(seconds=-1), timedelta(days=367)])
def test_an_end_in_the_past_or_far_ahead_is_refused(store: Store, menu: MenuHead, offset: timedelta) -> None:
    with pytest.raises(Invalid):
        service.eighty_six(store.id, "sku", "COLA", clock.now() + offset)
    with pytest.raises(Invalid):
        service.eighty_six(store.id, "sku", "COLA", datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")))


@pytest.mark.parametrize(
    ("kind", "identifier"), [("sku", "prd_cola"), ("product", "COLA"), ("option", "COLA"), ("sku", "NONE")]
)
def test_what_is_not_on_the_menu_cannot_be_86d(store: Store, menu: MenuHead, kind: Any, identifier: str) -> None:
    with pytest.raises(NotFound, match="menu_item_not_found"):
        service.eighty_six(store.id, kind, identifier, None)


def test_86ing_again_replaces_the_end(store: Store, menu: MenuHead) -> None:
    now = clock.now()
    service.eighty_six(store.id, "sku", "COLA", None)
    service.eighty_six(store.id, "sku", "COLA", now + timedelta(hours=1))
    with clock.freeze(now + timedelta(hours=1)):
        assert gone(store) == []


def test_many_tablets_at_once_lose_nothing(store: Store, publish: Callable[[MenuDocument], MenuHead]) -> None:
    skus = [f"SKU.{number}:x" for number in range(24)]
    publish(menu_document(*(product(f"prd_{n}", variant(sku)) for n, sku in enumerate(skus))))
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda sku: service.eighty_six(store.id, "sku", sku, None), skus))
    assert gone(store) == sorted(("sku", sku) for sku in skus)


def test_ended_entries_are_swept_when_the_next_is_written(store: Store, menu: MenuHead) -> None:
    now = clock.now()
    for sku in ("COLA", "WINE"):
        service.eighty_six(store.id, "sku", sku, now + timedelta(minutes=5))
    with clock.freeze(now + timedelta(minutes=6)):
        service.eighty_six(store.id, "option", "cheese", None)
    row = tables.get(AvailabilityRow, store_pk(store.id), AVAILABILITY)
    assert row is not None
    assert list(row.entries.attribute_values) == ["option:cheese"]


def test_there_is_a_limit_to_what_can_be_86d(store: Store, publish: Callable[[MenuDocument], MenuHead]) -> None:
    publish(menu_document(*(product(f"prd_{n}", variant(f"SKU-{n}")) for n in range(2))))
    entries = {f"sku:OLD-{number}": 0 for number in range(MAX_EIGHTY_SIXED - 1)}
    AvailabilityRow(pk=store_pk(store.id), sk=AVAILABILITY, version=1, entries=entries).save()
    service.eighty_six(store.id, "sku", "SKU-0", None)
    with pytest.raises(Conflict, match="too_many_86"):
        service.eighty_six(store.id, "sku", "SKU-1", None)
    service.eighty_six(store.id, "sku", "SKU-0", clock.now() + timedelta(hours=1))


# --- until tomorrow -----------------------------------------------------------------------------------


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """2026-03-02 is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "now", "tomorrow"),
    [
        ("Mo-Sa 11:30-15:00,17:00-22:00", at(2, 14), at(3, 11, 30)),  # not this evening
        ("Mo-Sa 11:30-15:00,17:00-22:00", at(7, 21), at(9, 11, 30)),  # closed on Sunday
        ("Mo-Su 11:00-02:00", at(3, 1), at(3, 11)),  # still the evening before
        ("Mo-Su 18:00-06:00", at(2, 23), at(3, 18)),  # open through the night
        ("24/7", at(2, 14), at(3, 4)),
        ("Mo-Sa 00:00-24:00", at(2, 14), at(3, 4)),  # does not wait for the day after Sunday
        ("Mo-Su 08:00-20:00", at(28, 14), at(29, 8)),  # the night in which the clocks change
    ],
)
def test_tomorrow_is_the_next_opening_after_the_night(
    dynamodb: Any, hours: str, now: datetime, tomorrow: datetime
) -> None:
    store = open_store(opening_hours=hours)
    assert service.next_service_day(store, now.astimezone(UTC)) == tomorrow


def test_an_item_86d_until_tomorrow_is_back_when_the_store_opens(store: Store, menu: MenuHead) -> None:
    with clock.freeze(at(2, 14)):
        entry = service.eighty_six_until_tomorrow(store.id, "product", "prd_pizza")
    assert entry.until == at(3, 11, 30)
    with clock.freeze(at(3, 11, 29)):
        assert gone(store) == [("product", "prd_pizza")]
    with clock.freeze(at(3, 11, 30)):
        assert gone(store) == []


# --- what customers see -------------------------------------------------------------------------------


def test_customers_see_what_is_86d_and_what_is_sold_out(store: Store, menu: MenuHead) -> None:
    inventory.set_stock(store.id, "COLA", 3)
    inventory.set_stock(store.id, "DIP", 0)
    inventory.set_stock(store.id, "NOT-ON-THE-MENU", 0)
    service.eighty_six(store.id, "option", "cheese", None)
    current = service.read_availability(store.id)
    assert [(entry.kind, entry.id) for entry in current.eighty_sixed] == [("option", "cheese")]
    assert current.sold_out == ("DIP",)


def test_a_counted_sku_that_nobody_has_counted_is_sold_out(store: Store, menu: MenuHead) -> None:
    assert service.read_availability(store.id).sold_out == ("COLA", "DIP")


def test_there_is_no_availability_without_a_menu(store: Store) -> None:
    with pytest.raises(NotFound, match="menu_not_found"):
        service.read_availability(store.id)
