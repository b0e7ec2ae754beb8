"""Payouts, their reversals and the accounts that they go to, at rest; see ``tables.settlement``."""

from __future__ import annotations

from typing import Final

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import tables
from chalicelib.payments.model.accounts import PayoutAccount
from chalicelib.payments.model.payouts import Payout
from chalicelib.payments.model.reversals import Reversal
from chalicelib.payments.model.statements import Party
from chalicelib.payments.tables.settlement import party_key

ACCOUNT: Final = "ACCOUNT"
OWNER: Final = "PARTY"


class PayoutRow(tables.Row):
    """A payout; every write is conditioned on ``version``."""

    class Meta(tables.Meta):
        context = "payments"

    version = NumberAttribute()
    body = tables.JsonZ(attr_name="b")


class ReversalRow(tables.Row):
    """A reversal; ``state`` stands apart, for the condition of its one change."""

    class Meta(tables.Meta):
        context = "payments"

    state = UnicodeAttribute()
    body = tables.JsonZ(attr_name="b")


class AccountRow(tables.Row):
    """A party's account at the provider; every write is conditioned on ``version``."""

    class Meta(tables.Meta):
        context = "payments"

    version = NumberAttribute()
    body = tables.JsonZ(attr_name="b")


class AccountOwnerRow(tables.Row):
    """Whose an account at the provider is."""

    class Meta(tables.Meta):
        context = "payments"

    kind = UnicodeAttribute()
    party_id = UnicodeAttribute()


def payout_key(currency: str, number: int) -> str:
    """The sort key of a statement's payout."""
    return f"PAYOUT#{currency}#{number:06d}"


def payout_ref(party: Party, currency: str, number: int) -> tables.Ref[Payout | None]:
    """Where a statement's payout is read."""
    return tables.Ref(PayoutRow, party_key(party), payout_key(currency, number), of_payout_row)


def payouts_of(party: Party, limit: int) -> list[Payout]:
    """A party's newest payouts. One request."""
    page = tables.query(PayoutRow, party_key(party), PayoutRow.sk.startswith("PAYOUT#"), limit=limit, ascending=False)
    return [payout for row in page.items if (payout := of_payout_row(row)) is not None]


def to_payout_row(payout: Payout) -> PayoutRow:
    """The item of a payout."""
    return PayoutRow(
        pk=party_key(payout.party),
        sk=payout_key(payout.currency, payout.number),
        version=payout.version,
        body=msgspec.to_builtins(payout),
    )


def of_payout_row(row: PayoutRow | None) -> Payout | None:
    """The payout in an item."""
    return None if row is None else msgspec.convert(row.body, Payout)


def reversal_ref(party: Party, order_id: str, cause: str) -> tables.Ref[Reversal | None]:
    """Where a reversal is read."""
    return tables.Ref(ReversalRow, party_key(party), f"BACK#{order_id}#{cause}", _of_reversal_row)


def to_reversal_row(reversal: Reversal) -> ReversalRow:
    """The item of a reversal."""
    return ReversalRow(
        pk=party_key(reversal.party),
        sk=f"BACK#{reversal.order_id}#{reversal.cause}",
        state=reversal.state.value,
        body=msgspec.to_builtins(reversal),
    )


def _of_reversal_row(row: ReversalRow | None) -> Reversal | None:
    return None if row is None else msgspec.convert(row.body, Reversal)


def account_ref(party: Party) -> tables.Ref[PayoutAccount | None]:
    """Where a party's account is read."""
    return tables.Ref(AccountRow, party_key(party), ACCOUNT, _of_account_row)


def to_account_row(account: PayoutAccount) -> AccountRow:
    """The item of an account."""
    return AccountRow(
        pk=party_key(account.party), sk=ACCOUNT, version=account.version, body=msgspec.to_builtins(account)
    )


def _of_account_row(row: AccountRow | None) -> PayoutAccount | None:
    return None if row is None else msgspec.convert(row.body, PayoutAccount)


def owner_key(account_id: str) -> str:
    """The partition of whose an account is."""
    return f"ACCT#{account_id}"


def owner_ref(account_id: str) -> tables.Ref[Party | None]:
    """Where it is read whose an account is."""
    return tables.Ref(AccountOwnerRow, owner_key(account_id), OWNER, _of_owner_row)


def to_owner_row(account: PayoutAccount) -> AccountOwnerRow:
    """The item that says whose an account is."""
    return AccountOwnerRow(
        pk=owner_key(account.account_id), sk=OWNER, kind=account.party.kind, party_id=account.party.id
    )


def _of_owner_row(row: AccountOwnerRow | None) -> Party | None:
    return None if row is None else msgspec.convert([row.kind, row.party_id], Party)
