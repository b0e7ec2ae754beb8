"""What the riders' API takes and gives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

VehicleName = Literal["foot", "bicycle", "scooter", "car"]
StatusName = Literal[
    "unassigned",
    "offered",
    "assigned",
    "at_store",
    "picked_up",
    "at_door",
    "delivered",
    "failed",
    "returning",
    "returned",
    "cancelled",
]
FailureReason = Literal[
    "customer_absent",
    "address_not_found",
    "customer_refused",
    "payment_refused",
    "proof_refused",
    "age_not_proven",
    "order_damaged",
    "accident",
    "other",
]
NextStep = Literal[
    "accept_or_decline",
    "go_to_store",
    "wait_for_order",
    "pick_up",
    "go_to_door",
    "hand_over",
    "go_back_to_store",
    "give_back_at_store",
]
# `(?!\n)` behind a pattern's `$`: Python's also matches before a final newline.
Subject = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:~-]{1,128}$(?!\n)",
        max_length=128,
        description="The user's id: the subject of their tokens.",
        examples=["5f0c7a3e-4b8e-4f3b-9a52-7d1f5d0e6a11"],
    ),
]
RiderName = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$(?!\n)", examples=["Lena K."])
]
Capacity = Annotated[int, Meta(ge=1, le=10, description="How many deliveries fit at once.", examples=[3])]
Volume = Annotated[
    int | None,
    Meta(description="Litres that fit at once, a usual order is 10; null: only orders are counted.", examples=[60]),
]
ColdBox = Annotated[bool, Meta(description="Whether frozen goods stay frozen.")]
AgeRestricted = Annotated[bool, Meta(description="Whether age-restricted goods may be carried; an admin decides.")]
CapturedAt = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$(?!\n)",
        description="When the phone took it down, RFC 3339: at most 24 hours ago and 5 minutes ahead.",
        examples=["2026-03-01T12:30:00.000Z"],
    ),
]
Instant = Annotated[str, Meta(description="RFC 3339 instant in UTC.", examples=["2026-03-01T12:30:00.000Z"])]


class Spot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in degrees, WGS 84."""

    lat: Annotated[float, Meta(ge=-90, le=90, examples=[52.520008])]
    lng: Annotated[float, Meta(ge=-180, le=180, examples=[13.404954])]


class Cash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash at the door."""

    amount: Annotated[int, Meta(ge=0, le=10**9, description="Minor units of the currency.", examples=[1850])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]


# --- riders -----------------------------------------------------------------------------------------------------------


CashLimit = Annotated[
    Cash | None, Meta(description="How much cash may be in the rider's hands; null: any amount. An admin decides.")
]
Litres = Annotated[
    Annotated[int, Meta(ge=10, le=2000)] | None,
    Meta(description="Litres that fit at once, a usual order is 10; null: only orders are counted.", examples=[60]),
]


class RegisterRider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make a user of the `riders` group a rider."""

    user: Subject
    name: RiderName
    vehicle: VehicleName
    capacity: Capacity = 2
    volume: Litres = None
    cold_box: ColdBox = False
    age_restricted: AgeRestricted = True
    cash_limit: CashLimit = None


class RiderProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rider says about themself."""

    name: RiderName
    vehicle: VehicleName
    capacity: Capacity = 2
    volume: Litres = None
    cold_box: ColdBox = False


class ChangeRider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a rider to change; what is left out stays."""

    name: RiderName | msgspec.UnsetType = msgspec.UNSET
    vehicle: VehicleName | msgspec.UnsetType = msgspec.UNSET
    capacity: Capacity | msgspec.UnsetType = msgspec.UNSET
    volume: Litres | msgspec.UnsetType = msgspec.UNSET
    cold_box: ColdBox | msgspec.UnsetType = msgspec.UNSET
    age_restricted: AgeRestricted | msgspec.UnsetType = msgspec.UNSET
    cash_limit: CashLimit | msgspec.UnsetType = msgspec.UNSET


class RiderView(msgspec.Struct, frozen=True, kw_only=True):
    """A rider."""

    rider_id: str
    name: str
    vehicle: VehicleName
    capacity: int
    volume: Volume
    cold_box: ColdBox
    age_restricted: AgeRestricted
    cash_limit: CashLimit
    cash_in_hand: Annotated[Cash | None, Meta(description="Collected at doors and not handed in yet.")]
    on_shift: bool
    zone: Annotated[str | None, Meta(description="H3 cell in which the shift began.")]
    shift_changed_at: Instant | None
    version: int


class HandInCash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash that a rider gave to whoever is calling."""

    amount: Annotated[int, Meta(ge=1, le=10**9, description="Minor units of the currency.", examples=[18500])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]


class ChangeShift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Go on or off shift."""

    state: Literal["on", "off"]
    position: Annotated[Spot | None, Meta(description="Where you are; needed to go on shift.")] = None
    force: Annotated[bool, Meta(description="Off at once: what you have not picked up yet goes to other riders.")] = (
        False
    )


class ReportPosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A heartbeat, every 15 to 60 seconds on shift; who is not heard of for 15 minutes gets no offers."""

    position: Spot
    captured_at: CapturedAt


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """The position as it was taken."""

    position: Spot
    zone: Annotated[str, Meta(description="H3 cell.")]
    at: Instant


Bonus = Annotated[
    int, Meta(description="Paid on top, in minor units of the store's currency; grows while nobody takes it.")
]


# --- feed -------------------------------------------------------------------------------------------------------------


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


# --- decisions --------------------------------------------------------------------------------------------------------


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


# --- commands ---------------------------------------------------------------------------------------------------------

OpId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{8,36}$(?!\n)",
        max_length=36,
        description="Identifies the operation (a UUID or ULID): sent again, it is answered as the first time.",
        examples=["018f3b5e-7c1a-7d2b-8e3f-9a0b1c2d3e4f"],
    ),
]


Pin = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4,8}$(?!\n)",
        max_length=8,
        description="What the customer says, where the store demands a PIN.",
        examples=["4711"],
    ),
]
PhotoReference = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_./:~-]{1,200}$(?!\n)",
        max_length=200,
        description="Where the photo was uploaded, if the store demands one.",
        examples=["proofs/2026/03/01/7d1f5d0e.jpg"],
    ),
]


PhotoHash = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64, description="SHA-256 of the photo's bytes, in hexadecimal."),
]


class RiderCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report from the road. Reports that were taken down offline may come late, twice and out of order."""

    op_id: OpId
    captured_at: CapturedAt


class Deliver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order is in the customer's hands."""

    op_id: OpId
    captured_at: CapturedAt
    pin: Pin | None = None
    photo: PhotoReference | None = None
    photo_sha256: PhotoHash | None = None
    cash_collected: Annotated[Cash | None, Meta(description="Must be what was due, where cash is due.")] = None
    age_proven: Annotated[
        bool | None,
        Meta(
            description="What the look at the document said, where the job says `age_check`: old enough or not. "
            "No date of birth is taken down."
        ),
    ] = None


class MissCustomer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nobody took the order; you try again on this trip."""

    op_id: OpId
    captured_at: CapturedAt
    reason: Literal["customer_absent", "address_not_found", "other"]


class FailDelivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order can't be handed over."""

    op_id: OpId
    captured_at: CapturedAt
    reason: FailureReason


class StepReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What your operation did; the same for every repeat of it."""

    delivery_id: str
    op_id: str
    status: Annotated[StatusName, Meta(description="The status that this operation reached.")]
    recorded_at: Instant
    captured_at: Instant


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the timeline."""

    status: StatusName
    at: Instant
    captured_at: Instant | None
    actor: Literal["system", "store", "customer", "admin", "rider"]
    reason: str | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery of yours with its timeline, ordered by when things happened."""

    delivery: JobView
    timeline: list[StepView]
