"""Values that the API takes as well as gives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Mode = Literal["dine_in", "pickup", "delivery"]
PaymentMethod = Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery"]
PaidBy = Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery", "credit", "free"]
OrderStatus = Literal[
    "placed",
    "accepted",
    "preparing",
    "ready",
    "handed_over",
    "out_for_delivery",
    "completed",
    "cancelled",
    "rejected",
]
NextStep = Literal["accept", "reject", "start", "ready", "hand_over", "complete", "postpone", "cancel", "answer_claim"]
Attention = Literal["no_rider", "delivery_failed", "delivery_returned"]

Key = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=200)]
InstantText = Annotated[str, Meta(description="RFC 3339, UTC.", examples=["2026-03-01T12:30:00.000Z"])]
PrepMinutes = Annotated[
    int, Meta(ge=1, le=600, description="Minutes from now until the order is ready.", examples=[20])
]


class OrderAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money."""

    amount: Annotated[int, Meta(description="Minor units of the currency.", examples=[1250])]
    currency: Annotated[str, Meta(description="ISO 4217 code.", examples=["EUR"])]
