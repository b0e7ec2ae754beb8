"""One try to take money by one payment method: what the bank answers, and what the intent becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from infra.local.stripe_sandbox import funds, methods
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.model import Charge, Outcome

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.methods import Decline, PaymentMethod
    from infra.local.stripe_sandbox.model import BalanceTransaction, Moment, PaymentIntent


def charge(intent: PaymentIntent, method: PaymentMethod, moment: Moment) -> Outcome:
    """Ask the bank: declined, processing, authorised or paid."""
    if method.decline is not None:
        return decline(intent, method, method.decline, moment, reached_bank=True)
    held = intent.captures_later(method.type)
    delayed = method.type in methods.DELAYED_TYPES
    made = replace(
        _charge(intent, method, moment),
        status="pending" if delayed else "succeeded",
        captured=not held,
        amount_captured=0 if held or delayed else intent.amount,
    )
    if delayed:
        waiting = replace(intent, status="processing", latest_charge=made.id)
        return Outcome(waiting, (("charge.pending", made), ("payment_intent.processing", waiting)), made)
    if held:
        authorised = replace(intent, status="requires_capture", amount_capturable=intent.amount, latest_charge=made.id)
        told = ("payment_intent.amount_capturable_updated", authorised)
        return Outcome(authorised, (("charge.succeeded", made), told), made)
    made, line = banked(made, method, moment)
    paid = replace(intent, status="succeeded", amount_received=intent.amount, latest_charge=made.id)
    events = (("charge.succeeded", made), ("payment_intent.succeeded", paid))
    return Outcome(paid, events, made, posted=(line,))


def banked(charge: Charge, method: PaymentMethod, moment: Moment) -> tuple[Charge, BalanceTransaction]:
    """The captured charge with the line that it adds to the platform's balance."""
    line = funds.earned(charge, method.type, moment, at_once=method.bypasses_pending)
    return replace(charge, balance_transaction=line.id, available_on=line.available_on), line


def decline(
    intent: PaymentIntent, method: PaymentMethod, refusal: Decline, moment: Moment, *, reached_bank: bool
) -> Outcome:
    """The answer is no. `reached_bank`: a bank said so, which leaves a failed charge."""
    made = None
    if reached_bank:
        made = replace(
            _charge(intent, method, moment),
            status="failed",
            failure_code=refusal.code,
            failure_message=refusal.message,
            decline_code=refusal.decline_code,
        )
    error = StripeError(
        refusal.message,
        status=402,
        type="card_error",
        code=refusal.code,
        decline_code=refusal.decline_code,
        charge=made.id if made else None,
        payment_method=method,
        remembered=True,
    )
    failed = asking_again(intent, error, method)
    if made:
        failed = replace(failed, latest_charge=made.id)
    error.intent = failed
    told = ("payment_intent.payment_failed", failed)
    events = (("charge.failed", made), told) if made else (told,)
    return Outcome(failed, events, made, declined=error)


def asking_again(intent: PaymentIntent, error: StripeError, method: PaymentMethod) -> PaymentIntent:
    """The intent after a failed try: it wants another payment method and remembers what went wrong."""
    return replace(
        intent,
        status="requires_payment_method",
        payment_method=None,
        template=None,
        next_action=None,
        last_payment_error=remembered(error, method),
    )


def remembered(error: StripeError, method: PaymentMethod) -> dict[str, str | None]:
    """What an intent keeps of a failed try."""
    return {
        "type": error.type,
        "code": error.code,
        "decline_code": error.decline_code,
        "message": error.message,
        "charge": error.charge,
        "payment_method": method.id,
        "template": method.template,
        "customer": method.customer,
    }


def _charge(intent: PaymentIntent, method: PaymentMethod, moment: Moment) -> Charge:
    return Charge(
        moment.new_id("ch" if method.type == "card" else "py"),
        intent.id,
        method.id,
        intent.amount,
        intent.currency,
        moment.now,
        status="pending",
        captured=False,
        metadata=intent.metadata,
        details=intent.details,
        template=method.template,
        customer=intent.customer,
    )
