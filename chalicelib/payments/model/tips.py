"""A tip beside the payment: paid by itself, to whoever brings the order or else to the store.

    requires_payment ──▶ captured ⇄ refund_pending ──▶ refunded

Paid before the hand-over it is the customer's until then: whoever brings the order is not known yet.
"""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from enum import StrEnum

import msgspec
from msgspec.structs import replace


class TipState(StrEnum):
    """Where a tip stands."""

    REQUIRES_PAYMENT = "requires_payment"
    CAPTURED = "captured"
    REFUND_PENDING = "refund_pending"
    REFUNDED = "refunded"


class Tip(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tip of its own; ``amount`` in minor units."""

    order_id: str
    customer_id: str
    amount: int
    currency: str
    offered_at: datetime
    state: TipState = TipState.REQUIRES_PAYMENT
    intent_id: str | None = None
    paid_at: datetime | None = None
    received: int = 0
    refunded_at: datetime | None = None

    @property
    def is_here(self) -> bool:
        """Whether its money was paid and has not gone back."""
        return self.state in (TipState.CAPTURED, TipState.REFUND_PENDING)

    @property
    def paid_minor(self) -> int:
        """What was paid."""
        return self.received or self.amount

    @property
    def cause(self) -> str:
        """What it is called in the ledger."""
        return "tip"

    def paid(self, intent_id: str, at: datetime, received: int) -> Tip:
        """After the provider took it."""
        return replace(self, state=TipState.CAPTURED, intent_id=intent_id, paid_at=at, received=received)

    def going_back(self) -> Tip:
        """Before the provider is asked to give it back."""
        return replace(self, state=TipState.REFUND_PENDING)

    def refunded(self, at: datetime) -> Tip:
        """After it has gone back."""
        return replace(self, state=TipState.REFUNDED, refunded_at=at)

    def kept(self) -> Tip:
        """After the provider has refused for good to give it back."""
        return replace(self, state=TipState.CAPTURED)
