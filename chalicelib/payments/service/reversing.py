"""Taking back what a store or a rider was paid for an order that is refunded afterwards.

As much as is left of the transfer is reversed. What the account has not got any more stays a debt in the ledger, which
the party's next statements begin with.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, DomainError
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import ledger
from chalicelib.payments.model.reversals import Reversal, ReversalState, debt_of, parties_of, taken_back
from chalicelib.payments.provider import connect
from chalicelib.payments.service.ledger import entries_of_order, post
from chalicelib.payments.service.statements import find_statement
from chalicelib.payments.tables import payouts as rows
from chalicelib.payments.tables.payouts import PayoutRow, ReversalRow

if TYPE_CHECKING:
    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.payouts import Payout
    from chalicelib.payments.model.statements import Party

logger = logging.getLogger(__name__)


def take_back_share(order_id: str, cause: str) -> list[Reversal]:
    """Reverse what an order's store and rider were paid of what refund ``cause`` gave back. Done before: nothing."""
    entries = entries_of_order(order_id)
    refund = next((each for each in entries if each.cause == cause and each.kind == ledger.REFUNDED), None)
    sale = next((each for each in entries if each.kind == ledger.SALE), None)
    if refund is None or sale is None:
        return []
    found = (_take_back(party, refund, sale) for party in parties_of(refund))
    return [reversal for reversal in found if reversal is not None]


def _take_back(party: Party, refund: Entry, sale: Entry) -> Reversal | None:
    order_id = refund.order_id or ""
    reversal: Reversal | None = tables.fetch(rows.reversal_ref(party, order_id, refund.cause))[0]
    if reversal is None:
        reversal = _plan(party, refund, sale)
    if reversal is None or reversal.state is not ReversalState.PLANNED:
        return reversal
    return _settle(reversal)


def _plan(party: Party, refund: Entry, sale: Entry) -> Reversal | None:
    """Write down what is to come back, on the condition that so much is left of the transfer; None where nothing is."""
    statement = find_statement(party, sale) if debt_of(party, refund) else None
    if statement is None:
        return None
    payout: Payout | None = tables.fetch(rows.payout_ref(party, statement.currency, statement.number))[0]
    amount = min(debt_of(party, refund), payout.reversible) if payout else 0
    if payout is None or amount <= 0:
        return None
    reversal = Reversal(
        party=party,
        currency=refund.currency,
        number=statement.number,
        order_id=refund.order_id or "",
        cause=refund.cause,
        amount=amount,
        planned_at=clock.now(),
    )
    tx = Transaction()
    tx.put(rows.to_reversal_row(reversal), ReversalRow.pk.does_not_exist(), Contention())
    tx.put(rows.to_payout_row(payout.reversal_begun(amount)), PayoutRow.version == payout.version, Contention())
    tx.commit()
    return reversal


def _settle(reversal: Reversal) -> Reversal:
    """Have it made, or found made, and put on record with what it means."""
    party = reversal.party
    payout: Payout = tables.fetch(rows.payout_ref(party, reversal.currency, reversal.number))[0]
    now = clock.now()
    tx = Transaction()
    try:
        after = reversal.made(connect.reverse(payout.transfer_id or "", reversal), now)
    except DomainError as error:
        if error.code != "payment_refused" or error.extra.get("provider_code") == "api_error":
            raise
        code = str(error.extra.get("provider_code"))
        logger.info("reversal carried as a debt", extra={"reversal": reversal.name, "stripe_code": code})
        after = reversal.carried(code, now)
        ended = payout.reversal_ended(reversal.amount, 0, now)
    else:
        ended = payout.reversal_ended(reversal.amount, reversal.amount, now)
    tx.put(rows.to_payout_row(ended), PayoutRow.version == payout.version, Contention())
    if after.state is ReversalState.MADE:
        post(tx, taken_back(after, now))
    tx.put(
        rows.to_reversal_row(after),
        ReversalRow.state == ReversalState.PLANNED.value,
        Conflict("reversal_settled", "This reversal was settled meanwhile."),
    )
    tx.commit()
    return after
