"""Stripe's test payment methods: what each one does when a payment intent is confirmed with it.

The ids are those of https://docs.stripe.com/testing, but for `pm_card_applePay` and `pm_card_googlePay`: Stripe has
no test ids for cards in a wallet. `tok_visa` stands for `pm_card_visa`, and so on. Methods without a card (Alipay,
WeChat Pay) have no ids: they are made by their type, with `payment_method_data` or `POST /v1/payment_methods`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from infra.local.stripe_sandbox.errors import StripeError, missing_payment_method


@dataclass(frozen=True, slots=True)
class Decline:
    """A bank's refusal in Stripe's words."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A payment method in use: its face, and whether it asks for authentication, is declined, or takes days.

    A test method is its own `id`; one that was saved has an id and a customer and names the test method that it
    behaves like as its `template`.
    """

    id: str
    brand: str
    last4: str
    decline: Decline | None = None
    authenticates: bool = False
    """Asks the customer to authenticate first; `decline` then says what the bank answers afterwards."""
    type: str = "card"
    country: str = "US"
    funding: str = "credit"
    wallet: str | None = None
    agrees: bool = False
    """Once it is set up, payments while the customer is absent need no authentication."""
    born_set_up: bool = False
    declines_only_charges: bool = False
    """It can be saved all the same."""
    bypasses_pending: bool = False
    """Its money is available at once."""
    template: str | None = None
    customer: str | None = None

    @property
    def kind(self) -> str:
        """The test method that it is or behaves like."""
        return self.template or self.id

    @property
    def redirects(self) -> bool:
        return self.type in REDIRECTING_TYPES


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
        PaymentMethod("pm_card_chargeCustomerFail", "visa", "0341", _GENERIC, declines_only_charges=True),
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
        PaymentMethod(
            "pm_card_authenticationRequiredOnSetup", "visa", "3155", authenticates=True, agrees=True, country="IE"
        ),
        PaymentMethod(
            "pm_card_authenticationRequiredSetupForOffSession",
            "visa",
            "0446",
            authenticates=True,
            agrees=True,
            born_set_up=True,
            country="IE",
        ),
        PaymentMethod("pm_card_bypassPending", "visa", "0077", bypasses_pending=True),
        PaymentMethod("pm_card_bypassPendingInternational", "visa", "3779", bypasses_pending=True),
        PaymentMethod("pm_card_applePay", "visa", "4242", wallet="apple_pay"),
        PaymentMethod("pm_card_googlePay", "mastercard", "4444", wallet="google_pay"),
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

_BY_TYPE: Final = {
    type_: PaymentMethod(type_, "", "", authenticates=True, type=type_) for type_ in ("alipay", "wechat_pay")
}

DELAYED_TYPES: Final = frozenset({"us_bank_account"})
"""Types whose result comes days later: confirmation leaves the intent `processing`. They can't be held."""
REDIRECTING_TYPES: Final = frozenset(_BY_TYPE)
"""Types where the customer pays in another app: taken at once, never held, never saved, never off-session."""
TYPES: Final = ("card", "us_bank_account", *_BY_TYPE)
_CURRENCIES: Final = {
    "us_bank_account": frozenset({"usd"}),
    "alipay": frozenset(["aud", "cad", "cny", "eur", "gbp", "hkd", "jpy", "myr", "nzd", "sgd", "usd"]),
    "wechat_pay": frozenset(
        ["aud", "cad", "chf", "cny", "dkk", "eur", "gbp", "hkd", "jpy", "nok", "sek", "sgd", "usd"]
    ),
}


def find_method(id_: str) -> PaymentMethod:
    """The test method with this id. Raises Stripe's `resource_missing` for any other."""
    method = _METHODS.get(id_)
    if method is None:
        raise missing_payment_method(id_)
    return method


def of_template(template: str) -> PaymentMethod:
    """The test method, or the method of a type, that a stored template names."""
    return _BY_TYPE.get(template) or find_method(template)


def of_type(type_: str, token: str | None = None) -> PaymentMethod:
    """What a new method of this type behaves like; for a card its token (`tok_visa`) says it."""
    if type_ in _BY_TYPE:
        return _BY_TYPE[type_]
    if type_ != "card":
        raise StripeError(f"The sandbox makes methods of these types: card, {', '.join(_BY_TYPE)}.", param="type")
    if token is None:
        raise StripeError(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test "
            "tokens that map to the test card you are using, see https://stripe.com/docs/testing.",
            param="card",
        )
    method = _METHODS.get(f"pm_card_{token.removeprefix('tok_')}")
    if method is None:
        raise StripeError(f"No such token: '{token}'", code="resource_missing", param="card[token]")
    return method


def in_use(id_: str, template: str | None, customer: str | None = None) -> PaymentMethod:
    """The method that an intent or a charge names by its id and template."""
    if template is None:
        return find_method(id_)
    return replace(of_template(template), id=id_, template=template, customer=customer)


def spared(method: PaymentMethod, *, set_up: bool) -> PaymentMethod:
    """The method in a payment without its customer: one that agreed to it before is not asked to authenticate."""
    if method.agrees and (set_up or method.born_set_up):
        return replace(method, authenticates=False)
    return method


def payable(type_: str, currency: str) -> bool:
    """Whether this type of method pays in this currency."""
    currencies = _CURRENCIES.get(type_)
    return currencies is None or currency in currencies
