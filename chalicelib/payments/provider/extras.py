"""A second intent of an order, for what it came to cost more; and giving back what several intents took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.payments.model import ProviderState
from chalicelib.payments.provider import client
from chalicelib.payments.provider.actions import ClientAction
from chalicelib.payments.provider.refunds import refund_part

if TYPE_CHECKING:
    import stripe

    from chalicelib.payments.model import Payment

EXTRA_OF = "extra_of"  # the metadata that names the order; not `order_id`, which means the payment of the goods


def open_extra(payment: Payment, number: int, amount: int) -> ClientAction:
    """Create the intent of an extra, or get the one that was created before: the same call, the same key."""
    intent = client.under_first_working_key(
        f"{payment.order_id}:extra:{number}",
        lambda key: client.connected().v1.payment_intents.create(
            params={
                "amount": amount,
                "currency": payment.amount.currency.lower(),
                "capture_method": "manual",
                "allowed_payment_method_types": ["card"],
                "metadata": {EXTRA_OF: payment.order_id, "extra": str(number)},
            },
            options={"idempotency_key": key},
        ),
    )
    return ClientAction(intent.id, intent.client_secret or "")


def look_up_extra(intent_id: str) -> ProviderState:
    """How an extra's intent stands at Stripe right now."""
    with client.translated_errors():
        intent = client.connected().v1.payment_intents.retrieve(intent_id)
    return ProviderState(
        intent_id=intent.id,
        status=intent.status,
        amount_minor=intent.amount,
        capturable_minor=intent.amount_capturable or 0,
        received_minor=intent.amount_received or 0,
    )


def refund_over(payment: Payment, number: int, amount_minor: int) -> str:
    """Give part of the money back that several intents took, the order's own first; the id of the first refund.

    Stripe is asked for each intent what it has given back, and whether that was this refund: so a repeat goes on where
    the one before it ended. Raises ``payment_refused`` where Stripe refuses it for good.
    """
    intents = [payment.intent_id] if payment.intent_id else []
    intents += [extra.intent_id for extra in payment.extras if extra.taken]
    made: list[str] = []
    left = amount_minor
    for place, intent_id in enumerate(intents):
        with client.translated_errors():
            received = client.connected().v1.payment_intents.retrieve(intent_id).amount_received or 0
            listed = client.connected().v1.refunds.list(params={"payment_intent": intent_id, "limit": 100}).data
        mine = [each for each in listed if _number_of(each) == str(number)]
        made += [each.id for each in mine]
        left -= sum(each.amount for each in mine)
        free = received - sum(each.amount for each in listed if each.status != "failed")
        part = min(left, free)
        if part > 0 and not mine:
            made.append(refund_part(payment, intent_id, number, part, beside=f":{place}" if place else ""))
            left -= part
    return made[0] if made else ""


def _number_of(refund: stripe.Refund) -> str:
    return refund.metadata["refund"] if refund.metadata and "refund" in refund.metadata else ""
