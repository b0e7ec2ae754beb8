"""/v1/payment_intents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import errors, machine, render, search
from infra.local.stripe_sandbox.currencies import check_amount, check_currency
from infra.local.stripe_sandbox.endpoints import choosing, intent_params, lists
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Outcome, PaymentIntent
from infra.local.stripe_sandbox.work import Answer, new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work

_CONFIRMING: Final = frozenset(
    [
        "payment_method",
        "return_url",
        "off_session",
        "use_stripe_sdk",
        "error_on_requires_action",
        "mandate_data",
        "payment_method_data",
        "setup_future_usage",
        "expand",
    ]
)
_SETTING: Final = frozenset(
    [
        "amount",
        "currency",
        "customer",
        "payment_method",
        "payment_method_data",
        "capture_method",
        "allowed_payment_method_types",
        "payment_method_types",
        "payment_method_options",
        "metadata",
        "shipping",
        "expand",
    ]
) | frozenset(intent_params.DETAILS)
_CREATE: Final = _SETTING | _CONFIRMING | {"automatic_payment_methods", "confirm", "confirmation_method"}
_UPDATE: Final = _SETTING
_CONFIRM: Final = _CONFIRMING | {"client_secret", "receipt_email", "shipping", "payment_method_options"}
_CAPTURE: Final = frozenset(
    ["amount_to_capture", "metadata", "statement_descriptor", "statement_descriptor_suffix", "expand"]
)
_UNSUPPORTED: Final = frozenset(
    [
        "amount_details",
        "application_fee_amount",
        "capture_method",
        "confirmation_token",
        "customer_account",
        "excluded_payment_method_types",
        "final_capture",
        "hooks",
        "mandate",
        "on_behalf_of",
        "payment_details",
        "payment_method_configuration",
        "payment_method_types",
        "radar_options",
        "transfer_data",
        "automatic_payment_methods",
        "confirmation_method",
    ]
)
_CAPTURE_METHODS: Final = ("automatic", "automatic_async", "manual")
_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE, _UNSUPPORTED)
    params.require("amount", "currency")
    currency = check_currency(params.text("currency", 10) or "")
    amount = check_amount(params.integer("amount", least=1) or 0, currency)
    if params.choice("confirmation_method", ("automatic", "manual")) == "manual":
        raise errors.StripeError("The sandbox supports automatic confirmation only.", param="confirmation_method")
    choice = choosing.chosen(work, params)
    automatic = intent_params.automatic_payment_methods(params)
    capture_method = params.choice("capture_method", _CAPTURE_METHODS) or "automatic_async"
    types = intent_params.allowed(params, intent_params.default_types(currency, capture_method))
    id_ = new_id("pi")
    outcome = machine.create(
        PaymentIntent(
            id_,
            amount,
            currency,
            work.moment.now,
            f"{id_}_secret_{new_id('s')[3:]}",
            status="requires_confirmation" if choice else "requires_payment_method",
            capture_method=capture_method,
            payment_method_types=types,
            automatic_payment_methods=automatic,
            payment_method_options=intent_params.options(params),
            metadata=params.metadata({}),
            details=intent_params.details(params, {}),
            payment_method=choice.method.id if choice else None,
            template=choice.method.template if choice else None,
            customer=intent_params.customer(work, params),
        )
    )
    machine.check_capture(outcome.intent)
    if params.boolean("confirm"):
        confirmed = _confirm(work, params, outcome.intent, choice)
        outcome = replace(confirmed, events=outcome.events + confirmed.events)
    work.keep(outcome)
    choosing.remember(work, outcome.intent)
    return _answer(work, params, outcome)


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"client_secret", "expand"})
    intent = work.payment_intent(work.call.ids[0])
    intent_params.check_client_secret(work, params, intent.client_secret)
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
    if choice := choosing.chosen(work, params):
        changes.update(payment_method=choice.method.id, template=choice.method.template)
    if "customer" in params:
        changes["customer"] = intent_params.customer(work, params)
    if "metadata" in params:
        changes["metadata"] = params.metadata(intent.metadata)
    if "capture_method" in params:
        changes["capture_method"] = params.choice("capture_method", _CAPTURE_METHODS)
    intent_params.refuse_types(params)
    if "allowed_payment_method_types" in params:
        now = replace(intent, **changes)
        offered = intent_params.default_types(now.currency, now.capture_method)
        changes["payment_method_types"] = intent_params.allowed(params, offered)
        changes["automatic_payment_methods"] = None
    if "payment_method_options" in params:
        changes["payment_method_options"] = {**intent.payment_method_options, **intent_params.options(params)}
    changes["details"] = intent_params.details(params, intent.details)
    outcome = machine.update(intent, changes)
    machine.check_capture(outcome.intent)
    work.keep(outcome)
    return _answer(work, params, outcome)


def confirm(work: Work) -> Answer:
    params = Params(work.call.values, _CONFIRM, _UNSUPPORTED)
    intent = work.payment_intent(work.call.ids[0])
    intent_params.check_client_secret(work, params, intent.client_secret)
    detailed = replace(intent, details=intent_params.details(params, intent.details))
    outcome = _confirm(work, params, detailed, choosing.chosen(work, params))
    work.keep(outcome)
    choosing.remember(work, outcome.intent)
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
    params = Params(work.call.values, lists.PAGING | {"customer"}, {"customer_account"})
    return lists.answer(work, params, PaymentIntent, {"customer": params.text("customer")})


def search_(work: Work) -> Answer:
    """Stripe's search lags behind by up to a minute; this one doesn't, and must not be relied on for that."""
    params = Params(work.call.values, {"query", "limit", "page", "expand"})
    params.require("query")
    query = search.parse(params.text("query") or "")
    limit, offset = lists.limit(params), params.integer("page", least=0) or 0
    indexed = query.indexed()
    candidates = work.store.with_metadata(*indexed) if indexed else work.store.newest_first(PaymentIntent)
    matches = [one for one in candidates if query.matches(one)]
    more = len(matches) > offset + limit
    body: Json = {
        "object": "search_result",
        "data": [render.resource(intent) for intent in matches[offset : offset + limit]],
        "has_more": more,
        "next_page": str(offset + limit) if more else None,
        "url": "/v1/payment_intents/search",
    }
    return Answer(work.expanded(body, params.texts("expand")))


def _confirm(work: Work, params: Params, intent: PaymentIntent, choice: choosing.Chosen | None) -> Outcome:
    machine.check_confirmable(intent)
    choice = choice or choosing.of_intent(work, intent)
    if choice is None:
        raise errors.unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            intent,
        )
    return_url = params.text("return_url")
    off_session = params.boolean("off_session")
    sdk = params.boolean("use_stripe_sdk") or work.call.publishable
    intent_params.check_return_url(intent.automatic_payment_methods, return_url, sdk=sdk)
    if "payment_method_options" in params:
        options = {**intent.payment_method_options, **intent_params.options(params)}
        intent = replace(intent, payment_method_options=options)
    method = choosing.for_payment(work, choice, intent, off_session=off_session)
    nobody_there = off_session or params.boolean("error_on_requires_action")
    action = None
    if method.authenticates and not nobody_there:
        url = f"{work.call.base_url}/sandbox/payment_intents/{intent.id}/authenticate"
        action = intent_params.action(method, url, return_url, intent.payment_method_options)
    return machine.confirm(intent, method, work.moment, action=action)


def _answer(work: Work, params: Params, outcome: Outcome) -> Answer:
    if outcome.declined is not None:
        failure = outcome.declined
        body = render.error(failure, reduced=work.call.publishable)
        return Answer(body, failure.status, failure)
    body = render.resource(outcome.intent)
    if work.call.publishable:
        return Answer(render.publishable(body))
    return Answer(work.expanded(body, params.texts("expand")))
