"""What riders do with a delivery, from taking the offer to the proof at the door.

Reports come from phones that were offline: late, twice, or in another order than they happened. An operation (`op_id`)
takes its step once and is answered the same ever after; a step that a later one has overtaken is still written down.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import (
    CLAIMED,
    DECLINED,
    DROPPED,
    PIN_REFUSED,
    SHIFT_ENDED,
    Actor,
    Delivery,
    Proof,
    Status,
    Step,
    excluding,
    with_step,
)
from chalicelib.dispatch.model.proofs import Evidence, pin_matches, require_evidence
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound, Violation

if TYPE_CHECKING:
    from chalicelib.dispatch.model.policy import Policy

# A phone's clock may run ahead a little, and a phone may have been in a dead spot for long; more is a broken clock.
CAPTURED_AHEAD = timedelta(minutes=5)
CAPTURED_BEHIND = timedelta(hours=24)


class Command(msgspec.Struct, frozen=True):
    """A rider's report: ``op_id`` identifies the operation, ``captured_at`` is when the phone took it down."""

    rider_id: str
    op_id: str
    captured_at: datetime


class Taken(msgspec.Struct, frozen=True):
    """What came of a command: the delivery as it is now, and the step that answers it.

    ``refusal`` is to be raised after the delivery was stored (a wrong PIN counts).
    """

    delivery: Delivery
    step: Step
    refusal: DomainError | None = None


class Move(msgspec.Struct, frozen=True):
    """A step of the machine: the states it leaves and the one it reaches."""

    leaves: frozenset[Status]
    reaches: Status


ACCEPT = Move(frozenset((Status.OFFERED,)), Status.ASSIGNED)
CLAIM = Move(frozenset((Status.UNASSIGNED,)), Status.ASSIGNED)
DECLINE = Move(frozenset((Status.OFFERED,)), Status.UNASSIGNED)
ARRIVE_AT_STORE = Move(frozenset((Status.ASSIGNED,)), Status.AT_STORE)
PICK_UP = Move(frozenset((Status.ASSIGNED, Status.AT_STORE)), Status.PICKED_UP)
ARRIVE_AT_DOOR = Move(frozenset((Status.PICKED_UP,)), Status.AT_DOOR)
DELIVER = Move(frozenset((Status.PICKED_UP, Status.AT_DOOR)), Status.DELIVERED)
MISS = Move(frozenset((Status.PICKED_UP, Status.AT_DOOR)), Status.PICKED_UP)
FAIL = Move(frozenset((Status.PICKED_UP, Status.AT_DOOR)), Status.FAILED)
START_RETURN = Move(frozenset((Status.FAILED,)), Status.RETURNING)
FINISH_RETURN = Move(frozenset((Status.FAILED, Status.RETURNING)), Status.RETURNED)
DROP = Move(frozenset((Status.ASSIGNED, Status.AT_STORE)), Status.UNASSIGNED)

# Where a report may still arrive after later steps were taken: it is written down and moves nothing.
_OVERTAKEN_BY = {
    Status.AT_STORE: frozenset(
        (Status.PICKED_UP, Status.AT_DOOR, Status.DELIVERED, Status.FAILED, Status.RETURNING, Status.RETURNED)
    ),
    Status.AT_DOOR: frozenset((Status.DELIVERED, Status.FAILED, Status.RETURNING, Status.RETURNED)),
    Status.RETURNING: frozenset((Status.RETURNED,)),
}


def checked_capture(captured_at: datetime, now: datetime) -> datetime:
    """The phone's time, never later than ours. Raises ``Invalid`` for a time that no honest clock shows."""
    if captured_at > now + CAPTURED_AHEAD:
        raise Invalid([Violation("captured_in_future", "/captured_at", "The phone's clock is ahead of ours.")])
    if captured_at < now - CAPTURED_BEHIND:
        raise Invalid([Violation("captured_too_long_ago", "/captured_at", "This was captured over a day ago.")])
    return min(captured_at.astimezone(UTC), now)


def checked(command: Command, now: datetime) -> Command:
    """The command with a time that can be believed."""
    return replace(command, captured_at=checked_capture(command.captured_at, now))


# What of its search remains with a delivery that has found its rider: the bonus.
_FOUND: dict[str, Any] = {
    "rounds": 0,
    "searching_since": None,
    "next_look_at": None,
    "unfilled_at": None,
    "waits": False,
    "mates": (),
    "pooled_at": None,
}


def accept(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider takes the offer."""
    done = _repeated(delivery, command, ACCEPT)
    if done is not None:
        return done
    _require_offer(delivery, command.rider_id)
    if delivery.offer_expired(now):
        raise _offer_gone()
    return _moved(
        delivery,
        ACCEPT,
        command,
        now,
        rider_id=command.rider_id,
        offered_to=None,
        offer_expires_at=None,
        **_FOUND,
    )


def decline(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider does not want the offer; nor will it come again. Declining what has run out is no error."""
    done = _repeated(delivery, command, DECLINE)
    if done is not None:
        return done
    if delivery.offered_to != command.rider_id and delivery.excludes(command.rider_id):
        return Taken(delivery, _step(Status.UNASSIGNED, command, now, DECLINED))
    _require_offer(delivery, command.rider_id)
    return _moved(
        delivery,
        DECLINE,
        command,
        now,
        reason=DECLINED,
        offered_to=None,
        offer_expires_at=None,
        mates=(),
        excluded=excluding(delivery, command.rider_id),
        rounds=delivery.rounds + 1,
    )


def claim(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider takes a delivery that everybody in reach may have. Refused with ``claim_lost`` once it is gone."""
    done = _repeated(delivery, command, CLAIM)
    if done is not None:
        return done
    if delivery.status is not Status.UNASSIGNED or delivery.pooled_at is None:
        raise Conflict("claim_lost", "Somebody else has this delivery, or it is not to be claimed any more.")
    return _moved(
        delivery, CLAIM, command, now, reason=CLAIMED, step_rider=command.rider_id, rider_id=command.rider_id, **_FOUND
    )


def drop(delivery: Delivery, command: Command, now: datetime, reason: str = DROPPED) -> Taken:
    """The rider can't come after all: the delivery is open again, for others."""
    done = _repeated(delivery, command, DROP)
    if done is not None:
        return done
    if delivery.rider_id != command.rider_id and delivery.excludes(command.rider_id):
        return Taken(delivery, _step(Status.UNASSIGNED, command, now, reason))
    _require_carrier(delivery, command.rider_id, DROP)
    return _moved(
        delivery,
        DROP,
        command,
        now,
        reason=reason,
        rider_id=None,
        excluded=excluding(delivery, command.rider_id),
    )


def arrive_at_store(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider is at the store."""
    return _advance(delivery, ARRIVE_AT_STORE, command, now)


def pick_up(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider has the order. Refused with ``order_not_ready`` until the kitchen marked it ready."""
    done = _repeated(delivery, command, PICK_UP)
    if done is not None:
        return done
    _require_carrier(delivery, command.rider_id, PICK_UP)
    if delivery.marked_ready_at is None:
        raise Conflict(
            "order_not_ready", "The kitchen has not marked this order ready.", retryable=True, retry_after=10
        )
    return _moved(delivery, PICK_UP, command, now, at_store_at=None)


def arrive_at_door(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider is at the customer's door; a report from before a try in vain is written down and moves nothing."""
    tried = delivery.missed_at
    if tried is not None and command.captured_at < tried and delivery.is_carried_by(command.rider_id):
        known = delivery.step_of(command.rider_id, command.op_id)
        return Taken(delivery, known) if known else _noted(delivery, ARRIVE_AT_DOOR, command, now)
    return _advance(delivery, ARRIVE_AT_DOOR, command, now)


def deliver(delivery: Delivery, command: Command, now: datetime, evidence: Evidence, policy: Policy) -> Taken:
    """The customer has the order, with the proof that the store demands and the cash that was due."""
    refused = delivery.step_of(command.rider_id, command.op_id)
    if refused is not None and refused.reason == PIN_REFUSED:
        return Taken(delivery, refused, _pin_wrong(delivery, refused, policy))
    done = _repeated(delivery, command, DELIVER)
    if done is not None:
        return done
    _require_carrier(delivery, command.rider_id, DELIVER)
    require_evidence(delivery, evidence)
    if delivery.proof is Proof.PIN:
        if delivery.pin_failures >= policy.pin_attempts:
            raise Conflict("pin_locked", "Too many wrong PINs: the order goes back to the store.")
        if not pin_matches(delivery.pin, evidence.pin):
            return _refuse_pin(delivery, command, now, policy)
    return _moved(
        delivery,
        DELIVER,
        command,
        now,
        photo=evidence.photo,
        photo_hash=evidence.photo_hash,
        cash_collected=evidence.cash_collected,
        at_door_at=None,
        doors_before=0,
    )


def miss(delivery: Delivery, command: Command, now: datetime, reason: str, policy: Policy) -> Taken:
    """Nobody took the order; the rider tries again on this trip, after the other doors.

    Refused with ``no_more_tries`` after that: it is to be failed, and goes back.
    """
    step = delivery.step_of(command.rider_id, command.op_id)
    if step is not None:
        if step not in delivery.misses:
            raise _op_id_reused()
        return Taken(delivery, step)
    _require_carrier(delivery, command.rider_id, MISS)
    if len(delivery.misses) >= policy.second_tries:
        raise Conflict("no_more_tries", "This was the last try: report that it failed, and bring the order back.")
    return _moved(delivery, MISS, command, now, reason=reason)


def fail(delivery: Delivery, command: Command, now: datetime, reason: str) -> Taken:
    """The order can't be handed over and goes back."""
    done = _repeated(delivery, command, FAIL)
    if done is not None:
        return done
    _require_carrier(delivery, command.rider_id, FAIL)
    return _moved(delivery, FAIL, command, now, reason=reason)


def start_return(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider is on the way back to the store."""
    return _advance(delivery, START_RETURN, command, now)


def finish_return(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The store has the order back."""
    return _advance(delivery, FINISH_RETURN, command, now)


def release(delivery: Delivery, command: Command, now: datetime) -> Taken:
    """The rider's shift ends: an open offer counts as declined, an order not yet picked up as dropped."""
    if delivery.status is Status.OFFERED:
        return decline(delivery, command, now)
    return drop(delivery, command, now, SHIFT_ENDED)


def pin_attempts_left(delivery: Delivery, policy: Policy) -> int | None:
    """How many wrong PINs are left; None where no PIN is asked for."""
    if delivery.proof is not Proof.PIN:
        return None
    return max(0, policy.pin_attempts - delivery.pin_failures)


def refuse_cancel(status: str | None, delivery_id: str) -> DomainError:
    """Why a delivery in this state can't be cancelled any more."""
    if status is None:
        return NotFound("delivery", delivery_id)
    if status in (Status.CANCELLED, Status.DELIVERED, Status.RETURNED):
        return Conflict("delivery_ended", f"The delivery is {status} already.")
    return Conflict("delivery_under_way", "The rider has picked the order up: it can't be cancelled any more.")


def _advance(delivery: Delivery, move: Move, command: Command, now: datetime) -> Taken:
    done = _repeated(delivery, command, move)
    if done is not None:
        return done
    overtaken = delivery.rider_id == command.rider_id and delivery.status in _OVERTAKEN_BY.get(
        move.reaches, frozenset()
    )
    if overtaken:
        return _noted(delivery, move, command, now)
    _require_carrier(delivery, command.rider_id, move)
    return _moved(delivery, move, command, now)


def _noted(delivery: Delivery, move: Move, command: Command, now: datetime) -> Taken:
    """A report that came too late to move anything."""
    step = _step(move.reaches, command, now, None)
    return Taken(replace(delivery, version=delivery.version + 1, steps=(*delivery.steps, step)), step)


def _repeated(delivery: Delivery, command: Command, move: Move) -> Taken | None:
    """The earlier step that answers this command: by the same operation, or by another that did the same."""
    step = delivery.step_of(command.rider_id, command.op_id)
    if step is not None and step.status is not move.reaches:
        raise _op_id_reused()
    if step is None and delivery.rider_id == command.rider_id:
        step = delivery.step_since_offer(move.reaches)
    return None if step is None else Taken(delivery, step)


def _op_id_reused() -> Conflict:
    return Conflict("op_id_reused", "This op_id belongs to another step: every operation needs its own.")


def _require_offer(delivery: Delivery, rider_id: str) -> None:
    if delivery.offered_to == rider_id and delivery.status is Status.OFFERED:
        return
    if delivery.excludes(rider_id) or rider_id in (delivery.offered_to, delivery.rider_id):
        raise _offer_gone()
    raise NotFound("delivery", delivery.id)


def _offer_gone() -> Conflict:
    return Conflict("offer_gone", "This offer has run out or was taken back.")


def _require_carrier(delivery: Delivery, rider_id: str, move: Move) -> None:
    if delivery.rider_id != rider_id:
        if delivery.excludes(rider_id) or delivery.offered_to == rider_id:
            raise Conflict("delivery_not_yours", "You do not have this delivery (any more).")
        raise NotFound("delivery", delivery.id)
    if delivery.status is Status.CANCELLED:
        raise Conflict("delivery_cancelled", "The order was cancelled.")
    if delivery.status not in move.leaves:
        raise Conflict(
            "step_out_of_turn",
            f"A delivery that is {delivery.status} can't become {move.reaches}.",
            delivery_status=delivery.status.value,
        )


def _refuse_pin(delivery: Delivery, command: Command, now: datetime, policy: Policy) -> Taken:
    step = _step(delivery.status, command, now, PIN_REFUSED)
    after = replace(
        delivery,
        version=delivery.version + 1,
        pin_failures=delivery.pin_failures + 1,
        steps=(*delivery.steps, step),
    )
    return Taken(after, step, _pin_wrong(after, step, policy))


def _pin_wrong(delivery: Delivery, step: Step, policy: Policy) -> Conflict:
    refused = [each for each in delivery.steps if each.reason == PIN_REFUSED]
    left = max(0, policy.pin_attempts - refused.index(step) - 1)
    return Conflict("pin_wrong", f"This is not the customer's PIN: {left} attempts left.", attempts_left=left)


def _step(status: Status, command: Command, now: datetime, reason: str | None) -> Step:
    return Step(status, now, Actor.RIDER, command.op_id, reason, command.captured_at)


def _moved(
    delivery: Delivery,
    move: Move,
    command: Command,
    now: datetime,
    *,
    reason: str | None = None,
    step_rider: str | None = None,
    **changes: Any,
) -> Taken:
    step = replace(_step(move.reaches, command, now, reason), rider_id=step_rider)
    after = replace(
        delivery,
        status=move.reaches,
        version=delivery.version + 1,
        steps=with_step(delivery, step),
        **changes,
    )
    return Taken(after, step)
