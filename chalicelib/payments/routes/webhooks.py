"""The provider's notices."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Public
from chalicelib.edge.problems import malformed
from chalicelib.kernel import events
from chalicelib.kernel.event_types import PaymentNotified, TipNotified
from chalicelib.kernel.ids import is_id
from chalicelib.payments import provider
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas import Received


@endpoints.post(
    "/v1/webhooks/stripe",
    permission=Public(),
    body=bytes,
    returns=Received,
    errors=("invalid_signature", "malformed_request"),
)
def receive_stripe_webhook(request: Request[bytes]) -> Reply[Received]:
    """Take a signed notice from Stripe.

    The notice only says that something happened: a queued reaction asks Stripe what. Notices may come twice, late and
    in any order; types that nobody reacts to are taken and dropped.
    """
    payload = request.body
    provider.verify_signature(payload, request.headers.get("stripe-signature", ""))
    notice = _parsed(payload)
    intent = notice.get("data", {}).get("object", {})
    metadata = intent.get("metadata") or {}
    order_id = metadata.get("order_id", "")
    if (
        notice.get("type") in provider.WEBHOOK_TYPES
        and is_id(order_id, "ord")
        and not _follows_our_capture(notice["type"], intent)
    ):
        told = PaymentNotified(
            order_id=order_id,
            provider_event_id=notice["id"],
            provider_type=notice["type"],
            payment_intent_id=intent["id"],
        )
        # The provider's event id goes on as ours, so that a notice sent twice is one event to the inbox.
        events.publish([replace(events.envelope(told), id=notice["id"])])
    elif notice.get("type") == "payment_intent.succeeded" and is_id(metadata.get(provider.TIP_OF, ""), "ord"):
        tipped = TipNotified(order_id=metadata[provider.TIP_OF], payment_intent_id=intent["id"])
        events.publish([replace(events.envelope(tipped), id=notice["id"])])
    return Reply(Received())


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        notice = json.loads(payload)
        if isinstance(notice, dict) and isinstance(notice["id"], str):
            return notice
    except (ValueError, KeyError) as error:
        raise malformed("The body is not an event.") from error
    raise malformed("The body is not an event.")


def _follows_our_capture(notice_type: str, intent: dict[str, Any]) -> bool:
    """With manual capture, success is the echo of our own capture call, whose answer was recorded."""
    return notice_type == "payment_intent.succeeded" and intent.get("capture_method") == "manual"
