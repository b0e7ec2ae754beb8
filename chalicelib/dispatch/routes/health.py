"""How a zone fares, for operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch import service
from chalicelib.dispatch.routes.riders import endpoints
from chalicelib.dispatch.schemas.health import OutlookView, StoreLoadView, ZoneHealthView
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.kernel import clock

if TYPE_CHECKING:
    from datetime import datetime

_AGAIN = 60


@endpoints.get("/v1/zones/{zone}/health", permission=Role("admin"), returns=ZoneHealthView, errors=("zone_not_found",))
def read_zone_health(request: Request[None]) -> Reply[ZoneHealthView]:
    """See how a zone fares: what waits, who could take it, and whether riders will be short.

    A zone is an H3 cell of resolution 6, as positions and shifts name it. The outlook plays the next 30 minutes with
    what waits, as many orders as came in the last 30, riders when they are free and until their shifts end, and booked
    places of shifts that begin.
    """
    seen = service.read_health(request.path["zone"])
    view = ZoneHealthView(
        zone=seen.zone,
        at=clock.rfc3339(seen.at),
        waiting=seen.waiting,
        offered=seen.offered,
        oldest_waiting_seconds=_since(seen.oldest_since, seen.at),
        unfilled=seen.unfilled,
        pooled=seen.pooled,
        idle_riders=seen.idle,
        busy_riders=seen.busy,
        silent_riders=seen.away,
        offers_per_delivery=seen.offers_per_delivery,
        ticking=seen.active,
        next_tick_at=None if seen.next_tick_at is None else clock.rfc3339(seen.next_tick_at),
        outlook=OutlookView(
            expected_orders=seen.outlook.expected,
            short=seen.outlook.short,
            short_from=None if seen.outlook.short_from is None else clock.rfc3339(seen.outlook.short_from),
            riders_missing=seen.outlook.riders_missing,
        ),
        stores=[
            StoreLoadView(
                store_id=each.store_id,
                waiting=each.waiting,
                oldest_waiting_seconds=_since(each.oldest_since, seen.at),
                riders_coming=each.riders_coming,
            )
            for each in seen.stores
        ],
    )
    return Reply(view, retry_after=_AGAIN)


def _since(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, round((now - since).total_seconds()))
