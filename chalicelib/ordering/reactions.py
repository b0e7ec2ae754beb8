"""What ordering does when word comes of payments, deliveries and deadlines."""

from __future__ import annotations

from chalicelib.kernel import events, schedules
from chalicelib.kernel.event_types import (
    ClaimDeadlineReached,
    ConsentDeadlineReached,
    DeliveryAtRisk,
    DeliveryDelivered,
    DeliveryFailed,
    DeliveryPickedUp,
    DeliveryReturned,
    DeliveryUnfilled,
    ErasureDue,
    ExtraNotified,
    OrderDeadlineReached,
    OrderPaymentDue,
    PaymentNotified,
    ResendFailed,
    TruthSweepDue,
)
from chalicelib.ordering import service


@events.on(PaymentNotified)
def follow_payment(event: PaymentNotified, meta: events.Meta) -> None:
    """Ask the provider how the payment stands; a paid order appears on the store's board."""
    service.follow_payment(event.order_id, meta.event_id, event.payment_intent_id)


@events.on(TruthSweepDue)
def sweep(event: TruthSweepDue, meta: events.Meta) -> None:
    """Compare orders, payments, ledger and provider, page by page, and put right what is safe."""
    following = service.sweep(event)
    if following is not None:
        schedules.carry_on("ordering", meta, following)


@events.on(ErasureDue)
def erase(event: ErasureDue, _meta: events.Meta) -> None:
    """Forget a customer, one step further."""
    service.erase_next(event)


@events.on(OrderDeadlineReached)
def watch_deadline(event: OrderDeadlineReached, meta: events.Meta) -> None:
    """End an order that nobody paid, or that its store did not answer, in time."""
    service.watch_deadline(event.order_id, meta.event_id)


@events.on(OrderPaymentDue)
def watch_payment(event: OrderPaymentDue, meta: events.Meta) -> None:
    """The money for an order far ahead is due to be held, or its hold to be made anew."""
    service.watch_payment(event.order_id, meta.event_id)


@events.on(ClaimDeadlineReached)
def watch_claim(event: ClaimDeadlineReached, meta: events.Meta) -> None:
    """Answer for a store that is silent, as it has settled; let an offer lapse that its customer does not take."""
    service.watch_claim(event.order_id, event.number, meta.event_id)


@events.on(ExtraNotified)
def follow_extra(event: ExtraNotified, meta: events.Meta) -> None:
    """A second hold may stand: then the customer has agreed to what it is for."""
    service.follow_extra(event.order_id, event.payment_intent_id, meta.event_id)


@events.on(ConsentDeadlineReached)
def watch_proposal(event: ConsentDeadlineReached, meta: events.Meta) -> None:
    """Go on without what the customer did not agree to in time."""
    service.watch_proposal(event.order_id, event.number, meta.event_id)


@events.on(ResendFailed)
def refund_failed_resend(event: ResendFailed, meta: events.Meta) -> None:
    """What was to be brought once more never was: give its price back."""
    service.refund_failed_resend(event.order_id, event.resend_id, meta.event_id)


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
