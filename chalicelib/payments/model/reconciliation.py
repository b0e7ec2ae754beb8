"""Stripe's books beside ours: which line of its balance is which entry of the ledger, and what is left over.

Amounts are minor units; what comes into the balance is positive, in Stripe's lines as on ``stripe:clearing``.
"""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib.payments.model import ledger
from chalicelib.payments.model.ledger import CLEARING, Entry, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BANK: Final = "bank"
FEE: Final = "provider_fee"
BANK_PAYOUT: Final = "bank_payout"

# What moves between Stripe and the platform's bank, or is Stripe's own price: nobody here enters it before.
_OURS_TO_ENTER: Final[Mapping[str, str]] = {
    "payout": BANK,
    "payout_reversal": BANK,
    "topup": BANK,
    "topup_reversal": BANK,
    "fee": ledger.PROVIDER_FEES,
}


class BalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A balance transaction. ``category`` is Stripe's reporting category, ``source`` what it is about."""

    id: str
    category: str
    amount: int
    fee: int
    currency: str
    created: int
    source: str = ""
    order_id: str | None = None

    @property
    def net(self) -> int:
        """What it does to the balance."""
        return self.amount - self.fee


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in one of the two books and not in the other, under the id that it has there."""

    id: str
    side: str  # "stripe" or "ledger"
    amount: int
    currency: str
    what: str
    source: str = ""
    order_id: str | None = None
    entry_pk: str = ""
    seen_on: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A day's reconciliation. Maps are by currency; ``by_category`` is what Stripe's lines moved, by category, then so.

    ``stripe_balance`` is what Stripe holds for the platform, pending and available, ``ledger_balance`` what the ledger
    says it does, both when the report was made.
    """

    day: str
    made_at: datetime
    lines: int
    matched: int
    entries: int
    fees: dict[str, int]
    by_category: dict[str, dict[str, int]]
    stripe_balance: dict[str, int]
    ledger_balance: dict[str, int]
    differences: list[Difference]
    differences_left_out: int = 0

    @property
    def is_even(self) -> bool:
        """Whether both books say the same."""
        return not self.differences and self.stripe_balance == self.ledger_balance


def pair(
    lines: Iterable[BalanceLine], entries: Iterable[Entry], taken: frozenset[str]
) -> tuple[dict[str, list[str]], list[BalanceLine]]:
    """Which entries (by id) each of an order's lines is, and the lines that are none.

    Entries that are ``taken`` by other lines, and fees, are none. One that tells the line's source goes first, then one
    of the same amount; lines that only together are what entries say together are those.
    """
    free = [entry for entry in entries if entry.id not in taken and entry.kind != FEE and entry.on(CLEARING)]
    found: dict[str, list[str]] = {}
    left: list[BalanceLine] = []
    for line in lines:
        same = [one for one in free if one.on(CLEARING) == line.amount and one.currency == line.currency]
        named = [one for one in same if line.source and line.source in (one.memo, one.cause)]
        match = next(iter(named or same), None)
        if match is None:
            left.append(line)
        else:
            free.remove(match)
            found[line.id] = [match.id]
    together = [one for one in free if any(one.currency == line.currency for line in left)]
    if left and together and sum(line.amount for line in left) == sum(one.on(CLEARING) for one in together):
        found |= {line.id: [one.id for one in together] for line in left}
        left = []
    return found, left


def own_entry(line: BalanceLine, at: datetime) -> Entry | None:
    """The entry of a line that only Stripe tells of: what went to the bank or came from it, and Stripe's own price."""
    account = _OURS_TO_ENTER.get(line.category)
    if account is None or not line.amount:
        return None
    return Entry(
        id=f"{line.id}:{BANK_PAYOUT}",
        cause=line.id,
        kind=BANK_PAYOUT if account == BANK else FEE,
        at=at,
        currency=line.currency,
        lines=lines_of((account, -line.amount, line.category), (CLEARING, line.amount, line.category)),
        memo=line.source,
    )


def fee_entry(line: BalanceLine, store_id: str | None, *, by_store: bool, at: datetime) -> Entry | None:
    """What Stripe took for a line: borne by the store whose order it is, or by the platform."""
    if not line.fee:
        return None
    bearer = ledger.store(store_id) if by_store and store_id else ledger.PROVIDER_FEES
    return Entry(
        id=f"{line.id}:{FEE}",
        cause=line.id,
        kind=FEE,
        at=at,
        currency=line.currency,
        lines=lines_of((bearer, line.fee, FEE), (CLEARING, -line.fee, FEE)),
        order_id=line.order_id,
        store_id=store_id,
        memo=line.source,
    )


def added(sums: dict[str, int], currency: str, amount: int) -> dict[str, int]:
    """Sums by currency with one more amount."""
    return {**sums, currency: sums.get(currency, 0) + amount}


def totals(*parts: Mapping[str, int]) -> dict[str, int]:
    """Sums by currency added up; currencies without anything are left out."""
    summed: dict[str, int] = {}
    for part in parts:
        for currency, amount in part.items():
            summed[currency] = summed.get(currency, 0) + amount
    return {currency: amount for currency, amount in sorted(summed.items()) if amount}
