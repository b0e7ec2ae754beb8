"""The payment's state machine. Amounts are minor units of the payment's currency."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.wallets import takes
from chalicelib.payments.model.bill import NOTHING, RateSum, Sums
from chalicelib.payments.model.extras import held, with_extra

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.money import Money
    from chalicelib.payments.model.credit import CreditPart
    from chalicelib.payments.model.deferral import Deferral
    from chalicelib.payments.model.extras import Extra
    from chalicelib.payments.model.resending import Resend


class Method(StrEnum):
    """How the customer pays."""

    CARD = "card"
    ALIPAY = "alipay"
    WECHAT_PAY = "wechat_pay"
    PAY_AT_STORE = "pay_at_store"
    CASH_ON_DELIVERY = "cash_on_delivery"
    CREDIT = "credit"  # gift cards and store credit, and nothing beside them
    FREE = "free"  # nothing: it makes good another order


# What Stripe charges a card at least, by the currency of settlement, and at most, in minor units
# (docs.stripe.com/currencies, "Minimum and maximum charge amounts").
_CARD_MINIMUM = {
    "USD": 50, "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50,
    "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000,
}  # fmt: skip
_CARD_MAXIMUM = 99_999_999


# Wallets are taken at once: nobody can hold their money first.
WALLETS = frozenset((Method.ALIPAY, Method.WECHAT_PAY))
_ONLINE = WALLETS | {Method.CARD}


class State(StrEnum):
    """Where a payment stands."""

    REQUIRES_PAYMENT = "requires_payment"
    METHOD_SAVED = "method_saved"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"


# Beside the provider's own words: it refuses to have an intent for this order at all.
ABSENT = "absent"
# And: it keeps a method for the order. Nothing is held.
SAVED = "method_saved"
FINAL = frozenset((State.REFUNDED, State.VOIDED, State.FAILED))
_MOVES = {
    State.REQUIRES_PAYMENT: {
        State.METHOD_SAVED,
        State.AUTHORISED,
        State.CAPTURED,
        State.VOIDED,
        State.REFUNDED,
        State.FAILED,
    },
    State.METHOD_SAVED: {
        State.REQUIRES_PAYMENT,
        State.AUTHORISED,
        State.CAPTURED,
        State.VOIDED,
        State.REFUNDED,
        State.FAILED,
    },
    State.AUTHORISED: {State.CAPTURED, State.VOIDED, State.REFUNDED, State.FAILED},
    State.CAPTURED: {State.PARTIALLY_REFUNDED, State.REFUNDED},
    State.PARTIALLY_REFUNDED: {State.PARTIALLY_REFUNDED, State.REFUNDED},
    # What the customer paid after all was over goes back.
    State.VOIDED: {State.REFUNDED},
}


class Payment(msgspec.Struct, frozen=True):
    """What one order owes and how far it is paid. ``intent_id`` is known from the provider's first notice on.

    ``credits`` is what gift cards and store credit give; the other amounts are of all tenders together.
    ``sums`` is the bill summed up (``rates``: by tax rate), ``terms_version`` the merchant's terms that the order was
    placed under. Of what was
    captured, ``refunded_minor`` has gone back and ``pending_minor`` is about to, by ``refunds`` requests so far.
    ``is_fulfilled``: the goods have changed hands; ``rider_id`` brought them. ``invoice`` is its number. ``deferral``:
    the method is saved at placement, and the money is held when it is due.
    """

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
    credits: tuple[CreditPart, ...] = ()
    sums: Sums = NOTHING
    mode: str = "pickup"
    merchant_id: str = ""
    terms_version: int = 0
    rider_id: str | None = None
    is_fulfilled: bool = False
    refunds: int = 0
    pending_minor: int = 0
    invoice: str | None = None
    rates: tuple[RateSum, ...] = ()
    deferral: Deferral | None = None
    resend: Resend | None = None
    extras: tuple[Extra, ...] = ()
    revived_at: datetime | None = None

    @property
    def is_secured(self) -> bool:
        """Whether the store may begin: authorised or taken, or by a method that is paid at hand-over."""
        if not self.uses_provider:
            return self.state not in FINAL
        return self.state in (State.AUTHORISED, State.CAPTURED, State.PARTIALLY_REFUNDED)

    @property
    def credit_minor(self) -> int:
        """What gift cards and store credit give."""
        return sum(part.amount for part in self.credits)

    @property
    def provider_minor(self) -> int:
        """What is to be paid through the payment provider, after all credit; 0 for methods that don't use it."""
        return max(0, self.amount.amount - self.credit_minor) if self.uses_provider else 0

    @property
    def captured_credit_minor(self) -> int:
        """What of the captured amount gift cards and store credit gave: they go first."""
        return min(self.credit_minor, self.captured_minor)

    @property
    def refundable_minor(self) -> int:
        """What was taken, has not gone back, and is not about to."""
        return self.captured_minor - self.refunded_minor - self.pending_minor

    @property
    def uses_provider(self) -> bool:
        """Whether the money moves through the payment provider."""
        return self.method in _ONLINE

    @property
    def is_online(self) -> bool:
        """Whether anything of it moves through the payment provider: also where credit pays, and a card an extra."""
        return self.uses_provider or bool(self.extras)

    @property
    def online_minor(self) -> int:
        """What is to be taken through the provider, after all credit, by the order's intent and its extras."""
        return max(0, self.amount.amount - self.credit_minor) if self.is_online else 0

    @property
    def main_hold_minor(self) -> int:
        """What the order's own intent holds."""
        return max(0, self.authorised_minor - self.credit_minor - held(self.extras)) if self.uses_provider else 0

    @property
    def ceiling_minor(self) -> int:
        """What may be taken without asking the customer again."""
        return self.authorised_minor if self.is_online or self.method is Method.CREDIT else self.amount.amount

    @property
    def saves_method(self) -> bool:
        """Whether the customer's next step is to save a method, and not to pay."""
        waits = self.state is State.REQUIRES_PAYMENT
        return waits and self.deferral is not None and self.deferral.method is None


class ProviderState(msgspec.Struct, frozen=True):
    """What the provider holds for an order: its intent's ``status`` in the provider's words, amounts in minor units.

    ``hold_until`` is when the bank lets go of what is held, where it was asked; ``method`` is the saved one's id.
    """

    intent_id: str
    status: str
    amount_minor: int
    capturable_minor: int
    received_minor: int
    failure_code: str | None = None
    hold_until: datetime | None = None
    method: str | None = None

    @property
    def is_saved(self) -> bool:
        """The customer has saved a method, to be charged later."""
        return self.status == SAVED

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
    if method not in _ONLINE:
        return amount.amount >= 0
    return takes(method, amount.currency) and _CARD_MINIMUM.get(amount.currency, 1) <= amount.amount <= _CARD_MAXIMUM


def least_charge(currency: str) -> int:
    """What a card is charged at least, in minor units."""
    return _CARD_MINIMUM.get(currency, 1)


def opened(payment: Payment) -> Payment:
    """A fresh payment: where credits give all of it, it is paid by them, and they are set aside with it.

    What makes good another order is paid as it stands.
    """
    if payment.resend is not None:
        return replace(payment, method=Method.FREE, state=State.AUTHORISED)
    if payment.credits and payment.credit_minor == payment.amount.amount:
        return replace(payment, method=Method.CREDIT, state=State.AUTHORISED, authorised_minor=payment.amount.amount)
    return payment


def moved(payment: Payment, state: State, at: datetime, **changes: object) -> Payment:
    """The payment in its next state. Raises ``Conflict`` for a move that the machine does not know."""
    if state not in _MOVES.get(payment.state, ()):
        raise Conflict("payment_state", f"A payment that is {payment.state} can't become {state}.")
    return replace(payment, state=state, changed_at=at, version=payment.version + 1, **changes)


def authorised(payment: Payment, provider: ProviderState, at: datetime) -> Payment:
    """After the provider holds the funds (or took them, for methods that can't wait)."""
    deferral = payment.deferral and replace(payment.deferral, hold_until=provider.hold_until, renewal_id=None)
    if provider.status == "succeeded":
        return moved(
            payment,
            State.CAPTURED,
            at,
            intent_id=provider.intent_id,
            authorised_minor=provider.received_minor + payment.credit_minor,
            captured_minor=provider.received_minor + payment.credit_minor,
            failure_code=None,
            deferral=deferral,
        )
    return moved(
        payment,
        State.AUTHORISED,
        at,
        intent_id=provider.intent_id,
        authorised_minor=provider.capturable_minor + payment.credit_minor,
        failure_code=None,
        deferral=deferral,
    )


def captured(payment: Payment, received_minor: int, at: datetime, intent_id: str | None = None) -> Payment:
    """After the money was taken: by the provider (by ``intent_id``), at the till or by the rider."""
    return moved(
        payment,
        State.CAPTURED,
        at,
        intent_id=intent_id or payment.intent_id,
        captured_minor=received_minor,
        authorised_minor=max(payment.authorised_minor, received_minor),
    )


def released(payment: Payment, refunded_minor: int, at: datetime) -> Payment:
    """After an order ended unfulfilled: voided, or refunded where the money had been taken."""
    if refunded_minor:
        # What was taken was held before, also where nobody had heard of it.
        held = max(payment.authorised_minor, refunded_minor)
        sums = {"captured_minor": refunded_minor, "refunded_minor": refunded_minor}
        return moved(payment, State.REFUNDED, at, authorised_minor=held, **sums)
    return moved(payment, State.VOIDED, at)


def handed_over(payment: Payment, rider_id: str | None, at: datetime) -> Payment:
    """After the goods changed hands, brought by a rider or not."""
    return replace(payment, is_fulfilled=True, rider_id=rider_id, changed_at=at, version=payment.version + 1)


def refund_begun(payment: Payment, amount: int, at: datetime) -> Payment:
    """With one more refund asked for."""
    return replace(
        payment,
        refunds=payment.refunds + 1,
        pending_minor=payment.pending_minor + amount,
        changed_at=at,
        version=payment.version + 1,
    )


def refund_ended(payment: Payment, amount: int, at: datetime, *, given_back: int) -> Payment:
    """After a refund of ``amount`` that was asked for was made, or refused for good (``given_back`` is 0)."""
    refunded = payment.refunded_minor + given_back
    pending = payment.pending_minor - amount
    if not given_back:
        return replace(payment, pending_minor=pending, changed_at=at, version=payment.version + 1)
    state = State.REFUNDED if refunded == payment.captured_minor else State.PARTIALLY_REFUNDED
    return moved(payment, state, at, refunded_minor=refunded, pending_minor=pending)


def reduced(payment: Payment, sums: Sums, at: datetime) -> Payment:
    """With a smaller bill, before anything was taken: less will be. Raises ``Conflict`` afterwards."""
    if payment.state in FINAL or payment.captured_minor or payment.is_fulfilled:
        raise Conflict("payment_captured", "What was paid already is refunded, not adjusted.")
    amount = replace(payment.amount, amount=sums.total)
    return replace(payment, amount=amount, sums=sums, changed_at=at, version=payment.version + 1)


def amended(payment: Payment, sums: Sums, at: datetime) -> Payment:
    """With another bill, before anything was taken. Raises ``Conflict`` for more than is held, and afterwards."""
    after = reduced(payment, sums, at)
    if payment.state is State.AUTHORISED and sums.total > payment.authorised_minor:
        raise Conflict("payment_amount", "More than is held can't be taken.")
    return after


def touched(payment: Payment, at: datetime) -> Payment:
    """The payment as it is, for whoever has read it before to look again."""
    return replace(payment, changed_at=at, version=payment.version + 1)


def extra_noted(payment: Payment, extra: Extra, at: datetime) -> Payment:
    """With an extra that is to be paid, or is held from now on."""
    before = next((each for each in payment.extras if each.number == extra.number), None)
    more = extra.amount if extra.is_held and not (before and before.is_held) else 0
    return replace(
        payment,
        extras=with_extra(payment.extras, extra),
        authorised_minor=payment.authorised_minor + more,
        changed_at=at,
        version=payment.version + 1,
    )


def extra_dropped(payment: Payment, number: int, at: datetime) -> Payment:
    """Without an extra that nobody paid."""
    extras = tuple(each for each in payment.extras if each.number != number)
    return replace(payment, extras=extras, changed_at=at, version=payment.version + 1)
