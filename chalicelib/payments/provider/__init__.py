"""Stripe behind the questions that the payment centre has for it, one subject per module.

Calls that create something (an intent, a refund) carry an idempotency key derived from the order, so that a retry after
a time-out or a crash gets the first call's outcome instead of a second charge. Stripe keeps an outcome for 24 hours
at least, its own 500s included (docs.stripe.com/api/idempotent_requests), so after a 500 that is kept the next key of a
fixed series is used: an intent that was made behind it has a secret that nobody ever saw, and a full refund can't be
made twice. A failure that is not kept is no outcome: the same key is asked again, now or later, for whoever walks the
series must come to the same intent. Capture and cancel happen once per intent by Stripe's own state machine; they are
asked after a look at it.
"""

from __future__ import annotations

from chalicelib.payments.provider import client
from chalicelib.payments.provider.actions import ClientAction, NextStep
from chalicelib.payments.provider.extras import EXTRA_OF, look_up_extra, open_extra, refund_over
from chalicelib.payments.provider.intents import cancel, capture, look_up, open_intent, resume_wallet
from chalicelib.payments.provider.refunds import refund, refund_part
from chalicelib.payments.provider.saving import (
    cancel_setup,
    forget_method,
    hold,
    keep_method,
    look_up_setup,
    open_hold,
    open_setup,
    show_hold,
)
from chalicelib.payments.provider.tips import TIP_OF, open_tip, received_for_tip, refund_tip
from chalicelib.payments.provider.webhooks import SIGNATURE_TOLERANCE_SECONDS, WEBHOOK_TYPES, verify_signature

__all__ = [
    "EXTRA_OF",
    "SIGNATURE_TOLERANCE_SECONDS",
    "TIP_OF",
    "WEBHOOK_TYPES",
    "ClientAction",
    "NextStep",
    "cancel",
    "cancel_setup",
    "capture",
    "client",
    "forget_method",
    "hold",
    "keep_method",
    "look_up",
    "look_up_extra",
    "look_up_setup",
    "open_extra",
    "open_hold",
    "open_intent",
    "open_setup",
    "open_tip",
    "received_for_tip",
    "refund",
    "refund_over",
    "refund_part",
    "refund_tip",
    "resume_wallet",
    "show_hold",
    "verify_signature",
]
