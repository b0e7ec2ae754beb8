"""A rider's way with a delivery: the machine, its guards, and reports from phones that were offline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.dispatch.model import journey
from chalicelib.dispatch.model.delivery import DECLINED, DROPPED, Delivery, Proof, Status
from chalicelib.dispatch.model.journey import Command, Taken
from chalicelib.dispatch.model.policy import STANDARD
from chalicelib.dispatch.model.proofs import Evidence
from chalicelib.kernel.errors import DomainError, Invalid
from tests.dispatch.factories import NOW, a_delivery, carried, cash, command, minutes, offered, seconds

RIDER = "rider-a"
Report = Callable[[Delivery, Command, datetime], Taken]


def deliver(delivery: Delivery, told: Command, now: datetime, evidence: Evidence | None = None) -> Taken:
    return journey.deliver(delivery, told, now, evidence or Evidence(), STANDARD)


def fail(delivery: Delivery, told: Command, now: datetime) -> Taken:
    return journey.fail(delivery, told, now, "customer_absent")


REPORTS: dict[str, Report] = {
    "accept": journey.accept,
    "decline": journey.decline,
    "drop": journey.drop,
    "arrive_at_store": journey.arrive_at_store,
    "pick_up": journey.pick_up,
    "arrive_at_door": journey.arrive_at_door,
    "deliver": deliver,
    "fail": fail,
    "start_return": journey.start_return,
    "finish_return": journey.finish_return,
}
# What each report makes of each state; every pair that is not here is refused.
MACHINE = {
    ("accept", "offered"): "assigned",
    ("decline", "offered"): "unassigned",
    ("drop", "assigned"): "unassigned",
    ("drop", "at_store"): "unassigned",
    ("arrive_at_store", "assigned"): "at_store",
    ("pick_up", "assigned"): "picked_up",
    ("pick_up", "at_store"): "picked_up",
    ("arrive_at_door", "picked_up"): "at_door",
    ("deliver", "picked_up"): "delivered",
    ("deliver", "at_door"): "delivered",
    ("fail", "picked_up"): "failed",
    ("fail", "at_door"): "failed",
    ("start_return", "failed"): "returning",
    ("finish_return", "failed"): "returned",
    ("finish_return", "returning"): "returned",
}
# Reports that later ones have overtaken: written down, and nothing moves.
OVERTAKEN = {
    **{("arrive_at_store", s): s for s in ("picked_up", "at_door", "delivered", "failed", "returning", "returned")},
    **{("arrive_at_door", s): s for s in ("delivered", "failed", "returning", "returned")},
    ("start_return", "returned"): "returned",
}
# The state that the report would reach is there already, by another operation.
REPEATED = {
    ("accept", "assigned"),
    ("arrive_at_store", "at_store"),
    ("pick_up", "picked_up"),
    ("arrive_at_door", "at_door"),
    ("deliver", "delivered"),
    ("fail", "failed"),
    ("start_return", "returning"),
    ("finish_return", "returned"),
}


def in_state(status: Status) -> Delivery:
    """A delivery of the rider's in this state, its food ready."""
    if status is Status.UNASSIGNED:
        return a_delivery(marked_ready_at=NOW)
    if status is Status.OFFERED:
        return offered(RIDER, marked_ready_at=NOW)
    return carried(RIDER, status, marked_ready_at=NOW)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("report", REPORTS)
def test_the_machine_allows_its_own_steps_and_no_others(report: str, status: Status) -> None:
    before = in_state(status)
    told = command(RIDER)
    accepted_before = report == "accept" and before.step_since_offer(Status.ASSIGNED) is not None
    if (report, status) in MACHINE:
        after = REPORTS[report](before, told, NOW).delivery
        assert after.status == MACHINE[report, status]
        assert after.version == before.version + 1
        assert (after.steps[-1].cause, after.steps[-1].status) == (told.op_id, after.status)
    elif (report, status) in OVERTAKEN:
        taken = REPORTS[report](before, told, NOW)
        assert taken.delivery.status == status
        assert taken.delivery.steps[-1] == taken.step
    elif (report, status.value) in REPEATED or accepted_before:
        assert REPORTS[report](before, told, NOW).delivery is before
    else:
        with pytest.raises(DomainError) as refused:
            REPORTS[report](before, told, NOW)
        assert refused.value.status in (404, 409)


@pytest.mark.parametrize("report", REPORTS)
def test_the_same_operation_is_answered_the_same_for_ever(report: str) -> None:
    start = next(state for name, state in MACHINE if name == report)
    told = command(RIDER)
    first = REPORTS[report](in_state(Status(start)), told, NOW)
    again = REPORTS[report](first.delivery, told, NOW + minutes(20))
    assert again.delivery is first.delivery
    assert (again.step.status, again.step.cause) == (first.step.status, told.op_id)
    if report not in ("decline", "drop"):  # what was given away may be with others by now
        assert again.step == first.step


def test_a_repeat_is_answered_long_after_the_delivery_has_moved_on() -> None:
    told = command(RIDER)
    accepted = journey.accept(offered(RIDER), told, NOW)
    moved = journey.arrive_at_store(accepted.delivery, command(RIDER), NOW + minutes(5)).delivery
    assert journey.accept(moved, told, NOW + minutes(6)) == Taken(moved, accepted.step)


def test_an_operation_of_another_rider_is_no_answer_to_mine() -> None:
    told = command(RIDER)
    accepted = journey.accept(offered(RIDER), told, NOW).delivery
    with pytest.raises(DomainError) as refused:
        journey.accept(accepted, replace(told, rider_id="rider-b"), NOW)
    assert refused.value.code == "delivery_not_found"


def test_an_op_id_can_not_be_used_for_two_steps() -> None:
    told = command(RIDER)
    accepted = journey.accept(offered(RIDER), told, NOW).delivery
    with pytest.raises(DomainError) as refused:
        journey.arrive_at_store(accepted, told, NOW)
    assert refused.value.code == "op_id_reused"


def test_an_offer_can_be_taken_until_it_runs_out_and_not_a_moment_longer() -> None:
    offer = offered(RIDER)
    assert journey.accept(offer, command(RIDER), NOW + seconds(29.999)).delivery.rider_id == RIDER
    with pytest.raises(DomainError) as refused:
        journey.accept(offer, command(RIDER), NOW + seconds(30))
    assert refused.value.code == "offer_gone"


def test_somebody_elses_offer_does_not_exist_for_me() -> None:
    with pytest.raises(DomainError) as refused:
        journey.accept(offered(RIDER), command("rider-b"), NOW)
    assert (refused.value.status, refused.value.code) == (404, "delivery_not_found")


def test_an_offer_that_went_on_to_the_next_rider_is_gone_for_the_first() -> None:
    declined = journey.decline(offered(RIDER), command(RIDER), NOW).delivery
    reoffered = replace(declined, status=Status.OFFERED, offered_to="rider-b", offer_expires_at=NOW + seconds(60))
    with pytest.raises(DomainError) as refused:
        journey.accept(reoffered, command(RIDER), NOW)
    assert (refused.value.status, refused.value.code) == (409, "offer_gone")


def test_declining_excludes_the_rider_and_counts_a_round() -> None:
    taken = journey.decline(offered(RIDER), command(RIDER), NOW)
    assert taken.delivery.excludes(RIDER)
    assert taken.delivery.rounds == 1
    assert taken.step.reason == DECLINED


def test_declining_what_has_run_out_is_no_error() -> None:
    lapsed = replace(offered(RIDER), status=Status.UNASSIGNED, offered_to=None, excluded=())
    gone = journey.decline(offered(RIDER), command(RIDER), NOW).delivery
    assert journey.decline(gone, command(RIDER), NOW).delivery is gone
    with pytest.raises(DomainError):
        journey.decline(lapsed, command("rider-never-asked"), NOW)


def test_dropping_out_reopens_the_delivery_for_others() -> None:
    after = journey.drop(carried(RIDER, Status.AT_STORE), command(RIDER), NOW)
    assert (after.delivery.status, after.delivery.rider_id) == (Status.UNASSIGNED, None)
    assert after.delivery.excludes(RIDER)
    assert after.step.reason == DROPPED


def test_accepting_ends_the_search() -> None:
    searched = replace(offered(RIDER), rounds=3, searching_since=NOW, next_look_at=NOW, unfilled_at=NOW)
    after = journey.accept(searched, command(RIDER), NOW).delivery
    assert (after.rounds, after.searching_since, after.next_look_at, after.unfilled_at) == (0, None, None, None)


def test_an_order_that_the_kitchen_still_cooks_can_not_be_picked_up() -> None:
    with pytest.raises(DomainError) as refused:
        journey.pick_up(carried(RIDER, Status.AT_STORE), command(RIDER), NOW)
    assert (refused.value.status, refused.value.code) == (409, "order_not_ready")
    assert refused.value.retryable


def test_an_arrival_told_late_is_written_down_with_its_own_time() -> None:
    at_door = carried(RIDER, Status.PICKED_UP, marked_ready_at=NOW)
    told = command(RIDER, captured_at=NOW - minutes(4))
    taken = journey.arrive_at_store(at_door, told, NOW)
    assert taken.delivery.status is Status.PICKED_UP
    assert (taken.step.status, taken.step.captured_at) == (Status.AT_STORE, NOW - minutes(4))
    assert journey.arrive_at_store(taken.delivery, told, NOW).delivery is taken.delivery


def test_a_cancelled_delivery_takes_no_reports() -> None:
    cancelled = replace(carried(RIDER), status=Status.CANCELLED)
    with pytest.raises(DomainError) as refused:
        journey.arrive_at_store(cancelled, command(RIDER), NOW)
    assert refused.value.code == "delivery_cancelled"


# --- proof ------------------------------------------------------------------------------------------------------------


def at_the_door(proof: Proof, **changes: object) -> Delivery:
    return carried(RIDER, Status.AT_DOOR, proof=proof, **changes)


def test_the_right_pin_delivers() -> None:
    after = deliver(at_the_door(Proof.PIN), command(RIDER), NOW, Evidence(pin="4711")).delivery
    assert after.status is Status.DELIVERED


def test_wrong_pins_count_down_to_a_lock_that_even_the_right_one_does_not_open() -> None:
    delivery = at_the_door(Proof.PIN)
    left = []
    for _ in range(STANDARD.pin_attempts):
        taken = deliver(delivery, command(RIDER), NOW, Evidence(pin="0000"))
        assert taken.refusal is not None
        assert taken.refusal.code == "pin_wrong"
        left.append(taken.refusal.extra["attempts_left"])
        delivery = taken.delivery
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(DomainError) as refused:
        deliver(delivery, command(RIDER), NOW, Evidence(pin="4711"))
    assert refused.value.code == "pin_locked"
    assert fail(delivery, command(RIDER), NOW).delivery.status is Status.FAILED


def test_a_wrong_pin_sent_twice_counts_once_and_answers_the_same() -> None:
    told = command(RIDER)
    first = deliver(at_the_door(Proof.PIN), told, NOW, Evidence(pin="0000"))
    other = deliver(first.delivery, command(RIDER), NOW, Evidence(pin="1111"))
    again = deliver(other.delivery, told, NOW, Evidence(pin="0000"))
    assert again.delivery is other.delivery
    assert again.refusal is not None
    assert first.refusal is not None
    assert again.refusal.extra == first.refusal.extra == {"attempts_left": 4}


@pytest.mark.parametrize(("proof", "code"), [(Proof.PIN, "pin_required"), (Proof.PHOTO, "photo_required")])
def test_the_demanded_proof_must_be_there(proof: Proof, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        deliver(at_the_door(proof), command(RIDER), NOW)
    assert [violation.code for violation in refused.value.violations] == [code]


def test_a_photo_is_kept() -> None:
    after = deliver(at_the_door(Proof.PHOTO), command(RIDER), NOW, Evidence(photo="proofs/1.jpg")).delivery
    assert (after.status, after.photo) == (Status.DELIVERED, "proofs/1.jpg")


def test_cash_that_is_due_must_be_stated_to_the_cent() -> None:
    due = at_the_door(Proof.NONE, cash_to_collect=cash(1850))
    for given, code in ((None, "cash_collected_required"), (cash(1800), "cash_amount_differs")):
        with pytest.raises(Invalid) as refused:
            deliver(due, command(RIDER), NOW, Evidence(cash_collected=given))
        assert [violation.code for violation in refused.value.violations] == [code]
    assert deliver(due, command(RIDER), NOW, Evidence(cash_collected=cash(1850))).delivery.cash_collected == cash(1850)


def test_no_cash_is_taken_for_what_is_paid() -> None:
    with pytest.raises(Invalid) as refused:
        deliver(at_the_door(Proof.NONE), command(RIDER), NOW, Evidence(cash_collected=cash(100)))
    assert [violation.code for violation in refused.value.violations] == ["no_cash_due"]


def test_everything_that_lacks_is_told_at_once_and_costs_no_pin_attempt() -> None:
    due = at_the_door(Proof.PIN, cash_to_collect=cash(1850))
    with pytest.raises(Invalid) as refused:
        deliver(due, command(RIDER), NOW)
    assert {violation.pointer for violation in refused.value.violations} == {"/pin", "/cash_collected"}


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_phone_slightly_ahead_is_believed_to_mean_now() -> None:
    assert journey.checked_capture(NOW + minutes(4), NOW) == NOW


@pytest.mark.parametrize(
    ("captured_at", "code"),
    [
        (NOW + minutes(6), "captured_in_future"),
        (NOW - timedelta(hours=25), "captured_too_long_ago"),
        (datetime(1, 1, 1, tzinfo=UTC), "captured_too_long_ago"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "captured_in_future"),
    ],
)
def test_a_time_that_no_honest_clock_shows_is_refused(captured_at: datetime, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        journey.checked_capture(captured_at, NOW)
    assert refused.value.violations[0].code == code
