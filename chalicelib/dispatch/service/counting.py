"""What dispatch counts: offers made and taken, and deliveries for which nobody was found."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalicelib.dispatch.model.delivery import SEARCHING, Status
from chalicelib.kernel import metrics

if TYPE_CHECKING:
    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.kernel.transaction import Transaction


def count_change(tx: Transaction, before: Delivery, after: Delivery) -> None:
    """Count what this change of a delivery means, once it is written."""
    for name in _met(before, after):
        tx.afterwards(partial(metrics.count, name))


def _met(before: Delivery, after: Delivery) -> list[str]:
    found = []
    offered_anew = after.offer_expires_at is not None and after.offer_expires_at != before.offer_expires_at
    if after.status is Status.OFFERED and offered_anew:
        found.append(metrics.OFFERS_MADE)
    if before.status in SEARCHING and after.status is Status.ASSIGNED:
        found.append(metrics.OFFERS_ACCEPTED)
    if before.unfilled_at is None and after.unfilled_at is not None:
        found.append(metrics.DELIVERIES_UNFILLED)
    return found
