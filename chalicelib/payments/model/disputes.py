"""A customer's bank takes a payment back: what that means while it is open, and who bears it in the end.

withdrawn   Dr disputes   Cr stripe:clearing    the store's share waits
won         Dr stripe:clearing   Cr disputes
lost        Dr store, or platform   Cr disputes
"""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from chalicelib.payments.model import ledger
from chalicelib.payments.model.ledger import Entry, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN: Final = frozenset(("needs_response", "under_review", "warning_needs_response", "warning_under_review"))
WON: Final = "won"
LOST: Final = "lost"

DISPUTE: Final = "dispute"
DISPUTE_WON: Final = "dispute_won"
DISPUTE_LOST: Final = "dispute_lost"


class Dispute(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "id": "i",
        "status": "st",
        "reason": "r",
        "amount": "m",
        "currency": "c",
        "order_id": "o",
        "store_id": "s",
        "intent_id": "pi",
        "borne_by": "b",
        "withdrawn": "w",
        "reinstated": "re",
        "opened_at": "at",
        "closed_at": "end",
        "version": "v",
    },
):
    """A dispute as it was last seen; ``withdrawn`` and ``reinstated`` are what has left Stripe's balance and come back.

    ``store_id`` is empty where nobody here knows the payment: then the platform bears it.
    """

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    order_id: str | None = None
    store_id: str = ""
    intent_id: str | None = None
    borne_by: Literal["store", "platform"] = "platform"
    withdrawn: int = 0
    reinstated: int = 0
    opened_at: datetime
    closed_at: datetime | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether the bank has not decided."""
        return self.status in OPEN

    @property
    def frozen(self) -> int:
        """What of the store's balance waits for the bank's decision."""
        return self.withdrawn - self.reinstated if self.is_open and self.borne_by == "store" else 0


def entries_of(before: Dispute | None, after: Dispute, at: datetime) -> Iterator[Entry]:
    """What the ledger is to say of a dispute that was seen like ``before``, if it was, and now is like ``after``."""
    taken, given = (before.withdrawn, before.reinstated) if before else (0, 0)
    if after.withdrawn > taken:
        yield _entry(after, DISPUTE, at, (ledger.DISPUTES, ledger.CLEARING), after.withdrawn - taken)
    if after.reinstated > given:
        yield _entry(after, DISPUTE_WON, at, (ledger.CLEARING, ledger.DISPUTES), after.reinstated - given)
    was_lost = before is not None and before.status == LOST
    cost = after.withdrawn - after.reinstated
    if after.status == LOST and not was_lost and cost:
        bearer = ledger.store(after.store_id) if after.borne_by == "store" else ledger.PLATFORM
        yield _entry(after, DISPUTE_LOST, at, (bearer, ledger.DISPUTES), cost)


def _entry(dispute: Dispute, kind: str, at: datetime, accounts: tuple[str, str], amount: int) -> Entry:
    debit, credit = accounts
    # What is withdrawn, or comes back, in several steps is entered in as many.
    whole = (dispute.withdrawn, dispute.reinstated, dispute.withdrawn - dispute.reinstated)
    cause = f"dispute:{dispute.id}" if amount in whole else f"dispute:{dispute.id}:{dispute.version}"
    return Entry(
        id=f"{dispute.order_id or dispute.id}:{cause}:{kind}",
        cause=cause,
        kind=kind,
        at=at,
        currency=dispute.currency,
        lines=lines_of((debit, amount, DISPUTE), (credit, -amount, DISPUTE)),
        order_id=dispute.order_id,
        store_id=dispute.store_id or None,
        memo=dispute.id,
    )
