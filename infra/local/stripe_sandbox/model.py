"""What the sandbox remembers: payments, saved methods, accounts, money on its way, and what a transition made of them.

Everything here is a frozen value. A transition takes values and returns an `Outcome`; an event carries the value
as it was at that moment, so a later transition can't rewrite what an event said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.errors import StripeError

Json = dict[str, Any]

PLATFORM: Final = ""
"""The account of balances and payouts that are the platform's own."""

AUTHORISATION_SECONDS: Final = 7 * 24 * 3600
"""How long a card authorisation holds before the bank lets it go."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The time and the identifiers that a transition may use; transitions read no clock of their own."""

    now: int
    new_id: Callable[[str], str]
    funds_after: int = 0
    """Seconds until the money of a payment counts as available."""


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """One attempt to collect `amount` (minor units), through as many cards as it takes."""

    id: str
    amount: int
    currency: str
    created: int
    client_secret: str
    status: str
    capture_method: str
    payment_method_types: tuple[str, ...]
    automatic_payment_methods: Json | None = None
    payment_method_options: Json = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: Json = field(default_factory=dict)
    """Fields that are kept and shown but change nothing: description, shipping, receipt_email …"""
    payment_method: str | None = None
    template: str | None = None
    """The test method that a saved `payment_method` behaves like; None when that is a test method itself."""
    customer: str | None = None
    amount_capturable: int = 0
    amount_received: int = 0
    latest_charge: str | None = None
    last_payment_error: Json | None = None
    next_action: Json | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None

    def captures_later(self, method_type: str) -> bool:
        """Whether a payment by this type of method is only authorised at confirmation."""
        own = self.payment_method_options.get(method_type, {}).get("capture_method")
        return (own or self.capture_method) == "manual"


@dataclass(frozen=True, slots=True)
class Charge:
    """One try at one payment method. `status` is pending, succeeded or failed."""

    id: str
    payment_intent: str
    payment_method: str
    amount: int
    currency: str
    created: int
    status: str
    captured: bool
    amount_captured: int = 0
    amount_refunded: int = 0
    """Given back or never taken: Stripe counts the released part of an authorisation here as well."""
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: Json = field(default_factory=dict)
    template: str | None = None
    customer: str | None = None
    balance_transaction: str | None = None
    available_on: int = 0
    """When its money counts as available (seconds)."""
    dispute: str | None = None
    charged_back: bool = False
    """Disputed, and the dispute not won: its money is with the customer's bank."""

    @property
    def unrefunded(self) -> int:
        """What a refund may still take, in minor units."""
        return self.amount - self.amount_refunded


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back, or (`released`) the part of an authorisation that was let go uncaptured."""

    id: str
    charge: str
    payment_intent: str
    amount: int
    currency: str
    created: int
    status: str = "succeeded"
    reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    released: bool = False
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    failure_reason: str | None = None
    type: str = "card"
    """The type of method that it goes back to."""


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """One change of one account's balance: `amount` less `fee`, counted as available from `available_on` on."""

    id: str
    amount: int
    currency: str
    type: str
    reporting_category: str
    source: str
    created: int
    available_on: int
    account: str = PLATFORM
    fee: int = 0
    fee_description: str | None = None
    description: str | None = None
    payout: str | None = None
    """The automatic payout that carried it to the bank."""

    @property
    def net(self) -> int:
        return self.amount - self.fee


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    created: int
    details: Json = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    default_payment_method: str | None = None


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method with an id of its own: made by a customer's app or saved for later.

    `template` is the test method that it behaves like. `set_up`: the customer has agreed to payments while absent.
    `spent`: paid with once without being saved, or detached; Stripe lets nobody use it again.
    """

    id: str
    created: int
    template: str
    customer: str | None = None
    billing_details: Json = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    set_up: bool = False
    spent: bool = False


@dataclass(frozen=True, slots=True)
class SetupIntent:
    """The saving of a payment method without a payment."""

    id: str
    created: int
    client_secret: str
    status: str
    usage: str
    payment_method_types: tuple[str, ...]
    automatic_payment_methods: Json | None = None
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_method: str | None = None
    template: str | None = None
    last_setup_error: Json | None = None
    next_action: Json | None = None
    cancellation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account. `capabilities` are the ones asked for; they are active once it is `onboarded`."""

    id: str
    created: int
    type: str
    country: str
    default_currency: str
    controller: Json
    email: str | None = None
    business_type: str | None = None
    capabilities: tuple[str, ...] = ()
    details: Json = field(default_factory=dict)
    settings: Json = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    onboarded: bool = False
    disabled_reason: str | None = None

    @property
    def enabled(self) -> bool:
        return self.onboarded and self.disabled_reason is None

    def can(self, capability: str) -> bool:
        return self.enabled and capability in self.capabilities


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money moved from the platform to a connected account, where it arrives as `destination_payment`."""

    id: str
    created: int
    amount: int
    currency: str
    destination: str
    destination_payment: str
    balance_transaction: str
    destination_transaction: str
    available_on: int
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    source_transaction: str | None = None
    transfer_group: str | None = None
    amount_reversed: int = 0
    reversals: tuple[str, ...] = ()
    """Newest first."""

    @property
    def unreversed(self) -> int:
        return self.amount - self.amount_reversed


@dataclass(frozen=True, slots=True)
class Reversal:
    """A transfer, or part of one, taken back."""

    id: str
    created: int
    transfer: str
    amount: int
    currency: str
    balance_transaction: str
    destination_payment_refund: str
    destination_transaction: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way from an account's balance to its bank: pending, in_transit, paid, failed or canceled."""

    id: str
    created: int
    amount: int
    currency: str
    balance_transaction: str
    account: str = PLATFORM
    automatic: bool = False
    arrival_date: int = 0
    description: str | None = None
    destination: str | None = None
    method: str = "standard"
    statement_descriptor: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    status: str = "pending"
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A bank that takes a payment back on behalf of its customer, for good or until evidence convinces it."""

    id: str
    created: int
    charge: str
    payment_intent: str
    amount: int
    currency: str
    reason: str
    template: str
    """The test method that the charge was paid with."""
    balance_transactions: tuple[str, ...] = ()
    status: str = "needs_response"
    due_by: int = 0
    evidence: Json = field(default_factory=dict)
    submissions: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)


Resource = (
    PaymentIntent
    | Charge
    | Refund
    | Customer
    | SavedMethod
    | SetupIntent
    | Account
    | Transfer
    | Reversal
    | Payout
    | Dispute
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a transition did: the values to store, the money it moved, and the events to tell, in order.

    The first value is the one that the request was about. `declined` as in `Outcome`.
    """

    values: tuple[Resource, ...]
    events: tuple[tuple[str, Resource], ...] = ()
    posted: tuple[BalanceTransaction, ...] = ()
    declined: StripeError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transition of a payment intent did: the values to store and the events to tell, in order.

    `declined` is the answer to the caller when the bank said no. It is no exception, because a decline changes
    state (a failed charge, an intent that asks for another card) and that state must be kept.
    """

    intent: PaymentIntent
    events: tuple[tuple[str, Resource], ...] = ()
    charge: Charge | None = None
    refund: Refund | None = None
    declined: StripeError | None = None
    posted: tuple[BalanceTransaction, ...] = ()
