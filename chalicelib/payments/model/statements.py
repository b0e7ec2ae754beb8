"""Statements: what a store or a rider got and gave in a period, made of the ledger's lines and of nothing else.

Amounts are minor units and have the sign of the party's purse: what is positive is in its favour. Its balance is what
the platform owes it, less the platform's cash that it holds.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime  # resolved at run time by msgspec
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from chalicelib.payments.model import ledger
from chalicelib.payments.model.bill import RateSum
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.model.periods import Period
from chalicelib.payments.model.reconciliation import FEE

if TYPE_CHECKING:
    from collections.abc import Iterable

STORE: Final = "store"
RIDER: Final = "rider"
PartyKind = Literal["store", "rider"]

# A statement's lines are kept in documents of so many, far below what an item may hold.
LINES_IN_A_CHUNK: Final = 500

_OF_A_SALE = {
    "items": "sale",
    "items_tax": "tax",
    "fees": "fee",
    "fees_tax": "tax",
    "tip": "tip",
    "tip_apart": "tip",
    "commission": "commission",
    "commission_tax": "commission_tax",
}
_OF_AN_ENTRY = {
    ledger.RIDER_PAY: "rider_pay",
    ledger.RIDER_GUARANTEE: "rider_guarantee",
    ledger.TIPPED: "tip",
    ledger.CASH_COLLECTED: "cash_collected",
    ledger.CASH_NETTED: "cash_netted",
    ledger.PAID_OUT: "payout",
    ledger.TRANSFER_REVERSED: "payout_reversed",
    FEE: "provider_fee",
}
KINDS: Final = (
    "sale",
    "tax",
    "fee",
    "tip",
    "commission",
    "commission_tax",
    "rider_pay",
    "rider_guarantee",
    "refund",
    "commission_refund",
    "cash_collected",
    "cash_refunded",
    "cash_netted",
    "payout",
    "payout_reversed",
    "credit",
    "provider_fee",
    "dispute",
    "adjustment",
)


class Party(msgspec.Struct, frozen=True, array_like=True):
    """Whom a statement is for."""

    kind: PartyKind
    id: str

    @property
    def payable(self) -> str:
        """The account of what the platform owes it."""
        return ledger.store(self.id) if self.kind == STORE else ledger.rider(self.id)

    @property
    def cash(self) -> str:
        """The account of the platform's cash that it holds."""
        return ledger.till(self.id) if self.kind == STORE else ledger.purse(self.id)


def party_of(kind: str, party_id: str) -> Party:
    """A party by the words that events carry."""
    return msgspec.convert([kind, party_id], Party)


class StatementLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "entry_id": "e",
        "at": "t",
        "kind": "k",
        "amount": "m",
        "order_id": "o",
        "terms_version": "v",
        "memo": "n",
    },
):
    """What an entry of the ledger did to the party's balance, by kind. ``terms_version``: of the order's terms."""

    entry_id: str
    at: datetime
    kind: str
    amount: int
    order_id: str | None = None
    terms_version: int | None = None
    memo: str = ""


class Statement(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "party": "p",
        "currency": "y",
        "number": "n",
        "since": "f",
        "until": "u",
        "zone": "z",
        "period": "r",
        "closed_at": "at",
        "opening": "o",
        "closing": "c",
        "owed": "w",
        "cash": "h",
        "totals": "t",
        "rates": "x",
        "chunks": "d",
        "lines": "l",
        "frozen": "fr",
        "in_flight": "if",
        "to_pay": "tp",
    },
):
    """A closed period. ``opening`` and the lines' ``totals`` add up to ``closing``.

    Of that, ``frozen`` waits for a dispute's end and ``in_flight`` is on its way by an earlier payout; ``to_pay`` is
    paid out, and the rest is carried to the next statement. ``owed`` and ``cash`` are what the closing balance
    consists of. ``chunks`` name the documents of its lines, by what is in them.
    """

    party: Party
    currency: str
    number: int
    since: datetime
    until: datetime
    zone: str
    period: Period
    closed_at: datetime
    opening: int
    closing: int
    owed: int
    cash: int
    totals: dict[str, int]
    rates: tuple[RateSum, ...] = ()
    chunks: tuple[str, ...] = ()
    lines: int = 0
    frozen: int = 0
    in_flight: int = 0
    to_pay: int = 0

    @property
    def id(self) -> str:
        """Its name among the party's: currency and number."""
        return name_of(self.currency, self.number)

    @property
    def carried(self) -> int:
        """What the next statement begins with and is not about to be paid: the debt, or what waits."""
        return self.closing - self.to_pay - self.in_flight


def name_of(currency: str, number: int) -> str:
    """``EUR-7``: the seventh statement in euros."""
    return f"{currency}-{number}"


def split_name(name: str) -> tuple[str, int] | None:
    """Currency and number of a statement's name; None where it is none."""
    currency, _, number = name.partition("-")
    if len(currency) != 3 or not (number.isascii() and number.isdigit()) or len(number) > 6 or not int(number):
        return None
    return currency, int(number)


def lines_for(party: Party, entry: Entry) -> list[StatementLine]:
    """The lines that an entry makes on the party's statement; none where it changes its balance by nothing."""
    sums: Counter[str] = Counter()
    for line in entry.lines:
        if line.account in (party.payable, party.cash):
            sums[_kind(party, entry, line)] -= line.amount
    return [
        StatementLine(
            entry_id=entry.id,
            at=entry.at,
            kind=kind,
            amount=amount,
            order_id=entry.order_id,
            terms_version=entry.terms_version,
            memo=entry.memo,
        )
        for kind, amount in sums.items()
        if amount
    ]


def totals_of(lines: Iterable[StatementLine]) -> dict[str, int]:
    """The sum of each kind, in the order in which a statement shows them; kinds without a line are left out."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line.kind] += line.amount
    return {kind: sums[kind] for kind in KINDS if kind in sums}


def rates_of(party: Party, entries: Iterable[Entry]) -> tuple[RateSum, ...]:
    """What a store sold, less what was given back, by tax rate. A rider sells nothing."""
    if party.kind != STORE:
        return ()
    sums: dict[int, RateSum] = {}
    for entry in entries:
        for each in entry.rates:
            before = sums.get(each.rate_bps, RateSum(each.rate_bps, 0, 0))
            sums[each.rate_bps] = RateSum(each.rate_bps, before.gross + each.gross, before.tax + each.tax)
    return tuple(sums[rate] for rate in sorted(sums))


def cash_to_net(party: Party, owed: int, cash: int, entry: Entry) -> Entry | None:
    """What the party keeps of the cash that it holds for what it is owed: ``entry`` with the lines of that.

    ``owed`` and ``cash`` are minor units, positive where the party is owed and where it holds cash.
    """
    kept = min(owed, cash)
    if kept <= 0:
        return None
    lines = lines_of((party.payable, kept, "cash"), (party.cash, -kept, "cash"))
    return msgspec.structs.replace(entry, lines=lines)


def _kind(party: Party, entry: Entry, line: ledger.Line) -> str:
    if entry.kind == ledger.REFUNDED:
        if line.account == party.cash:
            return "cash_refunded"
        return "commission_refund" if line.about in ("commission", "commission_tax") else "refund"
    if entry.kind == ledger.SALE:
        return _OF_A_SALE.get(line.about, "adjustment")
    if entry.kind.startswith("credit_"):
        return "credit"
    if entry.kind.startswith("dispute"):
        return "dispute"
    if line.about == "rider_pay":  # for a second way, say
        return "rider_pay"
    return _OF_AN_ENTRY.get(entry.kind, "adjustment")
