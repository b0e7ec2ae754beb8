"""Gift cards and store credit."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.payments.schemas.payment import PaymentAmount

ValidDays = Annotated[int, Meta(ge=1, le=3650, description="For how many days from now; leave out for ever.")]
CreditReason = Annotated[str, Meta(min_length=1, max_length=100, examples=["Winter raffle"])]
InstantText = Annotated[str, Meta(description="RFC 3339, UTC.", examples=["2026-03-01T12:30:00.000Z"])]


class CreditAmount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much credit."""

    amount: Annotated[int, Meta(ge=1, le=10_000_000, description="Minor units.", examples=[2500])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]


class IssueGiftCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gift card of the platform, taken at every store."""

    value: CreditAmount
    reason: CreditReason
    valid_days: ValidDays | None = None


class IssueMerchantGiftCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gift card of a merchant, taken at all of its stores; `store_id` is the one that pays for it."""

    store_id: Annotated[str, Meta(min_length=1, max_length=64)]
    value: CreditAmount
    reason: CreditReason
    valid_days: ValidDays | None = None


class RevokeGiftCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a card ends."""

    reason: CreditReason


class GiveCredit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Credit for a customer, to spend at every store."""

    value: CreditAmount
    reason: CreditReason
    valid_days: ValidDays | None = None


class GiftCardCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code of a card, with or without its dashes."""

    code: Annotated[str, Meta(min_length=1, max_length=40, examples=["7KQ2-XW9D-4MBT-H3RV"])]


class CreditView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's credit in one currency: `available` can be spent, `held` is set aside for orders under way."""

    available: PaymentAmount
    held: PaymentAmount
    state: Literal["active", "expired", "revoked"]
    expires_at: InstantText | None


class GiftCardView(msgspec.Struct, frozen=True, kw_only=True):
    """A gift card. `merchant_id` is whose stores take it; null for all."""

    id: str
    available: PaymentAmount
    held: PaymentAmount
    state: Literal["active", "expired", "revoked"]
    expires_at: InstantText | None
    merchant_id: str | None


class IssuedGiftCard(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh gift card."""

    card: GiftCardView
    code: Annotated[
        str | None,
        Meta(description="Told once, and stored nowhere: null when the request is repeated. Then revoke the card."),
    ]


class GiftCardBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What a gift card is worth."""

    available: PaymentAmount
    state: Literal["active", "expired", "revoked"]
    expires_at: InstantText | None
    merchant_id: str | None


class OwnCredits(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's credit, one balance for each currency."""

    items: list[CreditView]


class CreditMovement(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a credit's history. What an order holds becomes `redeemed` or `released` when it ends."""

    kind: Literal["issued", "held", "redeemed", "released", "refunded", "expired", "revoked"]
    amount: PaymentAmount
    at: InstantText
    order_id: str | None
    reason: str | None


class CreditMovements(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a credit's history, newest first."""

    items: list[CreditMovement]
    next_cursor: str | None
