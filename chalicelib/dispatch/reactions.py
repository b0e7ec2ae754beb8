"""What dispatch does when an event arrives."""

from __future__ import annotations

from chalicelib.dispatch import service
from chalicelib.kernel import clock, events
from chalicelib.kernel.event_types import (
    DeliveryCheckDue,
    DeliveryDelivered,
    DeliveryReturned,
    DeliverySearchDue,
    ShiftCancelled,
    ShiftCheckDue,
    ShiftEnded,
    ShiftPayDue,
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


@events.on(DeliveryDelivered)
def pay_for_delivery(event: DeliveryDelivered, _meta: events.Meta) -> None:
    """Pay the rider who brought it."""
    service.pay_delivery(event.delivery_id, event.rider_id)


@events.on(DeliveryReturned)
def pay_for_return(event: DeliveryReturned, _meta: events.Meta) -> None:
    """Pay the rider who could not hand it over and brought it back."""
    service.pay_delivery(event.delivery_id, event.rider_id)


@events.on(ShiftEnded)
def set_shift_pay_going(event: ShiftEnded, _meta: events.Meta) -> None:
    """See to it that the shift's guarantee is reckoned once its last delivery is paid."""
    service.set_shift_pay_going(event.rider_id, event.shift_id)


@events.on(ShiftPayDue)
def pay_guarantee(event: ShiftPayDue, _meta: events.Meta) -> None:
    """Pay what the shift lacks to its guarantee."""
    service.pay_guarantee(event.rider_id, event.shift_id)
