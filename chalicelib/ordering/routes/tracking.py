"""Where the rider is, for the customer."""

from __future__ import annotations

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.kernel import clock
from chalicelib.ordering import service
from chalicelib.ordering.routes.blueprint import endpoints
from chalicelib.ordering.schemas import RiderPlace, TrackingView


@endpoints.get(
    "/v1/orders/{order_id}/rider",
    permission=Role("customer"),
    returns=TrackingView,
    errors=("order_not_found",),
)
def track_order(request: Request[None]) -> Reply[TrackingView]:
    """See where the rider is who brings your order.

    Only between the store and your door; `position` is null before and after. Poll with `If-None-Match`, as often as
    `Retry-After` says.
    """
    tracked = service.track_order(request.principal.id, request.path["order_id"])
    return Reply(_view(tracked), etag=tracked.tag, retry_after=tracked.look_again_after)


def _view(tracked: service.Tracking) -> TrackingView:
    delivery, position = tracked.delivery, tracked.position
    arrives_at = delivery.arrives_at if delivery else None
    return TrackingView(
        status=delivery.status.value if delivery else None,
        arrives_at=None if arrives_at is None else clock.rfc3339(arrives_at),
        stops_before=delivery.doors_before if delivery and arrives_at else None,
        position=None
        if position is None
        else RiderPlace(
            lat=position.point.lat,
            lng=position.point.lng,
            at=clock.rfc3339(position.at),
            precision=position.precision,
        ),
    )
