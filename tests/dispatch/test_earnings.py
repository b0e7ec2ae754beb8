"""Earnings: written once for each delivery and shift, by the rules that held, and told to the books."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.service.earnings import PAY_AFTER
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import DomainError, Invalid
from chalicelib.kernel.events import EventsRow
from chalicelib.kernel.idempotency import IdempotencyKey
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import minutes

if TYPE_CHECKING:
    from datetime import datetime


def key() -> IdempotencyKey:
    return IdempotencyKey("usr-admin POST /v1/pay-rules", ids.new_id("idk"), "0", lambda made: made.version)


def rules(world: World, since: datetime | None = None, **given: Any) -> service.PayRules:
    """Rules of this world's zone, from now on."""
    fields = {"currency": "EUR", "time_zone": "Europe/Berlin", "base": 250, "per_km": 60, "set_by": "usr-admin"} | given
    zone = service.zone_of(world.store)
    return service.set_pay_rules(service.PayRules(area=zone, version=0, since=since or clock.now(), **fields), key())


def earned(rider_id: str) -> list[service.Earning]:
    return service.list_earnings(rider_id, None, 100).items


def told_to_the_books(rider_id: str) -> list[dict[str, Any]]:
    return [
        entry["data"]
        for row in EventsRow.scan()
        for entry in row.outbox or ()
        if entry["type"] == "RiderEarned" and entry["data"]["rider_id"] == rider_id
    ]


def delivered(world: World, rider: str, **changes: Any) -> str:
    delivery = world.picked_up_by(rider, **changes)
    service.deliver(delivery.id, told(rider), service.Evidence())
    return delivery.id


def test_a_delivery_is_paid_once_with_its_lines_and_their_rules(world: World) -> None:
    made = rules(world)
    rider = world.rider()
    shift_id = service.read_rider(rider).shift_id
    delivery_id = delivered(world, rider)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: service.pay_delivery(delivery_id, rider), range(8)))

    (earning,) = earned(rider)
    assert (earning.shift_id, earning.delivery_id, earning.rules_version) == (shift_id, delivery_id, made.version)
    assert {line.kind: line.amount for line in earning.lines} == {"base": 250, "distance": 90}  # 1.5 km
    (event,) = told_to_the_books(rider)
    assert (event["amount"], event["currency"], event["cause"]) == (340, "EUR", delivery_id)
    assert event["order_id"] == ids.retag(delivery_id, "ord")


def test_waiting_counts_from_the_arrival_at_the_store(world: World) -> None:
    rules(world, per_waiting_minute=30, free_wait_minutes=2, per_km=0)
    rider, start = world.rider(), clock.now()
    delivery = world.assigned_to(rider)
    with clock.freeze(start + minutes(3)):
        service.arrive_at_store(delivery.id, told(rider))
    with clock.freeze(start + minutes(10)):
        world.ready(delivery.id)
        service.pick_up(delivery.id, told(rider))
        service.deliver(delivery.id, told(rider), service.Evidence())
        service.pay_delivery(delivery.id, rider)
    (earning,) = earned(rider)
    assert {line.kind: line.amount for line in earning.lines} == {"base": 250, "waiting": 150}


def test_who_brings_an_order_back_is_paid_and_who_only_declined_is_not(world: World) -> None:
    rules(world)
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    service.pay_delivery(delivery.id, rider)  # too early: nothing
    assert earned(rider) == []
    service.fail_delivery(delivery.id, told(rider), "customer_absent")
    service.start_return(delivery.id, told(rider))
    service.finish_return(delivery.id, told(rider))
    service.pay_delivery(delivery.id, rider)
    service.pay_delivery(delivery.id, "somebody-else")
    assert [each.delivery_id for each in earned(rider)] == [delivery.id]
    assert earned("somebody-else") == []


def test_what_was_taken_before_new_rules_is_paid_by_the_old_ones(world: World) -> None:
    start = clock.now()
    first = rules(world, per_km=0)
    rider = world.rider()
    delivery = world.picked_up_by(rider)
    with clock.freeze(start + minutes(2)):
        second = rules(world, base=900)
        service.deliver(delivery.id, told(rider), service.Evidence())
        service.pay_delivery(delivery.id, rider)
    assert (first.version, second.version) == (1, 2)
    assert [(each.rules_version, each.lines[0].amount) for each in earned(rider)] == [(1, 250)]


def test_rules_that_were_on_their_way_hold_from_now_on(world: World) -> None:
    before = clock.now()
    assert rules(world, before - timedelta(seconds=30)).since >= before


def test_rules_hold_neither_in_the_past_nor_before_the_latest(world: World) -> None:
    now = clock.now()
    rules(world, now + minutes(60))
    for since in (now - minutes(5), now + minutes(30)):
        with pytest.raises(Invalid) as refused:
            rules(world, since)
        assert [each.code for each in refused.value.violations] == ["rules_too_early"]
    with pytest.raises(Invalid) as refused:
        rules(world, now + timedelta(days=400), currency="EUX", time_zone="Mars/Base")
    assert {each.code for each in refused.value.violations} == {
        "too_far_ahead", "currency_unknown", "time_zone_unknown",
    }  # fmt: skip


def test_of_rules_that_are_set_at_once_each_has_a_version_of_its_own(world: World) -> None:
    since = clock.now() + minutes(5)

    def attempt(_: int) -> bool:
        try:
            rules(world, since)
        except DomainError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        done = sum(threads.map(attempt, range(8)))
    versions = [each.version for each in service.list_pay_rules(service.zone_of(world.store))]
    assert versions == list(range(done, 0, -1))


def worked_shift(world: World, hours: int) -> tuple[str, str]:
    """A rider at the end of a planned shift in which one delivery was made."""
    start = clock.now()
    plan = service.plan_shift(world.store, start + minutes(1), start + timedelta(hours=hours), places=1)
    rider = world.rider()
    service.end_shift(rider)
    service.claim_shift(rider, plan.id)
    service.start_shift(rider, world.store, plan.id)
    service.pay_delivery(delivered(world, rider), rider)
    with clock.freeze(start + timedelta(hours=hours - 1)):
        service.end_shift(rider)
    return rider, plan.id


def test_a_planned_shift_is_made_up_to_its_guarantee_once(world: World) -> None:
    rules(world, per_km=0, guarantee_per_hour=1000)
    rider, shift_id = worked_shift(world, 4)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: service.pay_guarantee(rider, shift_id), range(6)))

    statement = service.read_shift_earnings(rider, shift_id)
    worked = statement.duty.worked.total_seconds()
    (top_up,) = [each for each in statement.earnings if each.delivery_id is None]
    assert top_up.lines[0].amount == round(worked / 3600 * 1000) - 250
    assert sum(each["amount"] for each in told_to_the_books(rider)) == round(worked / 3600 * 1000)


def test_off_the_roster_nothing_is_guaranteed_and_a_running_shift_waits(world: World) -> None:
    rules(world, guarantee_per_hour=1000)
    rider, start = world.rider(), clock.now()
    shift_id = service.read_rider(rider).shift_id
    assert shift_id is not None
    service.pay_guarantee(rider, shift_id)
    with clock.freeze(start + timedelta(hours=2)):
        service.end_shift(rider)
        service.pay_guarantee(rider, shift_id)
    assert earned(rider) == []


def test_the_guarantee_is_reckoned_when_the_last_delivery_is_paid(world: World) -> None:
    rider, now = world.rider(), clock.now()
    shift_id = service.read_rider(rider).shift_id
    assert shift_id is not None
    service.set_shift_pay_going(rider, shift_id)
    (due,) = [
        entry["due"]
        for row in EventsRow.scan()
        for entry in row.outbox or ()
        if entry["type"] == "ShiftPayDue" and entry["data"]["rider_id"] == rider
    ]
    assert due >= clock.rfc3339(now + PAY_AFTER)
