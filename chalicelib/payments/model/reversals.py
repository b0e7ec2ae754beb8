"""Taking part of a transfer back: an order was refunded for which its store, or its rider, was paid already."""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.payments.model import ledger
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.model.statements import Party


class ReversalState(StrEnum):
    """Where it stands: written down, come back, or not to be had (what is missing is a debt)."""

    PLANNED = "planned"
    MADE = "made"
    CARRIED = "carried"


class Reversal(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "party": "p",
        "currency": "y",
        "number": "n",
        "order_id": "o",
        "cause": "c",
        "amount": "m",
        "planned_at": "at",
        "state": "s",
        "ended_at": "ea",
        "reversal_id": "id",
        "failure_code": "f",
    },
):
    """What refund ``cause`` of an order takes back of the payout of statement ``number``."""

    party: Party
    currency: str
    number: int
    order_id: str
    cause: str
    amount: int
    planned_at: datetime
    state: ReversalState = ReversalState.PLANNED
    ended_at: datetime | None = None
    reversal_id: str | None = None
    failure_code: str | None = None

    @property
    def name(self) -> str:
        """What the provider knows it by."""
        return f"{self.order_id}:{self.cause}"

    def made(self, reversal_id: str, at: datetime) -> Reversal:
        """The money is back."""
        return replace(self, state=ReversalState.MADE, reversal_id=reversal_id, ended_at=at)

    def carried(self, failure_code: str, at: datetime) -> Reversal:
        """The account has not got it any more: the party's next statement begins with the debt."""
        return replace(self, state=ReversalState.CARRIED, failure_code=failure_code, ended_at=at)


def debt_of(party: Party, refund: Entry) -> int:
    """What a refund leaves the party owing, in minor units: nothing where the cash came out of its own hands."""
    return max(0, refund.on(party.payable) + refund.on(party.cash))


def leaves_debt(entry: Entry) -> bool:
    """Whether an entry undoes part of a sale at the expense of its store or its rider."""
    return entry.kind == ledger.REFUNDED and any(debt_of(party, entry) for party in parties_of(entry))


def parties_of(entry: Entry) -> list[Party]:
    """The store and the rider whom an entry concerns."""
    found = []
    if entry.store_id and entry.concerns_store:
        found.append(Party("store", entry.store_id))
    if entry.rider_id and entry.concerns_rider:
        found.append(Party("rider", entry.rider_id))
    return found


def taken_back(reversal: Reversal, at: datetime) -> Entry:
    """The reversal in the ledger: the mirror image of part of the transfer."""
    party, cause = reversal.party, f"{reversal.cause}:{reversal.party.kind}"
    return Entry(
        id=f"{reversal.order_id}:{cause}:{ledger.TRANSFER_REVERSED}",
        cause=cause,
        kind=ledger.TRANSFER_REVERSED,
        at=at,
        currency=reversal.currency,
        lines=lines_of((ledger.CLEARING, reversal.amount, "payout"), (party.payable, -reversal.amount, "payout")),
        order_id=reversal.order_id,
        store_id=party.id if party.kind == "store" else None,
        rider_id=party.id if party.kind == "rider" else None,
        memo=reversal.reversal_id or "",
    )
