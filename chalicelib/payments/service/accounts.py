"""Accounts at the provider that stores and riders are paid to: opened by their people, described by the provider."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention, NotFound, Unavailable
from chalicelib.kernel.event_types import PayoutDue
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.model.accounts import PayoutAccount
from chalicelib.payments.model.statements import STORE, Party
from chalicelib.payments.provider import connect
from chalicelib.payments.tables import payouts as rows
from chalicelib.payments.tables.payouts import AccountOwnerRow, AccountRow
from chalicelib.payments.tables.settlement import heads_of
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.payments.provider.connect import Link

logger = logging.getLogger(__name__)

_FRESH = timedelta(seconds=10)


def open_store_account(store_id: str, by: str, key: IdempotencyKey) -> PayoutAccount:
    """Open the account that a store is paid to, in the store's country. Raises ``payout_account_exists``."""
    store = stores.get_store(store_id)
    return _open(Party(STORE, store_id), store.country, store.name, by, key)


def open_rider_account(rider_id: str, country: str, key: IdempotencyKey) -> PayoutAccount:
    """Open the account that a rider is paid to. Raises ``payout_account_exists``."""
    return _open(Party("rider", rider_id), country, "", rider_id, key)


def see_account(party: Party) -> PayoutAccount:
    """A party's account as the provider describes it; as it did last, where the provider is silent.

    Raises ``payout_account_not_found``.
    """
    account = _find(party)
    if clock.now() - account.checked_at < _FRESH:
        return account
    try:
        return refresh(account)
    except Unavailable:
        logger.warning("provider silent about an account", extra={"account": account.account_id})
        return account


def open_onboarding(party: Party, return_url: str, refresh_url: str, request_id: str) -> Link:
    """A link to the provider's form, where the account's people say who they are and where their bank is."""
    return connect.open_link(_find(party).account_id, return_url, refresh_url, request_id)


def follow_account(account_id: str) -> PayoutAccount | None:
    """Something happened to an account: ask what. None where the account is nobody's here."""
    party: Party | None = tables.fetch(rows.owner_ref(account_id))[0]
    return refresh(_find(party)) if party is not None else None


def refresh(account: PayoutAccount) -> PayoutAccount:
    """Ask the provider what an account can do. One that has become able gets at once what waited for that."""
    status = connect.look_at_account(account.account_id)
    after = account.checked(status, clock.now())
    tx = Transaction()
    tx.put(rows.to_account_row(after), AccountRow.version == account.version, Contention())
    if after.is_ready and not account.is_ready:
        for head in heads_of(account.party):
            for number in head.unsettled:
                whose = {"party": head.party.kind, "party_id": head.party.id, "currency": head.currency}
                tx.emit(PayoutDue(**whose, number=number))
    tx.commit()
    return after


def _find(party: Party) -> PayoutAccount:
    account: PayoutAccount | None = tables.fetch(rows.account_ref(party))[0]
    if account is None:
        raise NotFound("payout_account", f"of {party.kind} {party.id}")
    return account


def _open(party: Party, country: str, name: str, by: str, key: IdempotencyKey) -> PayoutAccount:
    taken = Conflict("payout_account_exists", "There is an account already: follow its onboarding link.")
    if tables.fetch(rows.account_ref(party))[0] is not None:
        raise taken
    account_id, status = connect.open_account(party, country, name)
    now = clock.now()
    account = PayoutAccount(
        party=party,
        account_id=account_id,
        country=country,
        opened_by=by,
        opened_at=now,
        checked_at=now,
        status=status,
    )
    tx = Transaction()
    tx.put(rows.to_account_row(account), AccountRow.pk.does_not_exist(), taken)
    tx.put(rows.to_owner_row(account), AccountOwnerRow.pk.does_not_exist(), taken)
    tx.remember(key, account)
    tx.commit()
    return account
