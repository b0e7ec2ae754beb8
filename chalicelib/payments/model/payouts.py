"""Payouts: what a closed statement leaves a party is transferred to its account at the provider, once.

    planned ──► sending ──► sent ──► paid
       │  ▲        │          ├────► failed (the bank sent it back, perhaps after it seemed paid) ──► paid
       │  └────────┤          └────► reversed
       ▼           ▼
    carried ◄── failed (refused for good: nothing moved)

``sending`` is written before the provider is asked: from then on the money may have moved, whatever comes back, and
only the provider's word ends it. What has not moved is carried by the next statement, and only that.
"""

from __future__ import annotations

from datetime import datetime, timedelta  # datetime is resolved at run time by msgspec
from enum import StrEnum
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.money import exponent
from chalicelib.payments.model import ledger
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.model.statements import Party, name_of

# A transfer is asked for again after so long, doubled each time, up to a day.
_FIRST_PAUSE: Final = timedelta(minutes=15)
_LONGEST_PAUSE: Final = timedelta(days=1)
# How often, and for how long, the provider is asked whether the bank has the money.
FOLLOW_EVERY: Final = timedelta(days=1)
FOLLOW_FOR: Final = timedelta(days=14)

Waiting = Literal["account_not_ready", "insufficient_balance"]


class PayoutState(StrEnum):
    """Where a payout stands."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    PAID = "paid"
    FAILED = "failed"
    REVERSED = "reversed"
    CARRIED = "carried"


class Payout(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "party": "p",
        "currency": "y",
        "number": "n",
        "amount": "m",
        "planned_at": "at",
        "state": "s",
        "version": "v",
        "attempt": "a",
        "waits_for": "w",
        "next_try_at": "t",
        "account_id": "ac",
        "transfer_id": "tr",
        "sent_at": "sa",
        "ended_at": "ea",
        "bank_payout_id": "po",
        "failure_code": "f",
        "reversed": "r",
        "reversing": "rp",
    },
):
    """What statement ``number`` pays out. ``attempt`` counts the provider's refusals; each next try is another call.

    ``reversed`` has come back for orders that were refunded, ``reversing`` is about to.
    """

    party: Party
    currency: str
    number: int
    amount: int
    planned_at: datetime
    state: PayoutState = PayoutState.PLANNED
    version: int = 1
    attempt: int = 0
    waits_for: Waiting | None = None
    next_try_at: datetime | None = None
    account_id: str | None = None
    transfer_id: str | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    bank_payout_id: str | None = None
    failure_code: str | None = None
    reversed: int = 0
    reversing: int = 0

    @property
    def statement(self) -> str:
        """The name of its statement."""
        return name_of(self.currency, self.number)

    @property
    def group(self) -> str:
        """What the provider knows it by: its transfer's group, and the stem of the transfer's idempotency keys."""
        return f"{self.party.kind}:{self.party.id}:{self.statement}"

    @property
    def has_moved(self) -> bool:
        """Whether the money left the platform."""
        return self.transfer_id is not None

    @property
    def may_have_moved(self) -> bool:
        """Whether only the provider knows."""
        return self.state is PayoutState.SENDING

    @property
    def reversible(self) -> int:
        """What is left of the transfer."""
        return self.amount - self.reversed - self.reversing if self.has_moved else 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done or asked."""
        return self.state in (PayoutState.PAID, PayoutState.REVERSED, PayoutState.CARRIED)

    def waiting(self, reason: Waiting, at: datetime) -> Payout:
        """Not now: again after a pause. What the provider refused is asked for anew, as another attempt."""
        asked = self.state is PayoutState.SENDING
        pause = min(_FIRST_PAUSE * 2 ** min(self.attempt, 10), _LONGEST_PAUSE) if asked else _LONGEST_PAUSE
        return self._to(
            PayoutState.PLANNED, waits_for=reason, next_try_at=at + pause, attempt=self.attempt + int(asked)
        )

    def asked_anew(self, at: datetime) -> Payout:
        """The provider keeps failing under this attempt's keys; whether money moved is asked again, and then anew."""
        return self._to(PayoutState.SENDING, attempt=self.attempt + 1, next_try_at=at + _FIRST_PAUSE)

    def sending(self, account_id: str) -> Payout:
        """About to be asked for."""
        return self._to(PayoutState.SENDING, account_id=account_id, waits_for=None, next_try_at=None)

    def sent(self, transfer_id: str, at: datetime) -> Payout:
        """The money has left for the party's account."""
        return self._to(PayoutState.SENT, transfer_id=transfer_id, sent_at=at, next_try_at=at + FOLLOW_EVERY)

    def refused(self, code: str, at: datetime) -> Payout:
        """The provider will not do it: nothing moved, and the amount is carried."""
        return self._to(PayoutState.FAILED, failure_code=code, ended_at=at, attempt=self.attempt + 1)

    def carried(self, at: datetime) -> Payout:
        """The next statement has taken the amount over."""
        return self._to(PayoutState.CARRIED, ended_at=at, next_try_at=None)

    def planned_again(self) -> Payout:
        """A person wants it tried at once."""
        return self._to(PayoutState.PLANNED, waits_for=None, next_try_at=None, failure_code=None, ended_at=None)

    def followed(self, bank: BankNews, at: datetime) -> Payout:
        """After the provider was asked what became of the money. The very same payout where that is not decided."""
        if bank.reversed >= self.amount and self.state is not PayoutState.REVERSED:
            return self._to(PayoutState.REVERSED, ended_at=at, next_try_at=None)
        if bank.status == "paid" and self.state is not PayoutState.PAID:
            changes = {"bank_payout_id": bank.payout_id, "failure_code": None}
            return self._to(PayoutState.PAID, ended_at=at, next_try_at=None, **changes)
        if bank.status in ("failed", "canceled") and self.state is not PayoutState.FAILED:
            changes = {"bank_payout_id": bank.payout_id, "failure_code": bank.failure_code or bank.status}
            return self._to(PayoutState.FAILED, next_try_at=self._next_look(at), **changes)
        return self

    def looked_at(self, at: datetime) -> Payout:
        """Nothing new: when to ask again."""
        return self._to(self.state, next_try_at=self._next_look(at))

    def reversal_begun(self, amount: int) -> Payout:
        """Part of the transfer is to come back."""
        return self._to(self.state, reversing=self.reversing + amount)

    def reversal_ended(self, amount: int, given_back: int, at: datetime) -> Payout:
        """It has come back, or (0) it has not."""
        done = self.reversed + given_back
        after = self._to(self.state, reversing=self.reversing - amount, reversed=done)
        return replace(after, state=PayoutState.REVERSED, ended_at=at) if done == self.amount else after

    def _next_look(self, at: datetime) -> datetime | None:
        begun = self.sent_at or self.planned_at
        return at + FOLLOW_EVERY if at < begun + FOLLOW_FOR else None

    def _to(self, state: PayoutState, **changes: object) -> Payout:
        return replace(self, state=state, version=self.version + 1, **changes)


class BankNews(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says became of a transfer: how much came back, and the bank's part, if it has one yet."""

    reversed: int = 0
    payout_id: str | None = None
    status: str | None = None
    failure_code: str | None = None


def payable(amount: int, currency: str) -> int:
    """What of a balance (minor units) can be paid out: nothing below one whole unit of the currency.

    Of currencies with three decimals banks move hundredths (docs.stripe.com/currencies#three-decimal).
    """
    digits = exponent(currency)
    unit: int = 10**digits
    if amount < unit:
        return 0
    return amount - amount % 10 if digits == 3 else amount


def paid_out(payout: Payout, at: datetime) -> Entry:
    """The transfer in the ledger."""
    return entry_for(
        payout.party,
        payout.currency,
        cause=f"payout:{payout.statement}",
        kind=ledger.PAID_OUT,
        at=at,
        lines=lines_of((payout.party.payable, payout.amount, "payout"), (ledger.CLEARING, -payout.amount, "payout")),
        memo=payout.transfer_id or "",
    )


def entry_for(
    party: Party,
    currency: str,
    *,
    cause: str,
    kind: str,
    at: datetime,
    lines: tuple[ledger.Line, ...] = (),
    memo: str = "",
) -> Entry:
    """An entry that concerns a party and no order."""
    return Entry(
        id=f"{party.payable}:{cause}:{kind}",
        cause=cause,
        kind=kind,
        at=at,
        currency=currency,
        lines=lines,
        store_id=party.id if party.kind == "store" else None,
        rider_id=party.id if party.kind == "rider" else None,
        memo=memo,
    )
