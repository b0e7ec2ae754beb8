"""The rules of the payment centre, one subject per module. No I/O, no clock. Amounts are minor units."""

from __future__ import annotations

from chalicelib.payments.model.payment import (
    ABSENT,
    FINAL,
    Method,
    Payment,
    ProviderState,
    State,
    authorised,
    can_pay,
    captured,
    handed_over,
    moved,
    opened,
    reduced,
    refund_begun,
    refund_ended,
    released,
)

__all__ = [
    "ABSENT",
    "FINAL",
    "Method",
    "Payment",
    "ProviderState",
    "State",
    "authorised",
    "can_pay",
    "captured",
    "handed_over",
    "moved",
    "opened",
    "reduced",
    "refund_begun",
    "refund_ended",
    "released",
]
