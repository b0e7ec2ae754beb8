"""The payment centre at rest, in the table ``payments``; one module per subject.

A payment is one item of its order, PAY#<order id> PAYMENT, well below 1 KB, written at every move of its state. The
other modules tell of their own.
"""

from __future__ import annotations

from chalicelib.payments.tables.ledger import EntryRow
from chalicelib.payments.tables.payment import SK, PaymentRow, of_row, pk, to_row

__all__ = ["SK", "EntryRow", "PaymentRow", "of_row", "pk", "to_row"]
