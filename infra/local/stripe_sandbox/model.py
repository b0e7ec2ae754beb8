"""What the sandbox remembers: payment intents, charges, refunds, and what a transition made of them.

Everything here is a frozen value. A transition takes values and returns an `Outcome`; an event carries the value
as it was at that moment, so a later transition can't rewrite what an event said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.errors import StripeError

Json = dict[str, Any]

AUTHORISATION_SECONDS = 7 * 24 * 3600
"""How long a card authorisation holds before the bank lets it go."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The time and the identifiers that a transition may use; transitions read no clock of their own."""

    now: int
    new_id: Callable[[str], str]


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


Resource = PaymentIntent | Charge | Refund


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transition did: the values to store and the events to tell, in order.

    `declined` is the answer to the caller when the bank said no. It is no exception, because a decline changes
    state (a failed charge, an intent that asks for another card) and that state must be kept.
    """

    intent: PaymentIntent
    events: tuple[tuple[str, Resource], ...] = ()
    charge: Charge | None = None
    refund: Refund | None = None
    declined: StripeError | None = None
