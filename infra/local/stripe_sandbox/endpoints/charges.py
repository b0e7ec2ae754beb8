"""/v1/charges and /v1/refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.stripe_sandbox import machine
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.errors import StripeError, missing_resource
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Charge, Refund
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work

_REFUND: Final = frozenset(["amount", "charge", "payment_intent", "metadata", "reason", "expand"])
_REFUND_UNSUPPORTED: Final = frozenset(
    ["currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer"]
)
_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    id_ = work.call.ids[0]
    shown = work.destination_payment(id_, work.call.account) if work.call.account else work.shown(work.charge(id_))
    if shown is None:
        raise missing_resource("charge", id_, "charge")
    return Answer(work.expanded(shown, params.texts("expand")))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"payment_intent", "customer", "transfer_group"})
    where = {
        "payment_intent": params.text("payment_intent"),
        "customer": params.text("customer"),
        "details.transfer_group": params.text("transfer_group"),
    }
    return lists.answer(work, params, Charge, where)


def create_refund(work: Work) -> Answer:
    params = Params(work.call.values, _REFUND, _REFUND_UNSUPPORTED)
    if "payment_intent" not in params and "charge" not in params:
        raise StripeError(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    amount = params.integer("amount", least=1)
    reason = params.choice("reason", _REASONS)
    metadata = params.metadata({})
    intent_id, charge_id = params.text("payment_intent"), params.text("charge")
    charge = work.charge(charge_id) if charge_id else None
    intent = work.payment_intent(intent_id or (charge.payment_intent if charge else ""), "payment_intent")
    if charge is not None and charge.payment_intent != intent.id:
        raise StripeError(f"Charge {charge.id} does not belong to PaymentIntent {intent.id}.", param="charge")
    outcome = machine.refund(
        intent,
        charge or work.latest_charge(intent),
        work.moment,
        amount=amount,
        reason=reason,
        metadata=metadata,
    )
    work.keep(outcome)
    if outcome.refund is None:
        raise RuntimeError("a refund transition always makes a refund")
    return Answer(work.expanded(work.shown(outcome.refund), params.texts("expand")))


def retrieve_refund(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.shown(work.find(Refund, work.call.ids[0])), params.texts("expand")))


def list_refunds(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"payment_intent", "charge"})
    where = {"payment_intent": params.text("payment_intent"), "charge": params.text("charge")}
    return lists.answer(work, params, Refund, where)
