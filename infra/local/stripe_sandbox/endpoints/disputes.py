"""/v1/disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.stripe_sandbox import disputes
from infra.local.stripe_sandbox.endpoints import lists
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Charge, Dispute
from infra.local.stripe_sandbox.render.money import EVIDENCE
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work


def retrieve(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    return Answer(work.expanded(work.shown(work.find(Dispute, work.call.ids[0])), params.texts("expand")))


def list_(work: Work) -> Answer:
    params = Params(work.call.values, lists.PAGING | {"charge", "payment_intent"})
    where = {"charge": params.text("charge"), "payment_intent": params.text("payment_intent")}
    return lists.answer(work, params, Dispute, where)


def update(work: Work) -> Answer:
    """Evidence is staged, and submitted to the bank with `submit`, which Stripe does unless told otherwise."""
    params = Params(work.call.values, {"evidence", "metadata", "submit", "expand"})
    dispute = work.find(Dispute, work.call.ids[0])
    evidence = _evidence(params)
    submit = params.boolean("submit", default=bool(evidence))
    change = disputes.update(dispute, evidence, params.metadata(dispute.metadata), submit=submit)
    return Answer(work.expanded(work.apply(change), params.texts("expand")))


def close(work: Work) -> Answer:
    params = Params(work.call.values, {"expand"})
    change = disputes.close(work.find(Dispute, work.call.ids[0]))
    return Answer(work.expanded(work.apply(change), params.texts("expand")))


def open_(work: Work) -> Answer:
    """`{"amount", "reason"}`: the customer disputes the charge at the bank."""
    params = Params(work.call.values, {"amount", "reason"})
    reason = params.choice("reason", disputes.REASONS) or "fraudulent"
    charge = work.find(Charge, work.call.ids[0])
    return Answer(work.apply(disputes.open_(charge, params.integer("amount", least=1), reason, work.moment)))


def win(work: Work) -> Answer:
    """The bank decides for the platform."""
    Params(work.call.values, ())
    dispute = work.find(Dispute, work.call.ids[0])
    return Answer(work.apply(disputes.win(dispute, work.find(Charge, dispute.charge), work.moment)))


def lose(work: Work) -> Answer:
    """The bank decides for its customer."""
    Params(work.call.values, ())
    return Answer(work.apply(disputes.close(work.find(Dispute, work.call.ids[0]))))


def _evidence(params: Params) -> Json:
    sent = params.mapping("evidence") or {}
    for name, value in sent.items():
        if name not in EVIDENCE or not isinstance(value, str):
            raise StripeError(
                f"Received unknown parameter: evidence[{name[:40]}]", code="parameter_unknown", param="evidence"
            )
    return sent
