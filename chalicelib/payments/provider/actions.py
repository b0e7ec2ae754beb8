"""What the customer's app is given to pay with, or to save a method with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import stripe


class NextStep(msgspec.Struct, frozen=True):
    """Where a wallet is paid: ``redirect`` to ``url``, or show ``data`` as a QR code, which ``image_url`` shows too."""

    kind: Literal["redirect", "qr_code"]
    url: str
    data: str | None = None
    image_url: str | None = None


class ClientAction(msgspec.Struct, frozen=True):
    """What the customer's app needs to confirm the payment. The secret is passed on and never stored.

    ``kind``: whether the intent is to pay by, or only to save a method (``setup``).
    """

    intent_id: str
    client_secret: str
    kind: Literal["payment", "setup"] = "payment"
    next_step: NextStep | None = None


def action_of(intent: stripe.PaymentIntent) -> ClientAction:
    """What an intent asks of its customer."""
    return ClientAction(intent.id, intent.client_secret or "", next_step=_next_step(intent))


def _next_step(intent: stripe.PaymentIntent) -> NextStep | None:
    """Where to go; None for a bank's dialogue, which the provider's own form opens by the secret."""
    asked = intent.next_action
    if asked is None:
        return None
    if asked.type == "alipay_handle_redirect" and asked.alipay_handle_redirect:
        return NextStep("redirect", asked.alipay_handle_redirect.url or "")
    if asked.type == "wechat_pay_display_qr_code" and asked.wechat_pay_display_qr_code:
        code = asked.wechat_pay_display_qr_code
        return NextStep("qr_code", code.hosted_instructions_url, code.data, code.image_url_png)
    if asked.type == "redirect_to_url" and asked.redirect_to_url:
        return NextStep("redirect", asked.redirect_to_url.url or "")
    return None
