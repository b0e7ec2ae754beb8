"""What must still be done about an order's payment, judged by both as they stand: the truth sweeper acts on it.

Everything here should have happened by itself, minutes ago; it did not because a message was lost, a queue's last try
failed, or a process ended between two calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from chalicelib.ordering.model.claim import CANCELLATION, GRANTED, REFUND
from chalicelib.ordering.model.order import PAYMENT_EXPIRED, RIDER, Order, Status

if TYPE_CHECKING:
    from chalicelib.kernel.money import Money

# What happens by itself is given this long.
GRACE = timedelta(minutes=10)
# A customer who paid too late may still want the order so long after it had expired, and no longer.
_STILL_WANTED = timedelta(minutes=30)
# A repair that is still due after this long has failed again and again.
STUCK = timedelta(hours=24)


class Payment(Protocol):
    """What of a payment is judged here."""

    @property
    def amount(self) -> Money:
        """What is owed."""

    @property
    def changed_at(self) -> datetime | None:
        """When it changed last."""

    @property
    def pending_minor(self) -> int:
        """What is about to go back."""

    @property
    def refunds(self) -> int:
        """How many refunds were asked for."""


class Due(StrEnum):
    """What is to be done."""

    DEADLINE = "deadline"
    RELEASE = "release"
    KEEP = "keep"
    CAPTURE = "capture"
    REFUND = "refund"


def due_about(order: Order, payment: Payment, now: datetime) -> Due | None:
    """What is overdue about an order and its unsettled payment; None while it waits for something that may yet come."""
    if now - _last_change(order, payment) < GRACE:
        return None
    if payment.pending_minor:
        return Due.REFUND
    if order.status in (Status.CANCELLED, Status.REJECTED):
        return Due.KEEP if _keeps_a_part(order, payment) else Due.RELEASE
    if order.status is Status.COMPLETED:
        return Due.CAPTURE
    if order.deadline is not None and now - order.deadline >= GRACE:
        return Due.DEADLINE
    return None


def waits_since(order: Order, payment: Payment) -> datetime:
    """Since when it is due, at the latest."""
    return _last_change(order, payment)


def brought_by(order: Order) -> str | None:
    """The rider who handed the goods over, if one did."""
    done = next((entry for entry in reversed(order.timeline) if entry.step == Status.COMPLETED), None)
    return done.actor.id if done is not None and done.actor.kind == RIDER else None


def may_be_revived(order: Order, now: datetime) -> bool:
    """Whether an order that ended unpaid may go on, now that it is paid after all."""
    if order.status is not Status.CANCELLED or order.confirmed_at is not None:
        return False
    ended = next(entry for entry in reversed(order.timeline) if entry.step == Status.CANCELLED)
    return ended.reason == PAYMENT_EXPIRED and now - ended.at < _STILL_WANTED


def _last_change(order: Order, payment: Payment) -> datetime:
    steps = [entry.at for entry in order.timeline[-1:]]
    return max(*steps, payment.changed_at or order.placed_at, order.placed_at)


def _keeps_a_part(order: Order, payment: Payment) -> bool:
    """Whether a cancellation was agreed on of which the customer pays a part: the payment then says how much."""
    agreed = any(
        claim.kind == CANCELLATION
        and claim.state in GRANTED
        and claim.remedy is not None
        and claim.remedy.kind == REFUND
        and not claim.remedy.is_whole
        for claim in order.claims
    )
    return agreed and (payment.refunds > 0 or payment.amount.amount < order.total.amount)
