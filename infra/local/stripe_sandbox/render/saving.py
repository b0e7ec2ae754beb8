"""Customers, payment methods and setup intents as Stripe shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import methods

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.methods import PaymentMethod
    from infra.local.stripe_sandbox.model import Customer, Json, SavedMethod, SetupIntent

_CUSTOMER_DETAILS: Final = dict.fromkeys(("address", "description", "email", "name", "phone", "shipping"))


def customer(known: Customer) -> Json:
    return {
        "id": known.id,
        "object": "customer",
        "balance": 0,
        "created": known.created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": known.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": known.default_payment_method,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(known.metadata),
        "preferred_locales": [],
        "tax_exempt": "none",
        "test_clock": None,
        **_CUSTOMER_DETAILS,
        **known.details,
    }


def saved_method(saved: SavedMethod) -> Json:
    method = methods.in_use(saved.id, saved.template, saved.customer)
    own: Json = {"created": saved.created, "metadata": dict(saved.metadata)}
    return {**payment_method(method), **own, "billing_details": {**billing_details(), **saved.billing_details}}


def payment_method(method: PaymentMethod) -> Json:
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        method.type: face(method),
        "created": 0,
        "customer": method.customer,
        "livemode": False,
        "metadata": {},
        "type": method.type,
    }


def face(method: PaymentMethod) -> Json:
    """What can be seen of the method: brand and last digits of a card."""
    if method.redirects:
        return {}
    if method.type != "card":
        return {"bank_name": method.brand, "last4": method.last4, "account_type": "checking"}
    wallet = method.wallet
    return {
        "brand": method.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": method.country,
        "display_brand": method.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{method.last4}",
        "funding": method.funding,
        "last4": method.last4,
        "network": method.brand,
        "wallet": {"type": wallet, wallet: {}, "dynamic_last4": method.last4} if wallet else None,
    }


def billing_details() -> Json:
    return {
        "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def setup_intent(setup: SetupIntent) -> Json:
    return {
        "id": setup.id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": setup.automatic_payment_methods,
        "cancellation_reason": setup.cancellation_reason,
        "client_secret": setup.client_secret,
        "created": setup.created,
        "customer": setup.customer,
        "description": setup.description,
        "flow_directions": None,
        "last_setup_error": tried(setup.last_setup_error),
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": dict(setup.metadata),
        "next_action": setup.next_action,
        "on_behalf_of": None,
        "payment_method": setup.payment_method,
        "payment_method_options": {},
        "payment_method_types": list(setup.payment_method_types),
        "single_use_mandate": None,
        "status": setup.status,
        "usage": setup.usage,
    }


def tried(stored: Json | None) -> Json | None:
    """What went wrong at the last try, with the method that it was tried with."""
    if stored is None:
        return None
    shown: dict[str, Any] = {name: value for name, value in stored.items() if value is not None}
    template, payer = shown.pop("template", None), shown.pop("customer", None)
    method = methods.in_use(stored["payment_method"], template, payer)
    return {**shown, "doc_url": doc_url(stored["code"]), "payment_method": payment_method(method)}


def doc_url(code: str | None) -> str | None:
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}" if code else None
