"""The provider's notices."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Public
from chalicelib.edge.problems import malformed
from chalicelib.kernel import events
from chalicelib.kernel.event_types import (
    AccountNotified,
    BankPayoutNotified,
    DisputeNotified,
    ExtraNotified,
    PaymentNotified,
    RefundNotified,
    TipNotified,
)
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.limits import Limit
from chalicelib.payments import provider
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas import Received, StripeIntent, StripeMoneySubject, StripeNotice, StripeSubject

T = TypeVar("T")


@endpoints.post(
    "/v1/webhooks/stripe",
    permission=Public(),
    body=bytes,
    returns=Received,
    errors=("invalid_signature", "malformed_request"),
    limit=Limit(
        name="webhook",
        window=timedelta(minutes=1),
        per_ip=60,
        on=("invalid_signature", "malformed_request"),
        shared=False,
    ),
)
def receive_stripe_webhook(request: Request[bytes]) -> Reply[Received]:
    """Take a signed notice from Stripe.

    The notice only says that something happened: a queued reaction asks Stripe what. Notices may come twice, late and
    in any order; types that nobody reacts to are taken and dropped.
    """
    provider.verify_signature(request.body, request.headers.get("stripe-signature", ""))
    notice = _read(request.body, StripeNotice)
    if notice.type.startswith(_OF_MONEY):
        _tell_of_money(notice)
    elif notice.type in provider.WEBHOOK_TYPES:
        _tell(notice, _read(notice.data, StripeSubject).object)
    return Reply(Received())


_OF_MONEY = ("account.updated", "charge.dispute.", "charge.refunded", "payout.", "refund.")


def _tell_of_money(notice: StripeNotice) -> None:
    """Disputes, refunds, payouts, accounts: whatever is known of them is asked of Stripe by who hears of it."""
    if notice.type not in provider.WEBHOOK_TYPES:
        return
    about = _read(notice.data, StripeMoneySubject).object
    told: events.Event
    if notice.type.startswith("charge.dispute."):
        told = DisputeNotified(dispute_id=about.id)
    elif notice.type == "account.updated":
        told = AccountNotified(account_id=about.id)
    elif notice.type.startswith("payout."):
        told = BankPayoutNotified(payout_id=about.id, account_id=notice.account or "")
    elif about.payment_intent is None:
        return
    else:
        refund_id = about.id if notice.type.startswith("refund.") else ""
        told = RefundNotified(payment_intent_id=about.payment_intent, refund_id=refund_id)
    events.publish([replace(events.envelope(told), id=notice.id)])


def _tell(notice: StripeNotice, intent: StripeIntent) -> None:
    metadata = intent.metadata or {}
    tipped_order = metadata.get(provider.TIP_OF, "")
    if notice.type == "payment_intent.succeeded" and is_id(tipped_order, "ord"):
        tipped = TipNotified(order_id=tipped_order, payment_intent_id=intent.id)
        events.publish([replace(events.envelope(tipped), id=notice.id)])
        return
    dearer_order = metadata.get(provider.EXTRA_OF, "")
    if notice.type == "payment_intent.amount_capturable_updated" and is_id(dearer_order, "ord"):
        more = ExtraNotified(order_id=dearer_order, payment_intent_id=intent.id)
        events.publish([replace(events.envelope(more), id=notice.id)])
        return
    order_id = metadata.get("order_id", "")
    if not is_id(order_id, "ord") or _follows_our_capture(notice, intent):
        return
    told = PaymentNotified(
        order_id=order_id,
        provider_event_id=notice.id,
        provider_type=notice.type,
        payment_intent_id=intent.id,
    )
    # The provider's event id goes on as ours, so that a notice sent twice is one event to the inbox.
    events.publish([replace(events.envelope(told), id=notice.id)])


def _read(payload: bytes | msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed("The body is not an event.") from error


def _follows_our_capture(notice: StripeNotice, intent: StripeIntent) -> bool:
    """With manual capture, success is the echo of our own capture call, whose answer was recorded."""
    return notice.type == "payment_intent.succeeded" and intent.capture_method == "manual"
