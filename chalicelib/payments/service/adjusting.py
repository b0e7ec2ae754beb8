"""Taking less than was held: the bill of an order that the store could not give in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict
from chalicelib.payments import model
from chalicelib.payments.model.apportion import by_quantity
from chalicelib.payments.service.writing import write
from chalicelib.payments.tables.refunds import to_bill_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.transaction import Transaction
    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.bill import Bill


def reduce_bill(tx: Transaction, payment: Payment, bill: Bill, missing: Mapping[str, int]) -> Payment:
    """Take pieces off a bill, in the caller's transaction, before anything was taken. The payment, of a smaller amount.

    Raises ``payment_captured``, ``nothing_left`` where the order should be cancelled instead, or ``Invalid``.
    """
    left = bill.less(by_quantity(bill, missing))
    if not any(line.gross for line in left.lines):
        raise Conflict("nothing_left", "Nothing would be left of this order: cancel it.")
    after = replace(model.reduced(payment, left.sums, clock.now()), rates=left.rates)
    write(tx, payment, after)
    # Written with the payment, whose version is its condition: of two adjustments at once one is refused.
    tx.put(to_bill_row(payment.order_id, left))
    return after
