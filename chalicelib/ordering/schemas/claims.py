"""Cancelling after acceptance, complaints, and what is offered: over the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.ordering.schemas.money import RefundAmount, RefundLine, RefundPayer
from chalicelib.ordering.schemas.values import InstantText, OrderAmount

Note = Annotated[str, Meta(max_length=200)]
Pieces = Annotated[tuple[RefundLine, ...], Meta(max_length=60)]


class OpenClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `cancellation` of what the store has accepted, or a `complaint` about what the customer has got."""

    kind: Literal["cancellation", "complaint"]
    reason: Annotated[
        Literal[
            "changed_mind",
            "ordered_by_mistake",
            "takes_too_long",
            "missing_item",
            "wrong_item",
            "damaged",
            "late",
            "quality",
            "other",
        ],
        Meta(description="The first three are for cancellations, the next five for complaints."),
    ]
    wish: Annotated[
        Literal["refund", "resend"],
        Meta(description="Of a complaint: the price back, or the goods once more."),
    ] = "refund"
    lines: Annotated[Pieces, Meta(description="Of a complaint: what was wrong. None given: the whole order.")] = ()
    note: Note = ""


class OfferRefund(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="refund"
):
    """The price of some pieces, or an amount. For a cancellation: the order is cancelled, and the rest is kept."""

    lines: Annotated[tuple[RefundLine, ...], Meta(min_length=1, max_length=60)] | None = None
    amount: RefundAmount | None = None
    paid_by: RefundPayer = "store"


class OfferCredit(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="credit"
):
    """Store credit. For a cancellation: the order goes on."""

    amount: RefundAmount
    paid_by: Literal["store", "platform"] = "store"


class OfferResend(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="resend"
):
    """The goods once more, for nothing."""

    lines: Pieces = ()
    paid_by: RefundPayer = "store"


class AcceptClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who bears what the customer gets."""

    paid_by: RefundPayer = "store"


class RejectClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the store says no; the customer reads it."""

    answer: Annotated[str, Meta(min_length=1, max_length=200, examples=["It is in the oven already."])]


class CounterClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the store offers instead."""

    remedy: OfferRefund | OfferCredit | OfferResend
    answer: Note = ""


class ClaimPiece(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a line."""

    line: str
    quantity: int


class RemedyView(msgspec.Struct, frozen=True, kw_only=True):
    """What makes good. Neither `lines` nor `amount`: everything; `without_fees`: but the fees."""

    kind: Literal["refund", "credit", "resend"]
    lines: list[ClaimPiece]
    amount: OrderAmount | None
    without_fees: bool
    paid_by: RefundPayer


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """A claim. Until `answer_by` whoever's turn it is must have answered: the store while `open`, then the customer."""

    number: int
    kind: Literal["cancellation", "complaint"]
    state: Annotated[
        Literal["open", "countered", "accepted", "agreed", "rejected", "declined", "lapsed", "withdrawn", "overtaken"],
        Meta(description="`agreed`: the customer took the offer. `overtaken`: the order ended before it was decided."),
    ]
    reason: str
    note: str
    wish: RemedyView
    offer: Annotated[RemedyView | None, Meta(description="What the store offers, or its policy gave, instead.")]
    answer: Annotated[str, Meta(description="What the store says, or why nothing came of it.")]
    asked_at: InstantText
    answer_by: InstantText | None
    decided_at: InstantText | None
    resent_as: Annotated[str | None, Meta(description="The order that brings the goods once more.")]


class ClaimedOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of an order, as it stands now."""

    order_id: str
    order_version: int
    claim: ClaimView
