"""Following the rider who brings an order."""

from __future__ import annotations

import hashlib

import msgspec

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import NotFound
from chalicelib.ordering.tables import order_ref


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery under way, and what its customer is shown of the rider."""

    delivery: dispatch.Delivery | None
    position: dispatch.LivePosition | None

    @property
    def tag(self) -> str:
        """The ETag: tells nothing but whether something changed."""
        made_of = [self.delivery.id, str(self.delivery.version)] if self.delivery else ["-"]
        if self.position is not None:
            made_of += [clock.rfc3339(self.position.at), self.position.precision]
        return hashlib.sha256(" ".join(made_of).encode()).hexdigest()[:20]

    @property
    def look_again_after(self) -> int:
        """Seconds until the customer's app should ask again."""
        return dispatch.follow_after(self.delivery, self.position, clock.now())


def track_order(customer_id: str, order_id: str) -> Tracking:
    """Where a customer's order is. One request, and one more while a rider has it on board.

    Raises ``order_not_found`` for anybody else's.
    """
    order, delivery = tables.fetch(order_ref(order_id), dispatch.delivery_ref(order_id), consistent=False)
    if order is None or order.customer_id != customer_id:
        raise NotFound("order", order_id)
    return Tracking(delivery=delivery, position=dispatch.locate_rider(delivery))
