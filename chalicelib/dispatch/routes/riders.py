"""The riders' API, and what an admin does with riders."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.dispatch import service
from chalicelib.dispatch.schemas import (
    Cash,
    ChangeRider,
    ChangeShift,
    Deliver,
    DeliveryView,
    FailDelivery,
    FeedView,
    HandInCash,
    MissCustomer,
    PositionView,
    RegisterRider,
    ReportPosition,
    RiderCommand,
    RiderProfile,
    RiderView,
    Spot,
    StepReceipt,
)
from chalicelib.dispatch.views import delivery_view, feed_view, receipt, rider_view
from chalicelib.edge.endpoint import Endpoints, Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.kernel.geo import Point
from chalicelib.kernel.limits import Limit
from chalicelib.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

endpoints = Endpoints("dispatch", "Riders: shifts, offers, and each step from the store to the door.")

_RIDER = Role("rider")
_ADMIN = Role("admin")
_STEP = "/v1/rider/deliveries/{delivery_id}"
_LOST = ("delivery_not_found", "delivery_not_yours", "delivery_cancelled", "step_out_of_turn", "op_id_reused")


# --- riders -----------------------------------------------------------------------------------------------------------


def _registered(rider: service.Rider) -> Reply[RiderView]:
    return Reply(rider_view(rider), etag=rider.version, location=f"/v1/riders/{rider.id}")


def _seen(rider: service.Rider) -> Reply[RiderView]:
    return Reply(rider_view(rider), etag=rider.version)


@endpoints.post(
    "/v1/riders",
    permission=_ADMIN,
    body=RegisterRider,
    returns=RiderView,
    status=201,
    idempotent=True,
    answer=_registered,
    errors=("rider_exists",),
)
def register_rider(request: Request[RegisterRider]) -> service.Rider:
    """Register a rider.

    The user must be in the group `riders` to use the riders' API.
    """
    return service.register_rider(
        request.body.user,
        name=request.body.name,
        vehicle=service.Vehicle(request.body.vehicle),
        capacity=request.body.capacity,
        limits=service.Limits(
            volume=request.body.volume,
            cold_box=request.body.cold_box,
            age_restricted=request.body.age_restricted,
            cash_limit=_money(request.body.cash_limit),
        ),
        idempotency=request.idempotency,
    )


@endpoints.get(
    "/v1/riders/{rider_id}",
    permission=_ADMIN,
    returns=RiderView,
    errors=("rider_not_found",),
)
def get_rider(request: Request[None]) -> Reply[RiderView]:
    """See a rider."""
    rider = service.read_rider(request.path["rider_id"])
    return Reply(rider_view(rider), etag=rider.version)


@endpoints.patch(
    "/v1/riders/{rider_id}",
    permission=_ADMIN,
    body=ChangeRider,
    returns=RiderView,
    if_match=True,
    errors=("rider_not_found", "version_conflict"),
)
def change_rider(request: Request[ChangeRider]) -> Reply[RiderView]:
    """Change a rider's profile, and what only an admin may: the cash limit and age-restricted goods."""
    given = {name: value for name, value in msgspec.structs.asdict(request.body).items() if value is not msgspec.UNSET}
    if "vehicle" in given:
        given["vehicle"] = service.Vehicle(given["vehicle"])
    if "cash_limit" in given:
        given["cash_limit"] = _money(given["cash_limit"])
    rider = service.change_rider(request.path["rider_id"], request.expected_version, **given)
    return Reply(rider_view(rider), etag=rider.version)


@endpoints.post(
    "/v1/riders/{rider_id}/cash_handed_in",
    permission=_ADMIN,
    body=HandInCash,
    returns=RiderView,
    idempotent=True,
    answer=_seen,
    errors=("rider_not_found", "cash_not_in_hand"),
)
def hand_in_cash(request: Request[HandInCash]) -> service.Rider:
    """Take cash that a rider collected at doors.

    What is in the rider's hands counts against the cash limit until then.
    """
    handed_in = Money(request.body.amount, request.body.currency)
    return service.hand_in_cash(request.path["rider_id"], handed_in, request.idempotency)


@endpoints.get("/v1/rider/profile", permission=_RIDER, returns=RiderView, errors=("rider_not_registered",))
def get_own_profile(request: Request[None]) -> Reply[RiderView]:
    """See your profile and whether you are on shift."""
    rider = service.read_own_rider(request.principal.id)
    return Reply(rider_view(rider), etag=rider.version)


@endpoints.put("/v1/rider/profile", permission=_RIDER, body=RiderProfile, returns=RiderView)
def save_own_profile(request: Request[RiderProfile]) -> Reply[RiderView]:
    """Save your profile: the first time registers you, later ones change it.

    Needs no `If-Match`: nobody else writes it but an admin, and the last word counts.
    """
    rider = service.save_profile(
        request.principal.id,
        name=request.body.name,
        vehicle=service.Vehicle(request.body.vehicle),
        capacity=request.body.capacity,
        volume=request.body.volume,
        cold_box=request.body.cold_box,
    )
    return Reply(rider_view(rider), etag=rider.version)


@endpoints.post(
    "/v1/rider/shift",
    permission=_RIDER,
    body=ChangeShift,
    returns=RiderView,
    errors=("rider_not_registered", "shift_has_deliveries", "orders_on_board"),
)
def change_shift(request: Request[ChangeShift]) -> Reply[RiderView]:
    """Go on or off shift.

    Doing it twice is doing it once. Off shift is refused while you have deliveries; with `force` those that you have
    not picked up go to other riders, and only orders on board hold you.
    """
    rider_id = request.principal.id
    if request.body.state == "on":
        if request.body.position is None:
            raise Invalid([Violation("position_required", "/position", "Say where you are to go on shift.")])
        rider = service.start_shift(rider_id, _point(request.body.position))
    elif request.body.force:
        rider = service.break_off_shift(rider_id)
    else:
        rider = service.end_shift(rider_id)
    return Reply(rider_view(rider), etag=rider.version)


@endpoints.put(
    "/v1/rider/position",
    permission=_RIDER,
    body=ReportPosition,
    returns=PositionView,
    errors=("not_on_shift",),
)
def report_position(request: Request[ReportPosition]) -> Reply[PositionView]:
    """Say where you are.

    An older position than the one that is known changes nothing. Tell the next one after `Retry-After` seconds, or when
    you set out.
    """
    heard = service.report_position(
        request.principal.id, _point(request.body.position), _captured(request.body.captured_at)
    )
    position = heard.position
    return Reply(
        PositionView(
            position=Spot(lat=position.point.lat, lng=position.point.lng),
            zone=service.zone_of(position.point),
            at=clock.rfc3339(position.at),
        ),
        retry_after=heard.again_after,
    )


@endpoints.get(
    "/v1/rider/feed",
    permission=_RIDER,
    returns=FeedView,
    errors=("rider_not_registered",),
)
def read_feed(request: Request[None]) -> Reply[FeedView]:
    """Poll your offers and deliveries.

    Send the last answer's ETag as `If-None-Match`, and come back after `Retry-After` seconds: a few while an offer is
    open or you wait at a store, longer when nothing is going on around you.
    """
    feed = service.read_feed(request.principal.id, request.if_none_match)
    if feed.etag == request.if_none_match:
        return Reply.not_modified(feed.etag, feed.retry_after)
    return Reply(feed_view(feed), etag=feed.etag, retry_after=feed.retry_after)


# --- deliveries -------------------------------------------------------------------------------------------------------


@endpoints.get(_STEP, permission=_RIDER, returns=DeliveryView, errors=("delivery_not_found",))
def get_own_delivery(request: Request[None]) -> Reply[DeliveryView]:
    """See a delivery of yours with its timeline."""
    delivery = service.get_delivery(request.principal.id, request.path["delivery_id"])
    return Reply(delivery_view(delivery), etag=delivery.version)


@endpoints.post(
    _STEP + "/accept",
    permission=_RIDER,
    body=RiderCommand,
    returns=StepReceipt,
    errors=("delivery_not_found", "offer_gone", "op_id_reused"),
)
def accept_offer(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Take an offer."""
    return report(request, service.accept_offer)


@endpoints.post(
    _STEP + "/decline",
    permission=_RIDER,
    body=RiderCommand,
    returns=StepReceipt,
    errors=("delivery_not_found", "offer_gone", "op_id_reused"),
)
def decline_offer(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Turn an offer down.

    It goes to the next rider at once and does not come back to you.
    """
    return report(request, service.decline_offer)


@endpoints.post(_STEP + "/drop", permission=_RIDER, body=RiderCommand, returns=StepReceipt, errors=_LOST)
def drop_delivery(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Drop out before you picked the order up.

    Another rider is looked for at once.
    """
    return report(request, service.drop_delivery)


@endpoints.post(_STEP + "/arrived_at_store", permission=_RIDER, body=RiderCommand, returns=StepReceipt, errors=_LOST)
def arrive_at_store(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Report that you are at the store."""
    return report(request, service.arrive_at_store)


@endpoints.post(
    _STEP + "/picked_up",
    permission=_RIDER,
    body=RiderCommand,
    returns=StepReceipt,
    errors=("order_not_ready", *_LOST),
)
def pick_up_order(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Report that you have the order.

    Refused until the kitchen has marked it ready.
    """
    return report(request, service.pick_up)


@endpoints.post(_STEP + "/arrived", permission=_RIDER, body=RiderCommand, returns=StepReceipt, errors=_LOST)
def arrive_at_door(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Report that you are at the customer's door."""
    return report(request, service.arrive_at_door)


@endpoints.post(
    _STEP + "/delivered",
    permission=_RIDER,
    body=Deliver,
    returns=StepReceipt,
    errors=("pin_wrong", "pin_locked", "age_not_proven", *_LOST),
    limit=Limit(name="pins", window=timedelta(minutes=10), per_principal=20, on=("pin_wrong",)),
)
def deliver_order(request: Request[Deliver]) -> Reply[StepReceipt]:
    """Report that the customer has the order.

    With the proof that the store demands, and the cash where some is due. A wrong PIN answers `pin_wrong` with
    `attempts_left`; after the last one the PIN is locked and the order goes back. Every try is an operation of its own.
    """
    cash = request.body.cash_collected
    evidence = service.Evidence(
        pin=request.body.pin,
        photo=request.body.photo,
        photo_hash=request.body.photo_sha256,
        age_proven=request.body.age_proven,
        cash_collected=None if cash is None else Money(cash.amount, cash.currency),
    )
    return report(request, lambda delivery_id, command: service.deliver(delivery_id, command, evidence))


@endpoints.post(
    _STEP + "/missed",
    permission=_RIDER,
    body=MissCustomer,
    returns=StepReceipt,
    errors=("no_more_tries", *_LOST),
)
def miss_customer(request: Request[MissCustomer]) -> Reply[StepReceipt]:
    """Report that nobody took the order and that you try again.

    Your other doors come first. There is one second try on a trip; after it, report `/failed`.
    """
    reason = request.body.reason
    return report(request, lambda delivery_id, command: service.miss_customer(delivery_id, command, reason))


@endpoints.post(_STEP + "/failed", permission=_RIDER, body=FailDelivery, returns=StepReceipt, errors=_LOST)
def fail_delivery(request: Request[FailDelivery]) -> Reply[StepReceipt]:
    """Report that the order can't be handed over, and why.

    It then goes back to the store.
    """
    reason = request.body.reason
    return report(request, lambda delivery_id, command: service.fail_delivery(delivery_id, command, reason))


@endpoints.post(_STEP + "/returning", permission=_RIDER, body=RiderCommand, returns=StepReceipt, errors=_LOST)
def start_return(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Report that you are on the way back to the store."""
    return report(request, service.start_return)


@endpoints.post(_STEP + "/returned", permission=_RIDER, body=RiderCommand, returns=StepReceipt, errors=_LOST)
def finish_return(request: Request[RiderCommand]) -> Reply[StepReceipt]:
    """Report that the store has the order back."""
    return report(request, service.finish_return)


def report(request: Request[Any], use_case: Callable[[str, service.Command], service.Step]) -> Reply[StepReceipt]:
    """Answer a rider's report with what it did."""
    delivery_id = request.path["delivery_id"]
    command = service.Command(
        rider_id=request.principal.id,
        op_id=request.body.op_id,
        captured_at=_captured(request.body.captured_at),
    )
    return Reply(receipt(delivery_id, command, use_case(delivery_id, command)))


def _money(cash: Cash | None) -> Money | None:
    return None if cash is None else Money(cash.amount, cash.currency)


def _point(spot: Spot) -> Point:
    return Point(spot.lat, spot.lng)


def _captured(text: str) -> datetime:
    """The instant that a phone wrote. The pattern has let through dates that no calendar has."""
    try:
        return clock.parse(text.upper())
    except (ValueError, OverflowError) as error:
        raise Invalid([Violation("invalid_value", "/captured_at", "There is no such time.")]) from error
