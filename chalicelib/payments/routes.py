"""The payment centre over HTTP: the customer's payment, and the provider's webhook."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.edge.endpoint import Endpoints, Reply, Request
from chalicelib.edge.permissions import Public, Role
from chalicelib.edge.problems import malformed
from chalicelib.kernel import events
from chalicelib.kernel.event_types import PaymentNotified
from chalicelib.kernel.ids import is_id
from chalicelib.payments import provider, service
from chalicelib.payments.schemas import (
    PaymentView,
    Received,
    StripeIntent,
    StripeNotice,
    StripeSubject,
    amount_view,
    money_view,
)

T = TypeVar("T")

endpoints = Endpoints("payments", "How an order is paid, and the notices of the payment provider.")


@endpoints.get(
    "/v1/orders/{order_id}/payment",
    permission=Role("customer"),
    returns=PaymentView,
    errors=("payment_not_found", "payment_provider_unavailable"),
)
def get_payment(request: Request[None]) -> Reply[PaymentView]:
    """See how your order's payment stands.

    While it is still required, the answer carries the client secret with which the app confirms it.
    """
    payment, action = service.get_client_action(request.path["order_id"], request.principal.id)
    currency = payment.amount.currency
    return Reply(
        PaymentView(
            order_id=payment.order_id,
            method=payment.method.value,
            state=payment.state.value,
            amount=money_view(payment.amount),
            captured=amount_view(payment.captured_minor, currency),
            refunded=amount_view(payment.refunded_minor, currency),
            failure_code=payment.failure_code,
            payment_intent_id=action.intent_id if action else payment.intent_id,
            client_secret=action.client_secret if action else None,
        )
    )


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
    provider.verify_signature(request.body, request.headers.get("stripe-signature", ""))
    notice = _read(request.body, StripeNotice)
    if notice.type in provider.WEBHOOK_TYPES:
        _tell(notice, _read(notice.data, StripeSubject).object)
    return Reply(Received())


def _tell(notice: StripeNotice, intent: StripeIntent) -> None:
    order_id = (intent.metadata or {}).get("order_id", "")
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
