"""What riders may carry: whom an order is offered to, what is refused when it is taken, and cash in hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chalicelib.dispatch import service
from chalicelib.dispatch.model.capacity import fitting, refusal
from chalicelib.dispatch.model.delivery import Status
from chalicelib.dispatch.service.planning import planned
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.travel import travel_between
from chalicelib.kernel import clock
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.money import Money
from tests.dispatch.conftest import World, told
from tests.dispatch.factories import NOW, STORE, a_delivery, at_work, carried, cash, metres_north
from tests.dispatch.test_races import at_once

if TYPE_CHECKING:
    from chalicelib.dispatch.model.delivery import Delivery

AGE, COLD = service.Need.AGE_CHECK, service.Need.COLD_BOX


def code(limits: service.Limits, delivery: Delivery, *held: Delivery, in_hand: Money | None = None) -> str | None:
    refused = refusal(at_work("r", limits=limits, cash=in_hand), delivery, held)
    return None if refused is None else refused.code


def test_needs_are_met_by_the_box_and_the_permission() -> None:
    assert code(service.Limits(), a_delivery(needs=frozenset((COLD,)))) == "cold_box_required"
    assert code(service.Limits(cold_box=True), a_delivery(needs=frozenset((COLD,)))) is None
    assert code(service.Limits(), a_delivery(needs=frozenset((AGE,)))) is None
    assert code(service.Limits(age_restricted=False), a_delivery(needs=frozenset((AGE,)))) == (
        "age_restricted_not_permitted"
    )


def test_volume_counts_what_is_in_hand_until_it_has_ended() -> None:
    box = service.Limits(volume=40)
    assert code(box, a_delivery(size=30), carried("r")) is None
    assert code(box, a_delivery(size=31), carried("r")) == "volume_exceeded"
    assert code(box, a_delivery(size=31), carried("r", Status.DELIVERED)) is None
    assert code(service.Limits(), a_delivery(size=900)) is None


def test_cash_counts_what_is_in_hand_and_what_will_be_collected() -> None:
    limit, due = service.Limits(cash_limit=cash(100)), a_delivery(cash_to_collect=cash(30))
    assert code(limit, due, carried("r", cash_to_collect=cash(40)), in_hand=cash(30)) is None
    assert code(limit, due, carried("r", cash_to_collect=cash(41)), in_hand=cash(30)) == "cash_limit_exceeded"
    assert code(limit, a_delivery(), in_hand=cash(999)) is None
    assert code(service.Limits(), due, in_hand=Money(1, "CHF")) == "cash_limit_exceeded"


def test_of_a_bundle_what_fits_is_offered() -> None:
    rider = at_work("r", limits=service.Limits(cash_limit=cash(50)))
    bundle = [a_delivery(cash_to_collect=cash(30)), a_delivery(cash_to_collect=cash(30))]
    assert fitting(rider, bundle, (), room=2) == bundle[:1]
    assert fitting(at_work("r"), bundle, (), room=1) == bundle[:1]
    assert fitting(at_work("r"), bundle, (), room=2) == bundle


def test_the_planner_asks_nobody_for_what_they_may_not_carry() -> None:
    near = at_work("near", limits=service.Limits(volume=20, age_restricted=False), capacity=2)
    far = at_work("far", metres_north(STORE, 900), limits=service.Limits(cold_box=True), capacity=2)
    ask = partial(_asked, [near, far])
    assert ask(a_delivery(ready_at=NOW)) == ["near"]
    assert ask(a_delivery(ready_at=NOW, size=21)) == ["far"]
    for need in (AGE, COLD):
        assert ask(a_delivery(ready_at=NOW, needs=frozenset((need,)))) == ["far"]
    rich = replace(near, limits=service.Limits(cash_limit=cash(100)), cash=cash(90))
    assert _asked([rich, far], a_delivery(ready_at=NOW, cash_to_collect=cash(11))) == ["far"]


def _asked(riders: list[object], delivery: Delivery) -> list[str]:
    travel = travel_between((delivery,), riders, NOW)  # type: ignore[arg-type]
    return [each.rider_id for each in planned(NOW, (delivery,), riders, travel, in_force())]  # type: ignore[arg-type]


def test_who_may_not_carry_it_is_not_asked(world: World) -> None:
    young = world.rider(100, limits=service.Limits(age_restricted=False))
    delivery = world.look(world.request(needs=frozenset((AGE,))).id)
    assert delivery.status is Status.UNASSIGNED
    grown = world.rider(2000)
    due = world.zone().next_tick_at
    assert due is not None
    with clock.freeze(due):
        world.tick()
    delivery = world.delivery(delivery.id)
    assert (delivery.offered_to, delivery.needs) == (grown, {AGE})
    assert not delivery.excludes(young)


def test_what_changed_since_the_offer_refuses_the_acceptance(world: World) -> None:
    rider = world.rider()
    offer = world.offered_to(rider, needs=frozenset((AGE,)))
    service.change_rider(rider, service.read_rider(rider).version, age_restricted=False)
    with pytest.raises(DomainError) as refused:
        service.accept_offer(offer.id, told(rider))
    assert refused.value.code == "age_restricted_not_permitted"
    assert world.delivery(offer.id).status is Status.OFFERED


@pytest.mark.fault
def test_an_acceptance_never_passes_a_withdrawn_permission(world: World) -> None:
    """Either the rider accepted while it was still allowed, or is refused: the rider's version decides."""
    for _ in range(8):
        rider = world.rider(100)
        offer = world.offered_to(rider, needs=frozenset((AGE,)))
        version = service.read_rider(rider).version
        accepted, changed = at_once(
            partial(service.accept_offer, offer.id, told(rider)),
            partial(service.change_rider, rider, version, age_restricted=False),
        )
        assert not isinstance(changed, str)
        is_taken = world.delivery(offer.id).rider_id == rider
        assert is_taken == (accepted != "age_restricted_not_permitted")
        service.save_profile(rider, name="Lena", vehicle=service.Vehicle.CAR, capacity=2)
        assert not service.read_rider(rider).limits.age_restricted  # not the rider's to give back
        if is_taken:
            service.drop_delivery(offer.id, told(rider))
        service.break_off_shift(rider)


def test_cash_is_counted_once_and_handed_in(world: World) -> None:
    rider = world.rider(limits=service.Limits(cash_limit=cash(3000)))
    delivery = world.picked_up_by(rider, cash_to_collect=cash(1850))
    again, evidence = told(rider), service.Evidence(cash_collected=cash(1850))
    for _ in range(2):
        service.deliver(delivery.id, again, evidence)
    assert service.read_rider(rider).cash == cash(1850)
    assert world.look(world.request(cash_to_collect=cash(1151)).id).status is Status.UNASSIGNED
    for too_much in (cash(1851), Money(1, "CHF")):
        with pytest.raises(DomainError) as refused:
            service.hand_in_cash(rider, too_much)
        assert refused.value.code == "cash_not_in_hand"
    assert service.hand_in_cash(rider, cash(850)).cash == cash(1000)
    assert service.hand_in_cash(rider, cash(1000)).cash is None


@pytest.mark.fault
def test_cash_is_handed_in_once_however_many_take_it(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider, cash_to_collect=cash(1000))
    service.deliver(delivery.id, told(rider), service.Evidence(cash_collected=cash(1000)))
    results = at_once(*[partial(service.hand_in_cash, rider, cash(400)) for _ in range(4)])
    assert results.count("cash_not_in_hand") >= 1
    taken = sum(1 for each in results if not isinstance(each, str))
    left = service.read_rider(rider).cash
    assert 1000 - 400 * taken == (left.amount if left else 0)
    assert taken <= 2
