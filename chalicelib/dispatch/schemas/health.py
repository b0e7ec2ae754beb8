"""How a zone fares, as operations see it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.dispatch.schemas.values import Instant


class OutlookView(msgspec.Struct, frozen=True, kw_only=True):
    """The next 30 minutes, played with what is known now."""

    expected_orders: Annotated[int, Meta(description="Orders to come, as many as in the last 30 minutes.")]
    short: Annotated[int, Meta(description="Orders that would be fetched 10 minutes late or later, or not at all.")]
    short_from: Annotated[Instant | None, Meta(description="When the first of them is ready.")]
    riders_missing: Annotated[int, Meta(description="So many riders more, from now on, would be enough.")]


class StoreLoadView(msgspec.Struct, frozen=True, kw_only=True):
    """A store that waits for riders, or to which some come."""

    store_id: str
    waiting: int
    oldest_waiting_seconds: int | None
    riders_coming: int


class ZoneHealthView(msgspec.Struct, frozen=True, kw_only=True):
    """A zone at an instant."""

    zone: Annotated[str, Meta(description="The H3 cell.", examples=["861f1d48fffffff"])]
    at: Instant
    waiting: Annotated[int, Meta(description="Deliveries that a rider is searched for, and nobody is asked.")]
    offered: Annotated[int, Meta(description="Deliveries that somebody is asked for right now.")]
    oldest_waiting_seconds: Annotated[int | None, Meta(description="How long the longest search has gone on.")]
    unfilled: Annotated[int, Meta(description="Of these, those whose stores were told that there is no rider.")]
    pooled: Annotated[int, Meta(description="Of these, those that any rider in reach may claim.")]
    idle_riders: int
    busy_riders: int
    silent_riders: Annotated[int, Meta(description="On shift, and on a break or not heard of for 15 minutes.")]
    offers_per_delivery: Annotated[float | None, Meta(description="Of what is open or in riders' hands.")]
    ticking: Annotated[bool, Meta(description="Whether the zone is planned every 20 seconds or so.")]
    next_tick_at: Instant | None
    outlook: OutlookView
    stores: list[StoreLoadView]


class StoreHealthView(msgspec.Struct, frozen=True, kw_only=True):
    """What a store waits for, and how many riders there are around it."""

    store_id: str
    at: Instant
    waiting: Annotated[int, Meta(description="Orders of the store for which a rider is searched.")]
    oldest_waiting_seconds: int | None
    riders_coming: Annotated[int, Meta(description="Orders of the store whose riders are on their way to it.")]
    idle_riders: Annotated[int, Meta(description="In the zone.")]
    busy_riders: Annotated[int, Meta(description="In the zone.")]
    outlook: OutlookView
