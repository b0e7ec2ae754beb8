"""Saving payment methods for later: attaching them to customers, and the setup intent's state machine.

    requires_payment_method ─┐        ┌─ requires_action ─┐ (authenticated)
    requires_confirmation ───┴─ confirm ──────────────────┴─► succeeded
                                      └─► requires_payment_method (declined)
    anything but succeeded ── cancel ─► canceled

Only a method that was set up, by a setup intent or by a payment with `setup_future_usage`, has its customer's
agreement to payments while absent. Merely attaching a method doesn't give it that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import attempt, methods
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.model import Change, SavedMethod, SetupIntent

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.methods import PaymentMethod
    from infra.local.stripe_sandbox.model import PaymentIntent

CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
_PAID: Final = ("requires_capture", "processing", "succeeded")


def attach(saved: SavedMethod, customer: str) -> Change:
    """Save the method with the customer. Raises as Stripe does for one that can't be saved or isn't theirs."""
    method = methods.of_template(saved.template)
    if method.redirects:
        raise StripeError(
            f"The payment method type `{method.type}` can't be attached to a customer.", param="payment_method"
        )
    if saved.customer is not None and saved.customer != customer:
        raise StripeError("The payment method you provided has already been attached to a customer.")
    check_unspent(saved)
    if method.decline is not None and not method.declines_only_charges and not method.authenticates:
        raise _refusal(method)
    attached = replace(saved, customer=customer)
    return Change((attached,), (("payment_method.attached", attached),))


def detach(saved: SavedMethod) -> Change:
    """Let go of the method. Nobody can use it again."""
    if saved.customer is None:
        raise StripeError("The payment method you provided is not attached to a customer so detachment is impossible.")
    detached = replace(saved, customer=None, spent=True, set_up=False)
    return Change((detached,), (("payment_method.detached", detached),))


def check_unspent(saved: SavedMethod) -> None:
    if saved.spent:
        raise StripeError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            remembered=True,
        )


def after_payment(saved: SavedMethod, intent: PaymentIntent) -> Change:
    """What becomes of the method that the intent was paid with: saved when that was asked for, else used up."""
    if intent.status not in _PAID:
        return Change((saved,))
    usage = intent.details.get("setup_future_usage")
    if usage is None:
        return Change((replace(saved, spent=saved.customer is None),))
    kept = replace(saved, set_up=saved.set_up or usage == "off_session", customer=saved.customer or intent.customer)
    told = (("payment_method.attached", kept),) if kept.customer != saved.customer else ()
    return Change((kept,), told)


def create(setup: SetupIntent) -> Change:
    return Change((setup,), (("setup_intent.created", setup),))


def confirm(setup: SetupIntent, saved: SavedMethod, *, action: dict[str, Any] | None) -> Change:
    """Try to set the method up. `action` is what its customer would have to do, None when nobody is there."""
    if setup.status not in CONFIRMABLE:
        raise forbidden("confirm", setup)
    check_unspent(saved)
    method = methods.in_use(saved.id, saved.template, saved.customer)
    if method.type not in setup.payment_method_types:
        raise StripeError(
            f"The PaymentMethod provided ({method.type}) is not allowed for this SetupIntent.",
            code="setup_intent_invalid_parameter",
            param="payment_method",
            setup_intent=setup,
            remembered=True,
        )
    fresh = replace(setup, payment_method=saved.id, template=saved.template, last_setup_error=None, next_action=None)
    if method.authenticates:
        if action is None:
            return _declined(fresh, method, _refusal(replace(method, decline=methods.AUTHENTICATION_REQUIRED)))
        waiting = replace(fresh, status="requires_action", next_action=action)
        return Change((waiting, saved), (("setup_intent.requires_action", waiting),))
    return _set_up(fresh, saved)


def authenticate(setup: SetupIntent, saved: SavedMethod, *, passed: bool) -> Change:
    """The customer passed or failed the authentication that the setup intent was waiting for."""
    if setup.status != "requires_action":
        raise forbidden("authenticate", setup)
    if passed:
        return _set_up(replace(setup, next_action=None), saved)
    error = StripeError(
        "The latest attempt to set up the payment method has failed because authentication failed.",
        code="setup_intent_authentication_failure",
    )
    return replace(_declined(setup, methods.in_use(saved.id, saved.template, saved.customer), error), declined=None)


def cancel(setup: SetupIntent, reason: str | None) -> Change:
    if setup.status not in CONFIRMABLE:
        raise forbidden("cancel", setup)
    canceled = replace(setup, status="canceled", next_action=None, cancellation_reason=reason)
    return Change((canceled,), (("setup_intent.canceled", canceled),))


def forbidden(verb: str, setup: SetupIntent) -> StripeError:
    return StripeError(
        f"You cannot {verb} this SetupIntent because it has a status of {setup.status}. Only a SetupIntent with one "
        f"of the following statuses allows that: {', '.join(CONFIRMABLE)}.",
        code="setup_intent_unexpected_state",
        setup_intent=setup,
        remembered=True,
    )


def _set_up(setup: SetupIntent, saved: SavedMethod) -> Change:
    method = methods.in_use(saved.id, saved.template, saved.customer)
    if method.decline is not None and not method.declines_only_charges:
        return _declined(setup, method, _refusal(method))
    done = replace(setup, status="succeeded")
    kept = replace(
        saved, set_up=saved.set_up or setup.usage == "off_session", customer=saved.customer or setup.customer
    )
    attached = (("payment_method.attached", kept),) if kept.customer != saved.customer else ()
    return Change((done, kept), (*attached, ("setup_intent.succeeded", done)))


def _declined(setup: SetupIntent, method: PaymentMethod, error: StripeError) -> Change:
    failed = replace(
        setup,
        status="requires_payment_method",
        payment_method=None,
        template=None,
        next_action=None,
        last_setup_error=attempt.remembered(error, method),
    )
    error.setup_intent = failed
    return Change((failed,), (("setup_intent.setup_failed", failed),), declined=error)


def _refusal(method: PaymentMethod) -> StripeError:
    decline = method.decline
    if decline is None:
        raise RuntimeError("only a method that declines is refused")
    return StripeError(
        decline.message,
        status=402,
        type="card_error",
        code=decline.code,
        decline_code=decline.decline_code,
        payment_method=method,
        remembered=True,
    )
