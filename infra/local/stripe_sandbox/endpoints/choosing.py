"""Which payment method a request means: a test method by its id, a saved one, or one that it brings along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import methods, saving
from infra.local.stripe_sandbox.errors import StripeError, missing_payment_method
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import PaymentIntent, SavedMethod
from infra.local.stripe_sandbox.work import new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.methods import PaymentMethod
    from infra.local.stripe_sandbox.model import SetupIntent
    from infra.local.stripe_sandbox.work import Work

NAMING: Final = frozenset({"payment_method", "payment_method_data"})
_MAKING: Final = frozenset({"type", "billing_details", "metadata", "allow_redisplay", "expand", *methods.TYPES})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The method; `saved` is its own record when it has an id of its own."""

    method: PaymentMethod
    saved: SavedMethod | None = None


def chosen(work: Work, params: Params) -> Chosen | None:
    """The method that the parameters name or bring along, None when they do neither."""
    if "payment_method_data" in params:
        saved = made(work, Params(params.mapping("payment_method_data") or {}, _MAKING))
        work.store.put(saved)
        return _as_saved(saved)
    id_ = params.text("payment_method")
    return find(work, id_) if id_ else None


def find(work: Work, id_: str) -> Chosen:
    saved = work.store.find(SavedMethod, id_)
    return _as_saved(saved) if saved else Chosen(methods.find_method(id_))


def of_intent(work: Work, intent: PaymentIntent | SetupIntent) -> Chosen | None:
    """The method that the intent was given before."""
    if intent.payment_method is None:
        return None
    if intent.template is None:
        return Chosen(methods.find_method(intent.payment_method))
    return find(work, intent.payment_method)


def made(work: Work, params: Params) -> SavedMethod:
    """A new method of the type that is asked for, belonging to nobody yet."""
    params.require("type")
    type_ = params.choice("type", methods.TYPES) or ""
    token = params.within("card", ("token",)).text("token") if type_ == "card" else None
    return SavedMethod(
        new_id("pm"),
        work.moment.now,
        methods.of_type(type_, token).id,
        billing_details=params.mapping("billing_details") or {},
        metadata=params.metadata({}),
    )


def copy_of(work: Work, method: PaymentMethod) -> SavedMethod:
    """A method of its own that behaves like this test method: what Stripe makes of a test id that is saved."""
    return SavedMethod(new_id("pm"), work.moment.now, method.kind)


def for_payment(work: Work, choice: Chosen, intent: PaymentIntent, *, off_session: bool) -> PaymentMethod:
    """The method as this payment may use it. Raises when it belongs to somebody else or was used up."""
    keeps = intent.details.get("setup_future_usage") is not None
    if keeps and choice.method.redirects:
        raise StripeError(
            f"The payment method type {choice.method.type} does not support setup_future_usage.",
            code="payment_intent_invalid_parameter",
            param="setup_future_usage",
            intent=intent,
        )
    saved = choice.saved
    if saved is None:
        if not keeps:
            return methods.spared(choice.method, set_up=False) if off_session else choice.method
        saved = copy_of(work, choice.method)
        work.store.put(saved)
    saving.check_unspent(saved)
    if saved.customer is not None and intent.customer is None:
        raise StripeError(
            "The provided PaymentMethod is attached to a Customer. You must include its Customer in the `customer` "
            "parameter of this request.",
            param="payment_method",
            intent=intent,
        )
    if saved.customer not in (None, intent.customer):
        raise StripeError(
            f"The customer does not have a payment method with the ID {saved.id}. The payment method must be attached "
            "to the customer.",
            code="resource_missing",
            param="payment_method",
            intent=intent,
        )
    method = methods.in_use(saved.id, saved.template, saved.customer)
    return methods.spared(method, set_up=saved.set_up) if off_session else method


def remember(work: Work, intent: PaymentIntent) -> None:
    """After a payment: keep its method as was asked for, or note that it is used up."""
    if intent.template is None or intent.payment_method is None:
        return
    saved = work.store.find(SavedMethod, intent.payment_method)
    if saved is None:
        raise missing_payment_method(intent.payment_method)
    work.apply(saving.after_payment(saved, intent))


def _as_saved(saved: SavedMethod) -> Chosen:
    template = methods.of_template(saved.template)
    return Chosen(replace(template, id=saved.id, template=saved.template, customer=saved.customer), saved)
