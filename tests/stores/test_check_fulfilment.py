"""Whether an order can be fulfilled, when it will be there, and on what terms."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Violation
from chalicelib.stores.model import FulfilmentTerms, ModeSettings, Polygon, Store, check_fulfilment
from tests.stores.factories import (
    CENTER,
    NOON,
    berlin,
    busy_pause,
    closed_pause,
    euros,
    north,
    small_order_fee,
    square,
    store,
    tier,
    zone,
)

MINUTE = timedelta(minutes=1)


def terms(
    at: Store, mode: Any = "pickup", wanted: datetime | None = None, *, now: datetime = NOON, to: Any = None
) -> FulfilmentTerms:
    found, violations = check_fulfilment(at, mode, to, wanted, now)
    assert violations == []
    assert found is not None
    return found


def refusals(
    at: Store, mode: Any = "pickup", wanted: datetime | None = None, *, now: datetime = NOON, to: Any = None
) -> list[Violation]:
    found, violations = check_fulfilment(at, mode, to, wanted, now)
    assert found is None
    return violations


def refusal(
    at: Store, mode: Any = "pickup", wanted: datetime | None = None, *, now: datetime = NOON, to: Any = None
) -> Violation:
    (violation,) = refusals(at, mode, wanted, now=now, to=to)
    return violation


def with_lead(minutes: int, **changes: Any) -> Store:
    return store(modes={"pickup": ModeSettings(lead_minutes=minutes, **changes)})


class TestAsap:
    def test_pickup_is_ready_after_the_lead_time(self) -> None:
        found = terms(store(), "pickup")

        assert found.asap
        assert found.acceptable_from == found.start_at == NOON
        assert found.ready_at == found.promised_at == NOON + 20 * MINUTE
        assert (found.fee_minor, found.minimum_order_minor, found.zone_id) == (0, 0, None)

    def test_dine_in_has_a_lead_time_of_its_own(self) -> None:
        assert terms(store(), "dine_in").ready_at == NOON + 10 * MINUTE

    def test_delivery_adds_the_way_at_the_stores_pace(self) -> None:
        found = terms(store(), "delivery", to=north(1001))

        assert found.distance_m == 1001
        assert found.travel_minutes == 7  # 1001 m at 250 m a minute, and two hand-overs
        assert found.ready_at == NOON + 20 * MINUTE
        assert found.promised_at == NOON + 27 * MINUTE
        assert terms(store(metres_per_minute=100), "delivery", to=north(1001)).travel_minutes == 13

    def test_a_busy_store_promises_later(self) -> None:
        busy = store(pauses=(busy_pause(15),))

        assert terms(busy).ready_at == NOON + 35 * MINUTE
        assert terms(busy, now=NOON + 60 * MINUTE).ready_at == NOON + 80 * MINUTE

    def test_a_closed_store_tells_its_opening_and_the_first_time_that_can_be_asked_for(self) -> None:
        violation = refusal(store(), now=berlin("2026-06-10 23:00"))

        assert (violation.code, violation.pointer) == ("store_closed", "/wanted_at")
        assert violation.params["opens_at"] == clock.rfc3339(berlin("2026-06-11 11:00"))
        assert violation.params["earliest_at"] == clock.rfc3339(berlin("2026-06-11 11:20"))

    def test_a_paused_store_tells_until_when(self) -> None:
        violation = refusal(store(pauses=(closed_pause(30),)))

        assert violation.code == "store_paused"
        assert violation.params["until"] == clock.rfc3339(NOON + 30 * MINUTE)
        assert violation.params["earliest_at"] == clock.rfc3339(NOON + 50 * MINUTE)

    def test_a_pause_that_has_ended_means_nothing(self) -> None:
        assert terms(store(pauses=(closed_pause(30),)), now=NOON + 30 * MINUTE)

    def test_an_order_that_would_be_ready_after_closing_is_refused(self) -> None:
        late = berlin("2026-06-10 21:41")

        violation = refusal(store(), now=late)

        assert violation.code == "store_closes_too_soon"
        assert violation.params["closes_at"] == clock.rfc3339(berlin("2026-06-10 22:00"))
        assert terms(store(), now=berlin("2026-06-10 21:39"))

    def test_a_store_that_never_opens_again_suggests_nothing(self) -> None:
        violation = refusal(store(opening_hours="24/7 off"))

        assert violation.code == "store_closed"
        assert violation.params == {}


class TestScheduled:
    def test_is_ready_for_the_wanted_time(self) -> None:
        wanted = berlin("2026-06-10 18:00")

        found = terms(store(), "pickup", wanted)

        assert not found.asap
        assert found.promised_at == found.ready_at == wanted
        assert found.start_at == wanted - 20 * MINUTE

    def test_a_delivery_is_ready_before_by_the_way(self) -> None:
        wanted = berlin("2026-06-10 18:00")

        found = terms(store(), "delivery", wanted, to=north(1000))

        assert found.promised_at == wanted
        assert found.ready_at == wanted - 6 * MINUTE

    def test_can_be_ordered_while_closed_and_is_accepted_at_the_opening(self) -> None:
        night = berlin("2026-06-10 23:30")

        found = terms(store(), "pickup", berlin("2026-06-11 12:00"), now=night)

        assert found.acceptable_from == berlin("2026-06-11 11:00")

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            (NOON - MINUTE, "wanted_time_in_past"),
            (NOON, "wanted_time_too_soon"),
            (NOON - timedelta(days=1), "wanted_time_in_past"),
            (NOON + 19 * MINUTE, "wanted_time_too_soon"),
            (berlin("2026-06-11 11:19"), "wanted_time_too_soon"),
            (berlin("2026-06-11 10:00"), "store_closed"),
            (berlin("2026-06-10 22:00"), "store_closed"),
            (NOON + timedelta(days=14, minutes=1), "wanted_time_too_far"),
            (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "wanted_time_too_far"),
            (datetime(1, 1, 1, tzinfo=UTC), "wanted_time_in_past"),
        ],
    )
    def test_times_that_can_not_be(self, wanted: datetime, code: str) -> None:
        assert refusal(store(), "pickup", wanted).code == code

    @pytest.mark.parametrize(
        "wanted",
        [NOON + 20 * MINUTE, berlin("2026-06-11 11:20"), berlin("2026-06-10 21:59"), NOON + timedelta(days=14)],
    )
    def test_times_that_can_just_be(self, wanted: datetime) -> None:
        assert terms(store(), "pickup", wanted)

    def test_a_kitchen_that_starts_before_it_opens_is_ready_at_the_opening(self) -> None:
        early = with_lead(20, ready_at_opening=True)

        assert terms(early, "pickup", berlin("2026-06-11 11:00"))
        # But an order placed at night is seen at the opening only.
        assert refusal(early, "pickup", berlin("2026-06-11 11:00"), now=berlin("2026-06-10 23:00")).code == (
            "wanted_time_too_soon"
        )

    def test_a_pause_closes_the_times_in_it(self) -> None:
        paused = store(pauses=(closed_pause(minutes=120),))

        assert refusal(paused, "pickup", NOON + 60 * MINUTE).code == "store_paused"
        assert refusal(paused, "pickup", NOON + 139 * MINUTE).code == "wanted_time_too_soon"
        assert terms(paused, "pickup", NOON + 140 * MINUTE)

    def test_a_busy_store_needs_longer_for_the_first_orders_only(self) -> None:
        busy = store(pauses=(busy_pause(extra_minutes=15),))

        assert refusal(busy, "pickup", NOON + 34 * MINUTE).code == "wanted_time_too_soon"
        assert terms(busy, "pickup", NOON + 35 * MINUTE)

    def test_the_horizon_is_the_stores(self) -> None:
        far = store(scheduling_days=30)

        assert terms(far, "pickup", NOON + timedelta(days=20))
        assert refusal(store(scheduling_days=0), "pickup", NOON + 30 * MINUTE).code == "wanted_time_too_far"

    def test_minutes_are_real_minutes_when_the_clock_changes(self) -> None:
        night = store(opening_hours="24/7")
        now = berlin("2026-10-25 02:50")  # ten minutes later it is 02:00 again

        found = terms(night, "pickup", now=now)

        assert found.ready_at - now == 20 * MINUTE
        assert found.ready_at == berlin("2026-10-25 02:10", fold=1)

    def test_wall_hours_hold_on_both_sides_of_a_clock_change(self) -> None:
        saturday = berlin("2026-03-28 20:00")

        assert terms(store(), "pickup", berlin("2026-03-29 11:20"), now=saturday)
        assert refusal(store(), "pickup", berlin("2026-03-29 10:59"), now=saturday).code == "store_closed"


class TestPlace:
    def test_a_mode_that_is_not_offered(self) -> None:
        violation = refusal(with_lead(20), "dine_in")

        assert (violation.code, violation.pointer) == ("mode_not_served", "/mode")
        assert violation.params == {"modes": ["pickup"]}

    def test_an_inactive_store(self) -> None:
        assert refusal(store(status="inactive")).code == "store_inactive"

    def test_a_delivery_needs_a_place(self) -> None:
        assert refusal(store(), "delivery").code == "address_required"

    def test_a_place_beyond_every_zone(self) -> None:
        violation = refusal(store(), "delivery", to=north(3002))

        assert (violation.code, violation.pointer) == ("outside_delivery_zone", "/address")

    def test_place_and_time_are_both_told(self) -> None:
        found = refusals(store(), "delivery", now=berlin("2026-06-10 23:00"), to=north(9000))

        assert [violation.code for violation in found] == ["outside_delivery_zone", "store_closed"]

    def test_the_place_of_a_pickup_does_not_matter(self) -> None:
        assert terms(store(), "pickup", to=north(90_000)).distance_m is None


class TestCharges:
    def test_the_fee_is_that_of_the_tier(self) -> None:
        tiered = store(zones=(zone("inner", 3000, tier(190, 1000), tier(290, 2000), tier(390)),))

        fees = [terms(tiered, "delivery", to=north(metres)).fee_minor for metres in (0, 1000, 1001, 2001, 3000)]

        assert fees == [190, 190, 290, 390, 390]

    def test_the_first_zone_that_holds_the_place_applies(self) -> None:
        zones = (zone("inner", 1000, tier(100)), zone("outer", 3000, tier(300)))

        assert terms(store(zones=zones), "delivery", to=north(900)).zone_id == "inner"
        assert terms(store(zones=zones), "delivery", to=north(1100)).zone_id == "outer"
        assert terms(store(zones=zones[::-1]), "delivery", to=north(900)).zone_id == "outer"

    def test_a_polygon_serves_what_is_inside_it(self) -> None:
        area = store(zones=(zone("kiez", area=square(1000)),))

        assert terms(area, "delivery", to=north(999)).zone_id == "kiez"
        assert refusal(area, "delivery", to=north(1001)).code == "outside_delivery_zone"

    def test_free_delivery_and_minimum_come_from_the_zone(self) -> None:
        zones = (zone("inner", 3000, minimum_order=euros(1500), free_from=euros(4000)),)

        found = terms(store(zones=zones), "delivery", to=CENTER)

        assert found.minimum_order_minor == 1500
        assert (found.delivery_fee(3999), found.delivery_fee(4000)) == (290, 0)

    def test_the_small_order_fee_is_for_its_modes(self) -> None:
        small = store(small_order_fee=small_order_fee(below=1000, fee=150))

        delivery = terms(small, "delivery", to=CENTER)
        assert (delivery.small_order_fee(999), delivery.small_order_fee(1000)) == (150, 0)
        assert terms(small, "pickup").small_order_fee(1) == 0


SCHEDULES = (
    "Mo-Su 11:00-22:00",
    "Mo-Fr 11:00-14:00,17:00-22:00",
    "22:00-05:00",
    "Sa 10:00-10:15",
    "24/7",
    "Tu[1] 09:00-17:00",
)


@settings(deadline=None)
@given(
    schedule=st.sampled_from(SCHEDULES),
    lead=st.integers(0, 300),
    early=st.booleans(),
    pauses=st.lists(st.tuples(st.sampled_from(("closed", "busy")), st.integers(1, 4000)), max_size=3),
    now=st.datetimes(datetime(2026, 3, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),
    ahead=st.one_of(st.none(), st.integers(-100, 22_000)),
    metres=st.integers(0, 2900),
)
def test_the_suggested_time_can_be_had(
    *,
    schedule: str,
    lead: int,
    early: bool,
    pauses: list[tuple[str, int]],
    now: datetime,
    ahead: int | None,
    metres: int,
) -> None:
    """Whatever is refused for its time, what is suggested instead is taken; what is taken holds what it promises."""
    now = now.replace(microsecond=0)
    made = tuple(
        closed_pause(minutes, since=now, id=f"pau_{i}", kind=kind, extra_minutes=20 if kind == "busy" else 0)
        for i, (kind, minutes) in enumerate(pauses)
    )
    settings_ = ModeSettings(lead_minutes=lead, ready_at_opening=early)
    at = store(opening_hours=schedule, modes={"delivery": settings_}, pauses=made)
    wanted = None if ahead is None else now + ahead * MINUTE

    found, violations = check_fulfilment(at, "delivery", north(metres), wanted, now)

    if found:
        assert violations == []
        assert found.acceptable_from >= now
        assert found.start_at + lead * MINUTE == found.ready_at
        assert found.ready_at + found.travel_minutes * MINUTE == found.promised_at
        assert wanted in (None, found.promised_at)
    for violation in violations:
        if suggested := violation.params.get("earliest_at"):
            instead, still = check_fulfilment(at, "delivery", north(metres), clock.parse(suggested), now)
            assert still == []
            assert instead is not None


def test_takes_less_than_a_third_of_a_millisecond() -> None:
    """Eight zones, the last of them a polygon of a hundred corners; hours with holidays; a refusal that suggests."""
    corners = square(2500).ring[:-1]
    ring = tuple(
        replace(a, lat=a.lat + (b.lat - a.lat) * i / 25, lng=a.lng + (b.lng - a.lng) * i / 25)
        for a, b in zip(corners, (*corners[1:], corners[0]), strict=True)
        for i in range(25)
    )
    zones = (*(zone(f"z{i}", 10 + i) for i in range(7)), zone("last", area=Polygon((*ring, ring[0]))))
    at = store(
        zones=zones,
        opening_hours="Mo-Fr 11:00-14:30,17:00-22:00; Sa 12:00-23:00; PH off",
        pauses=(busy_pause(15),),
    )
    for wanted in (None, berlin("2026-06-11 18:00"), berlin("2026-06-11 15:00")):
        check_fulfilment(at, "delivery", north(2000), wanted, NOON)
        took = []
        for _ in range(200):
            began = time.perf_counter()
            check_fulfilment(at, "delivery", north(2000), wanted, NOON)
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.0003
