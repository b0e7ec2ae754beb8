"""A second hold for what an order came to cost more: asked for with the customer's consent, held, taken, let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.extras import Extra, spread, taken_of
from chalicelib.payments.model.postings import entry_of
from chalicelib.payments.service.cases import open_case
from chalicelib.payments.service.ledger import post
from chalicelib.payments.service.writing import payment_ref, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.payments.model import Payment, ProviderState
    from chalicelib.payments.provider import ClientAction


def ask_extra(payment: Payment, number: int, amount: int) -> ClientAction:
    """What the customer's app needs for an extra to be held. It is written down before anybody can pay it."""
    action = provider.open_extra(payment, number, amount)
    if extra_of(payment, number) is None:
        tx = Transaction()
        noted = Extra(number, amount, action.intent_id)
        write(tx, payment, model.extra_noted(payment, noted, clock.now()))
        tx.commit()
    return action


def extra_of(payment: Payment, number: int) -> Extra | None:
    """An extra of an order that its customer has set out to pay."""
    return next((extra for extra in payment.extras if extra.number == number), None)


def look_up_extra(payment: Payment, number: int) -> ProviderState | None:
    """How an extra stands at the provider; None where the customer has not set out to pay it."""
    extra = extra_of(payment, number)
    return None if extra is None else provider.look_up_extra(extra.intent_id)


def with_held_extra(tx: Transaction, payment: Payment, number: int) -> Payment:
    """The payment after an extra is held; the caller writes it, with the entry that is posted here."""
    extra = extra_of(payment, number)
    if extra is None or extra.is_held:
        return payment
    entry = entry_of(payment, f"authorise_extra:{number}", "authorised", clock.now(), memo=str(extra.amount))
    post(tx, entry)
    return model.extra_noted(payment, replace(extra, is_held=True), clock.now())


def close_extra(order_id: str, intent_id: str) -> None:
    """Let go of an intent that was made for an extra of this order, unless the extra is held for its bill."""
    payment: Payment | None = tables.fetch(payment_ref(order_id))[0]
    if payment is not None and any(extra.intent_id == intent_id and extra.is_held for extra in payment.extras):
        return
    if not provider.look_up_extra(intent_id).is_gone:
        provider.cancel(intent_id)


def planned(payment: Payment) -> list[int]:
    """What to take of the order's own hold, and of each extra."""
    holds = [extra.amount if extra.is_held else 0 for extra in payment.extras]
    least = model.least_charge(payment.amount.currency)
    if not payment.is_online:
        return [0, *holds]
    main = payment.main_hold_minor
    if payment.uses_provider and not main:
        # Nothing was noted as held: whatever is due is asked of the order's own intent.
        return [payment.online_minor, *holds]
    return spread(payment.online_minor, [main, *holds], least)


def take(payment: Payment, wanted: Sequence[int]) -> tuple[Payment, int]:
    """Take so much of each extra, and let the rest of it go: the payment that knows of it, and what was received."""
    received = [_take(payment, extra, amount) for extra, amount in zip(payment.extras, wanted, strict=True)]
    return replace(payment, extras=taken_of(payment.extras, received)), sum(received)


def let_go(payment: Payment) -> None:
    """Let every extra of an order go that ended unfulfilled. Nothing of them is taken before the goods change hands."""
    for extra in payment.extras:
        if not provider.look_up_extra(extra.intent_id).is_gone:
            provider.cancel(extra.intent_id)


def _take(payment: Payment, extra: Extra, wanted: int) -> int:
    state = provider.look_up_extra(extra.intent_id)
    if state.status == "requires_capture":
        wanted = min(wanted, state.capturable_minor)
        state = provider.capture(extra.intent_id, wanted) if wanted > 0 else provider.cancel(extra.intent_id)
    elif state.is_open:
        provider.cancel(extra.intent_id)
    if wanted and state.status != "succeeded":
        # The hold was lost: what is missing stays what the customer owes, for a person to look at.
        evidence = {"payment_intent": extra.intent_id, "provider_status": state.status, "missing_minor": wanted}
        subject = f"{payment.order_id}/extra/{extra.number}"
        open_case(None, Case("extra_hold_lost", subject, payment.order_id, payment.store_id, evidence))
        return 0
    return state.received_minor if wanted else 0
