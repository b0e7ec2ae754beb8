"""What the stores' API takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Mode = Literal["dine_in", "pickup", "delivery"]
StaffRole = Literal["owner", "manager", "clerk"]
PaymentMethod = Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery"]
Proof = Literal["pin", "photo", "none"]
Status = Literal["active", "inactive"]

Name = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"\S", examples=["Trattoria Lina, Mitte"])]
# `(?!\n)` behind a `$`: alone it would let a final line break pass.
UserId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:~-]{1,128}$(?!\n)",
        description="The subject of the user's token.",
        examples=["6f1c1a52-7d0e-4d8b-9a6b-1f1d2f0b3c11"],
    ),
]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Phone = Annotated[str, Meta(pattern=r"^\+[0-9 ]{5,24}$(?!\n)", examples=["+49 30 901820"])]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2 code.", examples=["DE"])]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])]
TimeZone = Annotated[str, Meta(min_length=1, max_length=64, description="IANA time zone.", examples=["Europe/Berlin"])]
OpeningHours = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        description="OpenStreetMap `opening_hours`, on the store's wall clock; `PH` are the country's public holidays.",
        examples=["Mo-Fr 11:00-14:30,17:00-22:00; Sa 12:00-23:00; PH off"],
    ),
]
Metres = Annotated[int, Meta(ge=1, le=100_000, description="Metres in a straight line.", examples=[3000])]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339.", examples=["2026-03-01T12:30:00.000Z"])]
InstantText = Annotated[str, Meta(description="RFC 3339, UTC.", examples=["2026-03-01T12:30:00.000Z"])]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="Degrees, WGS 84.", examples=[52.52])]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="Degrees, WGS 84.", examples=[13.405])]
TaxCategory = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}$(?!\n)", examples=["standard"])]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000, description="825 is 8.25%.", examples=[700])]
LeadMinutes = Annotated[
    int, Meta(ge=0, le=10_080, description="Minutes from acceptance until an order is ready.", examples=[20])
]
ZoneId = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$(?!\n)", examples=["inner"])]
PaymentMethods = Annotated[tuple[PaymentMethod, ...], Meta(min_length=1, max_length=5)]
Pace = Annotated[int, Meta(ge=20, le=2_000, description="Metres per minute that riders make, in a straight line.")]
SchedulingDays = Annotated[int, Meta(ge=0, le=60, description="How far ahead orders can be scheduled.")]
AcceptMinutes = Annotated[int, Meta(ge=1, le=120, description="An order not accepted in this time is rejected.")]


class StoreAmount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount that is not negative."""

    amount: Annotated[int, Meta(ge=0, le=10**9, description="Minor units of the currency.", examples=[1250])]
    currency: Currency


class StorePoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on earth."""

    lat: Latitude
    lng: Longitude


class StoreAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a store is, in words."""

    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Annotated[str, Meta(min_length=1, max_length=20)] | None = None


class ModeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one way of fulfilment is served."""

    lead_minutes: LeadMinutes
    opening_hours: Annotated[OpeningHours, Meta(description="In place of the store's, for this mode.")] | None = None
    ready_at_opening: Annotated[
        bool,
        Meta(description="Work begins before the opening, so that a scheduled order can be ready at the opening."),
    ] = False


class Modes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The ways of fulfilment that a store offers; one that is absent is not offered."""

    dine_in: ModeSettings | None = None
    pickup: ModeSettings | None = None
    delivery: ModeSettings | None = None


class RadiusArea(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="radius"):
    """Everything within a distance of the store."""

    radius_m: Metres


class PolygonArea(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="polygon"):
    """Everything inside a ring. Its last point repeats the first, and its edges do not cross."""

    ring: Annotated[tuple[StorePoint, ...], Meta(min_length=4, max_length=101)]


class FeeTier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delivery fee up to a distance from the store; without one, in the rest of the zone."""

    up_to_m: Metres | None = None
    fee: StoreAmount


class DeliveryZone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a store delivers to, and on what terms. Where zones overlap, the first one applies."""

    id: ZoneId
    name: Name | None = None
    area: RadiusArea | PolygonArea
    tiers: Annotated[tuple[FeeTier, ...], Meta(min_length=1, max_length=10)]
    minimum_order: Annotated[StoreAmount, Meta(description="Goods must cost at least this.")] | None = None
    free_from: Annotated[StoreAmount, Meta(description="Delivery is free when goods cost at least this.")] | None = None


class SmallOrderFee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fee for orders whose goods cost less than an amount."""

    below: StoreAmount
    fee: StoreAmount
    modes: Annotated[tuple[Mode, ...], Meta(min_length=1, max_length=3)] = ("delivery",)


class StoreTaxes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a store's sales are taxed."""

    prices_include_tax: bool
    rates: Annotated[dict[TaxCategory, BasisPoints], Meta(min_length=1, max_length=20)]
    fee_tax_category: Annotated[TaxCategory, Meta(description="The category of delivery and small-order fees.")]


Zones = Annotated[tuple[DeliveryZone, ...], Meta(max_length=8)]


class AnswerPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the store has to answer a request, and what its silence means."""

    answer_minutes: Annotated[int, Meta(ge=1, le=10_080)]
    on_silence: Literal["accept", "reject", "refund_without_fees"]


class AfterSales(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the store deals with customers who want to cancel what it accepted, or who complain."""

    cancellation: AnswerPolicy = AnswerPolicy(answer_minutes=10, on_silence="reject")
    complaint: AnswerPolicy = AnswerPolicy(answer_minutes=120, on_silence="accept")
    window_hours: Annotated[int, Meta(ge=1, le=720, description="How long after the hand-over one may complain.")] = 48
    counter_minutes: Annotated[int, Meta(ge=1, le=10_080, description="For the customer to answer an offer.")] = 60
    consent_minutes: Annotated[
        int, Meta(ge=1, le=120, description="For the customer to agree to a substitute or a higher price.")
    ] = 5


class CreateStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store to open."""

    name: Name
    status: Status = "active"
    phone: Phone | None = None
    currency: Currency
    country: Country
    time_zone: TimeZone
    address: StoreAddress
    point: StorePoint
    opening_hours: OpeningHours
    modes: Modes
    zones: Zones = ()
    metres_per_minute: Pace = 250
    scheduling_days: SchedulingDays = 14
    small_order_fee: SmallOrderFee | None = None
    taxes: StoreTaxes
    payment_methods: PaymentMethods = ("card",)
    proof_of_delivery: Proof = "pin"
    accept_within_minutes: AcceptMinutes = 5
    after_sales: AfterSales = AfterSales()


class ChangeStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a store. Each field that is given replaces the one before, whole."""

    name: Name | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    address: StoreAddress | UnsetType = UNSET
    point: StorePoint | UnsetType = UNSET
    opening_hours: OpeningHours | UnsetType = UNSET
    modes: Modes | UnsetType = UNSET
    zones: Zones | UnsetType = UNSET
    metres_per_minute: Pace | UnsetType = UNSET
    scheduling_days: SchedulingDays | UnsetType = UNSET
    small_order_fee: SmallOrderFee | UnsetType | None = UNSET
    taxes: StoreTaxes | UnsetType = UNSET
    payment_methods: PaymentMethods | UnsetType = UNSET
    proof_of_delivery: Proof | UnsetType = UNSET
    accept_within_minutes: AcceptMinutes | UnsetType = UNSET
    after_sales: AfterSales | UnsetType = UNSET


class PauseStore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop taking orders (`closed`), or promise them later (`busy`): for some minutes or until an instant."""

    kind: Literal["closed", "busy"]
    minutes: Annotated[int, Meta(ge=1, le=44_640, examples=[30])] | None = None
    until: Instant | None = None
    extra_minutes: Annotated[int, Meta(ge=0, le=240, description="How much longer orders take while busy.")] = 0
    modes: Annotated[tuple[Mode, ...], Meta(max_length=3, description="None given: all of them.")] = ()
    note: Annotated[str, Meta(max_length=200)] | None = None


class StoreSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Where the customer is, and how the order is wanted."""

    lat: Latitude
    lng: Longitude
    mode: Mode
    cursor: Annotated[str, Meta(max_length=1024, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=50, description="Stores on the page.")] = 20


class OpeningView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether orders are taken now, and when that changes."""

    open: bool
    reason: Literal["open", "closed", "paused"]
    busy_minutes: Annotated[int, Meta(description="How much longer orders take at the moment.")]
    next_change_at: Annotated[InstantText, Meta(description="Null when nothing changes within a year.")] | None


class PauseView(msgspec.Struct, frozen=True, kw_only=True):
    """A pause in force. It ends by itself."""

    id: str
    kind: Literal["closed", "busy"]
    since: InstantText
    until: InstantText
    extra_minutes: int
    modes: tuple[Mode, ...]
    note: str | None


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store. `openings` has one entry for each mode that it offers."""

    id: str
    merchant_id: str
    name: str
    status: Status
    phone: str | None
    currency: Currency
    country: Country
    time_zone: str
    address: StoreAddress
    point: StorePoint
    opening_hours: str
    opening: OpeningView
    modes: Modes
    openings: dict[Mode, OpeningView]
    zones: tuple[DeliveryZone, ...]
    pauses: tuple[PauseView, ...]
    metres_per_minute: int
    scheduling_days: int
    small_order_fee: SmallOrderFee | None
    taxes: StoreTaxes
    payment_methods: tuple[PaymentMethod, ...]
    proof_of_delivery: Proof
    accept_within_minutes: int
    after_sales: AfterSales
    created_at: InstantText
    updated_at: InstantText
    version: int


class FoundStoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store that serves the point in the mode asked for. `zone_id` and the amounts are of deliveries."""

    id: str
    name: str
    address: StoreAddress
    point: StorePoint
    time_zone: str
    currency: Currency
    modes: tuple[Mode, ...]
    distance_m: int
    opening: OpeningView
    expected_minutes: Annotated[int, Meta(description="From an accepted order to the customer, at the moment.")]
    zone_id: str | None
    fee: StoreAmount | None
    minimum_order: StoreAmount | None
    free_from: StoreAmount | None


class FoundStores(msgspec.Struct, frozen=True, kw_only=True):
    """A page of stores, nearest first. It may hold fewer than asked for while there are more: see `next_cursor`."""

    items: tuple[FoundStoreView, ...]
    next_cursor: str | None


class StoreLine(msgspec.Struct, frozen=True, kw_only=True):
    """A store in a merchant's list."""

    id: str
    name: str
    status: Status
    address: StoreAddress
    point: StorePoint
    time_zone: str
    modes: tuple[Mode, ...]
    version: int


class StoreLines(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a merchant's stores, oldest first."""

    items: tuple[StoreLine, ...]
    next_cursor: str | None
