"""Goods that are brought once more, for nothing: who bears what that costs.

The customer has paid for them by the first order, whose sale stands with its tax. So a resend sells nothing: whoever
bears it pays the store for the goods, without their tax and commission (the store itself: nothing), and the rider for
the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib.payments.model import ledger
from chalicelib.payments.model.bill import Sums
from chalicelib.payments.model.ledger import Entry, lines_of

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.payments.model.payment import Payment
    from chalicelib.payments.model.terms import Terms

RESENT: Final = "resent"


class Resend(msgspec.Struct, frozen=True, array_like=True):
    """What a free order makes good: ``of`` is the first order, ``account`` bears ``goods`` and the way.

    ``goods`` and ``fee`` are minor units without tax: of the pieces that are brought again, of the first order's fees.
    """

    of: str
    account: str
    goods: int
    fee: int


def brought_again(payment: Payment, resend: Resend, terms: Terms, at: datetime) -> list[Entry]:
    """What the hand-over of a free order leaves in the ledger."""
    entries = []
    store, bearer = ledger.store(payment.store_id), resend.account
    if bearer != store and resend.goods:
        lines = lines_of((bearer, resend.goods, "goods"), (store, -resend.goods, "goods"))
        bearing_rider = bearer.removeprefix("rider:") if bearer.startswith("rider:") else None
        entries.append(_entry(payment, RESENT, at, lines, bearing_rider))
    earned = terms.rider_earns(Sums(fees=resend.fee)) if payment.rider_id else 0
    if payment.rider_id and earned:
        # A rider who broke the goods bears them, and not another rider's way.
        way_by = ledger.PLATFORM if bearer.startswith("rider:") else bearer
        lines = lines_of((way_by, earned, "rider_pay"), (ledger.rider(payment.rider_id), -earned, "rider_pay"))
        entries.append(_entry(payment, ledger.RIDER_PAY, at, lines, payment.rider_id))
    return entries


def _entry(payment: Payment, kind: str, at: datetime, lines: tuple[ledger.Line, ...], rider_id: str | None) -> Entry:
    return Entry(
        id=f"{payment.order_id}:hand_over:{kind}",
        cause="hand_over",
        kind=kind,
        at=at,
        currency=payment.amount.currency,
        lines=lines,
        order_id=payment.order_id,
        store_id=payment.store_id,
        rider_id=rider_id,
        memo=payment.resend.of if payment.resend else "",
    )
