"""A card that is saved with an order and held for it later, while its customer is away.

The method is saved by a setup intent at placement. When the hold is due an intent is made, its id is written down, and
only then is it confirmed: whatever is lost on the way, the same intent is found again, and one intent is held and
charged once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel.errors import DomainError
from chalicelib.payments.model import ABSENT, SAVED, ProviderState
from chalicelib.payments.provider import client
from chalicelib.payments.provider.actions import ClientAction, action_of
from chalicelib.payments.provider.intents import check_made_for, look_up

if TYPE_CHECKING:
    import stripe

    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.deferral import Deferral

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation")
_OPEN = (*_CONFIRMABLE, "requires_action")


def open_setup(payment: Payment) -> ClientAction:
    """Create the setup intent by which the order's customer saves a card, or get the one that was created before."""
    setup = client.under_first_working_key(
        f"{payment.order_id}:setup",
        lambda key: client.connected().v1.setup_intents.create(
            params={
                "usage": "off_session",
                "allowed_payment_method_types": ["card"],
                "metadata": {"order_id": payment.order_id, "store_id": payment.store_id},
            },
            options={"idempotency_key": key},
        ),
    )
    return ClientAction(setup.id, setup.client_secret or "", "setup")


def look_up_setup(payment: Payment, named: str | None = None) -> ProviderState:
    """How the saving of the order's method stands: ``method_saved``, or the setup intent's own status."""
    try:
        setup_id = payment.intent_id or named or open_setup(payment).intent_id
    except DomainError as error:
        if error.code != "payment_refused":
            raise
        return ProviderState("", ABSENT, payment.provider_minor, 0, 0, str(error.extra.get("provider_code")))
    with client.translated_errors():
        setup = client.connected().v1.setup_intents.retrieve(setup_id)
    check_made_for(payment, setup)
    failure = setup.last_setup_error
    return ProviderState(
        intent_id=setup.id,
        status=SAVED if setup.status == "succeeded" else setup.status,
        amount_minor=payment.provider_minor,
        capturable_minor=0,
        received_minor=0,
        failure_code=(getattr(failure, "decline_code", None) or failure.code) if failure else None,
        method=_id_of(setup.payment_method),
    )


def cancel_setup(setup_id: str) -> None:
    """Close a setup intent, so that no method is saved for an order that has ended. Closed or used before: nothing."""
    try:
        with client.translated_errors():
            client.connected().v1.setup_intents.cancel(setup_id, params={"cancellation_reason": "abandoned"})
    except DomainError as error:
        if error.extra.get("provider_code") != "setup_intent_unexpected_state":
            raise


def keep_method(payment: Payment, method: str) -> str:
    """Make the provider's customer whom the saved method belongs to, one for an order; the customer's id.

    The method is looked at first: one that belongs to a customer already was kept behind an answer that was lost.
    """

    def kept_or_keep(key: str) -> str:
        owner = client.connected().v1.payment_methods.retrieve(method).customer
        if owner is not None:
            return owner if isinstance(owner, str) else owner.id
        made = client.connected().v1.customers.create(
            params={"payment_method": method, "metadata": {"order_id": payment.order_id}},
            options={"idempotency_key": key},
        )
        return made.id

    return client.under_first_working_key(f"{payment.order_id}:customer", kept_or_keep)


def forget_method(deferral: Deferral) -> None:
    """Let go of a saved method that is not needed any more. Let go before: nothing."""
    if deferral.method is None:
        return
    try:
        with client.translated_errors():
            client.connected().v1.payment_methods.detach(deferral.method)
    except DomainError as error:
        if error.code != "payment_refused":
            raise


def open_hold(payment: Payment, deferral: Deferral, number: int) -> str:
    """Make the intent that is to hold the money, or get the one that was made before; its id. ``number`` counts them.

    Nothing is held yet: an intent that nobody confirms costs nobody anything.
    """
    intent = client.under_first_working_key(
        f"{payment.order_id}:hold:{number}",
        lambda key: client.connected().v1.payment_intents.create(
            params={
                "amount": payment.provider_minor,
                "currency": payment.amount.currency.lower(),
                "customer": deferral.customer or "",
                "capture_method": "manual",
                "allowed_payment_method_types": ["card"],
                "metadata": {"order_id": payment.order_id, "store_id": payment.store_id},
            },
            options={"idempotency_key": key},
        ),
    )
    return intent.id


def hold(payment: Payment, deferral: Deferral, intent_id: str) -> ProviderState:
    """Have the bank hold the money, the customer being away. A refusal is in the answer's ``failure_code``.

    The intent is looked at before each try: one that holds already is not asked again.
    """

    def held_or_hold(key: str) -> None:
        import stripe

        intent = client.connected().v1.payment_intents.retrieve(intent_id)
        if intent.status not in _CONFIRMABLE:
            return
        if intent.amount != payment.provider_minor:
            client.connected().v1.payment_intents.update(intent_id, params={"amount": payment.provider_minor})
        try:
            client.connected().v1.payment_intents.confirm(
                intent_id,
                params={"payment_method": deferral.method or "", "off_session": True},
                options={"idempotency_key": key},
            )
        except stripe.CardError:
            return  # the intent itself remembers why

    client.under_first_working_key(f"{intent_id}:confirm:{deferral.attempts}", held_or_hold)
    return look_up(replace(payment, intent_id=intent_id))


def show_hold(intent_id: str) -> ClientAction | None:
    """What a customer needs to pay what could not be held; None where nothing is left to do."""
    with client.translated_errors():
        intent = client.connected().v1.payment_intents.retrieve(intent_id)
    return action_of(intent) if intent.status in _OPEN else None


def _id_of(method: str | stripe.PaymentMethod | None) -> str | None:
    return method if method is None or isinstance(method, str) else method.id
