"""A customer steps back."""

from __future__ import annotations

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model import commands
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Actor, Change, Order, Status
from chalicelib.ordering.service.storing import cause_of, end
from chalicelib.ordering.tables import order_ref

_ATTEMPTS = 4


def cancel_own_order(customer_id: str, order_id: str, reason: str, request_id: str) -> Order:
    """Cancel a customer's order, which is possible until the store has accepted; cancelled twice is cancelled.

    No version is asked for: what matters is where the order stands when this is written, and a payment that was
    confirmed meanwhile is no reason to refuse. Raises ``order_not_found`` or ``order_status_conflict``.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _cancel(customer_id, order_id, reason, request_id)
        except VersionConflict:
            continue
    return _cancel(customer_id, order_id, reason, request_id)


def _cancel(customer_id: str, order_id: str, reason: str, request_id: str) -> Order:
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None or order.customer_id != customer_id:
        raise NotFound("order", order_id)
    actor = Actor(rules.CUSTOMER, customer_id)
    if order.status is Status.CANCELLED and order.timeline[-1].actor == actor:
        return order
    cancelled = commands.cancel_by_customer(order, Change(actor, clock.now(), cause_of(request_id)), reason=reason)
    tx = Transaction()
    end(tx, order, cancelled)
    tx.commit()
    return cancelled
