"""What the ordering API gives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.ordering.schemas.claims import ClaimView
from chalicelib.ordering.schemas.values import (
    Attention,
    InstantText,
    Mode,
    NextStep,
    OrderAmount,
    OrderStatus,
    PaidBy,
    PaymentMethod,
)


class QuoteModifier(msgspec.Struct, frozen=True, kw_only=True):
    """A chosen option; `quantity` and `unit_price` per unit of what it is indented under (`depth`)."""

    group_id: str
    group_name: str
    option_id: str
    name: str
    quantity: int
    unit_price: OrderAmount
    depth: int


class QuoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """A priced line; `unit_price` is one unit with its modifiers."""

    sku: str
    product_id: str
    name: str
    variant_name: str
    quantity: int
    unit_price: OrderAmount
    total: OrderAmount
    tax_category: str
    modifiers: list[QuoteModifier]
    note: str
    minimum_age: int
    weight_grams: Annotated[int | None, Meta(description="Sold by weight: what a unit is priced for.")] = None


class QuoteTax(msgspec.Struct, frozen=True, kw_only=True):
    """The tax of one category: `rate_basis_points` (700 is 7 %) on, or in, `base`, rounded half up."""

    category: str
    rate_basis_points: int
    base: OrderAmount
    tax: OrderAmount


class PriceBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """What the total is made of.

    `items + delivery_fee + small_order_fee + tip`, plus `tax` unless `tax_included`, is `total`.
    """

    items: OrderAmount
    delivery_fee: OrderAmount
    small_order_fee: OrderAmount
    tax: OrderAmount
    tax_included: bool
    taxes: list[QuoteTax]
    tip: OrderAmount
    total: OrderAmount


class OrderAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a delivery goes."""

    lat: float
    lng: float
    street: str
    details: str
    postal_code: str
    city: str
    instructions: str
    contact_name: str
    contact_phone: str


class QuoteView(msgspec.Struct, frozen=True, kw_only=True):
    """What is offered: charged to the cent if ordered before `expires_at`."""

    id: str
    store_id: str
    store_name: str
    mode: Mode
    lines: list[QuoteLine]
    breakdown: PriceBreakdown
    total: OrderAmount
    wanted_at: InstantText | None
    ready_at: InstantText
    promised_at: InstantText
    address: OrderAddress | None
    table: str | None
    distance_m: int | None
    minimum_age: Annotated[int, Meta(description="How old whoever takes the goods must be; 0 for no bound.")]
    payment_methods: list[PaymentMethod]
    menu_version: int
    created_at: InstantText
    expires_at: InstantText


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the order, when, by whom and why."""

    step: Annotated[str, Meta(description="A status, `confirmed`, `postponed` or trouble with the delivery.")]
    at: InstantText
    actor: Literal["customer", "staff", "rider", "system"]
    actor_id: Annotated[str | None, Meta(description="For staff only.")] = None
    reason: str | None = None


class CreditTender(msgspec.Struct, frozen=True, kw_only=True):
    """What a gift card or store credit gives towards the total."""

    method: Literal["gift_card", "store_credit"]
    amount: OrderAmount


class OrderPayment(msgspec.Struct, frozen=True, kw_only=True):
    """How the payment stands. `method` pays what `credits` don't; where they pay all of it, it is `credit`.

    `method_saved`: the card is saved, and the money will be held shortly before the work begins.
    """

    method: PaidBy
    state: str
    failure_code: Annotated[str | None, Meta(description="Why the last attempt to pay failed.")] = None
    credits: list[CreditTender] = []
    invoice_number: Annotated[str | None, Meta(description="From soon after the hand-over on.")] = None


class OrderDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """How the delivery stands."""

    id: str
    status: str
    has_rider: bool
    rider_at_store_at: Annotated[
        InstantText | None, Meta(description="When the rider is expected at the store, while on the way to it.")
    ] = None
    arrives_at: Annotated[
        InstantText | None, Meta(description="When the rider is expected at the door, from the acceptance until then.")
    ] = None
    stops_before: Annotated[
        int | None, Meta(description="How many other customers the rider goes to first, as far as is known.")
    ] = None
    at_risk: Annotated[bool, Meta(description="It will come later than it was promised.")] = False


class RiderPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rider was, in degrees; `coarse` is about a kilometre."""

    lat: float
    lng: float
    at: InstantText
    precision: Literal["exact", "coarse"]


class TrackingView(msgspec.Struct, frozen=True, kw_only=True):
    """The rider's way to you."""

    status: Annotated[str | None, Meta(description="Of the delivery; null as long as there is none.")]
    arrives_at: InstantText | None
    stops_before: int | None
    position: Annotated[
        RiderPlace | None,
        Meta(
            description="Only between the store and your door. Coarse while other customers come first, and when the "
            "rider's phone is silent; null after ten minutes of silence."
        ),
    ]


class PaymentStep(msgspec.Struct, frozen=True, kw_only=True):
    """Where a wallet is paid: lead the customer to `url`, or show `data` as a QR code, which `image_url` shows too."""

    kind: Literal["redirect", "qr_code"]
    url: str
    data: str | None = None
    image_url: str | None = None


class PlacedPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid: `amount`, of which `credits` is set aside already.

    With `client_secret` the app confirms a card payment of the rest at the provider. For an order far ahead it is the
    secret of `setup_intent_id`, by which the card is saved: the money is held shortly before the work begins. A wallet
    is paid where `next_step` says.
    """

    method: PaidBy
    state: str
    amount: OrderAmount
    credits: list[CreditTender] = []
    pay_by: InstantText | None
    payment_intent_id: str | None = None
    setup_intent_id: str | None = None
    client_secret: str | None = None
    next_step: PaymentStep | None = None


class PlacedOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh order: what the customer needs at once. The whole of it is at `GET /v1/orders/{order_id}`."""

    id: str
    store_id: str
    status: OrderStatus
    label: Annotated[str, Meta(description="What is called out and written on the bag.")]
    total: OrderAmount
    ready_at: InstantText
    promised_at: InstantText
    pickup_code: Annotated[str | None, Meta(description="To say at the counter.")]
    delivery_pin: Annotated[str | None, Meta(description="To say to the rider.")]
    payment: PlacedPayment


class ProposalView(msgspec.Struct, frozen=True, kw_only=True):
    """A change that the customer is asked to agree to. What it is, is in the `bill` of `GET …/money`, `proposed`."""

    number: int
    reason: str
    answer_by: InstantText
    total: Annotated[OrderAmount, Meta(description="What the order costs with it.")]
    total_without: Annotated[OrderAmount, Meta(description="What it costs if the customer does not agree.")]
    extra: Annotated[OrderAmount | None, Meta(description="What more is paid than was agreed before.")]


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its customer sees it."""

    id: str
    store_id: str
    store_name: str
    label: str
    status: OrderStatus
    mode: Mode
    version: int
    can_cancel: bool
    placed_at: InstantText
    pay_by: Annotated[InstantText | None, Meta(description="Until when you have to pay it, as long as you have to.")]
    confirmed_at: Annotated[InstantText | None, Meta(description="Since when the store sees it.")]
    accept_by: Annotated[InstantText | None, Meta(description="Until when the store has to answer.")]
    wanted_at: InstantText | None
    ready_at: InstantText
    promised_at: InstantText
    lines: list[QuoteLine]
    breakdown: PriceBreakdown
    total: OrderAmount
    address: OrderAddress | None
    table: str | None
    pickup_code: str | None
    delivery_pin: str | None
    payment: OrderPayment
    delivery: OrderDelivery | None
    claims: Annotated[list[ClaimView], Meta(description="What you asked for since the store accepted.")]
    resend_of: Annotated[str | None, Meta(description="The order that this one makes good.")]
    proposal: Annotated[ProposalView | None, Meta(description="What the store asks you to agree to.")]
    timeline: list[TimelineEntry]


class OrderSummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """A line in a customer's list of orders."""

    id: str
    store_id: str
    store_name: str
    label: str
    status: OrderStatus
    mode: Mode
    placed_at: InstantText
    promised_at: InstantText
    total: OrderAmount
    items: Annotated[int, Meta(description="How many pieces.")]


class OrderPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a customer's orders, newest first."""

    items: list[OrderSummaryView]
    next_cursor: str | None


class StoreOrderState(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order stands, for the staff. `version` is the ETag that the next command needs."""

    id: str
    store_id: str
    label: str
    status: OrderStatus
    mode: Mode
    version: int
    next_steps: Annotated[list[NextStep], Meta(description="What can be done now, the expected step first.")]
    due_at: Annotated[InstantText, Meta(description="When the next step should have been taken.")]
    attention: list[Attention]
    placed_at: InstantText
    accept_by: InstantText | None
    wanted_at: InstantText | None
    ready_at: InstantText
    promised_at: InstantText
    payment_method: PaidBy
    total: OrderAmount
    claim: Annotated[ClaimView | None, Meta(description="What its customer asks for and is not decided.")]
    proposal: Annotated[ProposalView | None, Meta(description="What its customer was asked to agree to.")]
    resend_of: Annotated[str | None, Meta(description="The order that this one makes good.")]
    timeline: list[TimelineEntry]


class StoreOrderPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a store's orders, newest first."""

    items: list[StoreOrderState]
    next_cursor: str | None


class TicketLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the kitchen's ticket."""

    sku: str
    name: str
    quantity: int
    modifiers: list[str]
    note: str


class BoardCard(msgspec.Struct, frozen=True, kw_only=True):
    """An open order on the board: where it stands and what is in it."""

    order: StoreOrderState
    lines: list[TicketLine]
    minimum_age: int
    table: str | None
    delivery: OrderDelivery | None


class BoardView(msgspec.Struct, frozen=True, kw_only=True):
    """A store's open orders, the most urgent first."""

    cards: list[BoardCard]


class StoreOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its store sees it."""

    order: StoreOrderState
    lines: list[QuoteLine]
    breakdown: PriceBreakdown
    address: OrderAddress | None
    table: str | None
    minimum_age: int
    payment: OrderPayment
    delivery: OrderDelivery | None
    claims: list[ClaimView]
