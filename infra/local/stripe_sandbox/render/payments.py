"""Payment intents, charges and refunds as Stripe shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import methods
from infra.local.stripe_sandbox.model import AUTHORISATION_SECONDS
from infra.local.stripe_sandbox.render.saving import billing_details, face, tried

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Charge, Json, PaymentIntent, Refund, Transfer

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
        "customer": intent.customer,
        **_EMPTY_DETAILS,
        **intent.details,
        "last_payment_error": tried(intent.last_payment_error),
        "latest_charge": intent.latest_charge,
        "livemode": False,
        "metadata": dict(intent.metadata),
        "next_action": intent.next_action,
        "on_behalf_of": None,
        "payment_method": intent.payment_method,
        "payment_method_options": intent.payment_method_options,
        "payment_method_types": list(intent.payment_method_types),
        "processing": _processing(intent) if intent.status == "processing" else None,
        "review": None,
        "source": None,
        "status": intent.status,
        "transfer_data": None,
    }


def _processing(intent: PaymentIntent) -> Json:
    return {"type": methods.in_use(intent.payment_method or "", intent.template).type}


def charge(charged: Charge) -> Json:
    method = methods.in_use(charged.payment_method, charged.template, charged.customer)
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
        "balance_transaction": charged.balance_transaction,
        "billing_details": billing_details(),
        "calculated_statement_descriptor": "DOORSTEP",
        "captured": charged.captured,
        "created": charged.created,
        "currency": charged.currency,
        "customer": charged.customer,
        "description": charged.details.get("description"),
        "dispute": charged.dispute,
        "disputed": charged.dispute is not None,
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
    shown = face(method)
    if method.type != "card":
        return shown
    held = charged.status == "succeeded" and not charged.captured
    return {
        **shown,
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
        "balance_transaction": made.balance_transaction,
        "charge": made.charge,
        "created": made.created,
        "currency": made.currency,
        "destination_details": {
            made.type: {"type": "reversal" if made.released else "refund"} if made.type == "card" else {},
            "type": made.type,
        },
        **(
            {
                "failure_balance_transaction": made.failure_balance_transaction,
                "failure_reason": made.failure_reason,
            }
            if made.failure_reason
            else {}
        ),
        "metadata": dict(made.metadata),
        "payment_intent": made.payment_intent,
        "reason": made.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": made.status,
        "transfer_reversal": None,
    }


def destination_payment(transfer: Transfer) -> Json:
    """A transfer as the connected account sees it: a payment that came from the platform."""
    return {
        "id": transfer.destination_payment,
        "object": "charge",
        "amount": transfer.amount,
        "amount_captured": transfer.amount,
        "amount_refunded": transfer.amount_reversed,
        "balance_transaction": transfer.destination_transaction,
        "billing_details": billing_details(),
        "captured": True,
        "created": transfer.created,
        "currency": transfer.currency,
        "customer": None,
        "description": transfer.description,
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": None,
        "payment_method": None,
        "refunded": transfer.amount_reversed == transfer.amount,
        "source_transfer": transfer.id,
        "status": "succeeded",
        "transfer_group": transfer.transfer_group,
    }
