"""How a zone fares, for operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch import service
from chalicelib.dispatch.routes.riders import endpoints
from chalicelib.dispatch.schemas.health import OutlookView, StoreHealthView, StoreLoadView, ZoneHealthView
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role, StoreStaff
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
        outlook=_outlook(seen.outlook),
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


@endpoints.get("/v1/stores/{store_id}/health", permission=StoreStaff("clerk"), returns=StoreHealthView)
def read_store_health(request: Request[None]) -> Reply[StoreHealthView]:
    """See how many of your orders wait for a rider, who is coming, and whether riders around will be short."""
    own, around = service.read_store_health(request.path["store_id"])
    view = StoreHealthView(
        store_id=own.store_id,
        at=clock.rfc3339(around.at),
        waiting=own.waiting,
        oldest_waiting_seconds=_since(own.oldest_since, around.at),
        riders_coming=own.riders_coming,
        idle_riders=around.idle,
        busy_riders=around.busy,
        outlook=_outlook(around.outlook),
    )
    return Reply(view, retry_after=_AGAIN)


def _outlook(seen: service.Outlook) -> OutlookView:
    return OutlookView(
        expected_orders=seen.expected,
        short=seen.short,
        short_from=None if seen.short_from is None else clock.rfc3339(seen.short_from),
        riders_missing=seen.riders_missing,
    )


def _since(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, round((now - since).total_seconds()))
