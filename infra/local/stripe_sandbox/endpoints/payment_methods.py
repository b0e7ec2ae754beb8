"""/v1/payment_methods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import methods, render, saving
from infra.local.stripe_sandbox.endpoints import choosing, lists
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Change, Customer, SavedMethod
from infra.local.stripe_sandbox.render.saving import payment_method
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work

_CREATE: Final = frozenset({"type", "billing_details", "metadata", "allow_redisplay", "expand", *methods.TYPES})


def create(work: Work) -> Answer:
    params = Params(work.call.values, _CREATE, {"customer", "payment_method"})
    saved = choosing.made(work, params)
    return Answer(work.expanded(work.apply(Change((saved,))), params.texts("expand")))


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    choice = choosing.find(work, work.call.ids[0])
    shown = work.shown(choice.saved) if choice.saved else payment_method(choice.method)
    return Answer(work.expanded(shown, params.texts("expand")))


def update(work: Work) -> Answer:
    params = Params(work.call.values, {"metadata", "billing_details", "expand"}, {"allow_redisplay", "card"})
    saved = work.find(SavedMethod, work.call.ids[0])
    changed = replace(
        saved,
        metadata=params.metadata(saved.metadata),
        billing_details={**saved.billing_details, **(params.mapping("billing_details") or {})},
    )
    shown = work.apply(Change((changed,), (("payment_method.updated", changed),)))
    return Answer(work.expanded(shown, params.texts("expand")))


def attach(work: Work) -> Answer:
    """A test method's id stands for a new method each time, which is what is attached and answered."""
    params = Params(work.call.values, {"customer", "expand"}, {"customer_account"})
    params.require("customer")
    customer = work.find(Customer, params.text("customer") or "", "customer", 400)
    saved = to_save(work, work.call.ids[0])
    return Answer(work.expanded(work.apply(saving.attach(saved, customer.id)), params.texts("expand")))


def detach(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    saved = work.find(SavedMethod, work.call.ids[0])
    return Answer(work.expanded(work.apply(saving.detach(saved)), params.texts("expand")))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"customer", "type"}, {"allow_redisplay", "customer_account"})
    params.require("customer")
    customer = work.find(Customer, params.text("customer") or "", "customer", 400)
    return listed(work, params, customer.id)


def listed(work: Work, params: Params, customer: str) -> Answer:
    """The customer's methods, newest first, of one type or of all."""
    type_ = params.choice("type", methods.TYPES)
    found, more = work.store.page(SavedMethod, lists.page(params), {"customer": customer})
    data = [work.shown(saved) for saved in found if type_ is None or methods.of_template(saved.template).type == type_]
    return Answer(work.expanded(render.listing(work.call.path, data, has_more=more), params.texts("expand")))


def to_save(work: Work, id_: str) -> SavedMethod:
    """The method to be attached: a fresh copy when it is a test method."""
    choice = choosing.find(work, id_)
    return choice.saved or choosing.copy_of(work, choice.method)
