"""Shifts: an admin plans them, riders claim places, begin, pause and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.dispatch import service
from chalicelib.dispatch.routes.riders import endpoints
from chalicelib.dispatch.schemas import (
    AtWorkView,
    BeginShift,
    ChangePlan,
    DutiesQuery,
    DutyList,
    DutyView,
    OpenShiftsQuery,
    PlanShift,
    PlansQuery,
    ShiftList,
    ShiftView,
)
from chalicelib.dispatch.shift_views import at_work_view, duty_view, shift_view
from chalicelib.edge import cursors
from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.edge.schemas import PageQuery
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from chalicelib.dispatch.schemas import Spot

_RIDER = Role("rider")
_ADMIN = Role("admin")
_PLAN = "/v1/shifts/{shift_id}"
_OWN = "/v1/rider/shifts/{shift_id}"
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_BACK = timedelta(days=1)


# --- planning ---------------------------------------------------------------------------------------------------------


def _planned(shift: service.Shift) -> Reply[ShiftView]:
    return Reply(shift_view(shift), etag=shift.version, location=f"/v1/shifts/{shift.id}")


@endpoints.post(
    "/v1/shifts",
    permission=_ADMIN,
    body=PlanShift,
    returns=ShiftView,
    status=201,
    idempotent=True,
    answer=_planned,
)
def plan_shift(request: Request[PlanShift]) -> service.Shift:
    """Plan a shift: where, from when to when, for how many riders.

    Riders around see it at once where it is open; otherwise assign its places.
    """
    body = request.body
    return service.plan_shift(
        _point(body.position),
        instant(body.starts_at, "/starts_at"),
        instant(body.ends_at, "/ends_at"),
        places=body.places,
        is_open=body.open,
        store_id=body.store_id,
        idempotency=request.idempotency,
    )


@endpoints.get("/v1/shifts", permission=_ADMIN, query=PlansQuery, returns=ShiftList)
def list_shifts(request: Request[None]) -> Reply[ShiftList]:
    """List the shifts of a zone, the earliest first."""
    query: PlansQuery = request.query
    since, until = _period(query.since, query.until, default=clock.now())
    binding = ("shifts", query.zone, clock.rfc3339(until))
    start = cursors.decode(_given(query.cursor), *binding)
    page = service.list_shifts(query.zone, since, until, start, query.limit)
    return Reply(
        ShiftList(
            items=[shift_view(each) for each in page.items],
            next_cursor=cursors.encode(page.next_key, *binding),
        )
    )


@endpoints.get(_PLAN, permission=_ADMIN, returns=ShiftView, errors=("shift_not_found",))
def get_shift(request: Request[None]) -> Reply[ShiftView]:
    """See a planned shift."""
    shift = service.read_shift(request.path["shift_id"])
    return Reply(shift_view(shift), etag=shift.version)


@endpoints.patch(
    _PLAN,
    permission=_ADMIN,
    body=ChangePlan,
    returns=ShiftView,
    if_match=True,
    errors=("shift_not_found", "version_conflict", "shift_cancelled", "shift_taken"),
)
def change_plan(request: Request[ChangePlan]) -> Reply[ShiftView]:
    """Change the places of a shift, whether they are open, or its end as long as nobody has a place."""
    given = {name: value for name, value in msgspec.structs.asdict(request.body).items() if value is not msgspec.UNSET}
    if "ends_at" in given:
        given["ends_at"] = instant(given["ends_at"], "/ends_at")
    shift = service.change_shift(request.path["shift_id"], request.expected_version, **given)
    return Reply(shift_view(shift), etag=shift.version)


@endpoints.post(_PLAN + "/cancel", permission=_ADMIN, returns=ShiftView, errors=("shift_not_found",))
def cancel_shift(request: Request[None]) -> Reply[ShiftView]:
    """Let a shift not take place.

    Whoever is booked in it is free a moment later; who has begun it goes on. Cancelling again changes nothing.
    """
    shift = service.cancel_shift(request.path["shift_id"])
    return Reply(shift_view(shift), etag=shift.version)


@endpoints.get(_PLAN + "/riders", permission=_ADMIN, query=PageQuery, returns=DutyList, errors=("shift_not_found",))
def list_roster(request: Request[None]) -> Reply[DutyList]:
    """List whose places a shift has, and had: what each made of it."""
    shift_id = request.path["shift_id"]
    start = cursors.decode(request.query.cursor, "roster", shift_id)
    page = service.list_roster(shift_id, start, request.query.limit)
    return Reply(_duties(page, "roster", shift_id))


@endpoints.put(
    _PLAN + "/riders/{rider_id}",
    permission=_ADMIN,
    returns=DutyView,
    errors=(
        "shift_not_found",
        "rider_not_found",
        "shift_full",
        "shift_cancelled",
        "shift_begun",
        "shift_overlaps",
        "shift_lost",
    ),
)
def assign_shift(request: Request[None]) -> Reply[DutyView]:
    """Give a rider a place in a shift."""
    duty = service.assign_shift(request.path["shift_id"], request.path["rider_id"])
    return Reply(duty_view(duty), etag=duty.version)


@endpoints.delete(
    _PLAN + "/riders/{rider_id}",
    permission=_ADMIN,
    status=204,
    errors=("shift_not_found", "shift_begun"),
)
def withdraw_shift(request: Request[None]) -> Reply[None]:
    """Take a place from a rider who has not begun."""
    service.withdraw_shift(request.path["shift_id"], request.path["rider_id"])
    return Reply()


@endpoints.get(
    "/v1/riders/{rider_id}/shifts", permission=_ADMIN, query=DutiesQuery, returns=DutyList, errors=("rider_not_found",)
)
def list_shifts_of_rider(request: Request[None]) -> Reply[DutyList]:
    """List a rider's shifts, the earliest first: booked, worked, given back, missed."""
    service.read_rider(request.path["rider_id"])
    return _duties_of(request.path["rider_id"], request.query)


@endpoints.post("/v1/riders/{rider_id}/shift/end", permission=_ADMIN, returns=AtWorkView, errors=("rider_not_found",))
def end_shift_of_rider(request: Request[None]) -> Reply[AtWorkView]:
    """Send a rider home: nothing new comes, and the shift ends when what is in hand is done, at once where nothing is.

    For a phone that is lost or a rider who forgot. Doing it twice is doing it once.
    """
    service.read_rider(request.path["rider_id"])
    return _at_work(service.finish_shift(request.path["rider_id"]))


# --- riders -----------------------------------------------------------------------------------------------------------


@endpoints.get("/v1/rider/open-shifts", permission=_RIDER, query=OpenShiftsQuery, returns=ShiftList)
def list_open_shifts(request: Request[None]) -> Reply[ShiftList]:
    """See which shifts around a place have places to claim, the earliest first.

    A page may hold fewer than asked for while there are more.
    """
    query: OpenShiftsQuery = request.query
    binding = ("open-shifts", f"{query.lat:.6f}", f"{query.lng:.6f}")
    start = cursors.decode(_given(query.cursor), *binding)
    shifts, more = service.list_open_shifts(Point(query.lat, query.lng), _after(start), query.limit)
    return Reply(
        ShiftList(
            items=[shift_view(each) for each in shifts],
            next_cursor=cursors.encode(None if more is None else {"sk": {"S": more}}, *binding),
        )
    )


@endpoints.get("/v1/rider/shifts", permission=_RIDER, query=DutiesQuery, returns=DutyList)
def list_own_shifts(request: Request[None]) -> Reply[DutyList]:
    """List your shifts, the earliest first: those to come, and with `since` those that you worked."""
    return _duties_of(request.principal.id, request.query)


@endpoints.get(_OWN, permission=_RIDER, returns=DutyView, errors=("shift_not_found",))
def get_own_shift(request: Request[None]) -> Reply[DutyView]:
    """See a shift of yours."""
    duty = service.read_duty(request.principal.id, request.path["shift_id"])
    return Reply(duty_view(duty), etag=duty.version)


@endpoints.post(
    _OWN + "/claim",
    permission=_RIDER,
    returns=DutyView,
    errors=(
        "shift_not_found",
        "rider_not_registered",
        "shift_full",
        "shift_not_open",
        "shift_cancelled",
        "shift_begun",
        "shift_overlaps",
        "shift_lost",
    ),
)
def claim_shift(request: Request[None]) -> Reply[DutyView]:
    """Take a place in an open shift.

    Of several riders who want the last place one gets it; the others are told `shift_full`. Claiming again changes
    nothing.
    """
    duty = service.claim_shift(request.principal.id, request.path["shift_id"])
    return Reply(duty_view(duty), etag=duty.version)


@endpoints.post(
    _OWN + "/give_back",
    permission=_RIDER,
    returns=DutyView,
    errors=("shift_not_found", "shift_begun", "too_late_to_give_back"),
)
def give_back_shift(request: Request[None]) -> Reply[DutyView]:
    """Give a place back, until two hours before the shift begins.

    Later, ask an admin to take it from you. Giving it back again changes nothing.
    """
    duty = service.give_back_shift(request.principal.id, request.path["shift_id"])
    return Reply(duty_view(duty), etag=duty.version)


@endpoints.post(
    _OWN + "/start",
    permission=_RIDER,
    body=BeginShift,
    returns=AtWorkView,
    errors=(
        "shift_not_found",
        "rider_not_registered",
        "shift_not_yet",
        "shift_missed",
        "shift_not_yours",
        "shift_cancelled",
        "outside_shift_area",
    ),
)
def start_own_shift(request: Request[BeginShift]) -> Reply[AtWorkView]:
    """Begin a booked shift: from 15 minutes before its beginning until 30 minutes after, in its area.

    If you are at work already, that ends with it. What may be offered to you from now on can be delivered before the
    end of the shift.
    """
    where = _point(request.body.position)
    return _at_work(service.start_shift(request.principal.id, where, request.path["shift_id"]))


@endpoints.get("/v1/rider/shift", permission=_RIDER, returns=AtWorkView, errors=("rider_not_registered",))
def see_shift(request: Request[None]) -> Reply[AtWorkView]:
    """See where you stand: at work, on a break, about to leave, or off."""
    return _at_work(service.read_own_rider(request.principal.id))


@endpoints.post(
    "/v1/rider/shift/break",
    permission=_RIDER,
    returns=AtWorkView,
    errors=("rider_not_registered", "not_on_shift", "shift_ending", "too_many_breaks"),
)
def take_break(request: Request[None]) -> Reply[AtWorkView]:
    """Take a break.

    Nothing new comes; it begins when what is in hand is done, and an offer that is open goes to somebody else.
    """
    return _at_work(service.take_break(request.principal.id))


@endpoints.post(
    "/v1/rider/shift/resume",
    permission=_RIDER,
    body=BeginShift,
    returns=AtWorkView,
    errors=("rider_not_registered", "not_on_shift"),
)
def end_break(request: Request[BeginShift]) -> Reply[AtWorkView]:
    """Come back from a break."""
    return _at_work(service.end_break(request.principal.id, _point(request.body.position)))


@endpoints.post("/v1/rider/shift/end", permission=_RIDER, returns=AtWorkView, errors=("rider_not_registered",))
def finish_shift(request: Request[None]) -> Reply[AtWorkView]:
    """End your shift as soon as what you have in hand is done: at once where nothing is.

    Nothing new comes from now on. A planned shift also ends so by itself at its end.
    """
    return _at_work(service.finish_shift(request.principal.id))


# --- shared -----------------------------------------------------------------------------------------------------------


def _at_work(rider: service.Rider) -> Reply[AtWorkView]:
    return Reply(at_work_view(rider, in_hand=service.has_work(rider)), etag=rider.version)


def _duties_of(rider_id: str, query: DutiesQuery) -> Reply[DutyList]:
    since, until = _period(query.since, query.until, default=clock.now() - _BACK)
    start = cursors.decode(_given(query.cursor), "duties", rider_id)
    page = service.read_duties(rider_id, since, until, start, query.limit)
    return Reply(_duties(page, "duties", rider_id))


def _duties(page: Any, *binding: str) -> DutyList:
    return DutyList(items=[duty_view(each) for each in page.items], next_cursor=cursors.encode(page.next_key, *binding))


def _period(
    since: str | msgspec.UnsetType, until: str | msgspec.UnsetType, *, default: datetime
) -> tuple[datetime, datetime]:
    first = default if since is msgspec.UNSET else instant(since, "?since")
    last = _LATEST if until is msgspec.UNSET else instant(until, "?until")
    first = min(max(first, _EARLIEST), _LATEST)
    return first, min(max(first, last), _LATEST)


def _given(cursor: str | msgspec.UnsetType) -> str | None:
    return None if cursor is msgspec.UNSET else cursor


def _after(key: dict[str, Any] | None) -> str | None:
    """The shift after which a list of open shifts goes on."""
    if key is None:
        return None
    after = key.get("sk", {}).get("S", "")
    if set(key) != {"sk"} or not service.is_shift_id(after):
        raise Invalid([Violation("invalid_cursor", "?cursor", "The cursor is not of this list: start without one.")])
    return str(after)


def _point(spot: Spot) -> Point:
    return Point(spot.lat, spot.lng)


def instant(text: str, pointer: str) -> datetime:
    """The instant that was written. The pattern has let through dates that no calendar has."""
    try:
        return clock.parse(text)
    except (ValueError, OverflowError) as error:
        raise Invalid([Violation("invalid_value", pointer, "There is no such time.")]) from error
