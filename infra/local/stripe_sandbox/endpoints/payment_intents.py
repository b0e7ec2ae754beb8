"""/v1/payment_intents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import errors, machine, methods, render, search
from infra.local.stripe_sandbox.currencies import check_amount, check_currency
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Outcome, PaymentIntent
from infra.local.stripe_sandbox.work import Answer, new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work

_DETAILS: Final = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_CONFIRMING: Final = frozenset(
    [
        "payment_method",
        "return_url",
        "off_session",
        "use_stripe_sdk",
        "error_on_requires_action",
        "mandate_data",
        "expand",
    ]
)
_SETTING: Final = frozenset(
    [
        "amount",
        "currency",
        "payment_method",
        "capture_method",
        "payment_method_types",
        "payment_method_options",
        "metadata",
        "shipping",
        "expand",
    ]
) | frozenset(_DETAILS)
_CREATE: Final = _SETTING | _CONFIRMING | {"automatic_payment_methods", "confirm", "confirmation_method"}
_UPDATE: Final = _SETTING
_CONFIRM: Final = _CONFIRMING | {"client_secret", "receipt_email", "shipping", "payment_method_options"}
_CAPTURE: Final = frozenset(
    ["amount_to_capture", "metadata", "statement_descriptor", "statement_descriptor_suffix", "expand"]
)
_UNSUPPORTED: Final = frozenset(
    [
        "allowed_payment_method_types",
        "amount_details",
        "application_fee_amount",
        "capture_method",
        "confirmation_token",
        "customer",
        "customer_account",
        "excluded_payment_method_types",
        "final_capture",
        "hooks",
        "mandate",
        "on_behalf_of",
        "payment_details",
        "payment_method_configuration",
        "payment_method_data",
        "payment_method_types",
        "radar_options",
        "setup_future_usage",
        "transfer_data",
        "automatic_payment_methods",
        "confirmation_method",
    ]
)
_CAPTURE_METHODS: Final = ("automatic", "automatic_async", "manual")
_TYPES: Final = ("card", "us_bank_account")
_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE, _UNSUPPORTED)
    params.require("amount", "currency")
    currency = check_currency(params.text("currency", 10) or "")
    amount = check_amount(params.integer("amount", least=1) or 0, currency)
    if params.choice("confirmation_method", ("automatic", "manual")) == "manual":
        raise errors.StripeError("The sandbox supports automatic confirmation only.", param="confirmation_method")
    method = _payment_method(params)
    automatic = _automatic_payment_methods(params)
    types = _types(params) or (("card", "us_bank_account") if currency == "usd" else ("card",))
    id_ = new_id("pi")
    outcome = machine.create(
        PaymentIntent(
            id_,
            amount,
            currency,
            work.moment.now,
            f"{id_}_secret_{new_id('s')[3:]}",
            status="requires_confirmation" if method else "requires_payment_method",
            capture_method=params.choice("capture_method", _CAPTURE_METHODS) or "automatic_async",
            payment_method_types=types,
            automatic_payment_methods=automatic,
            payment_method_options=_options(params),
            metadata=params.metadata({}),
            details=_details(params, {}),
            payment_method=method,
        )
    )
    if params.boolean("confirm"):
        confirmed = _confirm(work, params, outcome.intent)
        outcome = replace(confirmed, events=outcome.events + confirmed.events)
    work.keep(outcome)
    return _answer(work, params, outcome)


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"client_secret", "expand"})
    intent = work.payment_intent(work.call.ids[0])
    _check_client_secret(work, params, intent)
    return _answer(work, params, Outcome(intent))


def update(work: Work) -> Answer:
    params = Params(work.call.values, _UPDATE, _UNSUPPORTED)
    intent = work.payment_intent(work.call.ids[0])
    changes: dict[str, Any] = {}
    if "currency" in params:
        changes["currency"] = check_currency(params.text("currency", 10) or "")
    if "amount" in params:
        changes["amount"] = check_amount(
            params.integer("amount", least=1) or 0, changes.get("currency", intent.currency)
        )
    if "payment_method" in params:
        changes["payment_method"] = _payment_method(params)
    if "metadata" in params:
        changes["metadata"] = params.metadata(intent.metadata)
    if "capture_method" in params:
        changes["capture_method"] = params.choice("capture_method", _CAPTURE_METHODS)
    if "payment_method_types" in params:
        changes["payment_method_types"] = _types(params)
        changes["automatic_payment_methods"] = None
    if "payment_method_options" in params:
        changes["payment_method_options"] = {**intent.payment_method_options, **_options(params)}
    changes["details"] = _details(params, intent.details)
    outcome = machine.update(intent, changes)
    work.keep(outcome)
    return _answer(work, params, outcome)


def confirm(work: Work) -> Answer:
    params = Params(work.call.values, _CONFIRM, _UNSUPPORTED)
    intent = work.payment_intent(work.call.ids[0])
    _check_client_secret(work, params, intent)
    outcome = _confirm(work, params, replace(intent, details=_details(params, intent.details)))
    work.keep(outcome)
    return _answer(work, params, outcome)


def capture(work: Work) -> Answer:
    params = Params(work.call.values, _CAPTURE, _UNSUPPORTED)
    amount = params.integer("amount_to_capture", least=1)
    intent = work.payment_intent(work.call.ids[0])
    metadata = params.metadata(intent.metadata) if "metadata" in params else None
    outcome = machine.capture(intent, work.latest_charge(intent), work.moment, amount=amount, metadata=metadata)
    work.keep(outcome)
    return _answer(work, params, outcome)


def cancel(work: Work) -> Answer:
    params = Params(work.call.values, {"cancellation_reason", "expand"})
    reason = params.choice("cancellation_reason", _REASONS)
    intent = work.payment_intent(work.call.ids[0])
    outcome = machine.cancel(intent, work.latest_charge(intent), work.moment, reason=reason)
    work.keep(outcome)
    return _answer(work, params, outcome)


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING, {"customer", "customer_account"})
    found, more = work.store.page("payment_intent", lists.page(params))
    body = render.listing("/v1/payment_intents", [render.resource(intent) for intent in found], has_more=more)
    return Answer(work.expanded(body, params.texts("expand")))


def search_(work: Work) -> Answer:
    """Stripe's search lags behind by up to a minute; this one doesn't, and must not be relied on for that."""
    params = Params(work.call.values, {"query", "limit", "page", "expand"})
    params.require("query")
    query = search.parse(params.text("query") or "")
    limit, offset = lists.limit(params), params.integer("page", least=0) or 0
    indexed = query.indexed()
    candidates = work.store.with_metadata(*indexed) if indexed else work.store.newest_first("payment_intent")
    matches = [one for one in candidates if isinstance(one, PaymentIntent) and query.matches(one)]
    more = len(matches) > offset + limit
    body: Json = {
        "object": "search_result",
        "data": [render.resource(intent) for intent in matches[offset : offset + limit]],
        "has_more": more,
        "next_page": str(offset + limit) if more else None,
        "url": "/v1/payment_intents/search",
    }
    return Answer(work.expanded(body, params.texts("expand")))


def _confirm(work: Work, params: Params, intent: PaymentIntent) -> Outcome:
    machine.check_confirmable(intent)
    chosen = _payment_method(params) or intent.payment_method
    if chosen is None:
        raise errors.unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            intent,
        )
    return_url = params.text("return_url")
    _check_return_url(intent, return_url, sdk=params.boolean("use_stripe_sdk") or work.call.publishable)
    if "payment_method_options" in params:
        intent = replace(intent, payment_method_options={**intent.payment_method_options, **_options(params)})
    nobody_there = params.boolean("off_session") or params.boolean("error_on_requires_action")
    action = None if nobody_there else _action(work, intent, return_url)
    return machine.confirm(intent, methods.find_method(chosen), work.moment, action=action)


def _check_return_url(intent: PaymentIntent, return_url: str | None, *, sdk: bool) -> None:
    automatic = intent.automatic_payment_methods
    if automatic and automatic["allow_redirects"] != "never" and not return_url and not sdk:
        raise errors.StripeError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
            "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` "
            "to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            param="return_url",
            intent=intent,
        )


def _action(work: Work, intent: PaymentIntent, return_url: str | None) -> Json:
    url = f"{work.call.base_url}/sandbox/payment_intents/{intent.id}/authenticate"
    if return_url:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}


def _check_client_secret(work: Work, params: Params, intent: PaymentIntent) -> None:
    secret = params.text("client_secret")
    if secret is not None and secret != intent.client_secret:
        raise errors.client_secret_mismatch()
    if work.call.publishable:
        params.require("client_secret")


def _payment_method(params: Params) -> str | None:
    id_ = params.text("payment_method")
    return methods.find_method(id_).id if id_ else None


def _automatic_payment_methods(params: Params) -> Json | None:
    """What was asked for; Stripe's default when neither this nor a list of types was sent."""
    if "automatic_payment_methods" not in params:
        return None if "payment_method_types" in params else {"allow_redirects": "always", "enabled": True}
    if "payment_method_types" in params:
        raise errors.StripeError(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            param="automatic_payment_methods",
        )
    asked = params.within("automatic_payment_methods", ("enabled", "allow_redirects"))
    asked.require("enabled")
    if not asked.boolean("enabled"):
        return None
    return {"allow_redirects": asked.choice("allow_redirects", ("always", "never")) or "always", "enabled": True}


def _types(params: Params) -> tuple[str, ...] | None:
    types = params.texts("payment_method_types")
    for type_ in types or ():
        if type_ not in _TYPES:
            raise errors.StripeError(
                f"The payment method type provided: {type_} is invalid. The sandbox has: {', '.join(_TYPES)}.",
                code="payment_intent_invalid_parameter",
                param="payment_method_types",
            )
    return types


def _options(params: Params) -> Json:
    """Kept and shown as sent; only `capture_method` has an effect."""
    options = params.mapping("payment_method_options") or {}
    for type_, values in options.items():
        if not isinstance(values, dict) or values.get("capture_method") not in (None, "", "manual"):
            raise errors.StripeError("Invalid object", param=f"payment_method_options[{type_[:40]}]")
    return options


def _details(params: Params, current: Json) -> Json:
    sent: Json = {name: params.text(name) for name in _DETAILS if name in params}
    if "shipping" in params:
        sent["shipping"] = params.mapping("shipping")
    return {**current, **sent} if sent else current


def _answer(work: Work, params: Params, outcome: Outcome) -> Answer:
    if outcome.declined is not None:
        failure = outcome.declined
        body = render.error(failure, reduced=work.call.publishable)
        return Answer(body, failure.status, failure)
    body = render.payment_intent(outcome.intent)
    if work.call.publishable:
        return Answer(render.publishable(body))
    return Answer(work.expanded(body, params.texts("expand")))
