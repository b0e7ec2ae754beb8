"""Balances, transfers, payouts and disputes as Stripe shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import methods
from infra.local.stripe_sandbox.model import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.model import BalanceTransaction, Dispute, Json, Payout, Reversal, Transfer

_CARD_EVIDENCE: Final = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
EVIDENCE: Final = frozenset(_CARD_EVIDENCE)


def balance_transaction(line: BalanceTransaction, now: float) -> Json:
    fee: Json = {
        "amount": line.fee,
        "application": None,
        "currency": line.currency,
        "description": line.fee_description,
        "type": "stripe_fee",
    }
    return {
        "id": line.id,
        "object": "balance_transaction",
        "amount": line.amount,
        "available_on": line.available_on,
        "balance_type": "payments",
        "created": line.created,
        "currency": line.currency,
        "description": line.description,
        "exchange_rate": None,
        "fee": line.fee,
        "fee_details": [fee] if line.fee_description else [],
        "net": line.net,
        "reporting_category": line.reporting_category,
        "source": line.source,
        "status": "available" if line.available_on <= now else "pending",
        "type": line.type,
    }


def balance(account: str, totals: Mapping[str, tuple[int, int]]) -> Json:
    available, pending = [
        [
            {"amount": amounts[part], "currency": currency, "source_types": {"card": amounts[part]}}
            for currency, amounts in totals.items()
        ]
        for part in (0, 1)
    ]
    reserved = {"connect_reserved": [{"amount": 0, "currency": currency} for currency in totals]}
    return {
        "object": "balance",
        "available": available,
        **(reserved if account == PLATFORM else {}),
        "livemode": False,
        "pending": pending,
    }


def transfer(made: Transfer) -> Json:
    return {
        "id": made.id,
        "object": "transfer",
        "amount": made.amount,
        "amount_reversed": made.amount_reversed,
        "balance_transaction": made.balance_transaction,
        "created": made.created,
        "currency": made.currency,
        "description": made.description,
        "destination": made.destination,
        "destination_payment": made.destination_payment,
        "livemode": False,
        "metadata": dict(made.metadata),
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": len(made.reversals) > 10,
            "total_count": len(made.reversals),
            "url": f"/v1/transfers/{made.id}/reversals",
        },
        "reversed": made.unreversed == 0,
        "source_transaction": made.source_transaction,
        "source_type": "card",
        "transfer_group": made.transfer_group,
    }


def reversal(made: Reversal) -> Json:
    return {
        "id": made.id,
        "object": "transfer_reversal",
        "amount": made.amount,
        "balance_transaction": made.balance_transaction,
        "created": made.created,
        "currency": made.currency,
        "destination_payment_refund": made.destination_payment_refund,
        "metadata": dict(made.metadata),
        "source_refund": None,
        "transfer": made.transfer,
    }


def payout(made: Payout) -> Json:
    return {
        "id": made.id,
        "object": "payout",
        "amount": made.amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": made.arrival_date,
        "automatic": made.automatic,
        "balance_transaction": made.balance_transaction,
        "created": made.created,
        "currency": made.currency,
        "description": made.description,
        "destination": made.destination,
        "failure_balance_transaction": made.failure_balance_transaction,
        "failure_code": made.failure_code,
        "failure_message": made.failure_message,
        "livemode": False,
        "metadata": dict(made.metadata),
        "method": made.method,
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed" if made.automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": made.statement_descriptor,
        "status": made.status,
        "trace_id": None,
        "type": "bank_account",
    }


def dispute(opened: Dispute) -> Json:
    method = methods.of_template(opened.template)
    card: Json = {"brand": method.brand, "case_type": "chargeback", "network_reason_code": "4853"}
    return {
        "id": opened.id,
        "object": "dispute",
        "amount": opened.amount,
        "balance_transactions": [],
        "charge": opened.charge,
        "created": opened.created,
        "currency": opened.currency,
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_CARD_EVIDENCE), "enhanced_evidence": {}, **opened.evidence},
        "evidence_details": {
            "due_by": opened.due_by,
            "enhanced_eligibility": {},
            "has_evidence": bool(opened.evidence),
            "past_due": False,
            "submission_count": opened.submissions,
            "submission_method": "manual",
        },
        "is_charge_refundable": opened.status == "won",
        "livemode": False,
        "metadata": dict(opened.metadata),
        "network_reason_code": "4853",
        "payment_intent": opened.payment_intent,
        "payment_method_details": {method.type: card if method.type == "card" else {}, "type": method.type},
        "reason": opened.reason,
        "status": opened.status,
    }
