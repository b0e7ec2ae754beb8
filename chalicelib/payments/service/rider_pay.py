"""What riders earn by pay rules, in the books: owed by the platform, paid with the rider's settlement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import ledger
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.service.ledger import AlreadyPosted, post

if TYPE_CHECKING:
    from chalicelib.kernel.event_types import RiderEarned


def enter_rider_pay(event: RiderEarned) -> None:
    """Enter what a rider earned, once for its cause; the same event again changes nothing.

    A delivery's pay lies with its order, a guarantee with the rider: whose shift it is, is its cause.
    """
    kind, cause, about = ledger.RIDER_PAY, event.cause, "rider_pay"
    if event.order_id is None:
        kind, cause, about = ledger.RIDER_GUARANTEE, event.shift_id, "rider_guarantee"
    rider = ledger.rider(event.rider_id)
    entry = Entry(
        id=f"{event.order_id or event.rider_id}:{cause}:{kind}",
        cause=cause,
        kind=kind,
        at=clock.parse(event.at),
        currency=event.currency,
        lines=lines_of((rider, -event.amount, about), (ledger.PLATFORM, event.amount, about)),
        order_id=event.order_id,
        rider_id=event.rider_id,
        memo=event.rules,
    )
    tx = Transaction()
    post(tx, entry)
    try:
        tx.commit()
    except AlreadyPosted:
        return
