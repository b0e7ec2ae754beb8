"""The payment centre at rest, in the table ``payments``; one module per subject.

| item    | pk             | sk      | written                                   |
|---------|----------------|---------|-------------------------------------------|
| payment | PAY#<order id> | PAYMENT | at every move of its state; well below 1 KB |
"""

from __future__ import annotations

from chalicelib.payments.tables.payment import SK, PaymentRow, of_row, pk, to_row

__all__ = ["SK", "PaymentRow", "of_row", "pk", "to_row"]
