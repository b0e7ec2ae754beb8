"""The payment's state machine. Amounts are minor units of the payment's currency."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.money import Money


class Method(StrEnum):
    """How the customer pays."""

    CARD = "card"
    PAY_AT_STORE = "pay_at_store"
    CASH_ON_DELIVERY = "cash_on_delivery"


# What Stripe charges a card at least, by the currency of settlement, and at most, in minor units
# (docs.stripe.com/currencies, "Minimum and maximum charge amounts").
_CARD_MINIMUM = {
    "USD": 50, "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50,
    "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000,
}  # fmt: skip
_CARD_MAXIMUM = 99_999_999


class State(StrEnum):
    """Where a payment stands."""

    REQUIRES_PAYMENT = "requires_payment"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"


# Beside the provider's own words: it refuses to have an intent for this order at all.
ABSENT = "absent"
FINAL = frozenset((State.REFUNDED, State.VOIDED, State.FAILED))
_MOVES = {
    State.REQUIRES_PAYMENT: {State.AUTHORISED, State.CAPTURED, State.VOIDED, State.REFUNDED, State.FAILED},
    State.AUTHORISED: {State.CAPTURED, State.VOIDED, State.REFUNDED, State.FAILED},
    State.CAPTURED: {State.PARTIALLY_REFUNDED, State.REFUNDED},
    State.PARTIALLY_REFUNDED: {State.PARTIALLY_REFUNDED, State.REFUNDED},
}


class Payment(msgspec.Struct, frozen=True):
    """What one order owes and how far it is paid. ``intent_id`` is known from the provider's first notice on."""

    order_id: str
    store_id: str
    customer_id: str
    method: Method
    amount: Money
    state: State = State.REQUIRES_PAYMENT
    authorised_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    intent_id: str | None = None
    failure_code: str | None = None
    changed_at: datetime | None = None
    version: int = 1

    @property
    def is_secured(self) -> bool:
        """Whether the store may begin: authorised or taken, or by a method that is paid at hand-over."""
        if self.method is not Method.CARD:
            return self.state not in FINAL
        return self.state in (State.AUTHORISED, State.CAPTURED, State.PARTIALLY_REFUNDED)

    @property
    def uses_provider(self) -> bool:
        """Whether the money moves through the payment provider."""
        return self.method is Method.CARD


class ProviderState(msgspec.Struct, frozen=True):
    """What the provider holds for an order: its intent's ``status`` in the provider's words, amounts in minor units."""

    intent_id: str
    status: str
    amount_minor: int
    capturable_minor: int
    received_minor: int
    failure_code: str | None = None

    @property
    def is_authorised(self) -> bool:
        """Funds are held, or already taken."""
        return self.status in ("requires_capture", "succeeded")

    @property
    def is_gone(self) -> bool:
        """Nothing is held and nothing can be paid any more."""
        return self.status in ("canceled", ABSENT)

    @property
    def is_open(self) -> bool:
        """The customer could still pay it."""
        return self.status in (
            "requires_payment_method",
            "requires_confirmation",
            "requires_action",
            "processing",
        )


def can_pay(method: Method, amount: Money) -> bool:
    """Whether this method takes this amount: a provider charges neither a few cents nor any sum."""
    if method is not Method.CARD:
        return amount.amount >= 0
    return _CARD_MINIMUM.get(amount.currency, 1) <= amount.amount <= _CARD_MAXIMUM


def moved(payment: Payment, state: State, at: datetime, **changes: object) -> Payment:
    """The payment in its next state. Raises ``Conflict`` for a move that the machine does not know."""
    if state not in _MOVES.get(payment.state, ()):
        raise Conflict("payment_state", f"A payment that is {payment.state} can't become {state}.")
    return replace(payment, state=state, changed_at=at, version=payment.version + 1, **changes)


def authorised(payment: Payment, provider: ProviderState, at: datetime) -> Payment:
    """After the provider holds the funds (or took them, for methods that can't wait)."""
    if provider.status == "succeeded":
        return moved(
            payment,
            State.CAPTURED,
            at,
            intent_id=provider.intent_id,
            authorised_minor=provider.received_minor,
            captured_minor=provider.received_minor,
            failure_code=None,
        )
    return moved(
        payment,
        State.AUTHORISED,
        at,
        intent_id=provider.intent_id,
        authorised_minor=provider.capturable_minor,
        failure_code=None,
    )


def captured(payment: Payment, received_minor: int, at: datetime) -> Payment:
    """After the money was taken: by the provider, at the till or by the rider."""
    return moved(
        payment,
        State.CAPTURED,
        at,
        captured_minor=received_minor,
        authorised_minor=max(payment.authorised_minor, received_minor),
    )


def released(payment: Payment, refunded_minor: int, at: datetime) -> Payment:
    """After an order ended unfulfilled: voided, or refunded where the money had been taken."""
    if refunded_minor:
        return moved(payment, State.REFUNDED, at, captured_minor=refunded_minor, refunded_minor=refunded_minor)
    return moved(payment, State.VOIDED, at)
