"""Which intents Stripe has, by the time of their making: what the books are compared with.

Windows are in Stripe's own time, which is the wall's, and not in Doorstep's, which may run faster.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import clock
from chalicelib.kernel.errors import DomainError
from chalicelib.payments.provider import client
from chalicelib.payments.provider.extras import EXTRA_OF
from chalicelib.payments.provider.tips import TIP_OF

if TYPE_CHECKING:
    from datetime import timedelta

    import stripe

_PAGE = 100


class SeenIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An intent as Stripe lists it; amounts in minor units, ``refunded`` of what was ``received``."""

    id: str
    status: str
    currency: str
    amount: int
    received: int
    refunded: int = 0
    created: int = 0
    order_id: str | None = None
    tip_of: str | None = None
    extra_of: str | None = None

    @property
    def claimed_by(self) -> str | None:
        """The order that it was made for, as its payment, its tip or its extra."""
        return self.order_id or self.tip_of or self.extra_of

    @property
    def is_held(self) -> bool:
        """Whether the customer's bank holds the money for it."""
        return self.status == "requires_capture"

    @property
    def is_taken(self) -> bool:
        """Whether the money was taken, and some of it is still here."""
        return self.status == "succeeded" and self.received > self.refunded

    @property
    def is_over(self) -> bool:
        """Whether nobody can pay it any more, and nothing of it is here."""
        return self.status == "canceled" or (self.status == "succeeded" and not self.is_taken)


def now() -> float:
    """The second that it is at Stripe."""
    return time.time()


def made_before(age: timedelta) -> int:
    """The second in Stripe's time that is ``age`` of Doorstep's ago."""
    return int(now() - clock.to_wall(age))


def list_intents(since: int, until: int, after: str | None = None) -> tuple[list[SeenIntent], str | None]:
    """A page of the intents made from ``since`` until before ``until``, newest first; where the next page begins."""
    with client.translated_errors():
        listed = client.connected().v1.payment_intents.list(
            params={
                "created": {"gte": since, "lt": until},
                "limit": _PAGE,
                "expand": ["data.latest_charge"],
                **({"starting_after": after} if after else {}),
            }
        )
    seen = [_seen(intent) for intent in listed.data]
    return seen, seen[-1].id if listed.has_more and seen else None


def look_at_intent(intent_id: str) -> SeenIntent:
    """An intent as it stands now."""
    with client.translated_errors():
        return _seen(client.connected().v1.payment_intents.retrieve(intent_id, params={"expand": ["latest_charge"]}))


def give_back(seen: SeenIntent) -> SeenIntent:
    """Refund what was taken by an intent that no order claims, or let go what is held for it; how it then stands."""
    if seen.is_taken:
        try:
            client.under_first_working_key(
                f"{seen.id}:unclaimed:{seen.refunded}",
                lambda key: client.connected().v1.refunds.create(
                    params={
                        "payment_intent": seen.id,
                        "amount": seen.received - seen.refunded,
                        "metadata": {"unclaimed": seen.id, **({"order_id": seen.order_id} if seen.order_id else {})},
                    },
                    options={"idempotency_key": key},
                ),
            )
        except DomainError as error:
            if error.extra.get("provider_code") != "charge_already_refunded":
                raise
    elif not seen.is_over:
        with client.translated_errors():
            client.connected().v1.payment_intents.cancel(seen.id, params={"cancellation_reason": "duplicate"})
    return look_at_intent(seen.id)


def _seen(intent: stripe.PaymentIntent) -> SeenIntent:
    charge = intent.latest_charge
    return SeenIntent(
        id=intent.id,
        status=intent.status,
        currency=intent.currency.upper(),
        amount=intent.amount,
        received=intent.amount_received or 0,
        refunded=0 if charge is None or isinstance(charge, str) else charge.amount_refunded,
        created=intent.created,
        order_id=told(intent.metadata, "order_id"),
        tip_of=told(intent.metadata, TIP_OF),
        extra_of=told(intent.metadata, EXTRA_OF),
    )


def told(metadata: Any, key: str) -> str | None:
    """What the metadata of an object of Stripe's say under a key."""
    return str(metadata[key]) if metadata and key in metadata else None
