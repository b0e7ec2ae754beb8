"""Payments at rest: one item per order, well under 1 KB."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from pynamodb.attributes import BooleanAttribute, JSONAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.kernel import clock, tables
from chalicelib.kernel.money import Money
from chalicelib.payments.model import Method, Payment, State
from chalicelib.payments.model.bill import RateSum, Sums
from chalicelib.payments.model.credit import CreditPart, kind_of
from chalicelib.payments.model.deferral import Deferral
from chalicelib.payments.model.extras import Extra
from chalicelib.payments.model.resending import Resend
from chalicelib.payments.model.truth import is_settled

if TYPE_CHECKING:
    from collections.abc import Callable

SK = "PAYMENT"
UNSETTLED_SHARDS = 8


class UnsettledIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The payments about which something waits to be done, by order id, which is by time."""

    class Meta:
        index_name = "unsettled"
        projection = KeysOnlyProjection()

    unsettled_pk = UnicodeAttribute(hash_key=True)
    unsettled_sk = UnicodeAttribute(range_key=True)


def _tell_sums(row: PaymentRow) -> None:
    """The first payments were kept without what they are made of: they are goods, whole."""
    if not row.sums:
        whole: list[Any] = [int(row.amount), 0, 0, 0, 0]
        row.sums = whole


class PaymentRow(tables.Row):
    """``pk`` PAY#<order id>. Found by order: the provider's objects carry the order id in their metadata."""

    class Meta(tables.Meta):
        context = "payments"

    MIGRATIONS: ClassVar[tuple[Callable[[Any], None], ...]] = (_tell_sums,)
    KEYS: ClassVar[tuple[str, str] | None] = ("PAY#", "PAYMENT")

    order_id = UnicodeAttribute()
    store_id = UnicodeAttribute()
    customer_id = UnicodeAttribute()
    method = UnicodeAttribute()
    state = UnicodeAttribute()
    amount = NumberAttribute()
    currency = UnicodeAttribute()
    authorised = NumberAttribute(default=0)
    captured = NumberAttribute(default=0)
    refunded = NumberAttribute(default=0)
    intent_id = UnicodeAttribute(null=True)
    failure_code = UnicodeAttribute(null=True)
    changed_at = NumberAttribute(null=True)
    version = NumberAttribute()
    credits = JSONAttribute(null=True)  # [[credit, amount], …]
    sums = ListAttribute(null=True, of=NumberAttribute)  # items, their tax, fees, their tax, tip
    rates = JSONAttribute(null=True)  # [[tax rate, gross, tax], …]
    mode = UnicodeAttribute(default="pickup")
    merchant_id = UnicodeAttribute(null=True)
    terms_version = NumberAttribute(default=0)
    rider_id = UnicodeAttribute(null=True)
    is_fulfilled = BooleanAttribute(null=True)
    refunds = NumberAttribute(default=0)
    pending = NumberAttribute(default=0)
    invoice = UnicodeAttribute(null=True)  # its number
    unsettled_pk = UnicodeAttribute(null=True)
    unsettled_sk = UnicodeAttribute(null=True)
    unsettled = UnsettledIndex()
    revived_at = NumberAttribute(null=True)
    extras = JSONAttribute(null=True)  # number, amount, intent, held, taken of each
    resend = JSONAttribute(null=True)  # of what makes good another order: that one, who bears it, goods, fee
    deferral = JSONAttribute(null=True)  # of orders far ahead: due, customer, method, holds, attempts, until, renewal


def pk(order_id: str) -> str:
    """The partition of an order's payment."""
    return f"PAY#{order_id}"


def to_row(payment: Payment) -> PaymentRow:
    """The item that keeps this payment."""
    return PaymentRow(
        pk=pk(payment.order_id),
        sk=SK,
        order_id=payment.order_id,
        store_id=payment.store_id,
        customer_id=payment.customer_id,
        method=payment.method.value,
        state=payment.state.value,
        amount=payment.amount.amount,
        currency=payment.amount.currency,
        authorised=payment.authorised_minor,
        captured=payment.captured_minor,
        refunded=payment.refunded_minor,
        intent_id=payment.intent_id,
        failure_code=payment.failure_code,
        changed_at=None if payment.changed_at is None else clock.epoch_ms(payment.changed_at),
        version=payment.version,
        credits=[[part.credit_id, part.amount] for part in payment.credits] or None,
        sums=list(msgspec.structs.astuple(payment.sums)),
        rates=[list(msgspec.structs.astuple(each)) for each in payment.rates] or None,
        mode=payment.mode,
        merchant_id=payment.merchant_id or None,
        terms_version=payment.terms_version,
        rider_id=payment.rider_id,
        is_fulfilled=payment.is_fulfilled or None,
        refunds=payment.refunds,
        pending=payment.pending_minor,
        invoice=payment.invoice,
        unsettled_pk=None if is_settled(payment) else _shard_of(payment.order_id),
        unsettled_sk=None if is_settled(payment) else payment.order_id,
        revived_at=None if payment.revived_at is None else clock.epoch_ms(payment.revived_at),
        extras=msgspec.to_builtins(payment.extras) or None,
        resend=msgspec.to_builtins(payment.resend) if payment.resend else None,
        deferral=msgspec.to_builtins(payment.deferral) if payment.deferral else None,
    )


def _shard_of(order_id: str) -> str:
    return str(zlib.crc32(order_id.encode()) % UNSETTLED_SHARDS)


def unsettled_orders(shard: int, after: str, before: str, limit: int) -> list[str]:
    """The orders of a shard whose payment is not settled, from after one id until before another. One request."""
    between = PaymentRow.unsettled_sk.between(after + "!", before)  # no id goes on behind another
    page = tables.query(PaymentRow, str(shard), between, index="unsettled", limit=limit)
    return [row.unsettled_sk for row in page.items if row.unsettled_sk]


def of_row(row: PaymentRow | None) -> Payment | None:
    """The payment that an item keeps."""
    if row is None:
        return None
    return Payment(
        order_id=row.order_id,
        store_id=row.store_id,
        customer_id=row.customer_id,
        method=Method(row.method),
        amount=Money(int(row.amount), row.currency),
        state=State(row.state),
        authorised_minor=int(row.authorised),
        captured_minor=int(row.captured),
        refunded_minor=int(row.refunded),
        intent_id=row.intent_id,
        failure_code=row.failure_code,
        changed_at=clock.from_epoch_ms(int(row.changed_at)) if row.changed_at else None,
        version=int(row.version),
        credits=tuple(CreditPart(of, kind_of(of), amount) for of, amount in row.credits or ()),
        sums=_sums(row),
        mode=row.mode,
        merchant_id=row.merchant_id or "",
        terms_version=int(row.terms_version),
        rider_id=row.rider_id,
        is_fulfilled=bool(row.is_fulfilled),
        refunds=int(row.refunds),
        pending_minor=int(row.pending),
        invoice=row.invoice,
        revived_at=clock.from_epoch_ms(int(row.revived_at)) if row.revived_at else None,
        extras=msgspec.convert(row.extras or (), tuple[Extra, ...]),
        resend=msgspec.convert(row.resend, Resend) if row.resend else None,
        rates=tuple(RateSum(*each) for each in row.rates or ()),
        deferral=msgspec.convert(row.deferral, Deferral) if row.deferral else None,
    )


def _sums(row: PaymentRow) -> Sums:
    kept: list[Any] = row.sums
    items, items_tax, fees, fees_tax, tip = (int(amount) for amount in kept)
    return Sums(items=items, items_tax=items_tax, fees=fees, fees_tax=fees_tax, tip=tip)
