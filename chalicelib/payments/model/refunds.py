"""Giving back part of what was taken: any number of times, never more than was taken. Amounts are minor units."""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from chalicelib.kernel.errors import Conflict, Invalid, Violation
from chalicelib.payments.model.apportion import Share, all_of, by_amount, by_quantity
from chalicelib.payments.model.credit import CreditPart, Kind, give_back, store_credit_id, taken
from chalicelib.payments.model.payment import State as PaymentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.payments.model.bill import Bill
    from chalicelib.payments.model.payment import Payment

RefundReason = Literal[
    "missing_item", "wrong_item", "quality", "late", "damaged", "not_delivered", "customer_request", "other"
]
RefundPayer = Literal["store", "platform", "rider", "supplier"]

MAX_REFUNDS = 50
_REFUNDABLE = (PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED)


class RefundState(StrEnum):
    """Where a refund stands: written down, given back, or refused by the provider for good."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be given back: pieces of lines (by their ``ref`` on the bill), or an amount, or (neither) all.

    ``to_credit``: not the way it was paid, but as the customer's store credit. ``without_fees``: all but the fees.
    Where ``shares`` of the bill are given, it is just these.
    """

    reason: RefundReason
    payer: RefundPayer = "store"
    quantities: Mapping[str, int] | None = None
    amount: int | None = None
    currency: str | None = None
    note: str = ""
    requested_by: str
    to_credit: bool = False
    without_fees: bool = False
    shares: tuple[Share, ...] | None = None


class Refund(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "order_id": "o",
        "number": "n",
        "currency": "c",
        "shares": "s",
        "reason": "r",
        "payer": "p",
        "requested_by": "by",
        "requested_at": "at",
        "state": "st",
        "settled_at": "sat",
        "provider_refund_id": "id",
        "failure_code": "f",
        "note": "N",
        "credits": "cr",
    },
):
    """A refund, the ``number``-th of its order. ``credits`` get so much of it; the rest goes back the way it came."""

    order_id: str
    number: int
    currency: str
    shares: tuple[Share, ...]
    reason: RefundReason
    payer: RefundPayer
    requested_by: str
    requested_at: datetime
    state: RefundState = RefundState.PENDING
    settled_at: datetime | None = None
    provider_refund_id: str | None = None
    failure_code: str | None = None
    note: str = ""
    credits: tuple[tuple[str, int], ...] = ()

    @property
    def amount(self) -> int:
        """What is given back."""
        return sum(share.gross for share in self.shares)

    @property
    def back(self) -> int:
        """What of it goes back the way it came: to the card, or in cash."""
        return self.amount - sum(amount for _, amount in self.credits)

    @property
    def tax(self) -> int:
        """Of which tax."""
        return sum(share.tax for share in self.shares)

    @property
    def given_back(self) -> tuple[Share, ...]:
        """What of the bill it has given back: nothing before it is settled."""
        return self.shares if self.state is RefundState.SETTLED else ()

    @property
    def cause(self) -> str:
        """What it is called in the ledger and, behind the order's id, at the provider."""
        return f"refund:{self.number}"

    def settled(self, at: datetime, provider_refund_id: str | None = None) -> Refund:
        """After the money has gone back."""
        return replace(self, state=RefundState.SETTLED, settled_at=at, provider_refund_id=provider_refund_id)

    def failed(self, at: datetime, failure_code: str) -> Refund:
        """After the provider has refused it for good."""
        return replace(self, state=RefundState.FAILED, settled_at=at, failure_code=failure_code)


def left_on(bill: Bill, refunds: Iterable[Refund]) -> Bill:
    """What of a bill was not given back, and is not about to be."""
    return bill.less(share for refund in refunds if refund.state is not RefundState.FAILED for share in refund.shares)


def shares_of(left: Bill, request: RefundRequest) -> list[Share]:
    """What of the bill that is left a refund gives back. Raises ``Invalid`` for more than that."""
    if request.shares is not None:
        return list(request.shares)
    if request.without_fees:
        left = replace(left, fees=())
    if request.quantities is not None:
        return by_quantity(left, request.quantities)
    return by_amount(left, request.amount) if request.amount is not None else all_of(left)


def next_refund(payment: Payment, bill: Bill, earlier: list[Refund], request: RefundRequest, at: datetime) -> Refund:
    """The refund that is asked for. Raises ``Conflict`` where nothing was taken, ``Invalid`` for more than is left."""
    if payment.state not in _REFUNDABLE:
        raise Conflict("payment_not_captured", f"A payment that is {payment.state} has nothing to give back.")
    if len(earlier) >= MAX_REFUNDS:
        raise Conflict("too_many_refunds", "This order was refunded too often.")
    if request.payer == "rider" and payment.rider_id is None:
        detail = "No rider brought this order."
        raise Invalid([Violation("no_rider", "/paid_by", detail)])
    if request.currency not in (None, bill.currency):
        detail = f"This order was paid in {bill.currency}."
        raise Invalid([Violation("currency_mismatch", "/amount/currency", detail, {"currency": bill.currency})])
    shares = shares_of(left_on(bill, earlier), request)
    amount = sum(share.gross for share in shares)
    most = payment.refundable_minor
    if not 0 < amount <= most:
        params = {"left_minor": most}
        pointer = "/lines" if request.quantities is not None else "/amount/amount" if request.amount is not None else ""
        raise Invalid([Violation("amount_not_left", pointer, f"Only {most} minor units are left.", params)])
    back, to_credits = give_back(
        taken(payment.credits, payment.captured_minor),
        captured=payment.captured_minor,
        refunded=payment.captured_minor - most,
        amount=amount,
    )
    if request.to_credit:
        to_credits = (CreditPart(store_credit_id(payment.customer_id), Kind.STORE_CREDIT, back), *to_credits)
    return Refund(
        order_id=payment.order_id,
        number=payment.refunds + 1,
        currency=payment.amount.currency,
        shares=tuple(shares),
        reason=request.reason,
        payer=request.payer,
        requested_by=request.requested_by,
        requested_at=at,
        note=request.note,
        credits=tuple((part.credit_id, part.amount) for part in to_credits if part.amount),
    )
