"""The values as Stripe shows them: payment_intent, charge, refund, payment_method, event, error and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import methods
from infra.local.stripe_sandbox.model import AUTHORISATION_SECONDS, Charge, PaymentIntent

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.stripe_sandbox.errors import StripeError
    from infra.local.stripe_sandbox.model import Json, Refund, Resource

API_VERSION: Final = "2026-10-28.endive"
"""The version that stripe-python 16.1.0 speaks."""

_PUBLISHABLE_FIELDS: Final = frozenset(
    [
        "id",
        "object",
        "amount",
        "amount_details",
        "automatic_payment_methods",
        "canceled_at",
        "cancellation_reason",
        "capture_method",
        "client_secret",
        "confirmation_method",
        "created",
        "currency",
        "description",
        "last_payment_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_types",
        "processing",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "source",
        "status",
    ]
)
_EMPTY_DETAILS: Final = dict.fromkeys(
    (
        "description",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    )
)
_EXPANSION_DEPTH: Final = 4


def payment_intent(intent: PaymentIntent) -> Json:
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_details": {"tip": {}},
        "amount_received": intent.amount_received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": intent.automatic_payment_methods,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        **_EMPTY_DETAILS,
        **intent.details,
        "last_payment_error": _last_payment_error(intent),
        "latest_charge": intent.latest_charge,
        "livemode": False,
        "metadata": dict(intent.metadata),
        "next_action": intent.next_action,
        "on_behalf_of": None,
        "payment_method": intent.payment_method,
        "payment_method_options": intent.payment_method_options,
        "payment_method_types": list(intent.payment_method_types),
        "processing": {"type": intent.payment_method_types[-1]} if intent.status == "processing" else None,
        "review": None,
        "source": None,
        "status": intent.status,
        "transfer_data": None,
    }


def publishable(intent: Json) -> Json:
    """What of a payment intent a publishable key may see: no metadata, no charges."""
    return {name: value for name, value in intent.items() if name in _PUBLISHABLE_FIELDS}


def _last_payment_error(intent: PaymentIntent) -> Json | None:
    stored = intent.last_payment_error
    if stored is None:
        return None
    shown = {name: value for name, value in stored.items() if value is not None}
    method = methods.find_method(stored["payment_method"])
    return {**shown, "doc_url": _doc_url(stored["code"]), "payment_method": payment_method(method)}


def charge(charged: Charge) -> Json:
    method = methods.find_method(charged.payment_method)
    failed = charged.status == "failed"
    return {
        "id": charged.id,
        "object": "charge",
        "amount": charged.amount,
        "amount_captured": charged.amount_captured,
        "amount_refunded": charged.amount_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": _billing_details(),
        "calculated_statement_descriptor": "DOORSTEP",
        "captured": charged.captured,
        "created": charged.created,
        "currency": charged.currency,
        "customer": None,
        "description": charged.details.get("description"),
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": charged.failure_code,
        "failure_message": charged.failure_message,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(charged.metadata),
        "on_behalf_of": None,
        "outcome": {
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "reason": charged.decline_code,
            "risk_level": "normal",
            "seller_message": "The bank did not return any further details with this decline."
            if failed
            else "Payment complete.",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": not failed,
        "payment_intent": charged.payment_intent,
        "payment_method": charged.payment_method,
        "payment_method_details": {
            method.type: _charged_with(charged, method),
            "type": method.type,
        },
        "receipt_email": charged.details.get("receipt_email"),
        "receipt_number": None,
        "receipt_url": None,
        "refunded": charged.amount_refunded == charged.amount,
        "review": None,
        "shipping": charged.details.get("shipping"),
        "source": None,
        "source_transfer": None,
        "statement_descriptor": charged.details.get("statement_descriptor"),
        "statement_descriptor_suffix": charged.details.get("statement_descriptor_suffix"),
        "status": charged.status,
        "transfer_data": None,
        "transfer_group": charged.details.get("transfer_group"),
    }


def _charged_with(charged: Charge, method: methods.PaymentMethod) -> Json:
    face = _face(method)
    if method.type != "card":
        return face
    held = charged.status == "succeeded" and not charged.captured
    return {
        **face,
        "amount_authorized": None if charged.status == "failed" else charged.amount,
        "authorization_code": None if charged.status == "failed" else "123456",
        "capture_before": charged.created + AUTHORISATION_SECONDS if held else None,
        "three_d_secure": {"result": "authenticated"} if method.authenticates else None,
    }


def refund(made: Refund) -> Json:
    return {
        "id": made.id,
        "object": "refund",
        "amount": made.amount,
        "balance_transaction": None,
        "charge": made.charge,
        "created": made.created,
        "currency": made.currency,
        "destination_details": {"card": {"type": "reversal" if made.released else "refund"}, "type": "card"},
        "metadata": dict(made.metadata),
        "payment_intent": made.payment_intent,
        "reason": made.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": made.status,
        "transfer_reversal": None,
    }


def payment_method(method: methods.PaymentMethod) -> Json:
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": _billing_details(),
        method.type: _face(method),
        "created": 0,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": method.type,
    }


def _face(method: methods.PaymentMethod) -> Json:
    if method.type != "card":
        return {"bank_name": method.brand, "last4": method.last4, "account_type": "checking"}
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
        "wallet": None,
    }


def _billing_details() -> Json:
    return {
        "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def resource(value: Resource) -> Json:
    if isinstance(value, PaymentIntent):
        return payment_intent(value)
    return charge(value) if isinstance(value, Charge) else refund(value)


def error(failure: StripeError, *, reduced: bool = False) -> Json:
    """The error document. `reduced` shows of the intent only what a publishable key may see."""
    shown: Json = {
        "type": failure.type,
        "message": failure.message,
        "code": failure.code,
        "param": failure.param,
        "decline_code": failure.decline_code,
        "charge": failure.charge,
        "doc_url": _doc_url(failure.code),
    }
    if failure.intent is not None:
        intent = payment_intent(failure.intent)
        shown["payment_intent"] = publishable(intent) if reduced else intent
    if failure.payment_method is not None:
        shown["payment_method"] = payment_method(methods.find_method(failure.payment_method))
    return {"error": {name: value for name, value in shown.items() if value is not None}}


def _doc_url(code: str | None) -> str | None:
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}" if code else None


def listing(url: str, data: list[Json], *, has_more: bool) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def expand(document: Json, path: str, find: Callable[[str, str], Json | None]) -> bool:
    """Replace the id at `path` ("latest_charge.payment_intent", "data.charge") by its object, in place.

    `find(field, id)` gives the object, or None where that field can't be expanded; False is returned then.
    """
    steps = path.split(".")
    if len(steps) > _EXPANSION_DEPTH + (steps[0] == "data"):
        return False
    return _expand(document, steps, find)


def _expand(document: Json, steps: list[str], find: Callable[[str, str], Json | None]) -> bool:
    field, *rest = steps
    inner = document.get(field)
    if isinstance(inner, list):
        return bool(rest) and all(_expand(item, rest, find) for item in inner)
    if field == "refunds" and document.get("object") == "charge":
        inner = inner or find("refunds", document["id"])
    elif isinstance(inner, str):
        inner = find(field, inner)
    elif inner is None and field in document:
        return True
    if not isinstance(inner, dict):
        return False
    document[field] = inner
    return _expand(inner, rest, find) if rest else True
