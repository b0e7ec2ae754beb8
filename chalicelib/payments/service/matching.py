"""Which entry of the ledger a line of Stripe's balance is; what only Stripe tells of is entered here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model import reconciliation as rules
from chalicelib.payments.model.reconciliation import BalanceLine, Difference
from chalicelib.payments.service.ledger import AlreadyPosted, post
from chalicelib.payments.service.notices import follow_dispute, follow_refunds
from chalicelib.payments.service.terms import terms_of
from chalicelib.payments.tables import ledger as entry_rows
from chalicelib.payments.tables import reconciliation as rows
from chalicelib.payments.tables.reconciliation import MatchRow, OpenRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.ledger import Entry

_NOTIFIED: Final = ("dispute", "dispute_reversal", "refund", "refund_failure")


class MatchedMeanwhile(Conflict):
    """Another run was faster with this line."""

    def __init__(self) -> None:
        super().__init__("line_matched", "This line of Stripe's was matched meanwhile.")


def match_order(order_id: str, lines: list[BalanceLine], payment: Payment | None, day: str) -> int:
    """Match an order's lines; what is not matched stays open. How many were, now or before."""
    pk = entry_rows.order_key(order_id)
    known = rows.matches_under(pk)
    fresh = [line for line in lines if line.id not in known]
    taken = frozenset(entry_id for entry_ids in known.values() for entry_id in entry_ids)
    found, left = rules.pair(fresh, entry_rows.entries_under(pk), taken)
    if _hear_of(left):
        found, left = rules.pair(fresh, entry_rows.entries_under(pk), taken)
    for line in fresh:
        _enter_fee(replace(line, order_id=order_id), payment)
        if line.id in found:
            _note_match(pk, line.id, found[line.id])
    for line in left:
        leave_open(difference_of(line, day))
    return len(lines) - len(left)


def match_alone(line: BalanceLine, day: str) -> int:
    """Enter what only Stripe tells of; what else is of no order waits for an entry that says the same."""
    _enter_fee(replace(line, order_id=None), None)
    own = rules.own_entry(line, clock.now())
    if own is not None:
        _post_once(own)
        return 1
    if rows.is_marked(line.id):
        return 1
    _hear_of([line])  # what is entered now is found by the next run
    leave_open(difference_of(line, day))
    return 0


def _hear_of(lines: Iterable[BalanceLine]) -> bool:
    """Follow disputes and refunds whose lines nobody has entered: their notice may have been lost. Whether any was."""
    heard = False
    for line in lines:
        if not line.source or line.category not in _NOTIFIED:
            continue
        heard = True
        if line.category.startswith("dispute"):
            follow_dispute(line.source, f"line:{line.id}")
        else:
            follow_refunds("", line.source, f"line:{line.id}")
    return heard


def _enter_fee(line: BalanceLine, payment: Payment | None) -> None:
    if not line.fee:
        return
    terms = terms_of(payment.merchant_id, payment.terms_version) if payment else None
    by_store = terms is not None and terms.provider_fees_by == "store"
    entry = rules.fee_entry(line, payment.store_id if payment else None, by_store=by_store, at=clock.now())
    if entry is not None:
        _post_once(entry)


def _post_once(entry: Entry) -> None:
    tx = Transaction()
    post(tx, entry)
    try:
        tx.commit()
    except AlreadyPosted:
        return


def _note_match(pk: str, transaction: str, entry_ids: list[str]) -> None:
    tx = Transaction()
    tx.put(rows.match_row(pk, transaction, entry_ids), MatchRow.pk.does_not_exist(), MatchedMeanwhile())
    try:
        tx.commit()
    except MatchedMeanwhile:
        return


def difference_of(line: BalanceLine, day: str) -> Difference:
    """A line that the ledger does not have, first seen by a day's report."""
    return Difference(
        id=line.id,
        side="stripe",
        amount=line.amount,
        currency=line.currency,
        what=line.category,
        source=line.source,
        order_id=line.order_id,
        seen_on=day,
    )


def leave_open(difference: Difference) -> None:
    """Keep what is in one book only, until it is in both. Kept already: nothing happens."""
    tx = Transaction()
    tx.put(rows.open_row(difference), OpenRow.pk.does_not_exist(), MatchedMeanwhile())
    try:
        tx.commit()
    except MatchedMeanwhile:
        return
