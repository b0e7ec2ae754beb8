"""Where the rider of an order is, for its customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.model.live import LivePosition, live_position, may_be_seen
from chalicelib.dispatch.tables import POSITION, PositionRow, position_of, rider_pk
from chalicelib.kernel import clock, tables

if TYPE_CHECKING:
    from chalicelib.dispatch.model.delivery import Delivery


def locate_rider(delivery: Delivery | None) -> LivePosition | None:
    """What a customer is shown of the rider. One request of half a unit while the order is on board, none otherwise."""
    if delivery is None or not may_be_seen(delivery):
        return None
    row = tables.get(PositionRow, rider_pk(delivery.rider_id or ""), POSITION, consistent=False)
    return live_position(delivery, None if row is None else position_of(row), clock.now())
