"""What a customer asks for after the store has accepted: to cancel, or to make good; and what is offered instead.

    open ──▶ accepted, rejected            by the store, or where it is silent, as its policy says
     │ └───▶ countered ──▶ agreed          the customer takes what the store offers instead
     │           │ └─────▶ declined, lapsed    or doesn't, or is silent
     ▼           ▼
    withdrawn, overtaken                   by its customer; by the order's end, where it asked to cancel

The steps are in ``aftersales``.
"""

from __future__ import annotations

from collections.abc import Mapping  # resolved at run time by msgspec
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import msgspec

ClaimKind = Literal["cancellation", "complaint"]
ClaimReason = Literal[
    "changed_mind", "ordered_by_mistake", "takes_too_long",
    "missing_item", "wrong_item", "damaged", "late", "quality", "other",
]  # fmt: skip
Silence = Literal["accept", "reject", "refund_without_fees"]
RemedyKind = Literal["refund", "credit", "resend"]
Payer = Literal["store", "platform", "rider", "supplier"]

CANCELLATION: Final = "cancellation"
COMPLAINT: Final = "complaint"
REFUND: Final = "refund"
CREDIT: Final = "credit"
RESEND: Final = "resend"

MAX_CLAIMS = 5


class ClaimState(StrEnum):
    """Where a claim stands."""

    OPEN = "open"
    COUNTERED = "countered"
    ACCEPTED = "accepted"
    AGREED = "agreed"
    REJECTED = "rejected"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"


UNDECIDED = frozenset((ClaimState.OPEN, ClaimState.COUNTERED))
GRANTED = frozenset((ClaimState.ACCEPTED, ClaimState.AGREED))


class Remedy(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"kind": "k", "quantities": "q", "amount": "a", "without_fees": "w", "payer": "p"},
):
    """What makes good: money back, credit, or the goods once more.

    ``quantities`` counts pieces by the bill's ``ref``; ``amount`` is minor units; neither is everything.
    ``without_fees`` is everything but the fees. ``payer`` bears it.
    """

    kind: RemedyKind = "refund"
    quantities: Mapping[str, int] = {}
    amount: int | None = None
    without_fees: bool = False
    payer: Payer = "store"

    @property
    def is_whole(self) -> bool:
        """Whether nothing is kept back."""
        return not self.quantities and self.amount is None and not self.without_fees


class Claim(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "number": "n",
        "kind": "k",
        "reason": "r",
        "wish": "w",
        "note": "t",
        "asked_at": "at",
        "due_at": "d",
        "on_silence": "s",
        "counter_within": "c",
        "state": "st",
        "offer": "o",
        "answer": "a",
        "decided_at": "e",
        "resent_as": "x",
    },
):
    """A claim, the ``number``-th of its order. ``due_at`` is when whoever's turn it is must have answered.

    ``wish`` is what the customer asks for, ``offer`` what the store offers instead, ``answer`` what it says to that.
    ``resent_as`` is the order that brings the goods once more.
    """

    number: int
    kind: ClaimKind
    reason: ClaimReason
    wish: Remedy
    asked_at: datetime
    due_at: datetime
    on_silence: Silence
    counter_within: timedelta
    note: str = ""
    state: ClaimState = ClaimState.OPEN
    offer: Remedy | None = None
    answer: str = ""
    decided_at: datetime | None = None
    resent_as: str | None = None

    @property
    def is_undecided(self) -> bool:
        """Whether somebody still has to answer."""
        return self.state in UNDECIDED

    @property
    def remedy(self) -> Remedy | None:
        """What was granted; None where nothing was, or is yet."""
        if self.state is ClaimState.AGREED:
            return self.offer
        return (self.offer or self.wish) if self.state is ClaimState.ACCEPTED else None
