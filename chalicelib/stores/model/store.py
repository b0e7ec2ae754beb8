"""What a merchant and a store are. The fields have the names and shapes of the API, so that they travel unchanged."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money
from chalicelib.kernel.wallets import takes

Mode = Literal["dine_in", "pickup", "delivery"]
PaymentMethod = Literal["card", "alipay", "wechat_pay", "pay_at_store", "cash_on_delivery"]
Proof = Literal["pin", "photo", "none"]
Silence = Literal["accept", "reject", "refund_without_fees"]

MODES: tuple[Mode, ...] = ("dine_in", "pickup", "delivery")
# How each mode can be paid: what is due at the store needs the customer there, cash at the door needs a rider.
PAYABLE: dict[Mode, tuple[PaymentMethod, ...]] = {
    "dine_in": ("card", "alipay", "wechat_pay", "pay_at_store"),
    "pickup": ("card", "alipay", "wechat_pay", "pay_at_store"),
    "delivery": ("card", "alipay", "wechat_pay", "cash_on_delivery"),
}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store is, in words."""

    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str | None = None


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns stores. ``owner_id`` is the user who may open stores and manage their owners.

    Invoices name ``legal_name``, ``address`` (in ``country``) and ``vat_id``; their numbers begin with
    ``invoice_prefix``. Without a legal name it is the name, without an address that of the store.
    """

    id: str
    name: str
    owner_id: str
    created_at: datetime
    legal_name: str | None = None
    address: Address | None = None
    country: str | None = None
    vat_id: str | None = None
    invoice_prefix: str = ""
    version: int = 1


class ModeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How one fulfilment mode is served.

    ``lead_minutes`` is what an order takes until it is ready. ``opening_hours`` replace the store's for this mode.
    ``ready_at_opening``: the kitchen starts before it opens, so that a scheduled order can be ready at the opening.
    """

    lead_minutes: int
    opening_hours: str | None = None
    ready_at_opening: bool = False


class Radius(msgspec.Struct, frozen=True, tag="radius"):
    """Everything within ``radius_m`` metres of the store, in a straight line."""

    radius_m: int


class Polygon(msgspec.Struct, frozen=True, tag="polygon"):
    """Everything inside a closed ring (its last point repeats the first)."""

    ring: tuple[Point, ...]


class FeeTier(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery fee up to this distance from the store; ``up_to_m`` None is the rest of the zone."""

    up_to_m: int | None = None
    fee: Money


class DeliveryZone(msgspec.Struct, frozen=True, kw_only=True):
    """An area that the store delivers to, and on what terms. Where zones overlap, the first one listed applies."""

    id: str
    name: str | None = None
    area: Radius | Polygon
    tiers: tuple[FeeTier, ...]
    minimum_order: Money | None = None
    free_from: Money | None = None


class SmallOrderFee(msgspec.Struct, frozen=True, kw_only=True):
    """``fee`` is added to orders whose goods cost less than ``below``, in the given modes."""

    below: Money
    fee: Money
    modes: tuple[Mode, ...] = ("delivery",)


class Taxes(msgspec.Struct, frozen=True, kw_only=True):
    """Rates in basis points (825 = 8.25%) by tax category; fees are taxed as ``fee_tax_category``."""

    prices_include_tax: bool
    rates: dict[str, int]
    fee_tax_category: str


class AnswerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long the store has to answer what a customer asks for, and what its silence means.

    ``refund_without_fees`` gives everything back but the fees.
    """

    answer_minutes: int
    on_silence: Silence


class AfterSales(msgspec.Struct, frozen=True, kw_only=True):
    """How the store deals with customers who want to cancel what it accepted, or who complain.

    Complaints are taken for ``window_hours`` after the hand-over. A customer has ``counter_minutes`` to answer what the
    store offers instead, and ``consent_minutes`` to agree to a substitute or a higher price before the hand-over.
    """

    cancellation: AnswerPolicy = AnswerPolicy(answer_minutes=10, on_silence="reject")
    complaint: AnswerPolicy = AnswerPolicy(answer_minutes=120, on_silence="accept")
    window_hours: int = 48
    counter_minutes: int = 60
    consent_minutes: int = 5


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """The store takes no orders (``closed``) or needs ``extra_minutes`` longer (``busy``), until an instant.

    It ends by itself: past ``until`` it means nothing. Without ``modes`` it concerns all of them.
    """

    id: str
    kind: Literal["closed", "busy"]
    since: datetime
    until: datetime
    extra_minutes: int = 0
    modes: tuple[Mode, ...] = ()
    note: str | None = None

    def covers(self, mode: Mode | None, instant: datetime) -> bool:
        """Whether it is in force for this mode (None: for the store as a whole) at this instant."""
        return self.since <= instant < self.until and (not self.modes or mode in self.modes)


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A place where orders are prepared. Amounts are in ``currency``; ``opening_hours`` are OpenStreetMap's."""

    id: str
    merchant_id: str
    name: str
    status: Literal["active", "inactive"] = "active"
    phone: str | None = None
    currency: str
    country: str
    time_zone: str
    address: Address
    point: Point
    opening_hours: str
    modes: dict[Mode, ModeSettings]
    zones: tuple[DeliveryZone, ...] = ()
    pauses: tuple[Pause, ...] = ()
    metres_per_minute: int = 250
    scheduling_days: int = 14
    small_order_fee: SmallOrderFee | None = None
    taxes: Taxes
    payment_methods: tuple[PaymentMethod, ...]
    proof_of_delivery: Proof = "pin"
    accept_within_minutes: int = 5
    after_sales: AfterSales = AfterSales()
    created_at: datetime
    updated_at: datetime
    version: int = 1


def payment_methods(store: Store, mode: Mode) -> tuple[PaymentMethod, ...]:
    """How an order in this mode can be paid at this store."""
    return tuple(
        method for method in store.payment_methods if method in PAYABLE[mode] and takes(method, store.currency)
    )
