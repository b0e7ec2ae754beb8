"""/sandbox: what Stripe's dashboard, a customer's phone or bad luck would do. No key is asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from infra.local.stripe_sandbox import machine, render
from infra.local.stripe_sandbox.endpoints import events
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Charge, PaymentIntent, Refund
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.work import Work


def health(work: Work) -> Answer:
    return Answer({"status": "ok", "webhooks": work.deliveries.counts()})


def summary(work: Work) -> Answer:
    """All payments with their sums, for whoever checks that the money adds up.

    Minor units throughout. `refunded` was captured before; `released` was only ever authorised.
    """
    charges: dict[str, list[Charge]] = defaultdict(list)
    for charge in cast("Any", work.store.everything("charge")):
        charges[charge.payment_intent].append(charge)
    refunds: dict[str, list[Refund]] = defaultdict(list)
    for refund in cast("Any", work.store.everything("refund")):
        refunds[refund.payment_intent].append(refund)
    intents = [
        _line(intent, charges[intent.id], refunds[intent.id])
        for intent in cast("Any", work.store.everything("payment_intent"))
    ]
    currencies: dict[str, Counter[str]] = defaultdict(Counter)
    for line in intents:
        for name in ("capturable", "captured", "refunded", "released"):
            currencies[line["currency"]][name] += line[name]
    return Answer(
        {
            "statuses": dict(Counter(line["status"] for line in intents)),
            "currencies": {currency: dict(sums) for currency, sums in currencies.items()},
            "intents": intents,
            "webhooks": work.deliveries.counts(),
        }
    )


def _line(intent: PaymentIntent, charges: list[Charge], refunds: list[Refund]) -> Json:
    captured = [charge for charge in charges if charge.captured and charge.status == "succeeded"]
    return {
        "id": intent.id,
        "status": intent.status,
        "currency": intent.currency,
        "amount": intent.amount,
        "capturable": intent.amount_capturable,
        "captured": sum(charge.amount_captured for charge in captured),
        "refunded": sum(refund.amount for refund in refunds if not refund.released),
        "released": sum(refund.amount for refund in refunds if refund.released),
        "captures": len(captured),
        "refunds": sum(not refund.released for refund in refunds),
        "attempts": len(charges),
        "cancellation_reason": intent.cancellation_reason,
        "created": intent.created,
        "metadata": dict(intent.metadata),
    }


def authenticate(work: Work) -> Answer:
    """`{"outcome": "succeeded" | "failed"}`: what the customer did in the bank's dialogue."""
    passed = _outcome(work)
    outcome = machine.authenticate(work.payment_intent(work.call.ids[0]), work.moment, passed=passed)
    work.keep(outcome)
    return Answer(render.payment_intent(outcome.intent))


def settle(work: Work) -> Answer:
    """`{"outcome": "succeeded" | "failed"}`: how a delayed payment (`processing`) came out."""
    succeeded = _outcome(work)
    intent = work.payment_intent(work.call.ids[0])
    charge = work.latest_charge(intent)
    if charge is None:
        raise StripeError(f"PaymentIntent {intent.id} has no charge to settle.")
    outcome = machine.settle(intent, charge, succeeded=succeeded)
    work.keep(outcome)
    return Answer(render.payment_intent(outcome.intent))


def expire(work: Work) -> Answer:
    """Let the bank's hold run out, as it does after seven days."""
    intent = work.payment_intent(work.call.ids[0])
    if intent.status != "requires_capture":
        raise StripeError(f"PaymentIntent {intent.id} holds no authorisation: its status is {intent.status}.")
    outcome = machine.cancel(intent, work.latest_charge(intent), work.moment, reason="automatic")
    work.keep(outcome)
    return Answer(render.payment_intent(outcome.intent))


def resend(work: Work) -> Answer:
    """Send one event again, whatever became of it."""
    _require_endpoint(work)
    event = events.find(work, work.call.ids[0])
    work.queue(event["id"], work.now)
    return Answer({"resent": 1})


def resend_since(work: Work) -> Answer:
    """Send all events from `since` (seconds) on again, of the types that the endpoint wants."""
    params = Params(work.call.values, {"since"})
    params.require("since")
    since = params.integer("since", least=0) or 0
    wanted = _require_endpoint(work)
    ids = [id_ for id_, type_ in work.store.events_since(since) if wanted(type_)]
    for id_ in ids:
        work.queue(id_, work.now)
    return Answer({"resent": len(ids)})


def add_fault(work: Work) -> Answer:
    return Answer(asdict(work.faults.add(work.call.values)), 201)


def list_faults(work: Work) -> Answer:
    return Answer({"faults": [asdict(fault) for fault in work.faults.all()]})


def clear_faults(work: Work) -> Answer:
    work.faults.clear()
    return Answer({"faults": []})


def _outcome(work: Work) -> bool:
    params = Params(work.call.values, {"outcome"})
    return (params.choice("outcome", ("succeeded", "failed")) or "succeeded") == "succeeded"


def _require_endpoint(work: Work) -> Any:
    if work.endpoint is None:
        raise StripeError("No webhook endpoint is configured.", status=409)
    return work.endpoint.wants
