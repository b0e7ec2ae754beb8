"""Where an order's payment is read, and how a change of it is written: on the state and version it was decided on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.kernel import tables
from chalicelib.kernel.errors import VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments.tables import SK, PaymentRow, of_row, pk, to_row

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment

# Writes into a transaction of the payment centre what must be written together with it.
Beside = Callable[[Transaction], None]


def payment_ref(order_id: str) -> tables.Ref[Payment | None]:
    """Where an order's payment is read."""
    return tables.Ref(PaymentRow, pk(order_id), SK, of_row)


def write(tx: Transaction, before: Payment, after: Payment) -> None:
    """Write a payment into the transaction if nobody changed it since ``before`` was read (``version_conflict``)."""
    tx.put(
        to_row(after),
        (PaymentRow.version == before.version) & (PaymentRow.state == before.state.value),
        VersionConflict("payment", before.order_id),
    )
