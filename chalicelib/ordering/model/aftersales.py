"""The negotiation of a claim: each step is one of the order's timeline, and happens only where it is somebody's turn.

What people do raises ``Conflict`` where it can't be done; what deadlines do changes nothing where it is moot.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict, Invalid, NotFound, Violation
from chalicelib.ordering.model.claim import (
    CANCELLATION,
    COMPLAINT,
    CREDIT,
    MAX_CLAIMS,
    REFUND,
    RESEND,
    Claim,
    ClaimKind,
    ClaimReason,
    ClaimState,
    Remedy,
    Silence,
)
from chalicelib.ordering.model.order import (
    CASH_ON_DELIVERY,
    DELIVERY_RETURNED,
    FREE,
    PAY_AT_STORE,
    UNDER_WAY,
    Change,
    Order,
    Status,
)

if TYPE_CHECKING:
    from datetime import datetime

OPENED = "claim_opened"
RESEND_FAILED = "resend_failed"

STORE_SILENT = "store_did_not_answer"
CUSTOMER_SILENT = "customer_did_not_answer"
UNDER_WAY_ALREADY = "delivery_under_way"
NOTHING_TO_REFUND = "nothing_to_refund"
NOT_TO_BE_SENT = "resend_not_possible"

_PAID_LATER = (PAY_AT_STORE, CASH_ON_DELIVERY, FREE)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer asks for, before it is known whether it can be asked."""

    kind: ClaimKind
    reason: ClaimReason
    wish: Remedy = Remedy()
    note: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has settled for such claims: they are part of the claim from its first day."""

    answer_within: timedelta
    on_silence: Silence
    counter_within: timedelta
    window: timedelta


# What is said about an order that has not come yet, and about one that has.
_REASONS: dict[ClaimKind, tuple[ClaimReason, ...]] = {
    CANCELLATION: ("changed_mind", "ordered_by_mistake", "takes_too_long", "other"),
    COMPLAINT: ("missing_item", "wrong_item", "damaged", "late", "quality", "other"),
}


def ask(order: Order, change: Change, draft: Draft, rules: Rules) -> Order:
    """The customer asks. One claim at a time; what can be asked for is a matter of the order's status."""
    if draft.reason not in _REASONS[draft.kind]:
        detail = f"That is no reason of a {draft.kind}."
        raise Invalid([Violation("reason_not_fitting", "/reason", detail, {"reasons": list(_REASONS[draft.kind])})])
    if draft.kind == CANCELLATION and draft.wish != Remedy():
        raise Invalid([Violation("remedy_not_possible", "/wish", "An order is cancelled as a whole, for its price.")])
    if order.resend_of is not None:
        detail = "This order makes good another one: ask there."
        raise Conflict("claim_on_original", detail, original_order_id=order.resend_of)
    _demand_time(order, change.at, draft, rules)
    if order.open_claim is not None:
        raise Conflict("claim_open", "Another claim about this order is open.", number=order.open_claim.number)
    if len(order.claims) >= MAX_CLAIMS:
        raise Conflict("too_many_claims", "No more can be asked for about this order.")
    claim = Claim(
        number=len(order.claims) + 1,
        kind=draft.kind,
        reason=draft.reason,
        wish=draft.wish,
        note=draft.note,
        asked_at=change.at,
        due_at=change.at + rules.answer_within,
        on_silence=rules.on_silence,
        counter_within=rules.counter_within,
    )
    noted = order.with_entry(OPENED, change, draft.kind)
    return replace(noted, claims=(*order.claims, claim))


def accept(order: Order, change: Change, number: int, *, remedy: Remedy | None = None) -> Order:
    """The store grants what was asked for, or (by its policy) the ``remedy`` instead."""
    claim = _turn_of_store(order, number)
    return _moved(order, change, replace(claim, state=ClaimState.ACCEPTED, offer=remedy, decided_at=change.at))


def reject(order: Order, change: Change, number: int, *, answer: str) -> Order:
    """The store says no, and why."""
    claim = _turn_of_store(order, number)
    rejected = replace(claim, state=ClaimState.REJECTED, answer=answer, decided_at=change.at)
    return _moved(order, change, rejected, answer)


def counter(order: Order, change: Change, number: int, offer: Remedy, *, answer: str = "") -> Order:
    """The store offers something else. From now on it is the customer's turn."""
    claim = _turn_of_store(order, number)
    _demand_sensible(order, claim, offer)
    due = change.at + claim.counter_within
    countered = replace(claim, state=ClaimState.COUNTERED, offer=offer, answer=answer, due_at=due)
    return _moved(order, change, countered, offer.kind)


def agree(order: Order, change: Change, number: int) -> Order:
    """The customer takes what the store offers."""
    claim = _turn_of_customer(order, number, "agree")
    if change.at >= claim.due_at:
        raise _out_of_turn(claim, "agree", "The offer has lapsed.")
    return _moved(order, change, replace(claim, state=ClaimState.AGREED, decided_at=change.at))


def decline(order: Order, change: Change, number: int) -> Order:
    """The customer does not take what the store offers: the order stays as it is."""
    claim = _turn_of_customer(order, number, "decline")
    return _moved(order, change, replace(claim, state=ClaimState.DECLINED, decided_at=change.at))


def withdraw(order: Order, change: Change, number: int) -> Order:
    """The customer thinks better of it, while nothing is decided."""
    claim = find(order, number)
    if not claim.is_undecided:
        raise _out_of_turn(claim, "withdraw", f"This claim is {claim.state}.")
    return _moved(order, change, replace(claim, state=ClaimState.WITHDRAWN, decided_at=change.at))


def lapse(order: Order, change: Change, number: int) -> Order:
    """The customer let the time for the store's offer run out. Moot once answered, and while there still is time."""
    if silent(order, number, change.at) != "customer":
        return order
    claim = find(order, number)
    lapsed = replace(claim, state=ClaimState.LAPSED, decided_at=change.at)
    return _moved(order, change, lapsed, CUSTOMER_SILENT)


def silent(order: Order, number: int, now: datetime) -> Literal["store", "customer"] | None:
    """Who has let the time run out; nobody where the claim is decided, or there still is time."""
    claim = next((claim for claim in order.claims if claim.number == number), None)
    if claim is None or not claim.is_undecided or now < claim.due_at:
        return None
    return "store" if claim.state is ClaimState.OPEN else "customer"


def policy_remedy(claim: Claim) -> Remedy | None:
    """What the store's silence grants; None where it rejects."""
    if claim.on_silence == "reject":
        return None
    if claim.on_silence == "refund_without_fees" and not claim.wish.quantities:
        return Remedy(kind=REFUND, without_fees=True)
    return claim.wish


def resent(order: Order, number: int, resend_id: str) -> Order:
    """With the order that brings the goods once more."""
    return _with(order, replace(find(order, number), resent_as=resend_id))


def resend_failed(order: Order, change: Change, resend_id: str) -> tuple[Order, Claim | None]:
    """What was to be brought once more never was: so its price is due instead. Moot when noted before."""
    claim = next((claim for claim in order.claims if claim.resent_as == resend_id), None)
    if claim is None or any(entry.step == RESEND_FAILED and entry.reason == resend_id for entry in order.timeline):
        return order, None
    return order.with_entry(RESEND_FAILED, change, resend_id), claim


def find(order: Order, number: int) -> Claim:
    """A claim by its number. Raises ``claim_not_found``."""
    for claim in order.claims:
        if claim.number == number:
            return claim
    raise NotFound("claim", f"{order.id}/{number}")


def _demand_time(order: Order, now: datetime, draft: Draft, rules: Rules) -> None:
    if draft.kind == CANCELLATION:
        if order.status not in UNDER_WAY | {Status.HANDED_OVER} and DELIVERY_RETURNED not in order.attention:
            raise _forbidden(order, "Only what the store has accepted, and nobody has left with, can be asked back.")
        return
    if order.status is not Status.COMPLETED:
        raise _forbidden(order, "A complaint is about what you have got.")
    completed = next(entry.at for entry in reversed(order.timeline) if entry.step == Status.COMPLETED)
    if now >= completed + rules.window:
        raise Conflict("claim_window_over", "It is too late to complain about this order.")


def _demand_sensible(order: Order, claim: Claim, offer: Remedy) -> None:
    fault = None
    if claim.kind == CANCELLATION and offer.kind == RESEND:
        fault = "Nothing was brought that could be brought again."
    elif claim.kind == CANCELLATION and offer.kind == REFUND and order.payment_method in _PAID_LATER:
        fault = "Nothing is paid yet that part of could be given back."
    elif offer.kind == CREDIT and offer.amount is None:
        fault = "Say how much credit."
    if fault is not None:
        raise Invalid([Violation("remedy_not_possible", "/remedy", fault)])


def _turn_of_store(order: Order, number: int) -> Claim:
    claim = find(order, number)
    if claim.state is not ClaimState.OPEN:
        raise _out_of_turn(claim, "answer", f"This claim is {claim.state}.")
    return claim


def _turn_of_customer(order: Order, number: int, command: str) -> Claim:
    claim = find(order, number)
    if claim.state is not ClaimState.COUNTERED:
        raise _out_of_turn(claim, command, f"This claim is {claim.state}: there is no offer to answer.")
    return claim


def _out_of_turn(claim: Claim, command: str, detail: str) -> Conflict:
    return Conflict("claim_out_of_turn", detail, command=command, claim_state=claim.state.value)


def _forbidden(order: Order, detail: str) -> Conflict:
    return Conflict("order_status_conflict", detail, command="claim", order_status=str(order.status))


def _moved(order: Order, change: Change, claim: Claim, reason: str | None = None) -> Order:
    return _with(order.with_entry(f"claim_{claim.state}", change, reason), claim)


def _with(order: Order, claim: Claim) -> Order:
    return replace(order, claims=tuple(claim if each.number == claim.number else each for each in order.claims))
