"""What dispatch does when an event arrives."""

from __future__ import annotations

from chalicelib.dispatch import service
from chalicelib.kernel import clock, events
from chalicelib.kernel.event_types import (
    DeliveryCheckDue,
    DeliverySearchDue,
    ShiftCancelled,
    ShiftCheckDue,
    ZoneTickDue,
)


@events.on(DeliverySearchDue)
def look_for_rider(event: DeliverySearchDue, meta: events.Meta) -> None:
    """Offer the delivery to the next rider, if it still needs one."""
    service.look_for_rider(event.delivery_id, meta.event_id, event.others)


@events.on(ZoneTickDue)
def plan_zone(event: ZoneTickDue, meta: events.Meta) -> None:
    """Plan what waits in the zone together, if this tick is the one that is due."""
    service.tick_zone(event.zone, clock.from_epoch_ms(event.due), meta.event_id)


@events.on(DeliveryCheckDue)
def check_on_delivery(event: DeliveryCheckDue, _meta: events.Meta) -> None:
    """See whether an order on board is near its door, or late, though its rider's phone may be silent."""
    service.check_on_delivery(event.delivery_id)


@events.on(ShiftCheckDue)
def check_on_shift(event: ShiftCheckDue, meta: events.Meta) -> None:
    """See whether a rider came to a booked shift, or whether the planned end of one has passed."""
    service.check_on_shift(event.rider_id, event.shift_id, meta.event_id)


@events.on(ShiftCancelled)
def free_riders(event: ShiftCancelled, _meta: events.Meta) -> None:
    """Free whoever is booked in a shift that does not take place."""
    service.free_riders(event.shift_id)
