"""Two at once on the same delivery or rider: one wins, the other gets a precise answer, and nothing is in between."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dispatch import service
from chalicelib.dispatch.model.delivery import Status
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Contention, DomainError, VersionConflict
from chalicelib.kernel.transaction import Transaction
from tests.dispatch.conftest import World, events_of, told
from tests.dispatch.factories import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

pytestmark = pytest.mark.fault

ROUNDS = 12


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or was refused with, all begun at the same moment; two, at almost the same."""
    gate = threading.Barrier(len(calls))
    spread = 0.03 if len(calls) == 2 else 0.0  # the calls differ in length: so that either can be first at the write

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        time.sleep(random.uniform(0, spread))
        try:
            return call()
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def as_the_queue_does(delivery_id: str) -> None:
    """A look with the retries that a consumed message gets."""
    for _ in range(12):
        try:
            return service.look_for_rider(delivery_id, ids.new_id("evt"))
        except (VersionConflict, Contention):
            continue
    raise AssertionError("a look never got through")


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta, Callable[[], Any]], Callable[[], Any]]:
    """Runs a call in its thread with a clock that is ahead, as two machines' clocks are."""
    ahead = threading.local()
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + getattr(ahead, "by", seconds(0)))

    def by(span: timedelta, call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            ahead.by = span
            return call()

        return run

    return by


def test_only_one_of_two_riders_gets_the_delivery(world: World) -> None:
    for _ in range(ROUNDS):
        mine, other = world.rider(100), world.rider(300)
        delivery = world.look(world.request().id)
        results = at_once(
            partial(service.accept_offer, delivery.id, told(mine)),
            partial(service.accept_offer, delivery.id, told(other)),
        )
        assert results[1] == "delivery_not_found"
        assert world.delivery(delivery.id).rider_id == mine
        service.break_off_shift(mine)
        service.end_shift(other)


def test_a_double_tap_accepts_once(world: World) -> None:
    rider = world.rider(capacity=10)
    for _ in range(6):
        delivery = world.offered_to(rider)
        again = told(rider)
        taps = [again, again, told(rider), told(rider)]
        results = at_once(*(partial(service.accept_offer, delivery.id, tap) for tap in taps))
        assert {step.status for step in results} == {Status.ASSIGNED}
        assert [step.status for step in world.delivery(delivery.id).steps].count(Status.ASSIGNED) == 1


def test_accepting_in_the_last_moment_against_the_offer_moving_on(
    world: World, shifted: Callable[[timedelta, Callable[[], Any]], Callable[[], Any]]
) -> None:
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        first, second = world.rider(100, capacity=1), world.rider(2000, capacity=1)
        delivery = world.look(world.request().id)
        assert delivery.offered_to == first
        accepted, _ = at_once(
            shifted(seconds(25), partial(service.accept_offer, delivery.id, told(first))),
            shifted(seconds(33), partial(as_the_queue_does, delivery.id)),
        )
        after = world.delivery(delivery.id)
        if accepted == "offer_gone":
            assert (after.status, after.offered_to, after.rider_id) == (Status.OFFERED, second, None)
            assert service.read_feed(first, None).active == ()
        else:
            assert accepted.status is Status.ASSIGNED
            assert (after.status, after.offered_to, after.rider_id) == (Status.ASSIGNED, None, first)
            assert service.read_feed(second, None).offers == ()
        outcomes[str(after.status)] += 1
        service.break_off_shift(first)
        service.end_shift(second)


def test_dropping_out_against_picking_up(world: World) -> None:
    for _ in range(ROUNDS):
        rider = world.rider()
        delivery = world.assigned_to(rider)
        world.ready(delivery.id)
        dropped, picked_up = at_once(
            partial(service.drop_delivery, delivery.id, told(rider)),
            partial(service.pick_up, delivery.id, told(rider)),
        )
        after = world.delivery(delivery.id)
        kinds = [kind for kind, _ in events_of(delivery.id)]
        if after.status is Status.PICKED_UP:
            assert dropped == "step_out_of_turn"
            assert kinds.count("DeliveryPickedUp") == 1
        else:
            assert after.status is Status.UNASSIGNED
            assert picked_up == "delivery_not_yours"
            assert "DeliveryPickedUp" not in kinds
            service.end_shift(rider)
            continue
        service.deliver(delivery.id, told(rider), service.Evidence())
        service.end_shift(rider)


def test_accepting_against_the_order_being_cancelled(world: World) -> None:
    def cancel(delivery_id: str) -> None:
        tx = Transaction()
        service.cancel_delivery(tx, delivery_id, "customer")
        tx.commit()

    rider = world.rider()
    for _ in range(ROUNDS):
        delivery = world.offered_to(rider)
        accepted, cancelled = at_once(
            partial(service.accept_offer, delivery.id, told(rider)),
            partial(cancel, delivery.id),
        )
        after = world.delivery(delivery.id)
        assert cancelled is None
        assert after.status is Status.CANCELLED
        assert accepted == "offer_gone" or accepted.status is Status.ASSIGNED
        assert service.read_feed(rider, None).active == ()


def test_picking_up_against_the_order_being_cancelled(world: World) -> None:
    def cancel(delivery_id: str) -> str:
        tx = Transaction()
        service.cancel_delivery(tx, delivery_id, "customer")
        tx.commit()
        return "cancelled"

    for _ in range(ROUNDS):
        rider = world.rider()
        delivery = world.assigned_to(rider)
        world.ready(delivery.id)
        picked_up, cancelled = at_once(
            partial(service.pick_up, delivery.id, told(rider)),
            partial(cancel, delivery.id),
        )
        after = world.delivery(delivery.id)
        if after.status is Status.PICKED_UP:
            assert cancelled == "delivery_under_way"
            service.deliver(delivery.id, told(rider), service.Evidence())
        else:
            assert (after.status, picked_up, cancelled) == (Status.CANCELLED, "delivery_cancelled", "cancelled")
        service.end_shift(rider)


def test_twenty_looks_at_one_delivery_make_one_offer(world: World) -> None:
    riders = [world.rider(100 + 10 * number) for number in range(5)]
    delivery = world.request()
    at_once(*(partial(as_the_queue_does, delivery.id) for _ in range(20)))
    after = world.delivery(delivery.id)
    assert after.status is Status.OFFERED
    assert [step.status for step in after.steps].count(Status.OFFERED) == 1
    assert _open_offers(riders) == {after.offered_to: 1}


def test_twenty_deliveries_looking_at_once_share_the_riders(world: World) -> None:
    riders = [world.rider(100 + 10 * number) for number in range(8)]
    deliveries = [world.request() for _ in range(20)]
    at_once(*(partial(as_the_queue_does, delivery.id) for delivery in deliveries))
    offered = [each for each in (world.delivery(d.id) for d in deliveries) if each.status is Status.OFFERED]
    assert len(offered) == len(riders)
    assert _open_offers(riders) == dict.fromkeys(riders, 1)


def test_going_off_shift_against_getting_an_offer(world: World) -> None:
    for _ in range(ROUNDS):
        rider = world.rider()
        delivery = world.request()
        at_once(partial(service.end_shift, rider), partial(as_the_queue_does, delivery.id))
        assert not service.read_rider(rider).on_shift
        after = world.delivery(delivery.id)
        assert (after.status, after.offered_to) == (Status.UNASSIGNED, None)


def test_going_off_shift_against_accepting(world: World) -> None:
    for _ in range(ROUNDS):
        rider = world.rider()
        delivery = world.offered_to(rider)
        ended, accepted = at_once(
            partial(service.end_shift, rider),
            partial(service.accept_offer, delivery.id, told(rider)),
        )
        after = world.delivery(delivery.id)
        if after.status is Status.ASSIGNED:
            assert ended == "shift_has_deliveries"
            assert service.read_rider(rider).on_shift
            service.break_off_shift(rider)
        else:
            assert after.status is Status.UNASSIGNED
            assert accepted == "offer_gone"


def test_guessing_pins_at_once_gives_no_more_than_five_tries(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider, proof=service.Proof.PIN, pin="4711")
    guesses = [
        partial(service.deliver, delivery.id, told(rider), service.Evidence(pin=f"{number:04d}"))
        for number in range(24)
    ]
    codes: Counter[str] = Counter(_until_answered(guesses))
    assert codes == {"pin_wrong": 5, "pin_locked": 19}
    assert world.delivery(delivery.id).pin_failures == 5


def _until_answered(calls: Sequence[Callable[[], Any]]) -> list[str]:
    """Every call's answer; who lost every retry asks again, as the app would."""
    answers: list[str] = []
    while calls:
        results = at_once(*calls)
        answers += [each for each in results if each != "contention"]
        calls = [call for call, result in zip(calls, results, strict=True) if result == "contention"]
    return answers


def _open_offers(riders: list[str]) -> dict[str | None, int]:
    found = {rider: len(service.read_feed(rider, None).offers) for rider in riders}
    return {rider: count for rider, count in found.items() if count}
