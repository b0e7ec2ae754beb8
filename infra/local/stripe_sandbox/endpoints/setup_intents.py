"""/v1/setup_intents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import methods, render, saving
from infra.local.stripe_sandbox.endpoints import choosing, intent_params, lists
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Change, SavedMethod, SetupIntent
from infra.local.stripe_sandbox.work import Answer, new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work

_CONFIRMING: Final = frozenset(
    {"payment_method", "payment_method_data", "return_url", "use_stripe_sdk", "mandate_data", "expand"}
)
_SETTING: Final = frozenset(
    [
        "allowed_payment_method_types",
        "customer",
        "description",
        "metadata",
        "payment_method",
        "payment_method_data",
        "payment_method_types",
        "expand",
    ]
)
_CREATE: Final = _SETTING | _CONFIRMING | {"automatic_payment_methods", "confirm", "usage"}
_UNSUPPORTED: Final = frozenset(
    {
        "attach_to_self",
        "confirmation_token",
        "customer_account",
        "excluded_payment_method_types",
        "flow_directions",
        "on_behalf_of",
        "payment_method_configuration",
        "payment_method_options",
        "single_use",
    }
)
# The types that can be saved.
_SAVED: Final = ("card",)
_REASONS: Final = ("abandoned", "duplicate", "requested_by_customer")


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE, _UNSUPPORTED)
    saved = _chosen(work, params)
    id_ = new_id("seti")
    setup = SetupIntent(
        id_,
        work.moment.now,
        f"{id_}_secret_{new_id('s')[3:]}",
        status="requires_confirmation" if saved else "requires_payment_method",
        usage=params.choice("usage", ("off_session", "on_session")) or "off_session",
        payment_method_types=intent_params.allowed(params, _SAVED),
        automatic_payment_methods=intent_params.automatic_payment_methods(params),
        customer=intent_params.customer(work, params),
        description=params.text("description"),
        metadata=params.metadata({}),
        payment_method=saved.id if saved else None,
        template=saved.template if saved else None,
    )
    change = saving.create(setup)
    if params.boolean("confirm"):
        confirmed = _confirm(work, params, setup, saved)
        change = replace(confirmed, events=change.events + confirmed.events)
    return _answer(work, params, change)


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"client_secret", "expand"})
    setup = work.find(SetupIntent, work.call.ids[0], "intent")
    intent_params.check_client_secret(work, params, setup.client_secret, "SetupIntent")
    return _answer(work, params, Change((setup,)))


def update(work: Work) -> Answer:
    params = Params(work.call.values, _SETTING, _UNSUPPORTED)
    setup = work.find(SetupIntent, work.call.ids[0], "intent")
    if setup.status not in saving.CONFIRMABLE:
        raise saving.forbidden("update", setup)
    changes: dict[str, Any] = {"metadata": params.metadata(setup.metadata)}
    if "customer" in params:
        changes["customer"] = intent_params.customer(work, params)
    if "description" in params:
        changes["description"] = params.text("description")
    intent_params.refuse_types(params)
    if "allowed_payment_method_types" in params:
        changes |= {"payment_method_types": intent_params.allowed(params, _SAVED), "automatic_payment_methods": None}
    if saved := _chosen(work, params):
        changes |= {"payment_method": saved.id, "template": saved.template, "status": "requires_confirmation"}
        changes["next_action"] = None
    return _answer(work, params, Change((replace(setup, **changes),)))


def confirm(work: Work) -> Answer:
    params = Params(work.call.values, _CONFIRMING | {"client_secret"}, _UNSUPPORTED)
    setup = work.find(SetupIntent, work.call.ids[0], "intent")
    intent_params.check_client_secret(work, params, setup.client_secret, "SetupIntent")
    return _answer(work, params, _confirm(work, params, setup, _chosen(work, params)))


def cancel(work: Work) -> Answer:
    params = Params(work.call.values, {"cancellation_reason", "expand"})
    reason = params.choice("cancellation_reason", _REASONS)
    return _answer(work, params, saving.cancel(work.find(SetupIntent, work.call.ids[0], "intent"), reason))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"customer"}, {"payment_method", "attach_to_self"})
    return lists.answer(work, params, SetupIntent, {"customer": params.text("customer")})


def _confirm(work: Work, params: Params, setup: SetupIntent, saved: SavedMethod | None) -> Change:
    if setup.status not in saving.CONFIRMABLE:
        raise saving.forbidden("confirm", setup)
    if saved is None and setup.payment_method is not None:
        saved = work.find(SavedMethod, setup.payment_method)
    if saved is None:
        raise StripeError(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            setup_intent=setup,
            remembered=True,
        )
    if saved.customer not in (None, setup.customer):
        raise StripeError(
            f"The customer does not have a payment method with the ID {saved.id}. The payment method must be attached "
            "to the customer.",
            code="resource_missing",
            param="payment_method",
            setup_intent=setup,
        )
    return_url = params.text("return_url")
    sdk = params.boolean("use_stripe_sdk") or work.call.publishable
    intent_params.check_return_url(setup.automatic_payment_methods, return_url, sdk=sdk)
    url = f"{work.call.base_url}/sandbox/setup_intents/{setup.id}/authenticate"
    method = methods.in_use(saved.id, saved.template)
    return saving.confirm(setup, saved, action=intent_params.action(method, url, return_url, {}))


def _chosen(work: Work, params: Params) -> SavedMethod | None:
    """The method to set up; a test method's id stands for a new method each time."""
    choice = choosing.chosen(work, params)
    if choice is None:
        return None
    saved = choice.saved or choosing.copy_of(work, choice.method)
    if choice.method.redirects:
        raise StripeError(
            f"The payment method type {choice.method.type} can't be set up for later payments.",
            code="setup_intent_invalid_parameter",
            param="payment_method",
        )
    work.store.put(saved)
    return saved


def _answer(work: Work, params: Params, change: Change) -> Answer:
    shown = work.apply(change)
    if change.declined is not None:
        failure = change.declined
        return Answer(render.error(failure, reduced=work.call.publishable), failure.status, failure)
    if work.call.publishable:
        return Answer(render.publishable(shown))
    return Answer(work.expanded(shown, params.texts("expand")))
