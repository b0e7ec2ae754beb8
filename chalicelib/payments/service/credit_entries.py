"""What every movement of a credit leaves behind: a line of its history, and an entry of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict
from chalicelib.payments.model.ledger import Entry, Line
from chalicelib.payments.service.ledger import post
from chalicelib.payments.tables.credit import MovementRow, movement_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.kernel.errors import DomainError
    from chalicelib.kernel.transaction import Transaction
    from chalicelib.payments.model.credit import Movement

_STORE = "store:"


def note(
    tx: Transaction, credit_id: str, currency: str, movement: Movement, repeated: DomainError | None = None
) -> None:
    """Write a line of a credit's history; ``repeated`` is what it means that there is one already."""
    tx.put(
        movement_row(credit_id, currency, movement),
        MovementRow.pk.does_not_exist(),
        repeated or Conflict("movement_exists", "This movement was made before."),
    )


def enter(
    tx: Transaction,
    cause: str,
    kind: str,
    currency: str,
    lines: Sequence[Line],
    *,
    order_id: str | None = None,
    store_id: str | None = None,
) -> None:
    """Post a movement to the ledger; a store that pays for it finds it on its statement.

    Without an order, the entry lies with the account of its first line: the credit's.
    """
    paying = next((line.account.removeprefix(_STORE) for line in lines if line.account.startswith(_STORE)), None)
    entry = Entry(
        id=f"{cause}:{kind}",
        cause=cause,
        kind=kind,
        at=clock.now(),
        currency=currency,
        lines=tuple(lines),
        order_id=order_id,
        store_id=store_id or paying,
    )
    post(tx, entry)
