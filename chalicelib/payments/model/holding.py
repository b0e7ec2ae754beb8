"""What a payment becomes whose method was saved: asked to hold the money, refused, held anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.payments.model.payment import State, moved

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.payments.model.deferral import Deferral
    from chalicelib.payments.model.payment import Payment, ProviderState


def method_saved(payment: Payment, customer: str, method: str, at: datetime) -> Payment:
    """After the customer has saved a method that is charged when it is due."""
    deferral = payment.deferral and replace(payment.deferral, customer=customer, method=method)
    return moved(payment, State.METHOD_SAVED, at, intent_id=None, failure_code=None, deferral=deferral)


def hold_asked(payment: Payment, intent_id: str, at: datetime) -> Payment:
    """With the intent that is going to hold the money, before it does."""
    return replace(payment, intent_id=intent_id, changed_at=at, version=payment.version + 1)


def hold_refused(payment: Payment, deferral: Deferral, provider: ProviderState, at: datetime) -> Payment:
    """After the bank refused to hold the money of a saved method; it will be tried again."""
    return replace(
        payment, deferral=deferral, failure_code=provider.failure_code, changed_at=at, version=payment.version + 1
    )


def asked_to_pay(payment: Payment, deferral: Deferral, provider: ProviderState, at: datetime) -> Payment:
    """After the last refusal: the customer has to pay what was to be held."""
    return moved(payment, State.REQUIRES_PAYMENT, at, deferral=deferral, failure_code=provider.failure_code)


def renewal_asked(payment: Payment, intent_id: str, at: datetime) -> Payment:
    """With the intent whose hold is to take the present one's place."""
    deferral = payment.deferral and replace(payment.deferral, renewal_id=intent_id)
    return replace(payment, deferral=deferral, changed_at=at, version=payment.version + 1)


def renewed(payment: Payment, provider: ProviderState, at: datetime) -> Payment:
    """With the new hold in the old one's place."""
    deferral = payment.deferral and replace(
        payment.deferral,
        holds=payment.deferral.holds + 1,
        attempts=0,
        hold_until=provider.hold_until,
        renewal_id=None,
    )
    return replace(
        payment,
        intent_id=provider.intent_id,
        authorised_minor=provider.capturable_minor + payment.credit_minor,
        deferral=deferral,
        changed_at=at,
        version=payment.version + 1,
    )
