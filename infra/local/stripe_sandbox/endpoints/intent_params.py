"""Parameters of payment intents and setup intents, read once for all the operations that take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import errors, methods
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.model import Customer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.forms import Params
    from infra.local.stripe_sandbox.methods import PaymentMethod
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work

DETAILS: Final = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_WECHAT_CLIENTS: Final = ("web", "ios", "android", "mobile_web")


def refuse_types(params: Params) -> None:
    """Raise what Stripe says since its version 2026-09-30 to a list of types: they are allowed or excluded instead."""
    if "payment_method_types" in params:
        raise StripeError(
            "The payment_method_types parameter is no longer supported. Use allowed_payment_method_types or "
            "excluded_payment_method_types instead.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )


def allowed(params: Params, types_: tuple[str, ...]) -> tuple[str, ...]:
    """Of the types that Stripe offers those that are allowed, which is all of them where nothing was said."""
    refuse_types(params)
    asked = params.texts("allowed_payment_method_types")
    if asked is None:
        return types_
    for type_ in asked:
        if type_ not in methods.TYPES:
            raise StripeError(
                f"The payment method type provided: {type_} is invalid. The sandbox has: {', '.join(methods.TYPES)}.",
                code="payment_intent_invalid_parameter",
                param="allowed_payment_method_types",
            )
    left = tuple(type_ for type_ in types_ if type_ in asked)
    if not left:
        raise StripeError(
            "None of the allowed payment method types can be used for this payment.",
            code="payment_intent_invalid_parameter",
            param="allowed_payment_method_types",
        )
    return left


def default_types(currency: str, capture_method: str) -> tuple[str, ...]:
    """The types that Stripe offers by itself: those that pay in the currency and can be captured as asked for."""
    return tuple(
        type_
        for type_ in methods.TYPES
        if methods.payable(type_, currency) and not (capture_method == "manual" and type_ in methods.REDIRECTING_TYPES)
    )


def automatic_payment_methods(params: Params) -> Json | None:
    """What was asked for; Stripe's default when neither this nor a list of types was sent."""
    are_allowed = "allowed_payment_method_types" in params
    if "automatic_payment_methods" not in params:
        return None if are_allowed else {"allow_redirects": "always", "enabled": True}
    if are_allowed:
        raise StripeError(
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types.",
            param="automatic_payment_methods",
        )
    asked = params.within("automatic_payment_methods", ("enabled", "allow_redirects"))
    asked.require("enabled")
    if not asked.boolean("enabled"):
        return None
    return {"allow_redirects": asked.choice("allow_redirects", ("always", "never")) or "always", "enabled": True}


def options(params: Params) -> Json:
    """Kept and shown as sent; `capture_method` of what can be held and the `client` of WeChat Pay have an effect."""
    sent = params.mapping("payment_method_options") or {}
    for type_, values in sent.items():
        if not isinstance(values, dict) or values.get("capture_method") not in (None, "", "manual"):
            raise StripeError("Invalid object", param=f"payment_method_options[{type_[:40]}]")
        if type_ in methods.REDIRECTING_TYPES and "capture_method" in values:
            raise StripeError(
                f"Received unknown parameter: payment_method_options[{type_}][capture_method]",
                code="parameter_unknown",
                param=f"payment_method_options[{type_}][capture_method]",
            )
        if type_ == "wechat_pay" and values.get("client", "web") not in _WECHAT_CLIENTS:
            raise StripeError(
                f"Invalid client: must be one of {', '.join(_WECHAT_CLIENTS)}",
                param="payment_method_options[wechat_pay][client]",
            )
    return sent


def details(params: Params, current: Json) -> Json:
    sent: Json = {name: params.text(name) for name in DETAILS if name in params}
    if sent.get("setup_future_usage"):
        params.choice("setup_future_usage", ("off_session", "on_session"))
    if "shipping" in params:
        sent["shipping"] = params.mapping("shipping")
    return {**current, **sent} if sent else current


def customer(work: Work, params: Params) -> str | None:
    id_ = params.text("customer")
    return work.find(Customer, id_, "customer", 400).id if id_ else None


def check_client_secret(work: Work, params: Params, secret: str, kind: str = "PaymentIntent") -> None:
    """Raise when the secret that was sent isn't the intent's, or when one is needed and none was sent."""
    sent = params.text("client_secret")
    if sent is not None and sent != secret:
        raise errors.client_secret_mismatch(kind)
    if work.call.publishable:
        params.require("client_secret")


def check_return_url(automatic: Json | None, return_url: str | None, *, sdk: bool) -> None:
    if automatic and automatic["allow_redirects"] != "never" and not return_url and not sdk:
        raise StripeError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
            "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` "
            "to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            param="return_url",
        )


def action(method: PaymentMethod, url: str, return_url: str | None, method_options: Json) -> Json:
    """What the customer has to do: the bank's dialogue, or paying in the app of Alipay or WeChat.

    All of it happens at `url`, which is the sandbox's `authenticate` of this intent.
    """
    if method.type == "wechat_pay":
        return _wechat(url, method_options.get("wechat_pay", {}).get("client"))
    if method.type == "alipay":
        if not return_url:
            raise StripeError("A return_url must be specified when payment_method is alipay.", param="return_url")
        link = {"native_data": None, "native_url": None, "return_url": return_url, "url": url}
        return {"type": "alipay_handle_redirect", "alipay_handle_redirect": link}
    if return_url:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}


def _wechat(url: str, client: str | None) -> Json:
    if client is None:
        raise StripeError(
            "Missing required param: payment_method_options[wechat_pay][client].",
            code="parameter_missing",
            param="payment_method_options[wechat_pay][client]",
        )
    if client == "web":
        code = {
            "data": url,
            "hosted_instructions_url": url,
            "image_data_url": "data:image/png;base64,",
            "image_url_png": url,
            "image_url_svg": url,
        }
        return {"type": "wechat_pay_display_qr_code", "wechat_pay_display_qr_code": code}
    if client == "mobile_web":
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}}
    kind = f"wechat_pay_redirect_to_{client}_app"
    return {"type": kind, kind: {"native_url": url}}
