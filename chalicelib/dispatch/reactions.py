"""What dispatch does when an event arrives."""

from __future__ import annotations

from chalicelib.dispatch import service
from chalicelib.kernel import clock, events
from chalicelib.kernel.event_types import DeliveryCheckDue, DeliverySearchDue, ZoneTickDue


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
