"""What an intent of Stripe's means beside our books: pure judgements, on which the truth sweeper acts."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from chalicelib.payments.model.payment import FINAL, Payment, State
from chalicelib.payments.model.tips import TipState

if TYPE_CHECKING:
    from chalicelib.payments.model.tips import Tip


class Finding(StrEnum):
    """What is not as it should be."""

    TIP_NOT_RECORDED = "tip_not_recorded"
    NOBODYS_MONEY = "nobodys_money"  # no order claims it, or the order has been paid already
    NOT_FOLLOWED = "not_followed"  # paid, and the order does not know
    TAKEN_EARLY = "taken_early"  # captured at Stripe, only authorised here
    HOLD_LOST = "hold_lost"
    TAKEN_AFTER_FAILURE = "taken_after_failure"


class Intent(Protocol):
    """An intent as the provider tells of it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def status(self) -> str:
        """In the provider's words."""

    @property
    def is_held(self) -> bool:
        """Whether the money is held."""

    @property
    def is_taken(self) -> bool:
        """Whether money was taken, of which some is still here."""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is here, nor can come."""


def judge_tip(seen: Intent, tip: Tip | None) -> Finding | None:
    """An intent that was made for a tip of its own."""
    if not (seen.is_taken or seen.is_held):
        return None
    if tip is not None and tip.state is TipState.REQUIRES_PAYMENT:
        return Finding.TIP_NOT_RECORDED
    return None if tip is not None and tip.intent_id == seen.id else Finding.NOBODYS_MONEY


def judge_extra(seen: Intent, payment: Payment | None) -> Finding | None:
    """An intent that was made for what an order came to cost more."""
    if not (seen.is_taken or seen.is_held):
        return None
    extra = next((each for each in payment.extras if each.intent_id == seen.id), None) if payment else None
    if payment is None or extra is None:
        return Finding.NOBODYS_MONEY
    if is_settled(payment):
        return None if seen.is_taken and extra.taken else Finding.NOBODYS_MONEY
    return None if extra.is_held else Finding.NOT_FOLLOWED


def judge(seen: Intent, payment: Payment | None) -> Finding | None:
    """An intent that was made for an order's payment."""
    if payment is None:
        return None if seen.is_over else Finding.NOBODYS_MONEY
    if payment.intent_id not in (None, seen.id):
        return _judge_other(seen, payment)
    if payment.state in FINAL:
        return _judge_after_end(seen, payment)
    if payment.state is State.AUTHORISED:
        if seen.is_taken:
            return Finding.TAKEN_EARLY
        return Finding.HOLD_LOST if seen.status == "canceled" else None
    if not payment.is_secured and (seen.is_held or seen.is_taken):
        return Finding.NOT_FOLLOWED
    return None


def _judge_other(seen: Intent, payment: Payment) -> Finding | None:
    """A second intent of an order. While the order may still be paid by its own, none is closed that holds nothing."""
    if payment.deferral is not None and payment.deferral.renewal_id == seen.id:
        return None
    if seen.is_held or seen.is_taken:
        return Finding.NOBODYS_MONEY
    is_decided = payment.is_secured or payment.state in FINAL
    return Finding.NOBODYS_MONEY if is_decided and not seen.is_over else None


def _judge_after_end(seen: Intent, payment: Payment) -> Finding | None:
    if payment.state is State.FAILED:
        return Finding.TAKEN_AFTER_FAILURE if seen.is_taken or seen.is_held else None
    if seen.is_held or (seen.is_taken and payment.state is State.VOIDED):
        return Finding.NOBODYS_MONEY
    # Stripe forgets a key after a day: then another intent was closed in place of the one that the customer knows.
    can_be_paid = not (seen.is_taken or seen.is_over or seen.status == "processing")
    return Finding.NOBODYS_MONEY if can_be_paid else None


def is_settled(payment: Payment) -> bool:
    """Whether nothing about a payment waits to be done: it has ended, or the goods are handed over and paid."""
    if payment.pending_minor:
        return False
    return payment.state in FINAL or (payment.is_fulfilled and payment.state in _PAID)


_PAID = (State.CAPTURED, State.PARTIALLY_REFUNDED)
