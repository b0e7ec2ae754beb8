"""/sandbox: what Stripe's dashboard, a customer's phone or bad luck would do. No key is asked for."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import funds, machine, saving
from infra.local.stripe_sandbox.currencies import check_currency
from infra.local.stripe_sandbox.endpoints import events
from infra.local.stripe_sandbox.endpoints.choosing import remember
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.forms import Params
from infra.local.stripe_sandbox.model import Refund, SavedMethod, SetupIntent
from infra.local.stripe_sandbox.work import Answer

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.work import Work


_REFUND_FAILURES: Final = (
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
)


def health(work: Work) -> Answer:
    return Answer({"status": "ok", "webhooks": work.deliveries.counts()})


def authenticate(work: Work) -> Answer:
    """`{"outcome": "succeeded" | "failed"}`: what the customer did in the bank's dialogue or the wallet's app."""
    passed = _outcome(work)
    outcome = machine.authenticate(work.payment_intent(work.call.ids[0]), work.moment, passed=passed)
    work.keep(outcome)
    remember(work, outcome.intent)
    return Answer(work.shown(outcome.intent))


def authenticate_setup(work: Work) -> Answer:
    """`{"outcome": "succeeded" | "failed"}`: what the customer did to have the method saved."""
    passed = _outcome(work)
    setup = work.find(SetupIntent, work.call.ids[0], "intent")
    if setup.payment_method is None:
        raise saving.forbidden("authenticate", setup)
    saved = work.find(SavedMethod, setup.payment_method)
    return Answer(work.apply(saving.authenticate(setup, saved, passed=passed)))


def settle(work: Work) -> Answer:
    """`{"outcome": "succeeded" | "failed"}`: how a delayed payment (`processing`) came out."""
    succeeded = _outcome(work)
    intent = work.payment_intent(work.call.ids[0])
    charge = work.latest_charge(intent)
    if charge is None:
        raise StripeError(f"PaymentIntent {intent.id} has no charge to settle.")
    outcome = machine.settle(intent, charge, work.moment, succeeded=succeeded)
    work.keep(outcome)
    return Answer(work.shown(outcome.intent))


def expire(work: Work) -> Answer:
    """Let the bank's hold run out, as it does after seven days."""
    intent = work.payment_intent(work.call.ids[0])
    if intent.status != "requires_capture":
        raise StripeError(f"PaymentIntent {intent.id} holds no authorisation: its status is {intent.status}.")
    outcome = machine.cancel(intent, work.latest_charge(intent), work.moment, reason="automatic")
    work.keep(outcome)
    return Answer(work.shown(outcome.intent))


def fail_refund(work: Work) -> Answer:
    """`{"reason"}`: the refund comes back, days after it seemed to have succeeded."""
    params = Params(work.call.values, {"reason"})
    reason = params.choice("reason", _REFUND_FAILURES) or "unknown"
    made = work.find(Refund, work.call.ids[0])
    intent = work.payment_intent(made.payment_intent)
    outcome = machine.fail_refund(intent, work.charge(made.charge), made, work.moment, reason=reason)
    work.keep(outcome)
    return Answer(work.shown(work.find(Refund, made.id)))


def top_up(work: Work) -> Answer:
    """`{"amount", "currency"}`: the platform puts money into its balance."""
    params = Params(work.call.values, {"amount", "currency"})
    params.require("amount", "currency")
    currency = check_currency(params.text("currency", 10) or "")
    line = funds.topped_up(params.integer("amount", least=1) or 0, currency, work.moment)
    work.balances.post(line)
    return Answer(work.line(line), 201)


def settle_balances(work: Work) -> Answer:
    """Everything that is pending becomes available now, on all accounts."""
    Params(work.call.values, ())
    return Answer({"settled": work.balances.settle(work.moment.now)})


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
