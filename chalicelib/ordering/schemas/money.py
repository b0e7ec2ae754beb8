"""The money of an order over the API: bill, ledger, refunds, tips, adjustments."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.ordering.schemas.inputs import BasketModifier
from chalicelib.ordering.schemas.invoices import CreditNoteLine
from chalicelib.ordering.schemas.values import InstantText, OrderAmount

RefundReason = Literal[
    "missing_item", "wrong_item", "quality", "late", "damaged", "not_delivered", "customer_request", "other"
]
RefundPayer = Literal["store", "platform", "rider", "supplier"]
InvoiceNumber = Annotated[str | None, Meta(description="Null until what was sold is invoiced.")]
BillPart = Annotated[
    str,
    Meta(
        max_length=20,
        pattern=r"^([0-9]{1,2}|delivery_fee|small_order_fee|tip)$(?!\n)",
        description="A line of the order by its number, from 0; or a fee, or the tip, by name.",
        examples=["0"],
    ),
]


class RefundLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many pieces of a line."""

    line: BillPart
    quantity: Annotated[int, Meta(ge=1, le=999)] = 1


class RefundAmount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount to give back or to add."""

    amount: Annotated[int, Meta(ge=1, le=99_999_999, description="Minor units.", examples=[500])]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="The order's.", examples=["EUR"])]


class RefundOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to give back: pieces of `lines`, or an `amount`; neither gives back all that is left."""

    reason: RefundReason
    paid_by: Annotated[RefundPayer, Meta(description="Who bears the loss.")] = "store"
    lines: Annotated[tuple[RefundLine, ...], Meta(min_length=1, max_length=64)] | None = None
    amount: RefundAmount | None = None
    note: Annotated[str, Meta(max_length=200)] = ""


LineNumber = Annotated[
    str, Meta(max_length=2, pattern=r"^[0-9]{1,2}$(?!\n)", description="A line of the order, from 0.", examples=["0"])
]


class WeighedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all pieces of a line really weigh together."""

    line: LineNumber
    grams: Annotated[int, Meta(ge=0, le=10_000_000, examples=[1180])]


class SubstitutedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pieces of a line, and what is given for each of them."""

    line: LineNumber
    quantity: Annotated[int, Meta(ge=1, le=999)] = 1
    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    modifiers: Annotated[tuple[BasketModifier, ...], Meta(max_length=30)] = ()


class AdjustOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the store found: pieces that it can't give, what it weighed, what it would give instead."""

    missing: Annotated[tuple[RefundLine, ...], Meta(max_length=64)] = ()
    weighed: Annotated[tuple[WeighedLine, ...], Meta(max_length=60)] = ()
    substituted: Annotated[tuple[SubstitutedLine, ...], Meta(max_length=20)] = ()
    reason: Literal[
        "out_of_stock", "damaged", "short_picked", "weighed", "substituted", "customer_request", "other"
    ] = "out_of_stock"


class AgreedProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A change that the customer agrees to: `agreed`, or once its app has confirmed the second hold."""

    order_id: str
    order_version: int
    state: Literal["agreed", "requires_payment"]
    total: Annotated[OrderAmount, Meta(description="What the order costs, once it is agreed.")]
    extra: Annotated[OrderAmount | None, Meta(description="What more has to be held for it.")]
    payment_intent_id: str | None = None
    client_secret: Annotated[str | None, Meta(description="While the extra is to be paid.")] = None


class AddTip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tip, to be paid by card."""

    amount: RefundAmount


class TipView(msgspec.Struct, frozen=True, kw_only=True):
    """A tip of its own, and what your app needs to pay it."""

    order_id: str
    amount: OrderAmount
    state: Literal["requires_payment", "captured", "refund_pending", "refunded"]
    payment_intent_id: str | None = None
    client_secret: Annotated[str | None, Meta(description="Only while the tip is to be paid.")] = None


class BillPartView(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the bill: `gross` is what is paid for all of it, of which `tax`."""

    line: str
    name: str
    quantity: int
    gross: OrderAmount
    tax: OrderAmount
    tax_rate_basis_points: int


class BillTax(msgspec.Struct, frozen=True, kw_only=True):
    """The tax of one rate in the bill."""

    rate_basis_points: int
    tax: OrderAmount


class BillView(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer pays, part by part: the parts' `gross` add up to `total`."""

    parts: list[BillPartView]
    taxes: list[BillTax]
    total: OrderAmount


class RefundShare(msgspec.Struct, frozen=True, kw_only=True):
    """What of a part of the bill goes back."""

    line: str
    quantity: int
    gross: OrderAmount
    tax: OrderAmount


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund: `pending` until the payment provider has made it."""

    number: int
    state: Literal["pending", "settled", "failed"]
    amount: OrderAmount
    tax: OrderAmount
    shares: list[RefundShare]
    reason: RefundReason
    paid_by: RefundPayer
    requested_at: InstantText
    settled_at: InstantText | None
    failure_code: str | None
    note: str


class MovementView(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of the order's money, in words."""

    at: InstantText
    kind: str
    amount: OrderAmount
    text: Annotated[str, Meta(examples=["45.90 EUR was taken by card or wallet."])]


class PostingView(msgspec.Struct, frozen=True, kw_only=True):
    """What a movement adds to an account: debits are positive."""

    account: str
    amount: OrderAmount
    about: str


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """A movement with its lines in the ledger, which add up to nothing."""

    id: str
    at: InstantText
    kind: str
    cause: str
    amount: OrderAmount
    text: str
    lines: list[PostingView]


class PaidView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the order is paid; `pending_refund` is about to go back."""

    method: str
    state: str
    total: OrderAmount
    authorised: OrderAmount
    captured: OrderAmount
    refunded: OrderAmount
    pending_refund: OrderAmount
    by_credit: OrderAmount


class OrderMoney(msgspec.Struct, frozen=True, kw_only=True):
    """An order's money, from the bill to the last refund."""

    order_id: str
    quoted: OrderAmount
    bill: BillView
    proposed: Annotated[BillView | None, Meta(description="What the customer is asked to agree to.")]
    payment: PaidView
    refunds: list[RefundView]
    tip: TipView | None
    invoice_number: InvoiceNumber
    credit_notes: list[CreditNoteLine]
    movements: list[MovementView]


class StoreOrderMoney(msgspec.Struct, frozen=True, kw_only=True):
    """An order's money as its store sees it: with the ledger, and the terms that shared it out."""

    order_id: str
    quoted: OrderAmount
    bill: BillView
    proposed: Annotated[BillView | None, Meta(description="What the customer is asked to agree to.")]
    payment: PaidView
    refunds: list[RefundView]
    tip: TipView | None
    invoice_number: InvoiceNumber
    credit_notes: list[CreditNoteLine]
    terms_version: Annotated[int, Meta(description="The version of the merchant's terms that shared it out.")]
    statement: Annotated[
        str | None, Meta(description="The store's statement that shows the sale; null while its period is open.")
    ]
    payout: Annotated[
        Literal["planned", "sending", "sent", "paid", "failed", "reversed", "carried"] | None,
        Meta(description="What became of that statement's payout."),
    ]
    entries: list[EntryView]
    balances: Annotated[
        dict[str, int], Meta(description="Minor units by account, over the entries: debits are positive.")
    ]
