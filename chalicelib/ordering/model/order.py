"""What an order is, and the states that it goes through.

    placed ──▶ accepted ──▶ preparing ──▶ ready ──▶ handed_over ──▶ completed
       │           │            │           │            ▲  │
       │           └────────────┴───────────┤            │  ▼
       ▼                                    ▼            out_for_delivery
    cancelled, rejected                 cancelled

The arrows are in two modules: ``commands`` come from people, and raise ``Conflict`` where the state forbids them;
``news`` tells what has happened elsewhere, late, twice and out of order, and changes nothing where it is moot.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec.structs import replace

from chalicelib.ordering.model.claim import CANCELLATION, Claim, ClaimState
from chalicelib.ordering.model.proposal import Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.money import Money

Mode = Literal["dine_in", "pickup", "delivery"]
PaymentMethod = Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery"]
PaidBy = Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery", "credit", "free"]
PaymentStep = Literal["", "saved", "asked"]
ActorKind = Literal["customer", "staff", "rider", "system"]
Attention = Literal["no_rider", "delivery_failed", "delivery_returned"]

DINE_IN: Final = "dine_in"
PICKUP: Final = "pickup"
DELIVERY: Final = "delivery"

CARD: Final = "card"
ALIPAY: Final = "alipay"
WECHAT_PAY: Final = "wechat_pay"
PAY_AT_STORE: Final = "pay_at_store"
CASH_ON_DELIVERY: Final = "cash_on_delivery"
CREDIT: Final = "credit"  # gift cards and store credit pay all of it
FREE: Final = "free"  # it makes good another order

# What has to be paid before the store sees the order.
PAID_AHEAD = frozenset((CARD, ALIPAY, WECHAT_PAY))

CUSTOMER: Final = "customer"
STAFF: Final = "staff"
RIDER: Final = "rider"
SYSTEM: Final = "system"

# Steps of the timeline that are not a status of their own.
CONFIRMED: Final = "confirmed"
POSTPONED: Final = "postponed"
ADJUSTED: Final = "adjusted"
REPAIRED: Final = "repaired"
REVIVED: Final = "revived"
AUTHORISED: Final = "payment_authorised"
PAYMENT_REQUESTED: Final = "payment_requested"

# Where the payment of an order stands whose method was saved and is charged when it is due.
SAVED: Final = "saved"
ASKED: Final = "asked"
DELIVERY_AT_RISK: Final = "delivery_at_risk"

# What the board must draw the staff's eyes to.
NO_RIDER: Final = "no_rider"
DELIVERY_FAILED: Final = "delivery_failed"
DELIVERY_RETURNED: Final = "delivery_returned"

PAYMENT_EXPIRED: Final = "payment_expired"
PAYMENT_FAILED: Final = "payment_failed"
STORE_DID_NOT_RESPOND: Final = "store_did_not_respond"

PICKUP_CODE_ATTEMPTS = 5
WRONG_PICKUP_CODE: Final = "wrong_pickup_code"

# A scheduled order may wait for its acceptance until this long before the kitchen has to begin.
SCHEDULED_HEADROOM = timedelta(minutes=60)


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    HANDED_OVER = "handed_over"
    OUT_FOR_DELIVERY = "out_for_delivery"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ENDED = frozenset((Status.COMPLETED, Status.CANCELLED, Status.REJECTED))
IN_STORE = frozenset((Status.PLACED, Status.ACCEPTED, Status.PREPARING, Status.READY))
UNDER_WAY = frozenset((Status.ACCEPTED, Status.PREPARING, Status.READY))


class Actor(msgspec.Struct, frozen=True):
    """Who did it: ``kind`` is customer, staff, rider or system; the system has no id."""

    kind: ActorKind
    id: str | None = None


SYSTEM_ACTOR = Actor(SYSTEM)


class Entry(msgspec.Struct, frozen=True):
    """A step of the timeline. ``cause`` is the id of the event or request that made it: each acts once."""

    step: str
    at: datetime
    actor: Actor
    cause: str
    reason: str | None = None


class Change(msgspec.Struct, frozen=True):
    """By whom, when and because of which event or request something changes."""

    actor: Actor
    at: datetime
    cause: str


class Promise(msgspec.Struct, frozen=True):
    """What the customer was told: when the goods are ready at the store, and when the customer has them."""

    wanted_at: datetime | None
    ready_at: datetime
    promised_at: datetime


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What changes about an order. What was ordered, and for how much, is in its quote and never changes.

    ``confirmed_at``: since when the store may see it (paid, or to be paid in person); None while unpaid.
    ``asked_from``: the first moment at which the store can be expected to answer. ``payment_step``: the method is only
    ``saved`` so far, or it was refused and the customer is ``asked`` to pay by ``pay_by``; nothing is cooked then.
    ``claims``: what the customer asked for since the store accepted. ``resend_of``: the order that this one makes good.
    ``also_reserved``: counted SKUs that were taken from stock beside those of the quote. ``proposal``: a change that
    the customer was asked to agree to.
    """

    id: str
    customer_id: str
    store_id: str
    mode: Mode
    payment_method: PaidBy
    total: Money
    status: Status
    version: int
    placed_at: datetime
    pay_by: datetime
    asked_from: datetime
    accept_within: timedelta
    promise: Promise
    pickup_code: str
    delivery_pin: str | None = None
    confirmed_at: datetime | None = None
    code_failures: int = 0
    payment_step: PaymentStep = ""
    attention: tuple[Attention, ...] = ()
    timeline: tuple[Entry, ...] = ()
    claims: tuple[Claim, ...] = ()
    resend_of: str | None = None
    also_reserved: Mapping[str, int] = {}
    proposal: Proposal | None = None

    @property
    def label(self) -> str:
        """What is called out and written on the bag: the last four characters of the id, in capitals."""
        return self.id[-4:].upper()

    @property
    def accept_by(self) -> datetime | None:
        """Until when the store must have answered; None while the order is not confirmed."""
        if self.confirmed_at is None:
            return None
        return max(self.confirmed_at, self.asked_from) + self.accept_within

    @property
    def deadline(self) -> datetime | None:
        """When a placed order runs out of time, to be paid or to be accepted; None in every other status."""
        if self.status is not Status.PLACED:
            return None
        return self.accept_by or self.pay_by

    @property
    def awaits_customer(self) -> bool:
        """Whether the customer has to pay, or to save a method, by ``pay_by``."""
        return self.confirmed_at is None or self.payment_step == ASKED

    @property
    def can_be_cancelled_by_customer(self) -> bool:
        """Whether the store has not accepted yet."""
        return self.status is Status.PLACED

    @property
    def is_for_counter(self) -> bool:
        """Whether its customer takes it at the counter, against the pickup code."""
        return self.mode == PICKUP or DELIVERY_RETURNED in self.attention

    @property
    def open_claim(self) -> Claim | None:
        """The claim that is not decided; there is at most one."""
        return next((claim for claim in self.claims if claim.is_undecided), None)

    @property
    def claim_to_answer(self) -> Claim | None:
        """The claim that the store has to answer."""
        claim = self.open_claim
        return claim if claim is not None and claim.state is ClaimState.OPEN else None

    @property
    def is_on_board(self) -> bool:
        """Whether the staff have something to do or to watch."""
        if self.claim_to_answer is not None:
            return True
        if self.confirmed_at is None or self.status in ENDED:
            return False
        return self.status in IN_STORE or bool(self.attention)

    def knows(self, cause: str) -> bool:
        """Whether this cause has had its effect already."""
        return any(entry.cause == cause for entry in self.timeline)

    def with_entry(self, step: str, change: Change, reason: str | None = None) -> Order:
        """The order with one more step in its timeline, which is one more version."""
        entry = Entry(str(step), change.at, change.actor, change.cause, reason)
        return replace(self, version=self.version + 1, timeline=(*self.timeline, entry))

    def moved(self, status: Status, change: Change, reason: str | None = None) -> Order:
        """The order in its next status."""
        moved = replace(self.with_entry(status, change, reason), status=status)
        return moved.overtaking(change.at) if status in ENDED else moved

    def overtaking(self, at: datetime) -> Order:
        """The order at its end, which leaves nothing to decide about cancelling or changing it."""
        claims = tuple(
            replace(claim, state=ClaimState.OVERTAKEN, decided_at=at)
            if claim.is_undecided and claim.kind == CANCELLATION
            else claim
            for claim in self.claims
        )
        return replace(self, claims=claims, proposal=None)

    def ended(self, status: Status, change: Change, reason: str) -> Order:
        """The order at its unfulfilled end."""
        return replace(self.moved(status, change, reason), attention=())


def asked_from(placed_at: datetime, acceptable_from: datetime, promise: Promise, *, start_at: datetime) -> datetime:
    """From when the store's time to answer runs.

    Not while the store is closed (``acceptable_from`` is when it can accept), and for a scheduled order not
    long before the kitchen has to begin (``start_at``).
    """
    first = max(placed_at, acceptable_from)
    return first if promise.wanted_at is None else max(first, start_at - SCHEDULED_HEADROOM)


def place(order: Order, change: Change, *, confirmed: bool) -> Order:
    """The first step of an order's life. ``confirmed`` at once where nothing has to be paid before."""
    placed = order.moved(Status.PLACED, change)
    return replace(placed, confirmed_at=change.at if confirmed else None)
