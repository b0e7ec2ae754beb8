"""Double entry: what every movement of money leaves behind, for good. Amounts are minor units, debits positive.

An entry's lines add up to zero, whatever happens; so do all entries together. Balances are never kept: they are the
sums of lines.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime  # resolved at run time by msgspec
from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib.payments.model.bill import RateSum  # resolved at run time by msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

CLEARING: Final = "stripe:clearing"
PROVIDER_FEES: Final = "stripe:fees"
PLATFORM: Final = "platform:revenue"
PLATFORM_TAX: Final = "tax:platform"
PROMOTIONS: Final = "promotions"
DISPUTES: Final = "disputes"

AUTHORISED: Final = "authorised"
CAPTURED: Final = "captured"
CASH_COLLECTED: Final = "cash_collected"
SALE: Final = "sale"
RIDER_PAY: Final = "rider_pay"
RIDER_GUARANTEE: Final = "rider_guarantee"
REFUNDED: Final = "refunded"
VOIDED: Final = "voided"
TIPPED: Final = "tip"
PAID_OUT: Final = "payout"
TRANSFER_REVERSED: Final = "transfer_reversed"
CASH_NETTED: Final = "cash_netted"
ADJUSTED: Final = "adjustment"
WRITTEN_OFF: Final = "written_off"
TIP_SHARED: Final = "tip_shared"
TIP_REFUNDED: Final = "tip_refunded"


class Unbalanced(ValueError):
    """The lines of an entry don't add up to zero: a fault of the program, never of its input."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True, rename={"account": "a", "amount": "m", "about": "w"}):
    """What an entry adds to an account. ``about`` says which part of the entry it is (items, commission, …)."""

    account: str
    amount: int
    about: str = ""


class Entry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "id": "i",
        "cause": "c",
        "kind": "k",
        "at": "t",
        "currency": "y",
        "lines": "l",
        "order_id": "o",
        "store_id": "s",
        "rider_id": "r",
        "memo": "n",
        "rates": "x",
        "terms_version": "v",
    },
):
    """A movement of money. ``cause`` and ``kind`` name it among the order's (or account's): it is posted once.

    ``rates`` is what was sold (or, negative, undone) by tax rate; ``terms_version`` that of the terms which shared it
    out.
    """

    id: str
    cause: str
    kind: str
    at: datetime
    currency: str
    lines: tuple[Line, ...] = ()
    order_id: str | None = None
    store_id: str | None = None
    rider_id: str | None = None
    memo: str = ""
    rates: tuple[RateSum, ...] = ()
    terms_version: int | None = None

    def __post_init__(self) -> None:
        if sum(line.amount for line in self.lines):
            raise Unbalanced(f"{self.id}: {self.lines}")

    def on(self, account: str) -> int:
        """What it adds to an account."""
        return sum(line.amount for line in self.lines if line.account == account)

    @property
    def concerns_store(self) -> bool:
        """Whether a store's balance, or its till, changes."""
        return any(line.account in (f"store:{self.store_id}", f"cash:till:{self.store_id}") for line in self.lines)

    @property
    def concerns_rider(self) -> bool:
        """Whether a rider's balance, or their cash, changes."""
        return any(line.account in (f"rider:{self.rider_id}", f"cash:rider:{self.rider_id}") for line in self.lines)


def customer(order_id: str) -> str:
    """What a customer owes for an order."""
    return f"customer:{order_id}"


def store(store_id: str) -> str:
    """What is owed to a store."""
    return f"store:{store_id}"


def rider(rider_id: str) -> str:
    """What is owed to a rider."""
    return f"rider:{rider_id}"


def till(store_id: str) -> str:
    """The cash in a store's till that orders have put there."""
    return f"cash:till:{store_id}"


def purse(rider_id: str) -> str:
    """The cash that a rider has collected."""
    return f"cash:rider:{rider_id}"


def supplier(store_id: str) -> str:
    """What a store's suppliers are to make good."""
    return f"supplier:{store_id}"


def lines_of(*lines: tuple[str, int, str]) -> tuple[Line, ...]:
    """Lines of (account, amount, about); those of nothing are left out."""
    return tuple(Line(account, amount, about) for account, amount, about in lines if amount)


def balances(entries: Iterable[Entry]) -> dict[str, int]:
    """Each account's sum over these entries, of one currency; accounts that are even are left out."""
    sums: Counter[str] = Counter()
    for entry in entries:
        for line in entry.lines:
            sums[line.account] += line.amount
    return {account: amount for account, amount in sorted(sums.items()) if amount}


def trial_balance(entries: Iterable[Entry]) -> dict[str, int]:
    """Debits less credits by currency: zero everywhere, or an entry was lost or changed."""
    sums: dict[str, int] = {}
    for entry in entries:
        sums[entry.currency] = sums.get(entry.currency, 0) + sum(line.amount for line in entry.lines)
    return sums
