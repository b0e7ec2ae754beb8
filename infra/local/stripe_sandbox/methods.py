"""Stripe's test payment methods: what each one does when a payment intent is confirmed with it.

The ids are those of https://docs.stripe.com/testing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.local.stripe_sandbox.errors import missing_payment_method


@dataclass(frozen=True, slots=True)
class Decline:
    """A bank's refusal in Stripe's words."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A test payment method: its face, and whether it asks for authentication, is declined, or takes days."""

    id: str
    brand: str
    last4: str
    decline: Decline | None = None
    authenticates: bool = False
    """Asks the customer to authenticate first; `decline` then says what the bank answers afterwards."""
    type: str = "card"
    country: str = "US"
    funding: str = "credit"


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", decline_code, message)


AUTHENTICATION_REQUIRED: Final = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
_GENERIC = _declined("generic_decline")
_INSUFFICIENT_FUNDS = _declined("insufficient_funds", "Your card has insufficient funds.")
_LOST = _declined("lost_card")
_STOLEN = _declined("stolen_card")
_FRAUDULENT = _declined("fraudulent")
_VELOCITY = _declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
_EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
_PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)

_METHODS: Final = {
    method.id: method
    for method in (
        PaymentMethod("pm_card_visa", "visa", "4242"),
        PaymentMethod("pm_card_visa_debit", "visa", "5556", funding="debit"),
        PaymentMethod("pm_card_mastercard", "mastercard", "4444"),
        PaymentMethod("pm_card_mastercard_debit", "mastercard", "8210", funding="debit"),
        PaymentMethod("pm_card_mastercard_prepaid", "mastercard", "5100", funding="prepaid"),
        PaymentMethod("pm_card_amex", "amex", "0005"),
        PaymentMethod("pm_card_discover", "discover", "1117"),
        PaymentMethod("pm_card_diners", "diners", "0004"),
        PaymentMethod("pm_card_jcb", "jcb", "0505", country="JP"),
        PaymentMethod("pm_card_unionpay", "unionpay", "0005", country="CN"),
        PaymentMethod("pm_card_chargeDeclined", "visa", "0002", _GENERIC),
        PaymentMethod("pm_card_visa_chargeDeclined", "visa", "0002", _GENERIC),
        PaymentMethod("pm_card_chargeCustomerFail", "visa", "0341", _GENERIC),
        PaymentMethod("pm_card_chargeDeclinedInsufficientFunds", "visa", "9995", _INSUFFICIENT_FUNDS),
        PaymentMethod("pm_card_visa_chargeDeclinedInsufficientFunds", "visa", "9995", _INSUFFICIENT_FUNDS),
        PaymentMethod("pm_card_visa_chargeDeclinedLostCard", "visa", "9987", _LOST),
        PaymentMethod("pm_card_visa_chargeDeclinedStolenCard", "visa", "9979", _STOLEN),
        PaymentMethod("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "visa", "6975", _VELOCITY),
        PaymentMethod("pm_card_chargeDeclinedFraudulent", "visa", "0019", _FRAUDULENT),
        PaymentMethod("pm_card_chargeDeclinedExpiredCard", "visa", "0069", _EXPIRED),
        PaymentMethod("pm_card_chargeDeclinedIncorrectCvc", "visa", "0127", _CVC),
        PaymentMethod("pm_card_chargeDeclinedProcessingError", "visa", "0119", _PROCESSING),
        PaymentMethod("pm_card_authenticationRequired", "visa", "3184", authenticates=True, country="IE"),
        PaymentMethod("pm_card_threeDSecure2Required", "visa", "3220", authenticates=True, country="IE"),
        PaymentMethod("pm_card_threeDSecureRequired", "visa", "3063", authenticates=True),
        PaymentMethod("pm_card_threeDSecureOptional", "visa", "3055"),
        PaymentMethod("pm_card_threeDSecureRequiredChargeDeclined", "visa", "1629", _GENERIC, authenticates=True),
        PaymentMethod(
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "visa",
            "3178",
            _INSUFFICIENT_FUNDS,
            authenticates=True,
        ),
        PaymentMethod("pm_usBankAccount_success", "STRIPE TEST BANK", "6789", type="us_bank_account"),
        PaymentMethod("pm_usBankAccount_processing", "STRIPE TEST BANK", "0009", type="us_bank_account"),
    )
}

DELAYED_TYPES: Final = frozenset({"us_bank_account"})
"""Types whose result comes days later: confirmation leaves the intent `processing`. They can't be held."""


def find_method(id_: str) -> PaymentMethod:
    """The test method with this id. Raises Stripe's `resource_missing` for any other."""
    method = _METHODS.get(id_)
    if method is None:
        raise missing_payment_method(id_)
    return method
