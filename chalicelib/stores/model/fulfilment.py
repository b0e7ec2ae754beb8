"""Whether an order can be fulfilled, when it will be there, and what the store charges for that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Violation
from chalicelib.stores.model.opening import (
    accepting_from,
    busy_minutes,
    mode_hours,
    opening_state,
    paused_until,
)
from chalicelib.stores.model.zones import Reach, reach, travel_minutes

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.geo import Point
    from chalicelib.stores.model.store import Mode, Store

_TURNS = 32  # closings and pauses that may push a suggested time on before none is suggested


class FulfilmentTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the store promises and charges for one order. Amounts are minor units of ``currency``.

    ``acceptable_from`` is when staff can accept it (later than now for an order placed while closed), ``start_at`` when
    work on it begins, ``ready_at`` when it is ready at the store, ``promised_at`` when the customer has it.
    ``zone_id`` and ``distance_m`` are of deliveries.
    """

    mode: Mode
    asap: bool
    acceptable_from: datetime
    start_at: datetime
    ready_at: datetime
    promised_at: datetime
    travel_minutes: int
    currency: str
    zone_id: str | None = None
    distance_m: int | None = None
    fee_minor: int = 0
    free_from_minor: int | None = None
    minimum_order_minor: int = 0
    small_order_below_minor: int = 0
    small_order_fee_minor: int = 0

    def delivery_fee(self, goods_minor: int) -> int:
        """The delivery fee of an order whose goods cost this much."""
        free = self.free_from_minor is not None and goods_minor >= self.free_from_minor
        return 0 if free else self.fee_minor

    def small_order_fee(self, goods_minor: int) -> int:
        """What is added because the goods cost this little."""
        return self.small_order_fee_minor if goods_minor < self.small_order_below_minor else 0


class _Plan(msgspec.Struct, frozen=True):
    """An order's times before it is known whether the store can keep them."""

    store: Store
    mode: Mode
    lead: timedelta
    travel: timedelta
    now: datetime


def check_fulfilment(
    store: Store, mode: Mode, point: Point | None, wanted_at: datetime | None, now: datetime
) -> tuple[FulfilmentTerms | None, list[Violation]]:
    """The terms of an order now (``wanted_at`` None) or for later; or every reason why there are none.

    Pointers are those of the quote's body: ``/store_id``, ``/mode``, ``/address``, ``/wanted_at``. A violation that
    concerns time carries in its params ``earliest_at``, a time that can be asked for, where there is one.
    """
    if store.status != "active":
        return None, [Violation("store_inactive", "/store_id", "This store takes no orders.")]
    settings = store.modes.get(mode)
    if settings is None:
        served = ", ".join(store.modes)
        detail = f"This store does not offer {mode}; it offers {served}."
        return None, [Violation("mode_not_served", "/mode", detail, {"modes": list(store.modes)})]
    reached, violations = _check_place(store, mode, point)
    travel = travel_minutes(store, reached.distance_m) if reached else 0
    plan = _Plan(store, mode, timedelta(minutes=settings.lead_minutes), timedelta(minutes=travel), now)
    ready_at, problem = _check_asap(plan) if wanted_at is None else _check_scheduled(plan, wanted_at)
    violations += [problem] if problem else []
    if violations or ready_at is None:
        return None, violations
    return _terms(plan, ready_at, reached, asap=wanted_at is None), []


def minutes_from_now(store: Store, mode: Mode, distance_m: int | None, now: datetime) -> int:
    """What an order takes from acceptance to the customer at the moment: lead, busy time and travel."""
    travel = 0 if distance_m is None else travel_minutes(store, distance_m)
    return store.modes[mode].lead_minutes + busy_minutes(store, mode, now) + travel


def _check_place(store: Store, mode: Mode, point: Point | None) -> tuple[Reach | None, list[Violation]]:
    if mode != "delivery":
        return None, []
    if point is None:
        return None, [Violation("address_required", "/address", "A delivery needs an address with coordinates.")]
    reached = reach(store, point)
    if reached is None:
        return None, [Violation("outside_delivery_zone", "/address", "This store does not deliver to this address.")]
    return reached, []


def _check_asap(plan: _Plan) -> tuple[datetime | None, Violation | None]:
    store, mode, now = plan.store, plan.mode, plan.now
    state = opening_state(store, mode, now)
    if state.reason == "paused":
        until = paused_until(store, mode, now)
        return None, _refusal(plan, "store_paused", "The store takes no orders at the moment.", until=until)
    if not state.open:
        return None, _refusal(plan, "store_closed", "The store is closed.", opens_at=state.next_change_at)
    ready_at = now + plan.lead + timedelta(minutes=state.busy_minutes)
    if not mode_hours(store, mode).is_open(ready_at):
        detail = "The store closes before the order would be ready."
        return None, _refusal(plan, "store_closes_too_soon", detail, closes_at=state.next_change_at)
    return ready_at, None


def _check_scheduled(plan: _Plan, wanted_at: datetime) -> tuple[datetime | None, Violation | None]:
    store, mode, now = plan.store, plan.mode, plan.now
    ready_at = wanted_at - plan.travel
    if wanted_at < now:
        return None, _refusal(plan, "wanted_time_in_past", "The wanted time has passed.")
    latest = now + timedelta(days=store.scheduling_days)
    if wanted_at > latest:
        detail = f"Orders are taken at most {store.scheduling_days} days ahead."
        return None, _refusal(plan, "wanted_time_too_far", detail, latest_at=latest)
    first = _earliest_start(plan)
    if first is None:
        return None, _refusal(plan, "store_closed", "The store does not open again.")
    if not mode_hours(store, mode).is_open(ready_at):
        opens_at = mode_hours(store, mode).next_opening(ready_at)
        detail = "The store is closed at the wanted time."
        return None, _refusal(plan, "store_closed", detail, ready_at, opens_at=opens_at)
    until = paused_until(store, mode, ready_at)
    if until is not None:
        return None, _refusal(plan, "store_paused", "The store takes no orders for this time.", ready_at, until=until)
    if ready_at < first + plan.lead or not _can_start(plan, ready_at):
        return None, _refusal(plan, "wanted_time_too_soon", "The order can't be ready by then.", ready_at)
    return ready_at, None


def _can_start(plan: _Plan, ready_at: datetime) -> bool:
    """Whether the work on an order that is ready then begins while the store is open."""
    if plan.store.modes[plan.mode].ready_at_opening:
        return True
    return mode_hours(plan.store, plan.mode).is_open(ready_at - plan.lead)


def _earliest_start(plan: _Plan) -> datetime | None:
    """When work on an order placed now can begin: once the store takes orders, after what it is busy with."""
    at = accepting_from(plan.store, plan.mode, plan.now)
    return at and at + timedelta(minutes=busy_minutes(plan.store, plan.mode, at))


def _refusal(
    plan: _Plan, code: str, detail: str, ready_from: datetime | None = None, **instants: datetime | None
) -> Violation:
    params: dict[str, Any] = {name: clock.rfc3339(at) for name, at in instants.items() if at is not None}
    earliest = _earliest_ready(plan, ready_from or plan.now)
    if earliest is not None:
        params["earliest_at"] = clock.rfc3339(earliest + plan.travel)
    return Violation(code, "/wanted_at", detail, params)


def _earliest_ready(plan: _Plan, wanted: datetime) -> datetime | None:
    """The first time from ``wanted`` on at which a scheduled order can be ready; None beyond the horizon."""
    first = _earliest_start(plan)
    if first is None:
        return None
    schedule = mode_hours(plan.store, plan.mode)
    latest = plan.now + timedelta(days=plan.store.scheduling_days) - plan.travel
    ready_at = max(wanted, first + plan.lead)
    for _ in range(_TURNS):
        if ready_at > latest:
            return None
        open_at = accepting_from(plan.store, plan.mode, ready_at)
        if open_at is None:
            return None
        if open_at > ready_at:
            ready_at = open_at
            continue
        if _can_start(plan, ready_at):
            return ready_at
        start = schedule.next_opening(ready_at - plan.lead)
        if start is None:
            return None
        ready_at = start + plan.lead
    return None


def _terms(plan: _Plan, ready_at: datetime, reached: Reach | None, *, asap: bool) -> FulfilmentTerms:
    store, small = plan.store, plan.store.small_order_fee
    charged = small if small and plan.mode in small.modes else None
    zone = reached.zone if reached else None
    return FulfilmentTerms(
        mode=plan.mode,
        asap=asap,
        acceptable_from=accepting_from(store, plan.mode, plan.now) or plan.now,
        start_at=ready_at - plan.lead,
        ready_at=ready_at,
        promised_at=ready_at + plan.travel,
        travel_minutes=int(plan.travel.total_seconds() // 60),
        currency=store.currency,
        zone_id=zone.id if zone else None,
        distance_m=reached.distance_m if reached else None,
        fee_minor=reached.fee.amount if reached else 0,
        free_from_minor=zone.free_from.amount if zone and zone.free_from else None,
        minimum_order_minor=zone.minimum_order.amount if zone and zone.minimum_order else 0,
        small_order_below_minor=charged.below.amount if charged else 0,
        small_order_fee_minor=charged.fee.amount if charged else 0,
    )
