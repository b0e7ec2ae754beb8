"""What dispatch does when an event arrives."""

from __future__ import annotations

from chalicelib.dispatch import service
from chalicelib.kernel import events
from chalicelib.kernel.event_types import DeliverySearchDue


@events.on(DeliverySearchDue)
def look_for_rider(event: DeliverySearchDue, meta: events.Meta) -> None:
    """Offer the delivery to the next rider, if it still needs one."""
    service.look_for_rider(event.delivery_id, meta.event_id)
