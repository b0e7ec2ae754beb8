"""Opening hours on the wall clock of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.geo import Point
from chalicelib.stores.model.hours import Hours, HoursError, hours
from tests.stores.factories import CENTER, berlin


def berlin_hours(expression: str, country: str = "DE") -> Hours:
    return hours(expression, country=country, time_zone="Europe/Berlin", point=CENTER)


def test_is_open_from_the_opening_until_just_before_the_closing() -> None:
    schedule = berlin_hours("Mo-Fr 11:00-22:00")

    assert not schedule.is_open(berlin("2026-06-10 10:59:59"))
    assert schedule.is_open(berlin("2026-06-10 11:00"))
    assert schedule.is_open(berlin("2026-06-10 21:59:59"))
    assert not schedule.is_open(berlin("2026-06-10 22:00"))


def test_next_change_is_the_closing_while_open_and_the_opening_while_closed() -> None:
    schedule = berlin_hours("Mo-Fr 11:00-22:00")

    assert schedule.next_change(berlin("2026-06-10 12:00")) == berlin("2026-06-10 22:00")
    assert schedule.next_change(berlin("2026-06-12 23:00")) == berlin("2026-06-15 11:00")


def test_an_evening_past_midnight_belongs_to_the_day_it_began() -> None:
    schedule = berlin_hours("Fr,Sa 18:00-02:00")

    assert schedule.is_open(berlin("2026-06-14 01:30"))  # Sunday morning, Saturday's evening
    assert schedule.next_change(berlin("2026-06-13 23:00")) == berlin("2026-06-14 02:00")


def test_public_holidays_are_those_of_the_country() -> None:
    unity_day = berlin("2025-10-03 12:00")

    assert not berlin_hours("24/7; PH off", "DE").is_open(unity_day)
    assert berlin_hours("24/7; PH off", "FR").is_open(unity_day)


def test_what_never_changes_has_no_next_change() -> None:
    assert berlin_hours("24/7").next_change(berlin("2026-06-10 12:00")) is None
    assert berlin_hours("24/7 off").next_opening(berlin("2026-06-10 12:00")) is None


def test_a_change_of_comment_is_no_change_of_state() -> None:
    schedule = berlin_hours('Mo 10:00-12:00 "kitchen", Mo 12:00-14:00 "bar"')

    assert schedule.next_change(berlin("2026-06-15 11:00")) == berlin("2026-06-15 14:00")


def test_unknown_counts_as_closed() -> None:
    assert not berlin_hours('Mo-Su 10:00-12:00 unknown "call us"').is_open(berlin("2026-06-10 11:00"))


def test_sunset_follows_the_place() -> None:
    schedule = berlin_hours("10:00-sunset")

    assert schedule.is_open(berlin("2026-06-10 20:30"))
    assert not schedule.is_open(berlin("2026-12-10 17:00"))


class TestSpring:
    """At 2026-03-29 02:00 Berlin's clock goes to 03:00."""

    def test_an_opening_in_the_hour_that_does_not_exist_is_the_clock_change(self) -> None:
        schedule = berlin_hours("02:30-06:00")

        assert schedule.next_change(berlin("2026-03-29 01:00")) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)

    def test_hours_wholly_in_it_are_skipped(self) -> None:
        schedule = berlin_hours("02:15-02:45")

        assert schedule.next_change(berlin("2026-03-29 01:00")) == berlin("2026-03-30 02:15")

    def test_a_night_is_an_hour_shorter(self) -> None:
        schedule = berlin_hours("22:00-05:00")
        opening = berlin("2026-03-28 22:00")

        closing = schedule.next_change(opening)

        assert closing is not None
        assert closing - opening == timedelta(hours=6)


class TestAutumn:
    """At 2026-10-25 03:00 Berlin's clock goes back to 02:00."""

    def test_hours_in_the_repeated_hour_are_kept_twice(self) -> None:
        schedule = berlin_hours("02:15-02:45")
        at: datetime | None = berlin("2026-10-25 00:00")
        seen = []
        for _ in range(4):
            at = schedule.next_change(at) if at else None
            seen.append(at)

        assert seen == [
            berlin("2026-10-25 02:15"),
            berlin("2026-10-25 02:45"),
            berlin("2026-10-25 02:15", fold=1),
            berlin("2026-10-25 02:45", fold=1),
        ]

    def test_the_clock_set_back_before_the_opening_closes_until_then(self) -> None:
        schedule = berlin_hours("02:30-06:00")

        first = schedule.next_change(berlin("2026-10-25 01:00"))
        assert first == berlin("2026-10-25 02:30")
        assert schedule.next_change(first) == berlin("2026-10-25 02:00", fold=1)

    def test_a_night_is_an_hour_longer(self) -> None:
        schedule = berlin_hours("22:00-05:00")
        opening = berlin("2026-10-24 22:00")

        closing = schedule.next_change(opening)

        assert closing is not None
        assert closing - opening == timedelta(hours=8)


EXPRESSIONS = (
    "Mo-Su 11:00-22:00",
    "Mo-Fr 09:00-12:00,13:30-18:00; Sa 10:00-14:00; PH off",
    "22:00-05:00",
    "00:30-02:30",
    "02:15-02:45",
    "01:00-02:00,02:30-03:30",
    "24/7; Su 02:00-03:00 off",
    "sunrise-sunset",
)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata")


@given(
    expression=st.sampled_from(EXPRESSIONS),
    time_zone=st.sampled_from(ZONES),
    instant=st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),
)
def test_next_change_is_the_first_instant_that_differs(expression: str, time_zone: str, instant: datetime) -> None:
    """Walks the minutes up to the change that is told: none of them may differ, and the change must."""
    schedule = hours(expression, country="DE", time_zone=time_zone, point=CENTER)
    before = schedule.is_open(instant)

    change = schedule.next_change(instant)

    assert change is not None
    assert change > instant
    assert schedule.is_open(change) != before
    assert schedule.is_open(change - timedelta(seconds=1)) == before or change - instant < timedelta(seconds=1)
    step = instant
    while (step := step + timedelta(minutes=7)) < change and step - instant < timedelta(days=2):
        assert schedule.is_open(step) == before


@pytest.mark.parametrize(
    "expression", ["foo", "Mo-Fr 9-17", "25:00-26:00", " ", "Mo 10:00-12:00; \x00", "9am-5pm", "Mo[9] 10:00-11:00"]
)
def test_what_is_no_expression_is_refused_with_the_column(expression: str) -> None:
    with pytest.raises(HoursError) as refused:
        berlin_hours(expression)

    assert refused.value.code == "opening_hours_invalid"
    assert 1 <= refused.value.params["column"] <= len(expression) + 1
    assert "expected" in str(refused.value)


def test_public_holidays_of_a_country_without_a_known_calendar_are_refused_and_not_ignored() -> None:
    with pytest.raises(HoursError) as refused:
        hours("24/7; PH off", country="IN", time_zone="Asia/Kolkata", point=Point(28.6, 77.2))

    assert refused.value.code == "public_holidays_unknown"
    assert hours("24/7", country="IN", time_zone="Asia/Kolkata", point=Point(28.6, 77.2)).is_open(berlin("2026-01-01"))


def test_school_holidays_are_refused() -> None:
    with pytest.raises(HoursError) as refused:
        berlin_hours("Mo-Fr 09:00-17:00; SH off")

    assert refused.value.code == "school_holidays_unknown"


def test_letters_in_a_comment_are_no_holidays() -> None:
    assert berlin_hours('24/7 "PH and SH"', "IN").is_open(berlin("2026-06-10 12:00"))


@given(st.text(max_size=60))
def test_any_text_is_either_an_expression_or_refused(text: str) -> None:
    now = berlin("2026-06-10 12:00")
    try:
        change = berlin_hours(text).next_change(now)
    except HoursError:
        return

    assert change is None or change > now
