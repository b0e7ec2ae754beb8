"""From what the service answers to what the API gives."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.edge.endpoint import Reply
from chalicelib.kernel import clock
from chalicelib.stores import service
from chalicelib.stores.schemas import (
    FoundStoreView,
    MerchantView,
    OpeningView,
    StaffView,
    StoreLine,
    StoreView,
)

if TYPE_CHECKING:
    from datetime import datetime


def store_reply(store: service.Store, location: str | None = None) -> Reply[StoreView]:
    """A store with its ETag: the version, and after a dot what the answer says beyond it (time passes too)."""
    view = store_view(store, clock.now())
    digest = hashlib.blake2s(msgspec.json.encode(view), digest_size=6).hexdigest()
    return Reply(view, etag=f"{store.version}.{digest}", location=location)


def store_view(store: service.Store, now: datetime) -> StoreView:
    """A store as of now."""
    fields: dict[str, Any] = msgspec.to_builtins(store)
    fields |= {
        "opening": _opening(store, None, now),
        "openings": {mode: _opening(store, mode, now) for mode in store.modes},
        "pauses": [_pause(pause) for pause in service.pauses_in_force(store, now)],
        "created_at": clock.rfc3339(store.created_at),
        "updated_at": clock.rfc3339(store.updated_at),
    }
    return msgspec.convert(fields, StoreView)


def found_store_view(found: service.FoundStore) -> FoundStoreView:
    """A store in the answer to a search."""
    store, zone = found.store, found.reach.zone if found.reach else None
    fields = {
        "id": store.id,
        "name": store.name,
        "address": store.address,
        "point": store.point,
        "time_zone": store.time_zone,
        "currency": store.currency,
        "modes": list(store.modes),
        "distance_m": found.distance_m,
        "opening": _opening_view(found.state),
        "expected_minutes": found.expected_minutes,
        "zone_id": zone and zone.id,
        "fee": found.reach and found.reach.fee,
        "minimum_order": zone and zone.minimum_order,
        "free_from": zone and zone.free_from,
    }
    return msgspec.convert(msgspec.to_builtins(fields), FoundStoreView)


def store_line(store: service.Store) -> StoreLine:
    """A store in its merchant's list."""
    fields = {name: getattr(store, name) for name in StoreLine.__struct_fields__}
    return msgspec.convert(msgspec.to_builtins(fields | {"modes": list(store.modes)}), StoreLine)


def merchant_reply(merchant: service.Merchant, location: str | None = None) -> Reply[MerchantView]:
    """A merchant with its ETag."""
    fields = msgspec.to_builtins(merchant) | {"created_at": clock.rfc3339(merchant.created_at)}
    view = msgspec.convert(fields, MerchantView)
    return Reply(view, etag=merchant.version, location=location)


def staff_view(member: service.StaffMember) -> StaffView:
    """A staff member."""
    return StaffView(
        user_id=member.user_id,
        role=member.role,
        name=member.name,
        added_at=clock.rfc3339(member.added_at),
        version=member.version,
    )


def _opening(store: service.Store, mode: service.Mode | None, now: datetime) -> OpeningView:
    return _opening_view(service.opening_state(store, mode, now))


def _opening_view(state: service.OpeningState) -> OpeningView:
    return OpeningView(
        open=state.open,
        reason=state.reason,
        busy_minutes=state.busy_minutes,
        next_change_at=clock.rfc3339(state.next_change_at) if state.next_change_at else None,
    )


def _pause(pause: service.Pause) -> dict[str, Any]:
    fields = msgspec.structs.asdict(pause)
    return fields | {"since": clock.rfc3339(pause.since), "until": clock.rfc3339(pause.until)}
