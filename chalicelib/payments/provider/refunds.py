"""Giving back at Stripe what was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel.errors import DomainError
from chalicelib.payments.provider import client

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment


def refund(payment: Payment, intent_id: str, amount_minor: int) -> None:
    """Give all of the money back that was taken."""
    try:
        client.under_first_working_key(
            f"{payment.order_id}:refund",
            lambda key: client.connected().v1.refunds.create(
                params={
                    "payment_intent": intent_id,
                    "amount": amount_minor,
                    "metadata": {"order_id": payment.order_id},
                },
                options={"idempotency_key": key},
            ),
        )
    except DomainError as error:
        if error.extra.get("provider_code") != "charge_already_refunded":
            raise
