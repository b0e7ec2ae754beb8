"""What the end of a negotiation means for money, within the transaction that ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Invalid, NotFound, Unavailable, Violation
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model
from chalicelib.payments.model import ledger
from chalicelib.payments.model.apportion import all_of, by_quantity, sums_of
from chalicelib.payments.model.bill import TIP
from chalicelib.payments.model.credit import PROMOTIONS
from chalicelib.payments.model.postings import account_of
from chalicelib.payments.model.refunds import left_on, shares_of
from chalicelib.payments.model.resending import Resend
from chalicelib.payments.service.credit import Grant, grant, store_credit_ref
from chalicelib.payments.service.paying import capture_payment
from chalicelib.payments.service.refunds import refund_within
from chalicelib.payments.service.tips import return_tip
from chalicelib.payments.service.writing import payment_ref, write
from chalicelib.payments.tables.refunds import refunds_of, tip_ref, to_bill_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.apportion import Share
    from chalicelib.payments.model.bill import Bill
    from chalicelib.payments.model.postings import Payer
    from chalicelib.payments.model.refunds import RefundRequest

_TAKEN = (model.State.CAPTURED, model.State.PARTIALLY_REFUNDED)


def give_back_part(tx: Transaction, payment: Payment, bill: Bill, part: RefundRequest) -> int:
    """Give back a part of an order that is not going to be fulfilled; what its customer pays all the same, minor units.

    The tip goes back first: nobody has earned it. What is held becomes a smaller bill, what was taken a refund. Where
    nothing is left to pay, nothing is written: the order's end lets go of all of it.
    Raises ``Invalid`` for more than there is, or less than the tip.
    """
    left = left_on(bill, refunds_of(payment.order_id))
    shares = _with_tip(left, part)
    kept = left.less(shares)
    if not kept.total:
        return 0
    if payment.state in _TAKEN:
        refund_within(tx, payment, bill, replace(part, quantities=None, amount=None, shares=tuple(shares)))
        return kept.total
    after = replace(model.reduced(payment, kept.sums, clock.now()), rates=kept.rates)
    write(tx, payment, after)
    tx.put(to_bill_row(payment.order_id, kept))
    return kept.total


def _with_tip(left: Bill, part: RefundRequest) -> list[Share]:
    tip = [share for share in all_of(left) if share.ref == TIP]
    amount = part.amount
    if amount is not None and amount < left.tip:
        params = {"tip_minor": left.tip}
        raise Invalid([Violation("less_than_tip", "/amount/amount", "At least the tip goes back.", params)])
    rest = part if amount is None else replace(part, amount=amount - left.tip)
    return [*tip, *shares_of(replace(left, tip=0), rest)]


def keep_payment(order_id: str) -> Payment:
    """Take what the customer of an order that ended pays all the same, by agreement, and share it out in the ledger."""
    payment, tip = tables.fetch(payment_ref(order_id), tip_ref(order_id))
    if payment is None:
        raise NotFound("payment", order_id)
    if payment.pending_minor and not payment.is_fulfilled:
        raise Unavailable("refund_in_flight", "A part of this payment is being refunded: try again.")
    # Nobody has earned a tip.
    tx = Transaction()
    return_tip(tx, tip)
    tx.commit()
    return capture_payment(order_id)


def compensate(tx: Transaction, payment: Payment, amount: int, *, cause: str, payer: Payer, by: str | None) -> None:
    """Give an order's customer credit for what went wrong; ``payer`` bears it. Once for each ``cause``.

    Raises ``Invalid`` for more than the order cost.
    """
    most = payment.amount.amount
    if not 0 < amount <= most:
        params = {"max_minor": most}
        raise Invalid([Violation("goodwill_too_large", "/amount/amount", "More than the order cost.", params)])
    currency = payment.amount.currency
    before = tables.fetch(store_credit_ref(payment.customer_id, currency))[0]
    funded_by = account_of(payment, payer)
    given = Grant(
        customer_id=payment.customer_id,
        amount=Money(amount, currency),
        funded_by=PROMOTIONS if funded_by == ledger.PLATFORM else funded_by,
        cause=cause,
        reason="after_sales",
        by=by,
        order_id=payment.order_id,
    )
    grant(tx, before, given)


def resend_of(payment: Payment, bill: Bill, quantities: Mapping[str, int], payer: Payer) -> Resend:
    """What it costs to bring these pieces once more, and who bears it. Raises ``Invalid``."""
    if payer == "rider" and payment.rider_id is None:
        raise Invalid([Violation("no_rider", "/paid_by", "No rider brought this order.")])
    goods = sums_of(by_quantity(bill, quantities))
    return Resend(
        of=payment.order_id,
        account=account_of(payment, payer),
        goods=goods.items - goods.items_tax,
        fee=payment.sums.fees - payment.sums.fees_tax,
    )
