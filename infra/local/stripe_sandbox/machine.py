"""The payment intent's state machine: pure functions from values to an `Outcome`.

    requires_payment_method ─┐        ┌─ requires_action ─┐ (authenticated)
    requires_confirmation ───┴─ confirm ──────────────────┴─► succeeded
                                      ├─► requires_capture ── capture ─► succeeded
                                      ├─► processing ── settle ─► succeeded
                                      └─► requires_payment_method (declined)
    anything but succeeded ── cancel ─► canceled

Illegal transitions raise `payment_intent_unexpected_state`, carrying the intent. The order of the events is the
order in which Stripe sends them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import attempt, funds, methods
from infra.local.stripe_sandbox.currencies import written
from infra.local.stripe_sandbox.errors import StripeError, status_forbids, unexpected_state
from infra.local.stripe_sandbox.model import Charge, Moment, Outcome, PaymentIntent, Refund

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.methods import PaymentMethod
    from infra.local.stripe_sandbox.model import Resource

CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE: Final = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)


def create(intent: PaymentIntent) -> Outcome:
    """Begin: the intent as asked for, before anything else happens to it."""
    return Outcome(intent, (("payment_intent.created", intent),))


def update(intent: PaymentIntent, changes: Mapping[str, Any]) -> Outcome:
    """Change fields of the intent. What decides the charge is changeable only before one is made.

    A new amount or payment method voids an authentication that was asked for, so the intent must be confirmed
    again. Stripe sends no event for an update.
    """
    for name in ("amount", "currency", "payment_method"):
        if name in changes and intent.status not in CONFIRMABLE:
            raise unexpected_state(
                f"This PaymentIntent's {name} could not be updated because it has a status of {intent.status}. "
                f"You may only update the {name} of a PaymentIntent with one of the following statuses: "
                f"{', '.join(CONFIRMABLE)}.",
                intent,
                param=name,
            )
    changed = replace(intent, **changes)
    if {"amount", "currency", "payment_method"} & changes.keys():
        status = "requires_confirmation" if changed.payment_method else "requires_payment_method"
        changed = replace(changed, status=status, next_action=None)
    return Outcome(changed)


def confirm(
    intent: PaymentIntent,
    method: PaymentMethod,
    moment: Moment,
    *,
    action: dict[str, Any] | None,
) -> Outcome:
    """Try to pay with this method.

    `action` is what the customer would have to do to authenticate, or None when nobody is there to do it
    (off-session, or `error_on_requires_action`): then a card that wants authentication is declined.
    """
    check_confirmable(intent)
    _check_type_allowed(intent, method)
    fresh = replace(
        intent, payment_method=method.id, template=method.template, last_payment_error=None, next_action=None
    )
    if method.authenticates:
        if action is None and method.redirects:
            raise StripeError(
                f"A PaymentMethod of type {method.type} can't be used off-session: its customer has to be there.",
                code="payment_intent_invalid_parameter",
                param="off_session",
                intent=intent,
            )
        if action is None:
            return attempt.decline(fresh, method, methods.AUTHENTICATION_REQUIRED, moment, reached_bank=False)
        waiting = replace(fresh, status="requires_action", next_action=action)
        return Outcome(waiting, (("payment_intent.requires_action", waiting),))
    return attempt.charge(fresh, method, moment)


def check_confirmable(intent: PaymentIntent) -> None:
    """Raise `payment_intent_unexpected_state` when the intent can't be confirmed any more."""
    if intent.status == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            intent,
        )
    if intent.status not in CONFIRMABLE:
        raise status_forbids("This PaymentIntent could not be confirmed", "confirmed", intent, CONFIRMABLE)


def authenticate(intent: PaymentIntent, moment: Moment, *, passed: bool) -> Outcome:
    """The customer passed or failed the authentication that the intent was waiting for."""
    if intent.status != "requires_action" or intent.payment_method is None:
        raise status_forbids(
            "This PaymentIntent could not be authenticated", "authenticated", intent, ("requires_action",)
        )
    method = methods.in_use(intent.payment_method, intent.template, intent.customer)
    if passed:
        return attempt.charge(replace(intent, next_action=None), method, moment)
    error = StripeError(
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
        code="payment_intent_authentication_failure",
    )
    failed = attempt.asking_again(intent, error, method)
    return Outcome(failed, (("payment_intent.payment_failed", failed),))


def settle(intent: PaymentIntent, charge: Charge, moment: Moment, *, succeeded: bool) -> Outcome:
    """The result of a delayed method (a bank debit) arrived."""
    if intent.status != "processing" or intent.payment_method is None:
        raise status_forbids("This PaymentIntent could not be settled", "settled", intent, ("processing",))
    method = methods.in_use(intent.payment_method, intent.template, intent.customer)
    if succeeded:
        paid = replace(charge, status="succeeded", captured=True, amount_captured=charge.amount)
        paid, line = attempt.banked(paid, method, moment)
        done = replace(intent, status="succeeded", amount_received=charge.amount)
        told = (("charge.succeeded", paid), ("payment_intent.succeeded", done))
        return Outcome(done, told, paid, posted=(line,))
    message = "The customer's bank account could not be debited."
    failed_charge = replace(
        charge, status="failed", captured=False, failure_code="charge_declined", failure_message=message
    )
    error = StripeError(message, code="payment_intent_payment_attempt_failed", charge=charge.id)
    failed = attempt.asking_again(intent, error, method)
    return Outcome(
        failed,
        (("charge.failed", failed_charge), ("payment_intent.payment_failed", failed)),
        failed_charge,
    )


def capture(
    intent: PaymentIntent,
    charge: Charge | None,
    moment: Moment,
    *,
    amount: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Outcome:
    """Take `amount` (all of it when None) of what was authorised; the rest is released at once."""
    if intent.status == "succeeded":
        raise unexpected_state("This PaymentIntent could not be captured because it has already been captured.", intent)
    if intent.status != "requires_capture" or charge is None:
        raise status_forbids("This PaymentIntent could not be captured", "captured", intent, ("requires_capture",))
    taken = intent.amount_capturable if amount is None else amount
    if taken > intent.amount_capturable:
        raise StripeError(
            "The payment could not be captured because the requested capture amount is greater than the amount "
            "you can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
            intent=intent,
            remembered=True,
        )
    rest = charge.amount - taken
    captured = replace(charge, captured=True, amount_captured=taken, amount_refunded=rest)
    captured, line = attempt.banked(
        captured, methods.in_use(charge.payment_method, charge.template, charge.customer), moment
    )
    done = replace(
        intent,
        status="succeeded",
        amount_capturable=0,
        amount_received=taken,
        metadata=intent.metadata if metadata is None else metadata,
    )
    # No charge.refunded for the released rest: it is told by charge.captured alone.
    events: tuple[tuple[str, Resource], ...] = (("charge.captured", captured), ("payment_intent.succeeded", done))
    return Outcome(done, events, captured, _release(charge, rest, moment) if rest else None, posted=(line,))


def cancel(intent: PaymentIntent, charge: Charge | None, moment: Moment, *, reason: str | None) -> Outcome:
    """Give up on the intent. An authorisation that it held is released."""
    if intent.status not in CANCELABLE:
        raise status_forbids("You cannot cancel this PaymentIntent", "canceled", intent, CANCELABLE)
    canceled = replace(
        intent,
        status="canceled",
        amount_capturable=0,
        next_action=None,
        canceled_at=moment.now,
        cancellation_reason=reason,
    )
    told = ("payment_intent.canceled", canceled)
    if charge is None or intent.status not in ("requires_capture", "processing"):
        return Outcome(canceled, (told,))
    if intent.status == "processing":
        failed = replace(charge, status="failed", captured=False, failure_message="The payment was canceled.")
        return Outcome(canceled, (("charge.failed", failed), told), failed)
    # Stripe tells a released authorisation as a refund of an uncaptured charge, which consumers that count
    # refunds get wrong.
    released = replace(charge, amount_refunded=charge.amount)
    return Outcome(canceled, (("charge.refunded", released), told), released, _release(charge, charge.amount, moment))


def refund(
    intent: PaymentIntent,
    charge: Charge | None,
    moment: Moment,
    *,
    amount: int | None = None,
    reason: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Outcome:
    """Give back `amount` of a captured charge (all that is left of it when None)."""
    if charge is None or charge.status != "succeeded" or intent.status == "canceled":
        raise StripeError(
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.", remembered=True
        )
    if not charge.captured:
        raise StripeError(
            f"This uncaptured Charge was created by a PaymentIntent ({intent.id}). You must cancel the PaymentIntent "
            "to reverse the authorization instead of refunding the Charge directly. For more information, see "
            "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method",
            remembered=True,
        )
    if charge.charged_back:
        raise StripeError(
            f"Charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            remembered=True,
        )
    if charge.unrefunded == 0:
        raise StripeError(
            f"Charge {charge.id} has already been refunded.", code="charge_already_refunded", remembered=True
        )
    given = charge.unrefunded if amount is None else amount
    if given > charge.unrefunded:
        raise StripeError(
            f"Refund amount ({written(given, charge.currency)}) is greater than unrefunded amount on charge "
            f"({written(charge.unrefunded, charge.currency)})",
            param="amount",
            remembered=True,
        )
    made = Refund(
        moment.new_id("re"),
        charge.id,
        intent.id,
        given,
        charge.currency,
        moment.now,
        reason=reason,
        metadata=metadata or {},
        type=methods.in_use(charge.payment_method, charge.template).type,
    )
    line = funds.given_back(made, moment)
    made = replace(made, balance_transaction=line.id)
    refunded = replace(charge, amount_refunded=charge.amount_refunded + given)
    events = (("refund.created", made), ("charge.refunded", refunded))
    return Outcome(intent, events, refunded, made, posted=(line,))


def fail_refund(intent: PaymentIntent, charge: Charge, made: Refund, moment: Moment, *, reason: str) -> Outcome:
    """The customer's bank sent a refund back, days after it seemed to have succeeded."""
    if made.status != "succeeded" or made.released:
        raise StripeError(f"Refund {made.id} can't fail: it is {'released' if made.released else made.status}.")
    failed = replace(made, status="failed", failure_reason=reason)
    line = funds.refund_failed(failed, moment)
    failed = replace(failed, failure_balance_transaction=line.id)
    owed = replace(charge, amount_refunded=charge.amount_refunded - made.amount)
    events = (("refund.updated", failed), ("refund.failed", failed), ("charge.refund.updated", failed))
    return Outcome(intent, events, owed, failed, posted=(line,))


def check_capture(intent: PaymentIntent) -> None:
    """Raise what Stripe says when types that can't be held are named together with manual capture."""
    unheld = [type_ for type_ in intent.payment_method_types if type_ in methods.REDIRECTING_TYPES]
    if intent.capture_method == "manual" and unheld:
        named = ", ".join(f'"{type_}"' for type_ in unheld)
        raise StripeError(
            f"The following payment method types [{named}] can only be used with PaymentIntents that have "
            "capture_method=automatic. Please retry by creating a PaymentIntent with capture_method=automatic.",
            param="capture_method",
        )


def _check_type_allowed(intent: PaymentIntent, method: PaymentMethod) -> None:
    if method.type not in intent.payment_method_types:
        raise StripeError(
            f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent. Please attach a "
            f"PaymentMethod of one of the following types: {', '.join(intent.payment_method_types)}.",
            code="payment_intent_invalid_parameter",
            param="payment_method",
            intent=intent,
            remembered=True,
        )


def _release(charge: Charge, amount: int, moment: Moment) -> Refund:
    return Refund(
        moment.new_id("re"),
        charge.id,
        charge.payment_intent,
        amount,
        charge.currency,
        moment.now,
        released=True,
    )
