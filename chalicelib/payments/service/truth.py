"""What the truth sweeper asks of the payment centre: what waits to be done, what Stripe has, what can be put right.

Each repair can be made twice, at once with the normal course of things, and after a crash between any two of its calls:
Stripe is asked how things stand before anything is moved, and an entry of the ledger is posted once for its cause.
``beside`` writes what must be written together with it (the order's timeline).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Contention
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import State, ledger, postings
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.provider import listing
from chalicelib.payments.service import tendering
from chalicelib.payments.service.ledger import AlreadyPosted, post
from chalicelib.payments.service.writing import Beside, write
from chalicelib.payments.tables import truth as rows
from chalicelib.payments.tables.payment import UNSETTLED_SHARDS, unsettled_orders
from chalicelib.payments.tables.truth import SweepRow

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from chalicelib.payments.provider.listing import SeenIntent

logger = logging.getLogger(__name__)

# How old intents are when they are looked at: when paying is over, later that day, while holds live, when none does.
AGES: Final = tuple(
    timedelta(minutes=minutes) for minutes in (20, 3 * 60, 26 * 60, 3 * 24 * 60, 6 * 24 * 60, 8 * 24 * 60)
)
# Windows overlap: an intent may show in Stripe's list a little after it was made.
_OVERLAP_SECONDS = 300
_FIRST_LOOK = timedelta(days=30)


def unsettled_after(shard: int, after: str, before: str, limit: int) -> list[str]:
    """The ids of orders whose payment is not settled, from after one id until before another, in one shard."""
    return unsettled_orders(shard, after, before, limit)


def shards_of_unsettled() -> int:
    """How many shards they lie in."""
    return UNSETTLED_SHARDS


def window_of(age: timedelta) -> tuple[int, int]:
    """From and until when (in Stripe's time) intents are looked at that have this age now."""
    until = listing.made_before(age)
    since = rows.swept_until(_name(age))
    return (listing.made_before(age + _FIRST_LOOK) if since is None else since - _OVERLAP_SECONDS), until


def close_window(age: timedelta, until: int) -> None:
    """Everything of this age was looked at. Of two sweeps at once the one that came further stays."""
    tx = Transaction()
    row = rows.sweep_row(_name(age), until)
    tx.put(row, SweepRow.pk.does_not_exist() | (SweepRow.until < until), Contention())
    try:
        tx.commit()
    except Contention:
        return


def list_intents(since: int, until: int, after: str | None) -> tuple[list[SeenIntent], str | None]:
    """A page of Stripe's intents of a window, and where the next begins."""
    return listing.list_intents(since, until, after)


def return_money(seen: SeenIntent, store_id: str | None, beside: Beside | None = None) -> None:
    """Give back what an intent took that no order claims, or let go what it holds, with both ways in the ledger."""
    now = listing.look_at_intent(seen.id)
    if now.is_held or now.is_taken or not now.is_over:
        now = listing.give_back(now)
    tx = Transaction()
    if now.received:
        post(tx, *_there_and_back(now, store_id))
    if beside is not None:
        beside(tx)
    try:
        tx.commit()
    except AlreadyPosted:
        return
    logger.warning("money of no order returned", extra={"order_id": seen.claimed_by, "payment_intent": seen.id})


def _there_and_back(seen: SeenIntent, store_id: str | None) -> list[Entry]:
    order_id = seen.claimed_by
    known = order_id if order_id and is_id(order_id, "ord") else None
    cause = f"unclaimed:{seen.id}"
    payer = ledger.customer(known or seen.id)
    there = lines_of((payer, -seen.received, "payment"), (ledger.CLEARING, seen.received, "payment"))
    back = lines_of((payer, seen.received, "payment"), (ledger.CLEARING, -seen.received, "payment"))
    return [
        Entry(
            id=f"{known or seen.id}:{cause}:{kind}",
            cause=cause,
            kind=kind,
            at=clock.now(),
            currency=seen.currency,
            lines=lines,
            order_id=known,
            store_id=store_id,
            memo=seen.id,
        )
        for kind, lines in ((ledger.CAPTURED, there), (ledger.REFUNDED, back))
    ]


def adopt_capture(payment: Payment, beside: Beside | None = None) -> None:
    """Enter a capture that was made at Stripe by other hands, for an order whose money was only held here."""
    state = provider.look_up(payment)
    if state.status != "succeeded" or payment.state is not State.AUTHORISED:
        return
    tx = Transaction()
    by_credit = tendering.redeem(tx, payment, payment.amount.amount)
    post(tx, postings.collected(payment, state.received_minor, clock.now()))
    write(tx, payment, model.captured(payment, state.received_minor + by_credit, clock.now()))
    if beside is not None:
        beside(tx)
    tx.commit()


def _name(age: timedelta) -> str:
    return f"INTENTS#{int(age.total_seconds()) // 60}"
