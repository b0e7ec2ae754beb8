"""What a delivery and a shift pay by their rules: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.dispatch.model import pay
from chalicelib.dispatch.model.pay import PayRules, Peak, Ride

EVENING = Peak(days=(4, 5), start=18 * 60, end=22 * 60, bonus=150)
RULES = PayRules(
    area="everywhere",
    version=3,
    since=datetime(2026, 1, 1, tzinfo=UTC),
    currency="EUR",
    time_zone="Europe/Berlin",
    base=250,
    per_km=60,
    per_waiting_minute=20,
    free_wait_minutes=5,
    peaks=(EVENING,),
    guarantee_per_hour=1400,
)
NOON = datetime(2026, 6, 10, 10, 0, tzinfo=UTC)  # a Wednesday


def ride(**given: object) -> Ride:
    return Ride(**{"taken_at": NOON, "waited": timedelta(), "metres": 0, "bonus": 0, **given})  # type: ignore[arg-type]


def told(lines: tuple[pay.PayLine, ...]) -> dict[str, int]:
    return {line.kind: line.amount for line in lines}


def test_each_part_has_its_line_and_what_is_nothing_has_none() -> None:
    assert told(pay.lines_for(ride(), RULES)) == {"base": 250}
    lines = pay.lines_for(ride(waited=timedelta(minutes=8), metres=1450, bonus=100), RULES)
    assert told(lines) == {"base": 250, "distance": 87, "waiting": 60, "bonus": 100}
    assert {line.kind: (line.quantity, line.rate) for line in lines}["waiting"] == (180, 20)
    assert pay.total(lines) == 497


def test_waiting_within_the_free_minutes_pays_nothing() -> None:
    assert "waiting" not in told(pay.lines_for(ride(waited=timedelta(minutes=5)), RULES))


def test_without_rules_a_bonus_is_paid_all_the_same() -> None:
    assert told(pay.lines_for(ride(bonus=200), None)) == {"bonus": 200}
    assert pay.lines_for(ride(), None) == ()


def test_peaks_are_by_the_clocks_of_the_area() -> None:
    friday_six = datetime(2026, 6, 12, 16, 0, tzinfo=UTC)  # 18:00 in Berlin, in summer
    assert pay.peak_bonus(RULES, friday_six) == 150
    assert pay.peak_bonus(RULES, friday_six - timedelta(seconds=1)) == 0
    assert pay.peak_bonus(RULES, friday_six + timedelta(hours=4)) == 0
    in_winter = datetime(2026, 1, 9, 17, 0, tzinfo=UTC)  # 18:00 as well
    assert (pay.peak_bonus(RULES, in_winter), pay.peak_bonus(RULES, in_winter - timedelta(minutes=1))) == (150, 0)


def test_of_two_peaks_the_higher_one_counts() -> None:
    more = Peak(days=(4,), start=19 * 60, end=20 * 60, bonus=400)
    rules = replace(RULES, peaks=(EVENING, more))
    assert pay.peak_bonus(rules, datetime(2026, 6, 12, 17, 30, tzinfo=UTC)) == 400


def test_a_guarantee_makes_up_what_is_missing_and_no_more() -> None:
    line = pay.top_up(RULES, timedelta(hours=3), 3000)
    assert line is not None
    assert (line.kind, line.amount, line.quantity, line.rate) == ("guarantee", 1200, 10_800, 1400)
    assert pay.top_up(RULES, timedelta(hours=3), 4200) is None
    assert pay.top_up(None, timedelta(hours=3), 0) is None


def test_a_version_holds_from_its_moment_until_the_next() -> None:
    later = replace(RULES, version=4, since=NOON)
    assert pay.in_force([later, RULES], NOON) == later
    assert pay.in_force([later, RULES], NOON - timedelta(milliseconds=1)) == RULES
    assert pay.in_force([RULES], RULES.since - timedelta(seconds=1)) is None


@given(
    base=st.integers(0, 10**6),
    per_km=st.integers(0, 10**5),
    waiting=st.integers(0, 10**5),
    metres=st.integers(0, 50_000),
    seconds=st.integers(0, 7200),
)
def test_lines_are_whole_never_negative_and_within_half_a_unit(
    base: int, per_km: int, waiting: int, metres: int, seconds: int
) -> None:
    rules = replace(RULES, base=base, per_km=per_km, per_waiting_minute=waiting, peaks=())
    lines = pay.lines_for(ride(metres=metres, waited=timedelta(seconds=seconds)), rules)
    assert all(line.amount > 0 for line in lines)
    exact = base + per_km * metres / 1000 + waiting * max(0, seconds - 300) / 60
    assert abs(pay.total(lines) - exact) <= 1
