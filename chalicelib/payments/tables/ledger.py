"""The ledger at rest: an item per entry, written once, never changed, never removed.

Only the name of an account changes, where it was that of a customer's credit and the customer is forgotten: every
amount, and every sum, stays what it was.

| entries of           | pk                       | sk                |
|----------------------|--------------------------|-------------------|
| an order             | ORD#<order id>           | LE#<cause>#<kind> |
| an account otherwise | ACC#<account>#<yyyymm>   | LE#<cause>#<kind> |

The sparse indexes ``ledger_store`` and ``ledger_rider`` hold, whole and by time, the entries that change what a store
or a rider has: statements are made of them.
"""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.kernel import clock, tables
from chalicelib.payments.model.ledger import CLEARING, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

STORES = "ledger_store"
RIDERS = "ledger_rider"
CLEARINGS = "clearing"
CLEARING_SHARDS = 4
OLDEST = timedelta(days=1)
_CLEARING_PAGE = 50


class StoreLedgerIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The entries that change what a store has, by time."""

    class Meta:
        index_name = STORES
        projection = AllProjection()

    ledger_store_pk = UnicodeAttribute(hash_key=True)
    ledger_store_sk = UnicodeAttribute(range_key=True)


class RiderLedgerIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The entries that change what a rider has, by time."""

    class Meta:
        index_name = RIDERS
        projection = AllProjection()

    ledger_rider_pk = UnicodeAttribute(hash_key=True)
    ledger_rider_sk = UnicodeAttribute(range_key=True)


class ClearingIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The entries that change what the provider holds, by the day and time of their writing."""

    class Meta:
        index_name = CLEARINGS
        projection = AllProjection()

    clearing_pk = UnicodeAttribute(hash_key=True)
    clearing_sk = UnicodeAttribute(range_key=True)


class EntryRow(tables.Row):
    """An entry; what no key and no index needs is its compressed body."""

    class Meta(tables.Meta):
        context = "payments"

    body = tables.JsonZ(attr_name="b")
    ledger_store_pk = UnicodeAttribute(null=True)
    ledger_store_sk = UnicodeAttribute(null=True)
    ledger_rider_pk = UnicodeAttribute(null=True)
    ledger_rider_sk = UnicodeAttribute(null=True)
    clearing_pk = UnicodeAttribute(null=True)
    clearing_sk = UnicodeAttribute(null=True)
    by_clearing = ClearingIndex()
    by_store = StoreLedgerIndex()
    by_rider = RiderLedgerIndex()


def order_key(order_id: str) -> str:
    """The partition of an order's entries."""
    return f"ORD#{order_id}"


def account_key(account: str, month: datetime) -> str:
    """The partition of a month's entries of an account that belong to no order."""
    return f"ACC#{account}#{month:%Y%m}"


def entry_ref(order_id: str, cause: str, kind: str) -> tables.Ref[Entry | None]:
    """Where an entry of an order is read."""
    key = f"LE#{cause}#{kind}"
    return tables.Ref(EntryRow, order_key(order_id), key, lambda row: of_entry_row(row) if row else None)


def to_entry_row(entry: Entry) -> EntryRow:
    """The item of an entry. One without an order lies with the account of its first line.

    What is dated long ago stands in the indexes among what is written now: its period may be closed.
    """
    pk = order_key(entry.order_id) if entry.order_id else account_key(entry.lines[0].account, entry.at)
    row = EntryRow(pk=pk, sk=f"LE#{entry.cause}#{entry.kind}", body=msgspec.to_builtins(entry))
    when = f"{moment(max(entry.at, clock.now() - OLDEST))}#{entry.id}"
    if entry.store_id and entry.concerns_store:
        row.ledger_store_pk, row.ledger_store_sk = entry.store_id, when
    if entry.rider_id and entry.concerns_rider:
        row.ledger_rider_pk, row.ledger_rider_sk = entry.rider_id, when
    if entry.on(CLEARING):
        now = clock.now()
        row.clearing_pk = f"{now:%Y%m%d}#{zlib.crc32(entry.id.encode()) % CLEARING_SHARDS}"
        row.clearing_sk = f"{moment(now)}#{entry.id}"
    return row


def of_entry_row(row: EntryRow) -> Entry:
    """The entry in an item."""
    return msgspec.convert(row.body, Entry)


def moment(at: datetime) -> str:
    """An instant as the indexes sort by it: milliseconds, in 14 digits."""
    return f"{clock.epoch_ms(at):014d}"


def entries_under(pk: str) -> list[Entry]:
    """All entries of an order, or of an account's month, in the order of time. A request per megabyte."""
    found: list[Entry] = []
    start: Mapping[str, Any] | None = None
    while True:
        page = tables.query(EntryRow, pk, EntryRow.sk.startswith("LE#"), cursor_key=start, consistent=True)
        found += [of_entry_row(row) for row in page.items]
        if page.next_key is None:
            return sorted(found, key=lambda entry: (entry.at, entry.id))
        start = page.next_key


def indexed_between(index: str, owner_id: str, since: datetime, until: datetime) -> Iterator[tuple[int, Entry]]:
    """The entries of a store or rider in the index since ``since`` and before ``until``, with the moment there (ms)."""
    by_time = EntryRow.ledger_store_sk if index == STORES else EntryRow.ledger_rider_sk
    start: Mapping[str, Any] | None = None
    while True:
        between = by_time.between(moment(since), moment(until))
        page = tables.query(EntryRow, owner_id, between, index=index, cursor_key=start)
        for row in page.items:
            key = row.ledger_store_sk if index == STORES else row.ledger_rider_sk
            yield int(key.partition("#")[0]), of_entry_row(row)
        start = page.next_key
        if start is None:
            return


def clearing_between(day: datetime, shard: int, after: int | str, until: int) -> tuple[list[tuple[str, Entry]], str]:
    """Entries that change what the provider holds, written on a day, with their partitions: from a millisecond on, or
    after a place in their order, until before a millisecond. And the place where the next page begins, or nothing.
    """
    since = f"{after:014d}" if isinstance(after, int) else after + "!"  # no place goes on behind another
    page = tables.query(
        EntryRow,
        f"{day:%Y%m%d}#{shard}",
        EntryRow.clearing_sk.between(since, f"{until:014d}"),
        index=CLEARINGS,
        limit=_CLEARING_PAGE,
    )
    found = [(row.pk, of_entry_row(row)) for row in page.items]
    return found, str(page.items[-1].clearing_sk) if page.next_key is not None and page.items else ""


def entries_between(
    index: str, owner_id: str, since: datetime, until: datetime, *, limit: int, cursor_key: dict[str, Any] | None
) -> tables.Page[Entry]:
    """A page of a store's or rider's entries from ``since`` until before ``until``, oldest first."""
    by_time = EntryRow.ledger_store_sk if index == STORES else EntryRow.ledger_rider_sk
    page = tables.query(
        EntryRow,
        owner_id,
        by_time.between(moment(since), moment(until)),  # an instant alone sorts before its entries
        index=index,
        limit=limit,
        cursor_key=cursor_key,
    )
    return tables.Page([of_entry_row(row) for row in page.items], page.next_key)
