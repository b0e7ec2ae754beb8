"""From the domain to what the API gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.dispatch import service
from chalicelib.dispatch.schemas import (
    Cash,
    DecisionsView,
    DecisionView,
    DeliveryView,
    FeedView,
    JobView,
    OfferView,
    PoolItemView,
    PoolView,
    RiderView,
    Spot,
    StepReceipt,
    StepView,
    StopView,
)
from chalicelib.dispatch.shift_views import shift_state
from chalicelib.kernel import clock, geo

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.geo import Point
    from chalicelib.kernel.money import Money


def rider_view(rider: service.Rider) -> RiderView:
    """A rider for the API."""
    return RiderView(
        rider_id=rider.id,
        name=rider.name,
        vehicle=rider.vehicle.value,
        capacity=rider.capacity,
        volume=rider.limits.volume,
        cold_box=rider.limits.cold_box,
        age_restricted=rider.limits.age_restricted,
        cash_limit=_cash(rider.limits.cash_limit),
        cash_in_hand=_cash(rider.cash),
        on_shift=rider.on_shift,
        shift_id=rider.shift_id,
        zone=rider.zone,
        shift_changed_at=_maybe(rider.shift_changed_at),
        version=rider.version,
    )


def feed_view(feed: service.Feed) -> FeedView:
    """A feed for the API."""
    return FeedView(
        on_shift=feed.rider.on_shift,
        state=shift_state(feed.rider, in_hand=bool(feed.active)),
        shift_ends_at=_maybe(feed.rider.shift_ends_at),
        offers=[_offer_view(delivery) for delivery in feed.offers],
        deliveries=[_job_view(delivery) for delivery in feed.active],
        route=[
            StopView(
                kind=stop.kind,
                position=_spot(stop.point),
                deliveries=list(stop.deliveries),
                at=clock.rfc3339(stop.at),
            )
            for stop in service.route(feed.active)
        ],
    )


def delivery_view(delivery: service.Delivery) -> DeliveryView:
    """A delivery with its timeline for the API."""
    steps = sorted(delivery.steps, key=lambda step: step.captured_at or step.at)
    return DeliveryView(
        delivery=_job_view(delivery),
        timeline=[
            StepView(
                status=step.status.value,
                at=clock.rfc3339(step.at),
                captured_at=_maybe(step.captured_at),
                actor=step.actor.value,
                reason=step.reason,
            )
            for step in steps
        ],
    )


def receipt(delivery_id: str, command: service.Command, step: service.Step) -> StepReceipt:
    """The answer to a rider's report."""
    return StepReceipt(
        delivery_id=delivery_id,
        op_id=command.op_id,
        status=step.status.value,
        recorded_at=clock.rfc3339(step.at),
        captured_at=clock.rfc3339(step.captured_at or step.at),
    )


def _offer_view(delivery: service.Delivery) -> OfferView:
    brief = delivery.brief or service.Brief()
    return OfferView(
        delivery_id=delivery.id,
        expires_at=clock.rfc3339(delivery.offer_expires_at or delivery.ready_at),
        store_name=brief.store_name,
        store_address=brief.store_address,
        dropoff_position=_roughly(delivery.dropoff_point),
        distance_m=round(geo.distance_m(delivery.store_point, delivery.dropoff_point)),
        together=list(delivery.mates) or [delivery.id],
        **_shared(delivery),
    )


def pool_view(pool: service.Pool) -> PoolView:
    """The pool for the API."""
    return PoolView(items=[_pool_item(delivery) for delivery in pool.deliveries])


def _pool_item(delivery: service.Delivery) -> PoolItemView:
    brief = delivery.brief or service.Brief()
    return PoolItemView(
        delivery_id=delivery.id,
        store_name=brief.store_name,
        store_address=brief.store_address,
        dropoff_position=_roughly(delivery.dropoff_point),
        distance_m=round(geo.distance_m(delivery.store_point, delivery.dropoff_point)),
        **_shared(delivery),
    )


def decisions_view(delivery: service.Delivery) -> DecisionsView:
    """The offers of a delivery, explained."""
    steps = delivery.steps
    ends = [*steps[1:], None]
    return DecisionsView(
        delivery_id=delivery.id,
        status=delivery.status.value,
        decisions=[
            DecisionView(
                at=clock.rfc3339(step.at),
                rider_id=step.rider_id or "",
                together=step.decision.together,
                terms=step.decision.terms,
                total=step.decision.total,
                runner_up=step.decision.runner_up,
                extra=step.decision.extra,
                outcome=_outcome(end),
            )
            for step, end in zip(steps, ends, strict=True)
            if step.decision is not None
        ],
    )


def _outcome(end: service.Step | None) -> Any:
    """What became of an offer, by the step after it."""
    if end is None:
        return "open"
    if end.status is service.Status.ASSIGNED:
        return "accepted"
    return end.reason if end.reason in ("declined", "expired") else "withdrawn"


def _job_view(delivery: service.Delivery) -> JobView:
    brief = delivery.brief or service.Brief()
    return JobView(
        delivery_id=delivery.id,
        order_id=delivery.order_id,
        status=delivery.status.value,
        next_step=service.next_step(delivery),
        store_name=brief.store_name,
        store_address=brief.store_address,
        order_label=brief.order_label,
        dropoff_address=brief.dropoff_address,
        dropoff_position=_spot(delivery.dropoff_point),
        recipient=brief.recipient,
        phone=brief.phone,
        note=brief.note,
        proof=delivery.proof.value,
        pin_attempts_left=service.pin_attempts_left(delivery),
        age_check=service.Need.AGE_CHECK in delivery.needs,
        tries_left=service.tries_left(delivery),
        arrives_at=_maybe(delivery.arrives_at),
        version=delivery.version,
        **_shared(delivery),
    )


def _shared(delivery: service.Delivery) -> dict[str, Any]:
    return {
        "store_position": _spot(delivery.store_point),
        "ready_at": clock.rfc3339(delivery.marked_ready_at or delivery.ready_at),
        "promised_at": clock.rfc3339(delivery.promised_at),
        "ready": delivery.marked_ready_at is not None,
        "cash_to_collect": _cash(delivery.cash_to_collect),
        "bonus": delivery.bonus,
    }


def _spot(point: Point) -> Spot:
    return Spot(lat=point.lat, lng=point.lng)


def _roughly(point: Point) -> Spot:
    """The street rather than the door: about 100 metres."""
    return Spot(lat=round(point.lat, 3), lng=round(point.lng, 3))


def _cash(money: Money | None) -> Cash | None:
    return None if money is None else Cash(amount=money.amount, currency=money.currency)


def _maybe(instant: datetime | None) -> str | None:
    return None if instant is None else clock.rfc3339(instant)
