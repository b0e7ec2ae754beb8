"""What orders add to the business metrics when their status changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import metrics
from chalicelib.ordering.model.order import PAYMENT_EXPIRED, STORE_DID_NOT_RESPOND, Status

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ordering.model.order import Order


def count_change(before: Order, after: Order) -> None:
    """Count what the change means to customers and stores; called once it is written."""
    if after.status is Status.REJECTED:
        reason = after.timeline[-1].reason or "other"
        lapsed = reason == STORE_DID_NOT_RESPOND
        metrics.count(metrics.ORDERS_LAPSED) if lapsed else metrics.count(metrics.ORDERS_REJECTED, reason=reason)
    elif after.status is Status.CANCELLED and after.timeline[-1].reason == PAYMENT_EXPIRED:
        metrics.count(metrics.PAYMENTS_FAILED)
    elif after.status is Status.ACCEPTED:
        metrics.count(metrics.ORDERS_ACCEPTED)
        _tell(metrics.TIME_TO_ACCEPT, before.confirmed_at, after)
    elif after.status is Status.READY:
        _tell(metrics.TIME_TO_READY, _when(before, Status.ACCEPTED), after)
    elif after.status is Status.COMPLETED:
        _tell(metrics.TIME_TO_DOOR, _when(before, Status.PLACED), after)


def _when(order: Order, step: str) -> datetime | None:
    return next((entry.at for entry in order.timeline if entry.step == step), None)


def _tell(name: str, since: datetime | None, after: Order) -> None:
    if since is not None:
        metrics.duration(name, after.timeline[-1].at - since)
