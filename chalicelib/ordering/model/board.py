"""The staff board: what is open in a store, what to do next, what is due first, how often to look."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from chalicelib.ordering.model.order import (
    DELIVERY,
    DELIVERY_RETURNED,
    DINE_IN,
    ENDED,
    NO_RIDER,
    Order,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Step = Literal["accept", "reject", "start", "ready", "hand_over", "complete", "postpone", "cancel", "answer_claim"]
ACCEPT: Final = "accept"
REJECT: Final = "reject"
START: Final = "start"
READY: Final = "ready"
HAND_OVER: Final = "hand_over"
COMPLETE: Final = "complete"
POSTPONE: Final = "postpone"
CANCEL: Final = "cancel"
ANSWER_CLAIM: Final = "answer_claim"

# Seconds until a tablet's next poll. What is open changes by the tablet itself or by a new order, which has minutes to
# be answered; the more is open, the sooner the next thing happens, and the more orders share a poll.
_AT_HAND_SECONDS = 15
_LOADED = ((8, 15), (3, 40))
_CALM_SECONDS = 50
_EMPTY_SECONDS = 60
# Seconds until a customer's next poll: a share of the time to what is expected next, within these bounds.
_FOLLOW_SECONDS = (20, 120)
_FOLLOW_SHARE = 2
_A_LITTLE_LATE = timedelta(minutes=1)
_LATE_SECONDS = 45
_UNANSWERED_SECONDS = 15
_CLAIMED_SECONDS = 30
_OVER_SECONDS = 300

# Cards on a board at most: the largest card has 52 KB, and Lambda answers with 6 MB at most.
MOST_CARDS = 100


def next_steps(order: Order) -> tuple[Step, ...]:
    """The commands that the staff can give now, the expected one first."""
    first: tuple[Step, ...] = (ANSWER_CLAIM,) if order.claim_to_answer else ()
    return first + _next_of_order(order)


def _next_of_order(order: Order) -> tuple[Step, ...]:
    if not order.is_on_board or order.status in ENDED:
        return ()
    if order.status is Status.PLACED:
        return (ACCEPT, REJECT)
    if order.status is Status.ACCEPTED:
        return (POSTPONE, CANCEL) if order.payment_step else (START, POSTPONE, CANCEL)
    if order.status is Status.PREPARING:
        return (READY, POSTPONE, CANCEL)
    if order.status is Status.READY:
        return (COMPLETE if order.mode == DINE_IN else HAND_OVER, CANCEL)
    if DELIVERY_RETURNED in order.attention:
        return (HAND_OVER, CANCEL)
    return (CANCEL,) if NO_RIDER in order.attention else ()


def due_at(order: Order) -> datetime:
    """When the next step should have been taken; the board is sorted by it.

    For an order that is in trouble this is the moment at which the trouble began, for a customer who asks for something
    the end of the time to answer.
    """
    claim = order.claim_to_answer
    if claim is not None:
        return claim.due_at
    if order.attention:
        return next(entry.at for entry in reversed(order.timeline) if entry.step in order.attention)
    if order.status is Status.PLACED:
        return order.accept_by or order.pay_by
    if order.status is Status.READY and order.mode != DELIVERY:
        return order.promise.promised_at
    return order.promise.ready_at


def tag(entries: Iterable[tuple[str, int]], minute: int | None = None) -> str:
    """The board's ETag: changes when an order comes, goes or changes (``entries``: order ids and versions).

    When riders come is no part of the orders: with a ``minute`` a board that shows it is a new one every minute.
    """
    listed = ";".join(f"{order_id}:{version}" for order_id, version in sorted(entries))
    if minute is not None:
        listed += f"@{minute}"
    return hashlib.sha256(listed.encode()).hexdigest()[:20]


def look_again_after(statuses: Iterable[str]) -> int:
    """Seconds until a tablet should poll again, by what is open: soon in trouble and under load, late when calm."""
    seen = list(statuses)
    if not seen:
        return _EMPTY_SECONDS
    # What has left or ended is on the board only in trouble, or for a customer who waits for an answer.
    if {Status.PLACED, Status.OUT_FOR_DELIVERY, Status.HANDED_OVER, *ENDED}.intersection(seen):
        return _AT_HAND_SECONDS
    return next((pause for many, pause in _LOADED if len(seen) >= many), _CALM_SECONDS)


def follow_again_after(order: Order, now: datetime) -> int:
    """Seconds until a customer's app should poll its order again: soon while something is about to happen."""
    if order.status in ENDED:
        return _CLAIMED_SECONDS if order.open_claim else _OVER_SECONDS
    if order.status is Status.PLACED and now >= order.asked_from:
        return _UNANSWERED_SECONDS
    expected = order.promise.ready_at if order.status in _UNTIL_READY else order.promise.promised_at
    if now > expected + _A_LITTLE_LATE:
        return _LATE_SECONDS
    least, most = _FOLLOW_SECONDS
    return max(least, min(most, round((expected - now).total_seconds() / _FOLLOW_SHARE)))


_UNTIL_READY = frozenset((Status.ACCEPTED, Status.PREPARING))
