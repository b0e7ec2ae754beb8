"""Forgetting a customer: a job that waits, checks that nothing is open, and takes the person out order by order.

    waiting ──▶ checking ──▶ orders ──▶ own ──▶ account ──▶ erased
       │  ▲         │
       │  └─────────┘  something is open: look again tomorrow
       ▼
    (withdrawn: no job)

Until ``orders`` begins it can be taken back; from the request on nothing can be ordered.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.ordering.model.claim import ClaimState
from chalicelib.ordering.model.order import CUSTOMER, ENDED, Actor, Entry, Order, Status
from chalicelib.ordering.model.quote import Destination, Quote

# What an admin asks for at once still waits until every request that was under way, and every quote, has ended.
AT_ONCE: Final = timedelta(minutes=30)
LOOK_AGAIN: Final = timedelta(days=1)
PAUSE: Final = timedelta(seconds=2)
# A token outlives its account by an hour: as long as that, and longer, the job says that nothing can be ordered.
KEPT_AS_PROOF: Final = timedelta(days=3 * 365)
_WAITS_SHOWN: Final = 10
# Why staff handed an order over without its code, and what they answered to a claim.
_IN_FREE_WORDS: Final = frozenset((Status.HANDED_OVER, f"claim_{ClaimState.REJECTED}"))
_WORD: Final = re.compile(r"[a-z0-9_:]{1,40}\Z")  # of the machine's own
_COARSE: Final = 2


class Phase(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    CHECKING = "checking"
    ORDERS = "orders"
    OWN = "own"
    ACCOUNT = "account"
    ERASED = "erased"


REVOCABLE: Final = frozenset((Phase.WAITING, Phase.CHECKING))


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The job of forgetting one customer. ``id`` is a digest of theirs: whoever knows theirs finds it, nobody else.

    ``customer_id`` and ``pseudonym``, under which the orders stay, are known only as long as the job needs them.
    ``step`` counts its steps, ``after`` is where checking goes on, ``waits_for`` the open orders that hold it up.
    ``account_kept``: the person works here as well, and signs in for that.
    """

    id: str
    phase: Phase
    requested_at: datetime
    due_at: datetime
    requested_by: str
    customer_id: str = ""
    pseudonym: str = ""
    step: int = 0
    after: str = ""
    orders: int = 0
    waits_for: tuple[str, ...] = ()
    account_kept: bool = False
    erased_at: datetime | None = None

    @property
    def can_be_withdrawn(self) -> bool:
        """Whether nothing has been erased yet."""
        return self.phase in REVOCABLE

    @property
    def forbids_orders(self) -> bool:
        """Whether its customer can order nothing: it is on its way, or the account is gone."""
        return self.phase is not Phase.ERASED or not self.account_kept

    def stepped(self, phase: Phase, **changes: object) -> Erasure:
        """The job one step further."""
        return replace(self, phase=phase, step=self.step + 1, **changes)

    def held_up(self, open_orders: tuple[str, ...], at: datetime) -> Erasure:
        """The job after it found orders that have not ended."""
        return self.stepped(Phase.WAITING, after="", waits_for=open_orders[:_WAITS_SHOWN], due_at=at + LOOK_AGAIN)

    def done(self, at: datetime, *, account_kept: bool) -> Erasure:
        """The job at its end: it proves that somebody was forgotten, and tells nothing of them."""
        return self.stepped(
            Phase.ERASED,
            customer_id="",
            pseudonym="",
            after="",
            requested_by="",
            waits_for=(),
            erased_at=at,
            account_kept=account_kept,
        )


def erasure_id(customer_id: str) -> str:
    """The id of a customer's erasure: a digest, from which no customer is found."""
    return "era_" + hashlib.sha256(f"erasure of {customer_id}".encode()).hexdigest()[:32]


def is_over(order: Order) -> bool:
    """Whether an order has ended and nothing about it is undecided."""
    return order.status in ENDED and order.open_claim is None and order.proposal is None


def without_person(document: Quote, pseudonym: str) -> Quote:
    """What was ordered, without who ordered it: no name, phone, street, note or table; the place to a kilometre."""
    lines = tuple(replace(line, note="") for line in document.lines)
    door = document.destination
    if door is not None:
        door = Destination(lat=round(door.lat, _COARSE), lng=round(door.lng, _COARSE), street="", city=door.city)
    return replace(document, customer_id=pseudonym, lines=lines, destination=door, table="")


def without_customer(order: Order, pseudonym: str) -> Order:
    """The state of an ended order under another id, without codes, notes and free words about its customer."""
    claims = tuple(replace(claim, note="", answer="") for claim in order.claims)
    timeline = tuple(_of_nobody(entry, order.customer_id, pseudonym) for entry in order.timeline)
    return replace(
        order,
        customer_id=pseudonym,
        version=order.version + 1,
        delivery_pin=None,
        pickup_code="",
        claims=claims,
        timeline=timeline,
    )


def _of_nobody(entry: Entry, customer_id: str, pseudonym: str) -> Entry:
    is_word = entry.reason is not None and _WORD.match(entry.reason) is not None
    reason = entry.reason if is_word and entry.step not in _IN_FREE_WORDS else None
    actor = Actor(CUSTOMER, pseudonym) if entry.actor == Actor(CUSTOMER, customer_id) else entry.actor
    return replace(entry, actor=actor, reason=reason)
