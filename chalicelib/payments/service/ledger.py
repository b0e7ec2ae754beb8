"""Posting to the ledger, and reading it. An entry is written in the transaction of the change that it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.event_types import RefundSettled, SaleRecorded
from chalicelib.payments.model.invoices import is_papered
from chalicelib.payments.model.reversals import leaves_debt
from chalicelib.payments.service.parties import know_parties
from chalicelib.payments.tables import ledger as rows
from chalicelib.payments.tables.ledger import EntryRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chalicelib.kernel import tables
    from chalicelib.kernel.transaction import Transaction
    from chalicelib.payments.model.ledger import Entry

_PAGE = 200


class AlreadyPosted(Conflict):
    """This cause has its entry of this kind already: what it would write again is written."""

    def __init__(self, entry: Entry) -> None:
        super().__init__("already_posted", "This movement of money was recorded before.", entry_id=entry.id)


def post(tx: Transaction, *entries: Entry) -> None:
    """Write entries into the caller's transaction, each once per cause and kind (``already_posted``).

    What was sold, or undone of a sale, is told on: it has its invoice or credit note to come, and whom it leaves owing
    may have been paid for it. Everybody whom an entry concerns has statements.
    """
    know_parties(entries)
    for entry in entries:
        tx.put(rows.to_entry_row(entry), EntryRow.pk.does_not_exist(), AlreadyPosted(entry))
        if entry.order_id is not None and is_papered(entry):
            tx.emit(SaleRecorded(order_id=entry.order_id, cause=entry.cause, kind=entry.kind))
        if entry.order_id is not None and leaves_debt(entry):
            tx.emit(RefundSettled(order_id=entry.order_id, cause=entry.cause))


def entries_of_order(order_id: str) -> list[Entry]:
    """Everything that was posted for an order, oldest first. One request."""
    return rows.entries_under(rows.order_key(order_id))


def entries_of_account(account: str, month: datetime) -> list[Entry]:
    """What was posted to an account in a month for no order, oldest first."""
    return rows.entries_under(rows.account_key(account, month))


def entries_of_store(
    store_id: str, since: datetime, until: datetime, *, limit: int = _PAGE, start: dict[str, Any] | None = None
) -> tables.Page[Entry]:
    """A page of what changed a store's balance or till, from ``since`` until before ``until``, oldest first."""
    return rows.entries_between(rows.STORES, store_id, since, until, limit=limit, cursor_key=start)


def entries_of_rider(
    rider_id: str, since: datetime, until: datetime, *, limit: int = _PAGE, start: dict[str, Any] | None = None
) -> tables.Page[Entry]:
    """A page of what changed a rider's balance or cash, from ``since`` until before ``until``, oldest first."""
    return rows.entries_between(rows.RIDERS, rider_id, since, until, limit=limit, cursor_key=start)


def all_entries_of_store(store_id: str, since: datetime, until: datetime) -> Iterator[Entry]:
    """Every entry of a store in a period, page after page."""
    start: dict[str, Any] | None = None
    while True:
        page = entries_of_store(store_id, since, until, start=start)
        yield from page.items
        start = page.next_key
        if start is None:
            return


def all_entries_of_rider(rider_id: str, since: datetime, until: datetime) -> Iterator[Entry]:
    """Every entry of a rider in a period, page after page."""
    start: dict[str, Any] | None = None
    while True:
        page = entries_of_rider(rider_id, since, until, start=start)
        yield from page.items
        start = page.next_key
        if start is None:
            return
