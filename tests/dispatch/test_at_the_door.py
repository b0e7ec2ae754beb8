"""At the door: a try in vain and a second one, whose age is proven, the photo's hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chalicelib.dispatch import service
from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.delivery import Delivery, Need, Proof, Status
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.proofs import Evidence
from chalicelib.kernel.errors import DomainError, Invalid
from tests.dispatch.conftest import events_of, told
from tests.dispatch.factories import NOW, carried, command, minutes

if TYPE_CHECKING:
    from tests.dispatch.conftest import World

RIDER = "rider-a"


def at_door(**changes: object) -> Delivery:
    return replace(carried(RIDER, Status.AT_DOOR, marked_ready_at=NOW), **changes)


def missed(delivery: Delivery, at: float = 1) -> Delivery:
    then = NOW + minutes(at)
    return journey.miss(delivery, command(RIDER, then), then, "customer_absent", STANDARD).delivery


def refusal(call: object) -> str:
    with pytest.raises(DomainError) as refused:
        call()  # type: ignore[operator]
    return refused.value.code


def test_after_a_try_in_vain_the_rider_rings_again_and_delivers() -> None:
    again = missed(at_door())
    assert (again.status, again.version) == (Status.PICKED_UP, at_door().version + 1)
    rung = journey.arrive_at_door(again, command(RIDER, NOW + minutes(9)), NOW + minutes(9)).delivery
    assert rung.status is Status.AT_DOOR
    done = journey.deliver(rung, command(RIDER), NOW + minutes(10), Evidence(), STANDARD).delivery
    assert done.status is Status.DELIVERED


def test_there_is_one_second_try_and_then_it_fails() -> None:
    again = missed(at_door())
    assert refusal(lambda: missed(again, 5)) == "no_more_tries"
    assert journey.fail(again, command(RIDER), NOW, "customer_absent").delivery.status is Status.FAILED


def test_the_same_try_told_twice_is_one_try() -> None:
    report = command(RIDER)
    first = journey.miss(at_door(), report, NOW, "other", STANDARD)
    again = journey.miss(first.delivery, report, NOW + minutes(3), "other", STANDARD)
    assert again.delivery is first.delivery
    assert again.step == first.step
    assert refusal(lambda: journey.arrive_at_door(first.delivery, report, NOW)) == "op_id_reused"


def test_an_arrival_from_before_the_try_that_comes_late_moves_nothing() -> None:
    again = missed(carried(RIDER, Status.PICKED_UP, marked_ready_at=NOW), 5)
    late = command(RIDER, NOW + minutes(4))
    noted = journey.arrive_at_door(again, late, NOW + minutes(6)).delivery
    assert (noted.status, noted.steps[-1].cause) == (Status.PICKED_UP, late.op_id)
    assert journey.arrive_at_door(noted, late, NOW + minutes(7)).delivery is noted


@pytest.mark.parametrize("status", [Status.ASSIGNED, Status.DELIVERED, Status.FAILED, Status.RETURNED])
def test_only_what_is_on_board_can_be_tried(status: Status) -> None:
    assert refusal(lambda: missed(carried(RIDER, status, marked_ready_at=NOW))) == "step_out_of_turn"


def deliver(delivery: Delivery, evidence: Evidence) -> Delivery:
    return journey.deliver(delivery, command(RIDER), NOW, evidence, STANDARD).delivery


def test_goods_for_adults_need_a_look_at_a_document() -> None:
    wine = at_door(needs=frozenset((Need.AGE_CHECK,)))
    with pytest.raises(Invalid) as refused:
        deliver(wine, Evidence())
    assert [each.code for each in refused.value.violations] == ["age_check_required"]
    assert refusal(lambda: deliver(wine, Evidence(age_proven=False))) == "age_not_proven"
    assert deliver(wine, Evidence(age_proven=True)).status is Status.DELIVERED
    back = journey.fail(wine, command(RIDER), NOW, "age_not_proven").delivery
    assert (back.status, back.steps[-1].reason) == (Status.FAILED, "age_not_proven")


def test_a_photo_before_the_door_does_not_stand_for_the_age() -> None:
    wine = at_door(needs=frozenset((Need.AGE_CHECK,)), proof=Proof.PHOTO)
    with pytest.raises(Invalid):
        deliver(wine, Evidence(photo="proofs/1.jpg"))


def test_the_photos_hash_is_kept_with_its_reference(world: World) -> None:
    rider = world.rider()
    delivery = world.picked_up_by(rider, proof=Proof.PHOTO)
    photo = Evidence(photo="proofs/1.jpg", photo_hash="ab" * 32)
    service.deliver(delivery.id, told(rider), photo)
    kept = world.delivery(delivery.id)
    assert (kept.photo, kept.photo_hash) == ("proofs/1.jpg", "ab" * 32)


def test_a_try_in_vain_is_told_and_comes_after_the_other_doors(world: World) -> None:
    rider = world.rider()
    first = world.picked_up_by(rider)
    second = world.picked_up_by(rider)
    service.miss_customer(first.id, told(rider), "customer_absent")
    assert [kind for kind, _ in events_of(first.id)].count("DeliveryMissed") == 1
    assert world.delivery(first.id).doors_before == 1 or first.dropoff_point == second.dropoff_point
