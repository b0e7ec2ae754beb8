"""Another bill before the hand-over: of an order that the store can't give in full, that was weighed, or is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.event_types import ExtraDeclined
from chalicelib.payments import model
from chalicelib.payments.model.apportion import by_quantity
from chalicelib.payments.service.extras import extra_of, with_held_extra
from chalicelib.payments.service.writing import write
from chalicelib.payments.tables.refunds import ProposedBills, to_bill_row, to_proposed_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.transaction import Transaction
    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.amending import Amended
    from chalicelib.payments.model.bill import Bill


def reduce_bill(tx: Transaction, payment: Payment, bill: Bill, missing: Mapping[str, int]) -> Payment:
    """Take pieces off a bill, in the caller's transaction, before anything was taken. The payment, of a smaller amount.

    Raises ``payment_captured``, ``nothing_left`` where the order should be cancelled instead, or ``Invalid``.
    """
    left = bill.less(by_quantity(bill, missing, "/missing"))
    if not any(line.gross for line in left.lines):
        raise Conflict("nothing_left", "Nothing would be left of this order: cancel it.")
    after = replace(model.reduced(payment, left.sums, clock.now()), rates=left.rates)
    write(tx, payment, after)
    # Written with the payment, whose version is its condition: of two adjustments at once one is refused.
    tx.put(to_bill_row(payment.order_id, left))
    return after


def amend_bill(tx: Transaction, payment: Payment, bill: Bill) -> Payment:
    """Make this the order's bill in the caller's transaction, before anything was taken. The payment of its amount.

    Raises ``payment_captured``, or ``payment_amount`` for more than is held.
    """
    return _write_bill(tx, payment, payment, bill)


def agree_on_bill(tx: Transaction, payment: Payment, bill: Bill, number: int) -> Payment:
    """The same with the customer's consent; by the extra of this number more is held, where they set out to pay one."""
    return _write_bill(tx, payment, with_held_extra(tx, payment, number), bill)


def refuse_bill(tx: Transaction, payment: Payment, bill: Bill, number: int) -> Payment:
    """The same without it: ``bill`` needs none, and an extra that the customer set out to pay is let go."""
    extra = extra_of(payment, number)
    if extra is None:
        return _write_bill(tx, payment, payment, bill)
    tx.emit(ExtraDeclined(order_id=payment.order_id, payment_intent_id=extra.intent_id))
    return _write_bill(tx, payment, model.extra_dropped(payment, number, clock.now()), bill)


def propose_bill(tx: Transaction, order_id: str, number: int, amended: Amended) -> None:
    """Keep the bills that a customer is asked about, in the caller's transaction, whose order is its condition."""
    tx.put(to_proposed_row(order_id, ProposedBills(number=number, wanted=amended.wanted, unasked=amended.unasked)))


def _write_bill(tx: Transaction, before: Payment, payment: Payment, bill: Bill) -> Payment:
    after = replace(model.amended(payment, bill.sums, clock.now()), rates=bill.rates)
    write(tx, before, after)
    # Written with the payment, whose version is its condition: of two adjustments at once one is refused.
    tx.put(to_bill_row(payment.order_id, bill))
    return after
