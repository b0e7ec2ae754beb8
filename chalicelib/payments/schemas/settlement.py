"""Statements, payouts and the accounts that they go to, over the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.payments.schemas.payment import PaymentAmount

Instant = Annotated[
    str, Meta(max_length=40, description="RFC 3339 instant in UTC.", examples=["2026-03-01T12:30:00.000Z"])
]
Cursor = Annotated[str, Meta(max_length=1024, description="`next_cursor` of the page before.")]
Url = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=r"^https?://[!-~]{1,490}$(?!\n)",
        description="Where Stripe sends the browser back to.",
        examples=["https://shop.example/payouts"],
    ),
]
LineKind = Literal[
    "sale",
    "tax",
    "fee",
    "tip",
    "commission",
    "commission_tax",
    "rider_pay",
    "rider_guarantee",
    "refund",
    "commission_refund",
    "cash_collected",
    "cash_refunded",
    "cash_netted",
    "payout",
    "payout_reversed",
    "credit",
    "provider_fee",
    "dispute",
    "adjustment",
]


class OpenRiderAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a rider is at home, which decides what Stripe asks."""

    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2.", examples=["DE"])]


class OpenOnboarding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Stripe's form leads: when it is done, and when its link has expired."""

    return_url: Url
    refresh_url: Url


class OnboardingLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to Stripe's form. It works once, and for some minutes: don't send it on, open it."""

    url: str
    expires_at: Instant


class PayoutAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account at Stripe, as Stripe described it at `checked_at`. It is paid to once it is `ready`."""

    account_id: str
    country: str
    ready: bool
    details_submitted: bool
    transfers_enabled: bool
    payouts_enabled: bool
    disabled_reason: str | None
    due: Annotated[list[str], Meta(description="What Stripe still wants to know, in its words.")]
    opened_at: Instant
    checked_at: Instant


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement pays out: a transfer to the party's account at Stripe, and from there to its bank.

    `carried`: nothing moved, and the next statement has taken the amount over.
    """

    state: Literal["planned", "sending", "sent", "paid", "failed", "reversed", "carried"]
    amount: PaymentAmount
    reversed: Annotated[PaymentAmount, Meta(description="What was taken back for orders that were refunded.")]
    waits_for: Literal["account_not_ready", "insufficient_balance"] | None = None
    transfer_id: str | None = None
    sent_at: Instant | None = None
    bank_payout_id: str | None = None
    failure_code: str | None = None
    next_try_at: Instant | None = None


class StatementTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of the lines of a kind."""

    kind: LineKind
    amount: PaymentAmount


class StatementTax(msgspec.Struct, frozen=True, kw_only=True):
    """What a store's orders sold at a tax rate, fees included, less what was given back."""

    rate_basis_points: int
    gross: PaymentAmount
    tax: PaymentAmount


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A closed period of a store or a rider. Amounts in its favour are positive.

    `opening_balance` and the `totals` add up to `closing_balance`; of that, `to_pay` is paid out, `in_flight` is on its
    way by an earlier payout, and the next statement begins with all of it less what was paid.
    """

    id: Annotated[str, Meta(description="Currency and number.", examples=["EUR-7"])]
    party: Literal["store", "rider"]
    party_id: str
    currency: str
    number: int
    period: Literal["daily", "weekly", "monthly"]
    since: Instant
    until: Instant
    time_zone: str
    closed_at: Instant
    opening_balance: PaymentAmount
    totals: list[StatementTotal]
    taxes: list[StatementTax]
    closing_balance: PaymentAmount
    frozen: Annotated[PaymentAmount, Meta(description="What waits for the end of disputes.")]
    in_flight: PaymentAmount
    to_pay: PaymentAmount
    carried: PaymentAmount
    lines: Annotated[int, Meta(description="How many: `GET …/lines` has them, as JSON and as CSV.")]
    payout: PayoutView | None


class StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of statements, newest first."""

    items: list[StatementView]
    next_cursor: str | None


class StatementsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page."""

    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=50, description="Items on the page.")] = 20


class StatementLineView(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry of the ledger did to the balance."""

    at: Instant
    kind: LineKind
    amount: PaymentAmount
    order_id: str | None
    entry_id: Annotated[str, Meta(description="The ledger's entry: `GET …/orders/{order_id}/money` shows it whole.")]
    terms_version: Annotated[int | None, Meta(description="The version of the merchant's terms that applied.")]
    memo: str


class StatementLines(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a statement's lines, oldest first: up to 500, and up to 10,000 as CSV."""

    items: list[StatementLineView]
    next_cursor: str | None


class LinesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of the lines."""

    cursor: Cursor | None = None


class CloseStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The currency whose period is closed now."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", examples=["EUR"])]


class PartyBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Where the statements of a store or a rider stand in a currency."""

    party: Literal["store", "rider"]
    party_id: str
    currency: str
    statements: Annotated[int, Meta(description="How many there are.")]
    closed_until: Instant
    closes_at: Instant
    balance: Annotated[PaymentAmount, Meta(description="That of the last statement.")]
    unsettled: Annotated[list[str], Meta(description="Statements whose payout no later statement shows as made.")]


class PartyBalances(msgspec.Struct, frozen=True, kw_only=True):
    """A page of everybody with whom the platform settles, in no order."""

    items: list[PartyBalance]
    next_cursor: str | None
