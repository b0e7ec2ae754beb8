"""Whom statements are made for: every store and rider that the ledger ever told of, known from its first entry on."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model.periods import end_of_period, start_of_period
from chalicelib.payments.model.reversals import parties_of
from chalicelib.payments.model.statements import STORE, Party
from chalicelib.payments.service.terms import get_terms
from chalicelib.payments.tables import settlement as rows
from chalicelib.payments.tables.settlement import Head, HeadRow
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chalicelib.payments.model.ledger import Entry
    from chalicelib.payments.model.periods import Period

RIDERS_PERIOD: Final[Period] = "weekly"
_ELSEWHERE: Final = "UTC"
_MOST_KNOWN: Final = 20_000

# Heads are never removed: a party that this process has seen there stays known to it.
_known: set[tuple[Party, str]] = set()
_lock = threading.Lock()


class _KnownMeanwhile(Conflict):
    """Somebody else has written it."""

    def __init__(self) -> None:
        super().__init__("party_known", "This party is known.")


def know_parties(entries: Iterable[Entry]) -> None:
    """See to it that whoever an entry concerns has statements, before the entry is written.

    One read for parties that this process has not seen, and one write for each that nobody has.
    """
    unknown = {
        (party, entry.currency): entry.store_id
        for entry in entries
        for party in parties_of(entry)
        if (party, entry.currency) not in _known
    }
    if not unknown:
        return
    store_ids = list(dict.fromkeys(store_id for store_id in unknown.values() if store_id))
    found = tables.fetch(
        *(rows.head_ref(party, currency) for party, currency in unknown),
        *(stores.store_ref(store_id) for store_id in store_ids),
    )
    stores_read = dict(zip(store_ids, found[len(unknown) :], strict=True))
    for ((party, currency), store_id), head in zip(unknown.items(), found, strict=False):
        if head is None:
            _write_first(party, currency, stores_read.get(store_id or ""))
    with _lock:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known.update(unknown)


def zone_and_period(head: Head, at: datetime) -> tuple[str, Period]:
    """By which clock and in which rhythm a party's statements are closed now."""
    if head.party.kind != STORE:
        return head.zone, RIDERS_PERIOD
    store = tables.fetch(stores.store_ref(head.party.id))[0]
    if store is None:
        return head.zone, RIDERS_PERIOD
    return store.time_zone, get_terms(store.merchant_id).at(at).settlement_period


def _write_first(party: Party, currency: str, store: stores.Store | None) -> None:
    """A rider's clock is that of the first store whose order they brought."""
    now = clock.now()
    zone = store.time_zone if store else _ELSEWHERE
    period: Period = RIDERS_PERIOD
    if store and party.kind == STORE:
        period = get_terms(store.merchant_id).at(now).settlement_period
    head = Head(
        party=party,
        currency=currency,
        zone=zone,
        since=start_of_period(now, period, zone),
        close_at=end_of_period(now, period, zone),
    )
    tx = Transaction()
    tx.put(rows.to_head_row(head), HeadRow.pk.does_not_exist(), _KnownMeanwhile())
    with suppress(_KnownMeanwhile):
        tx.commit()
