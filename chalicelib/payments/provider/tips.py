"""A tip of its own at Stripe: a second, small intent that is taken at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.payments.provider import client
from chalicelib.payments.provider.actions import ClientAction

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams

    from chalicelib.payments.model.tips import Tip

TIP_OF = "tip_of"  # the metadata that names the order; not `order_id`, which means the payment of the goods


def open_tip(tip: Tip) -> ClientAction:
    """Create the tip's intent, or get the one that was created before: the same call, the same key."""
    intent = client.under_first_working_key(
        f"{tip.order_id}:tip",
        lambda key: client.connected().v1.payment_intents.create(
            params={
                "amount": tip.amount,
                "currency": tip.currency.lower(),
                "automatic_payment_methods": {"enabled": True},
                "metadata": {TIP_OF: tip.order_id},
            },
            options={"idempotency_key": key},
        ),
    )
    return ClientAction(intent.id, intent.client_secret or "")


def refund_tip(tip: Tip) -> None:
    """Give a tip back, once: Stripe is asked first whether it has. Raises ``payment_refused`` where it never will."""

    def made_or_make(key: str) -> str:
        intent_id = tip.intent_id or ""
        listed = client.connected().v1.refunds.list(params={"payment_intent": intent_id, "limit": 10})
        made = [each.id for each in listed.data if each.status != "failed"]
        if made:
            return made[0]
        params: RefundCreateParams = {"payment_intent": intent_id, "metadata": {TIP_OF: tip.order_id}}
        return client.connected().v1.refunds.create(params=params, options={"idempotency_key": key}).id

    client.under_first_working_key(f"{tip.order_id}:tip:refund", made_or_make)


def received_for_tip(tip: Tip, intent_id: str) -> int:
    """What Stripe has taken for the tip by this intent, in minor units; nothing where it was made for another order."""
    with client.translated_errors():
        intent = client.connected().v1.payment_intents.retrieve(intent_id)
    if TIP_OF not in intent.metadata or intent.metadata[TIP_OF] != tip.order_id:
        return 0
    return intent.amount_received or 0
