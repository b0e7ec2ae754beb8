"""Holding money later than an order is placed: by a method that was saved, when it is due, and again before it lapses.

Each step writes down what it is going to do before the provider does it, on the version that it was decided on. What
was lost between the two is found at the next look: the intent is the same, and a hold that is there is not asked for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock
from chalicelib.kernel.event_types import HoldSuperseded
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import ProviderState, State, postings
from chalicelib.payments.model import deferral as rules
from chalicelib.payments.service.ledger import post
from chalicelib.payments.service.paying import get_payment, take
from chalicelib.payments.service.writing import write

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.deferral import Deferral

logger = logging.getLogger(__name__)


def keep_method(payment: Payment, state: ProviderState) -> str:
    """Have the provider keep the method that a customer has saved; the id under which it does. Called before
    ``record_saved``, any number of times.
    """
    return provider.keep_method(payment, state.method or "")


def record_saved(tx: Transaction, payment: Payment, state: ProviderState, kept_as: str) -> Payment:
    """Write into the caller's transaction that the method is saved. Raises ``Conflict`` when the payment has ended."""
    after = model.method_saved(payment, kept_as, state.method or "", clock.now())
    write(tx, payment, after)
    return after


def ask_to_hold(payment: Payment) -> tuple[Payment, ProviderState]:
    """Have the money held by the saved method. Where it is not held, the answer says why; nothing is written of that.

    The payment comes back as it now stands. Raises ``Unavailable`` when the provider does not answer: ask again.
    """
    deferral = _deferral(payment)
    if payment.intent_id is None:
        intent_id = provider.open_hold(payment, deferral, deferral.holds)
        asked = model.hold_asked(payment, intent_id, clock.now())
        _save(payment, asked)
        payment = asked
    return payment, provider.hold(payment, deferral, payment.intent_id or "")


def record_refused(tx: Transaction, payment: Payment, state: ProviderState) -> datetime | None:
    """Write into the caller's transaction that the bank refused the hold.

    When it is to be tried again; None where the customer has to pay now.
    """
    deferral = rules.refused(_deferral(payment))
    again_at = rules.try_again_at(deferral, state.failure_code)
    change = model.asked_to_pay if again_at is None else model.hold_refused
    write(tx, payment, change(payment, deferral, state, clock.now()))
    return again_at


def renew_hold(order_id: str) -> Payment:
    """Have the hold of an order that lasts longer than it made anew; where that can't be, take the money now.

    Not held any more, or, with a saved method, not about to lapse: nothing happens. Of a hold without one its caller
    knows the age.
    """
    payment = get_payment(order_id)
    if payment.state is not State.AUTHORISED or payment.is_fulfilled or not payment.uses_provider:
        return payment
    deferral = payment.deferral
    if deferral is None or deferral.method is None:
        return take_early(payment)
    if deferral.hold_until is not None and _lasts(deferral.hold_until):
        return payment
    if deferral.renewal_id is None:
        asked = model.renewal_asked(payment, provider.open_hold(payment, deferral, deferral.holds + 1), clock.now())
        _save(payment, asked)
        payment, deferral = asked, _deferral(asked)
    state = provider.hold(payment, deferral, deferral.renewal_id or "")
    if not state.is_authorised:
        logger.warning("hold not renewed", extra={"order_id": order_id, "failure_code": state.failure_code})
        return take_early(payment)
    after = model.renewed(payment, with_end(state), clock.now())
    tx = Transaction()
    write(tx, payment, after)
    post(tx, postings.authorised(after, clock.now(), f"authorise:{_deferral(after).holds}"))
    tx.emit(HoldSuperseded(order_id=order_id, payment_intent_id=payment.intent_id or ""))
    tx.commit()
    return after


def let_go_superseded(order_id: str, intent_id: str) -> None:
    """Let go of a hold whose place another has taken. Let go before, or in its place again: nothing."""
    payment = get_payment(order_id)
    if payment.intent_id == intent_id:
        return
    state = provider.look_up(model.hold_asked(payment, intent_id, clock.now()))
    if state.is_open or state.status == "requires_capture":
        provider.cancel(intent_id)


def take_early(payment: Payment) -> Payment:
    """Take held money before the hand-over, because the hold would not live that long."""
    tx = Transaction()
    after = take(tx, payment)
    write(tx, payment, after)
    tx.commit()
    return after


def with_end(state: ProviderState) -> ProviderState:
    """The state with an end of its hold, where the provider did not say one."""
    if state.status != "requires_capture" or state.hold_until is not None:
        return state
    return replace(state, hold_until=clock.now() + rules.SHORTEST_HOLD)


def _lasts(until: datetime) -> bool:
    return clock.now() < until - rules.RENEWED_AHEAD


def _deferral(payment: Payment) -> Deferral:
    if payment.deferral is None:
        raise ValueError("this payment was not deferred")
    return payment.deferral


def _save(before: Payment, after: Payment) -> None:
    tx = Transaction()
    write(tx, before, after)
    tx.commit()
