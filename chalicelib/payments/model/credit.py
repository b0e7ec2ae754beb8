"""Gift cards and store credit: codes, balances, holds, and how an order's total is split among tenders.

A credit is one balance in one currency: ``available`` can be spent, ``held`` is set aside for orders under way. A hold
outlives the credit's expiry until its order ends. Amounts are minor units.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence  # resolved at run time by msgspec
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import msgspec

from chalicelib.kernel.errors import Violation
from chalicelib.kernel.money import allocate

# Thirty-one symbols that nobody mistakes for one another; a prime number of them, for the check symbol.
_SYMBOLS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 16  # fifteen drawn (74 bits) and the check symbol
_GROUP = 4
_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 26

MAX_WRONG_CODES = 10
WRONG_CODES_WINDOW = timedelta(hours=1)

BREAKAGE = "platform:breakage"
PROMOTIONS = "promotions"
# Who paid for a credit gets back what of it was never spent; where money changed hands for it, nobody does.
_TAKE_BACK = ("store:", PROMOTIONS)


class Kind(StrEnum):
    """What a credit is: a card that whoever has the code spends, or a customer's own balance."""

    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"


class State(StrEnum):
    """Whether a credit can be spent."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


MovementKind = Literal["issued", "held", "redeemed", "released", "refunded", "expired", "revoked"]

ISSUED: Final = "issued"
HELD: Final = "held"
REDEEMED: Final = "redeemed"
RELEASED: Final = "released"
REFUNDED: Final = "refunded"
EXPIRED: Final = "expired"
REVOKED: Final = "revoked"


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A balance. ``merchant_id`` bounds where it is taken (None: everywhere); ``expires_at`` None is never."""

    id: str
    kind: Kind
    currency: str
    available: int = 0
    held: int = 0
    state: State = State.ACTIVE
    expires_at: datetime | None = None
    merchant_id: str | None = None

    @property
    def account(self) -> str:
        """The account of the ledger on which it is owed to whoever will spend it."""
        return account_of(self.id)

    def spendable(self, now: datetime) -> int:
        """What can be set aside for an order now."""
        return self.available if self.state is State.ACTIVE and not self.is_past(now) else 0

    def is_past(self, now: datetime) -> bool:
        """Whether its time is over, posted or not."""
        return self.expires_at is not None and now >= self.expires_at


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a credit's history. ``amount`` is what the step moved; a hold is one line that changes its ``kind``."""

    id: str
    kind: MovementKind
    amount: int
    at: datetime
    order_id: str | None = None
    funded_by: str | None = None
    reason: str | None = None
    by: str | None = None


class CreditPart(msgspec.Struct, frozen=True, array_like=True):
    """What one credit gives towards an order."""

    credit_id: str
    kind: Kind
    amount: int


def account_of(credit_id: str) -> str:
    """The account of the ledger of a credit."""
    return f"credit:{credit_id}"


def store_credit_id(customer_id: str) -> str:
    """A customer's own credit, in every currency."""
    return f"cus:{customer_id}"


def kind_of(credit_id: str) -> Kind:
    """What a credit is, by its id."""
    return Kind.GIFT_CARD if credit_id.startswith("gft_") else Kind.STORE_CREDIT


# --- codes ------------------------------------------------------------------------------------------------------------


def new_code(draw: Callable[[int], int]) -> str:
    """A fresh code; ``draw(n)`` gives an unguessable number below n."""
    drawn = [draw(len(_SYMBOLS)) for _ in range(_LENGTH - 1)]
    # The weighted sum of all symbols is a multiple of 31: one wrong symbol, or two neighbours swapped, breaks it.
    return "".join(_SYMBOLS[value] for value in (*drawn, -_weighed(drawn) * pow(_LENGTH, -1, 31) % 31))


def _weighed(values: Sequence[int]) -> int:
    return sum(weight * value for weight, value in enumerate(values, start=1))


def read_code(typed: str) -> str | None:
    """The code behind what somebody typed, in any case, with blanks or dashes; None for what can't be one."""
    code = typed.upper().replace(" ", "").replace("-", "")
    if len(code) != _LENGTH or any(symbol not in _SYMBOLS for symbol in code):
        return None
    return code if _weighed([_SYMBOLS.index(symbol) for symbol in code]) % 31 == 0 else None


def printed(code: str) -> str:
    """The code as it is shown: four groups of four."""
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def card_id(code: str, secret: str) -> str:
    """The id of the card with this code: a keyed hash, which finds the card and does not tell the code."""
    digest = hmac.new(secret.encode(), code.encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest, "big") >> (256 - 5 * _ID_LENGTH)
    return "gft_" + "".join(_ID_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_ID_LENGTH)))


# --- tenders ----------------------------------------------------------------------------------------------------------


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A credit that the customer wants to pay with: so much of it, or (None) as much as is there and is needed."""

    pointer: str
    kind: Kind
    credit: Credit | None
    amount: int | None = None


class Till(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid, in what, to whose store, and when."""

    total: int
    currency: str
    merchant_id: str
    now: datetime


def apply(till: Till, wanted: Sequence[Wanted]) -> tuple[tuple[CreditPart, ...], list[Violation]]:
    """What each credit gives, in the order in which they were named, and everything that is wrong with them."""
    parts: list[CreditPart] = []
    violations: list[Violation] = []
    rest = till.total
    for want in wanted:
        fault = _fault(till, want, rest)
        if fault is not None:
            violations.append(fault)
            continue
        credit = want.credit
        if credit is None or any(part.credit_id == credit.id for part in parts):
            violations.append(Violation("tender_repeated", want.pointer, "Name each tender once."))
            continue
        amount = min(rest, credit.spendable(till.now)) if want.amount is None else want.amount
        if amount:
            parts.append(CreditPart(credit.id, credit.kind, amount))
            rest -= amount
    return tuple(parts), violations


def _fault(till: Till, want: Wanted, rest: int) -> Violation | None:
    credit, pointer = want.credit, want.pointer
    if credit is None and want.kind is Kind.GIFT_CARD:
        return Violation("gift_card_not_found", f"{pointer}/code", "There is no such gift card.")
    if credit is not None and credit.currency != till.currency:
        detail = f"It is in {credit.currency}, and the order in {till.currency}."
        return Violation("currency_mismatch", pointer, detail, {"currency": till.currency})
    if credit is not None and credit.merchant_id not in (None, till.merchant_id):
        return Violation("gift_card_not_valid_here", pointer, "This card is for the stores of another merchant.")
    if credit is not None and (credit.state is not State.ACTIVE or credit.is_past(till.now)):
        return Violation("credit_expired", pointer, "This credit has ended.")
    spendable = credit.spendable(till.now) if credit is not None else 0
    if spendable < (want.amount or 1):
        params = {"available": spendable}
        return Violation("insufficient_credit", pointer, f"Only {spendable} is left of it.", params)
    if want.amount is not None and want.amount > rest:
        detail = "The tenders before it leave less to pay than this."
        return Violation("tender_too_large", f"{pointer}/amount", detail, {"left_to_pay": rest})
    return None


def taken(parts: Sequence[CreditPart], due: int) -> tuple[CreditPart, ...]:
    """What of its holds an order takes when only ``due`` of its total is charged.

    Credit goes first, in its order, so that what is not charged stays on the card.
    """
    left = due
    told = []
    for part in parts:
        amount = min(part.amount, left)
        left -= amount
        told.append(CreditPart(part.credit_id, part.kind, amount))
    return tuple(told)


def give_back(
    parts: Sequence[CreditPart], *, captured: int, refunded: int, amount: int
) -> tuple[int, tuple[CreditPart, ...]]:
    """How a refund of ``amount`` is split: what the card gets back, and what each credit.

    The card first, up to what it paid, then the credits, the last first; ``parts`` are what was taken of each,
    ``captured`` and ``refunded`` are totals over all tenders. Any series of refunds gives every tender what it paid.
    """
    if not 0 <= amount <= captured - refunded:
        raise ValueError("more than was captured")
    paid = [captured - sum(part.amount for part in parts), *(part.amount for part in reversed(parts))]
    before, after = _filled(paid, refunded), _filled(paid, refunded + amount)
    shares = [later - sooner for sooner, later in zip(before, after, strict=True)]
    to_credits = [
        CreditPart(part.credit_id, part.kind, share)
        for part, share in zip(reversed(parts), shares[1:], strict=True)
        if share
    ]
    return shares[0], tuple(to_credits)


def _filled(vessels: Sequence[int], amount: int) -> list[int]:
    told = []
    for vessel in vessels:
        told.append(min(vessel, amount))
        amount -= told[-1]
    return told


# --- what is left at the end ------------------------------------------------------------------------------------------


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two expiries, of which never is the latest."""
    return None if one is None or other is None else max(one, other)


def written_off(rest: int, funding: Mapping[str, int]) -> dict[str, int]:
    """Who gets what of a credit was never spent: those who paid for it, in proportion, to the unit.

    Where money changed hands for it, that share is the platform's breakage.
    """
    accounts = list(funding)
    if not accounts:
        return {BREAKAGE: rest}
    told: dict[str, int] = {}
    for account, share in zip(accounts, allocate(rest, [funding[name] for name in accounts]), strict=True):
        taker = account if account.startswith(_TAKE_BACK) else BREAKAGE
        if share:
            told[taker] = told.get(taker, 0) + share
    return told
