"""/v1/customers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import saving
from infra.local.stripe_sandbox.endpoints import lists, payment_methods
from infra.local.stripe_sandbox.errors import missing_payment_method
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Change, Customer, SavedMethod
from infra.local.stripe_sandbox.work import Answer, new_id

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work

_TEXTS: Final = ("description", "email", "name", "phone")
_MAPPINGS: Final = ("address", "shipping")
_SETTING: Final = frozenset(["metadata", "invoice_settings", "expand", *_TEXTS, *_MAPPINGS])
_UNSUPPORTED: Final = frozenset(
    [
        "balance",
        "cash_balance",
        "coupon",
        "default_source",
        "invoice_prefix",
        "next_invoice_sequence",
        "preferred_locales",
        "promotion_code",
        "source",
        "tax",
        "tax_exempt",
        "tax_id_data",
        "test_clock",
    ]
)


def create(work: Work) -> Answer:
    params = Params(work.call.values, _SETTING | {"payment_method"}, _UNSUPPORTED)
    id_ = new_id("cus")
    method = params.text("payment_method")
    if method:
        saved = payment_methods.to_save(work, method)
        work.apply(saving.attach(saved, id_))
    made = Customer(
        id_,
        work.moment.now,
        _details(params),
        params.metadata({}),
        _default(work, params, id_),
    )
    shown = work.apply(Change((made,), (("customer.created", made),)))
    return Answer(work.expanded(shown, params.texts("expand")))


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.shown(work.find(Customer, work.call.ids[0], "id")), params.texts("expand")))


def update(work: Work) -> Answer:
    params = Params(work.call.values, _SETTING, _UNSUPPORTED)
    known = work.find(Customer, work.call.ids[0], "id")
    changed = replace(known, details={**known.details, **_details(params)}, metadata=params.metadata(known.metadata))
    if "invoice_settings" in params:
        changed = replace(changed, default_payment_method=_default(work, params, known.id))
    shown = work.apply(Change((changed,), (("customer.updated", changed),)))
    return Answer(work.expanded(shown, params.texts("expand")))


def list_payment_methods(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"type"}, {"allow_redisplay"})
    customer = work.find(Customer, work.call.ids[0], "customer")
    return payment_methods.listed(work, params, customer.id)


def retrieve_payment_method(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    customer, id_ = work.call.ids
    saved = work.find(SavedMethod, id_, "payment_method")
    if saved.customer != customer:
        raise missing_payment_method(id_)
    return Answer(work.expanded(work.shown(saved), params.texts("expand")))


def _details(params: Params) -> Json:
    sent: Json = {name: params.optional_text(name) for name in _TEXTS if name in params}
    return {**sent, **{name: params.mapping(name) for name in _MAPPINGS if name in params}}


def _default(work: Work, params: Params, customer: str) -> str | None:
    asked = params.within("invoice_settings", ("default_payment_method",)).text("default_payment_method")
    if asked and work.find(SavedMethod, asked, "invoice_settings[default_payment_method]", 400).customer != customer:
        raise missing_payment_method(asked)
    return asked
