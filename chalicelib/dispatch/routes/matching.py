"""What is open to every rider in reach, and why a rider was asked."""

from __future__ import annotations

from chalicelib.dispatch import service
from chalicelib.dispatch.routes.riders import endpoints, report
from chalicelib.dispatch.schemas import DecisionsView, PoolView, RiderCommand, StepReceipt
from chalicelib.dispatch.views import decisions_view, pool_view
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import AnyRole, Role, StoreStaff

_RIDER = Role("rider")


@endpoints.get("/v1/rider/pool", permission=_RIDER, returns=PoolView, errors=("rider_not_registered", "not_on_shift"))
def read_pool(request: Request[None]) -> Reply[PoolView]:
    """See what every rider in reach may claim.

    Deliveries that were offered to several riders in vain, the nearest first, each with the bonus that is paid on top.
    Ask while a rider looks at the list, and no sooner than `Retry-After` says.
    """
    pool = service.read_pool(request.principal.id)
    return Reply(pool_view(pool), retry_after=pool.retry_after)


@endpoints.post(
    "/v1/rider/pool/{delivery_id}/claim",
    permission=_RIDER,
    body=RiderCommand,
    returns=StepReceipt,
    errors=("delivery_not_found", "claim_lost", "not_on_shift", "rider_full", "op_id_reused"),
)
def claim_delivery(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Claim a delivery of the pool.

    Of several riders who claim it one gets it, and has accepted it with that; the others are told `claim_lost`.
    """
    return report(request, service.claim_delivery)


@endpoints.get(
    "/v1/deliveries/{delivery_id}/decisions",
    permission=AnyRole(("admin", "staff")),
    returns=DecisionsView,
    errors=("delivery_not_found",),
)
def read_decisions(request: Request[None]) -> Reply[DecisionsView]:
    """See why riders were asked to bring a delivery.

    For admins, and for managers of the delivery's store. Each offer with its cost term by term, in seconds of a
    customer's waiting, and the rider who would have been asked otherwise.
    """
    delivery = service.explain_delivery(request.path["delivery_id"])
    if "admin" not in request.principal.roles:
        StoreStaff("manager").check(request.principal, {"store_id": delivery.store_id})
    return Reply(decisions_view(delivery), etag=delivery.version)
