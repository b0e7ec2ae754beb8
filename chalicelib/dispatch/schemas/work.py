"""What a rider may do next: the feed, the pool, and offers explained."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.dispatch.schemas.values import Cash, Instant, NextStep, ShiftState, Spot, StatusName

Bonus = Annotated[
    int, Meta(description="Paid on top, in minor units of the store's currency; grows while nobody takes it.")
]


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is yours if you accept it before `expires_at`. Only then the exact door is told."""

    delivery_id: str
    expires_at: Instant
    store_name: str
    store_address: str
    store_position: Spot
    dropoff_position: Spot
    distance_m: Annotated[int, Meta(description="From the store to the door, in a straight line.")]
    ready_at: Instant
    promised_at: Instant
    ready: bool
    cash_to_collect: Cash | None
    bonus: Bonus
    together: Annotated[
        list[str],
        Meta(description="All deliveries of the offer in drop-off sequence: accept or decline one, and you did all."),
    ]


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery in your hands."""

    delivery_id: str
    order_id: str
    status: StatusName
    next_step: NextStep | None
    store_name: str
    store_address: str
    store_position: Spot
    order_label: str
    dropoff_address: str
    dropoff_position: Spot
    recipient: str
    phone: str
    note: str
    ready_at: Instant
    promised_at: Instant
    ready: bool
    proof: Literal["pin", "photo", "none"]
    pin_attempts_left: int | None
    age_check: Annotated[bool, Meta(description="Look at a document before you hand these goods over.")]
    tries_left: Annotated[int, Meta(description="How often you may report `missed`.")]
    arrives_at: Annotated[Instant | None, Meta(description="When the customer expects you.")]
    cash_to_collect: Cash | None
    bonus: Bonus
    version: int


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """A stop on your route: fetch orders at a store, hand them over at a door, or give them back."""

    kind: Literal["store", "door", "return"]
    position: Spot
    deliveries: Annotated[list[str], Meta(description="What to do there; each has its own proof.")]
    at: Annotated[Instant, Meta(description="When you are expected there.")]


class FeedView(msgspec.Struct, frozen=True, kw_only=True):
    """What is offered to you and what you have in hand."""

    on_shift: bool
    state: Annotated[ShiftState, Meta(description="Nothing new is offered but to who is `available`.")]
    shift_ends_at: Annotated[Instant | None, Meta(description="The planned end of your shift, if it has one.")]
    offers: list[OfferView]
    deliveries: list[JobView]
    route: Annotated[list[StopView], Meta(description="The stops of your deliveries, the next one first.")]


class PoolItemView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that nobody took so far. Only who has claimed it is told the exact door."""

    delivery_id: str
    store_name: str
    store_address: str
    store_position: Spot
    dropoff_position: Spot
    distance_m: Annotated[int, Meta(description="From the store to the door, in a straight line.")]
    ready_at: Instant
    promised_at: Instant
    ready: bool
    cash_to_collect: Cash | None
    bonus: Bonus


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """What you may claim, the nearest store first."""

    items: list[PoolItemView]


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a rider was asked."""

    at: Instant
    rider_id: str
    together: Annotated[int, Meta(description="How many deliveries the offer was for.")]
    terms: Annotated[
        dict[str, int],
        Meta(
            description="The offer's cost in seconds of a customer's waiting: `lateness`, `overdue`, `approach`, "
            "`idle`, `work`, `pay`, `doubt`, `cover`. Terms of nought are left out.",
            examples=[{"lateness": 310, "approach": 95, "work": 12}],
        ),
    ]
    total: Annotated[int, Meta(description="Their sum: the offer with the least was made.")]
    runner_up: Annotated[str | None, Meta(description="The rider who would have been asked otherwise.")]
    extra: Annotated[int | None, Meta(description="By how much that would have cost more.")]
    outcome: Annotated[
        Literal["open", "accepted", "declined", "expired", "withdrawn"],
        Meta(description="What became of the offer."),
    ]


class DecisionsView(msgspec.Struct, frozen=True, kw_only=True):
    """The offers of a delivery, the first one first; of a long search its latest."""

    delivery_id: str
    status: StatusName
    decisions: list[DecisionView]
