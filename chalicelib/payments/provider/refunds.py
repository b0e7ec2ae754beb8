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


def refund_part(payment: Payment, intent_id: str, number: int, amount_minor: int, beside: str = "") -> str:
    """Give part of the money back; the id of Stripe's refund. ``number`` names the refund among the order's.

    Stripe is asked first whether it has made this refund: then neither a forgotten key nor a failure after the money
    has moved makes another one. ``beside`` names the part of an intent beside the order's own. Raises
    ``payment_refused`` where Stripe refuses it for good.
    """

    def made_or_make(key: str) -> str:
        listed = client.connected().v1.refunds.list(params={"payment_intent": intent_id, "limit": 100})
        for made in listed.data:
            if made.metadata and "refund" in made.metadata and made.metadata["refund"] == str(number):
                return made.id
        return (
            client.connected()
            .v1.refunds.create(
                params={
                    "payment_intent": intent_id,
                    "amount": amount_minor,
                    "metadata": {"order_id": payment.order_id, "refund": str(number)},
                },
                options={"idempotency_key": key},
            )
            .id
        )

    return client.under_first_working_key(f"{payment.order_id}:refund:{number}{beside}", made_or_make)
