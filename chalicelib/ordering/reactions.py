"""What ordering does when word comes of payments, deliveries and deadlines."""

from __future__ import annotations

from chalicelib.kernel import events
from chalicelib.kernel.event_types import (
    DeliveryAtRisk,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryPickedUp,
    DeliveryReturned,
    DeliveryUnfilled,
    OrderDeadlineReached,
    PaymentNotified,
)
from chalicelib.ordering import service


@events.on(PaymentNotified)
def follow_payment(event: PaymentNotified, meta: events.Meta) -> None:
    """Ask the provider how the payment stands; a paid order appears on the store's board."""
    service.follow_payment(event.order_id, meta.event_id, event.payment_intent_id)


@events.on(OrderDeadlineReached)
def watch_deadline(event: OrderDeadlineReached, meta: events.Meta) -> None:
    """End an order that nobody paid, or that its store did not answer, in time."""
    service.watch_deadline(event.order_id, meta.event_id)


@events.on(DeliveryPickedUp)
def mark_out_for_delivery(event: DeliveryPickedUp, meta: events.Meta) -> None:
    """The order has left the store."""
    service.note_picked_up(event.order_id, event.rider_id, meta.event_id)


@events.on(DeliveryDelivered)
def complete_delivered(event: DeliveryDelivered, meta: events.Meta) -> None:
    """The customer has the order."""
    service.note_delivered(event.order_id, event.rider_id, meta.event_id)


@events.on(DeliveryFailed)
def bring_back_to_board(event: DeliveryFailed, meta: events.Meta) -> None:
    """The order is coming back: the staff see it again."""
    service.note_delivery_failed(event.order_id, event.rider_id, event.reason, meta.event_id)


@events.on(DeliveryReturned)
def take_back(event: DeliveryReturned, meta: events.Meta) -> None:
    """The order is at the store again, for the staff to decide on."""
    service.note_delivery_returned(event.order_id, event.rider_id, meta.event_id)


@events.on(DeliveryUnfilled)
def alert_staff(event: DeliveryUnfilled, meta: events.Meta) -> None:
    """No rider yet: the staff should know."""
    service.note_no_rider(event.order_id, meta.event_id)


@events.on(DeliveryAtRisk)
def warn_of_lateness(event: DeliveryAtRisk, meta: events.Meta) -> None:
    """The order will come late: its timeline says so before it does."""
    service.note_at_risk(event.order_id, meta.event_id)
