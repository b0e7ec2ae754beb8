"""What the ordering API takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.ordering.schemas.values import Key, Mode, PaymentMethod, PrepMinutes, Text


class BasketTip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer adds of their own accord."""

    amount: Annotated[int, Meta(ge=0, le=10_000_000, description="Minor units.", examples=[200])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="The store's.", examples=["EUR"])]


class BasketNestedModifier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice that belongs to another choice."""

    group_id: Key
    option_id: Key
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1


class BasketModifier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chosen option of a modifier group."""

    group_id: Key
    option_id: Key
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1
    modifiers: Annotated[tuple[BasketNestedModifier, ...], Meta(max_length=30)] = ()


class BasketComponent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What fills one component of a combo."""

    component_id: Key
    sku: Key
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1
    modifiers: Annotated[tuple[BasketModifier, ...], Meta(max_length=30)] = ()


class BasketLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line: a SKU of the store's menu with what the customer chose."""

    sku: Annotated[str, Meta(min_length=1, max_length=64, examples=["PIZ-MARG-32"])]
    quantity: Annotated[int, Meta(ge=1, le=999, examples=[2])] = 1
    modifiers: Annotated[tuple[BasketModifier, ...], Meta(max_length=30)] = ()
    components: Annotated[tuple[BasketComponent, ...], Meta(max_length=30, description="For combos.")] = ()
    note: Annotated[str, Meta(max_length=200, description="For the kitchen.")] = ""


class BasketPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on earth."""

    lat: Annotated[float, Meta(ge=-90, le=90, description="Degrees, WGS 84.", examples=[52.487])]
    lng: Annotated[float, Meta(ge=-180, le=180, description="Degrees, WGS 84.", examples=[13.425])]


class BasketAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a delivery goes, and whom the rider asks for."""

    point: BasketPoint
    street: Annotated[str, Meta(min_length=1, max_length=200, description="With the number.")]
    details: Annotated[Text, Meta(description="Staircase, floor, company.")] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=100)] = ""
    instructions: Annotated[str, Meta(max_length=300, description="For the rider.")] = ""
    contact_name: Annotated[str, Meta(max_length=100)] = ""
    contact_phone: Annotated[str, Meta(max_length=30)] = ""


class RequestQuote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A basket to be checked and priced."""

    store_id: Key
    mode: Mode
    lines: Annotated[tuple[BasketLine, ...], Meta(min_length=1, max_length=60)]
    address: Annotated[BasketAddress | None, Meta(description="For deliveries.")] = None
    table: Annotated[str, Meta(max_length=20, description="For dine-in.")] = ""
    wanted_at: Annotated[datetime, Meta(tz=True, description="Leave out for as soon as possible.")] | None = None
    tip: BasketTip | None = None
    substitutes: Annotated[
        Literal["none", "at_most", "ask"],
        Meta(description="Where something is missing: nothing else; what costs at most as much; or you are asked."),
    ] = "ask"


TenderAmount = Annotated[
    int,
    Meta(
        ge=1,
        le=99_999_999,
        description="Minor units of the quote's currency; leave out for as much as is there and is needed.",
        examples=[1500],
    ),
]


class GiftCardTender(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="method", tag="gift_card"
):
    """A gift card, by its code."""

    code: Annotated[str, Meta(min_length=1, max_length=40, examples=["7KQ2-XW9D-4MBT-H3RV"])]
    amount: TenderAmount | None = None


class StoreCreditTender(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="method", tag="store_credit"
):
    """The customer's own credit."""

    amount: TenderAmount | None = None


class CardTender(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="method", tag="card"):
    """A card, for what the others leave to pay."""


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The quote to order, and how it will be paid: `payment_method`, or `tenders` that share the total."""

    quote_id: Key
    payment_method: PaymentMethod | None = None
    tenders: Annotated[
        tuple[GiftCardTender | StoreCreditTender | CardTender, ...],
        Meta(max_length=5, description="In the order in which they pay. A card is last, whatever its place."),
    ] = ()


class CancelOwnOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the customer steps back."""

    reason: Literal["changed_mind", "ordered_by_mistake", "takes_too_long", "other"] = "changed_mind"


class AcceptOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the kitchen needs."""

    prep_minutes: PrepMinutes


class PostponeOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the kitchen still needs."""

    prep_minutes: PrepMinutes


class RejectOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the store does not take the order."""

    reason: Literal["too_busy", "item_unavailable", "closing", "cannot_deliver", "suspicious", "other"]


class CancelStoreOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the store gives up an order that it accepted."""

    reason: Literal["item_unavailable", "kitchen_problem", "no_rider", "customer_absent", "customer_request", "other"]


class HandOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a customer at the counter: the code that they say, or why a manager does without it. For a rider: nothing."""

    pickup_code: Annotated[str, Meta(min_length=1, max_length=10, examples=["4711"])] | None = None
    override_reason: Annotated[str, Meta(min_length=3, max_length=100)] | None = None
