"""A tip that comes after the payment: paid by itself, to whoever brought the order or else to the store."""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from enum import StrEnum

import msgspec
from msgspec.structs import replace


class TipState(StrEnum):
    """Where a tip stands."""

    REQUIRES_PAYMENT = "requires_payment"
    CAPTURED = "captured"


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

    @property
    def cause(self) -> str:
        """What it is called in the ledger."""
        return "tip"

    def paid(self, intent_id: str, at: datetime) -> Tip:
        """After the provider took it."""
        return replace(self, state=TipState.CAPTURED, intent_id=intent_id, paid_at=at)
