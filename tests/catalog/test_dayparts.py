from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from chalicelib.catalog.model import Menu
from chalicelib.catalog.model.availability import Availability, EightySix, next_morning
from chalicelib.catalog.model.dayparts import covers
from tests.catalog.factories import category, daypart, menu_document, product, variant

MADRID = ZoneInfo("Europe/Madrid")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """2026-03-02 is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=MADRID)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (at(2, 6, 59), False),
        (at(2, 7, 0), True),
        (at(2, 10, 59), True),
        (at(2, 11, 0), False),
        (at(3, 8, 0), False),
    ],
)
def test_a_window_begins_with_its_start_and_is_over_at_its_end(moment: datetime, inside: bool) -> None:
    assert covers(daypart("breakfast", "07:00", "11:00", ("mon",)), moment) is inside


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (at(6, 21, 59), False),
        (at(6, 22, 0), True),
        (at(7, 1, 59), True),
        (at(7, 2, 0), False),
        (at(7, 22, 0), False),
        (at(6, 1, 0), False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_starts(moment: datetime, inside: bool) -> None:
    assert covers(daypart("late", "22:00", "02:00", ("fri",)), moment) is inside


def test_sunday_night_runs_into_monday() -> None:
    assert covers(daypart("late", "22:00", "02:00", ("sun",)), at(9, 1))


def test_a_whole_day_has_no_gap() -> None:
    whole = daypart("all", "00:00", "24:00", ("mon",))
    assert covers(whole, at(2, 0))
    assert covers(whole, at(2, 23, 59))
    assert not covers(whole, at(3, 0))


def test_a_daypart_follows_the_wall_clock_on_the_day_the_clocks_change() -> None:
    breakfast = daypart("breakfast", "07:00", "11:00")
    assert covers(breakfast, at(29, 10, 59))
    assert not covers(breakfast, at(29, 11, 0))


def test_a_product_in_two_categories_is_sold_when_either_is() -> None:
    menu = Menu.of(
        "sto_1",
        1,
        menu_document(
            product("egg", variant("EGG")),
            dayparts=(daypart("early", "07:00", "11:00"), daypart("late", "20:00", "23:00")),
            categories=(
                category("breakfast", "egg", daypart_ids=("early",)),
                category("night", "egg", daypart_ids=("late",)),
            ),
        ),
    )
    egg = menu.offers["EGG"].product
    assert [menu.is_sold_at(egg, at(2, hour)) for hour in (8, 12, 21)] == [True, False, True]
    assert menu.next_sold_at(egg, at(2, 12)) == datetime(2026, 3, 2, 20, 0)
    assert menu.next_sold_at(egg, at(2, 23)) == datetime(2026, 3, 3, 7, 0)


def test_a_products_own_dayparts_narrow_those_of_its_category() -> None:
    menu = Menu.of(
        "sto_1",
        1,
        menu_document(
            product("egg", variant("EGG"), daypart_ids=("weekend",)),
            dayparts=(
                daypart("early", "07:00", "11:00"),
                daypart("weekend", "00:00", "24:00", ("sat", "sun")),
            ),
            categories=(category("breakfast", "egg", daypart_ids=("early",)),),
        ),
    )
    egg = menu.offers["EGG"].product
    assert not menu.is_sold_at(egg, at(2, 8))
    assert menu.is_sold_at(egg, at(7, 8))
    assert menu.next_sold_at(egg, at(2, 8)) == datetime(2026, 3, 7, 7, 0)


@pytest.mark.parametrize(
    ("moment", "morning"),
    [(at(2, 15), at(3, 4)), (at(3, 1), at(3, 4)), (at(3, 4), at(4, 4)), (at(28, 23), at(29, 4))],
)
def test_tomorrow_begins_when_the_night_is_over(moment: datetime, morning: datetime) -> None:
    assert next_morning(moment) == morning


def test_86ing_again_replaces_and_counts_the_version_up() -> None:
    first = Availability().with_entry(EightySix("sku", "A", at(2, 15)))
    second = first.with_entry(EightySix("sku", "A"))
    assert second.version == 2
    assert [entry.until for entry in second.eighty_sixed] == [None]
    assert second.without_entry("sku", "A") == Availability(3)


def test_entries_that_have_ended_are_left_out() -> None:
    availability = Availability(5, (EightySix("sku", "A", at(2, 15)), EightySix("option", "B")))
    assert [entry.id for entry in availability.still_at(at(2, 15)).eighty_sixed] == ["B"]
    assert availability.find("sku", "A", at(2, 14)) is not None
    assert availability.find("sku", "A", at(2, 15)) is None
