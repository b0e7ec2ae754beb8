"""A small world for dispatch's tests: a store in Berlin, deliveries around it, riders with a phone."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.dispatch.model.delivery import (
    Actor,
    Brief,
    Delivery,
    DeliveryRequest,
    Proof,
    Status,
    Step,
    open_delivery,
)
from chalicelib.dispatch.model.journey import Command
from chalicelib.dispatch.model.rider import Rider, RiderAtWork, Vehicle
from chalicelib.kernel import ids
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from chalicelib.kernel.money import Money

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STORE = Point(52.520, 13.405)
DOOR = Point(52.526, 13.415)
BRIEF = Brief(
    store_name="Trattoria Lucia",
    store_address="Torstraße 12, 10119 Berlin",
    order_label="#417",
    dropoff_address="Schönhauser Allee 36, 3rd floor, 10435 Berlin",
    recipient="Mira B.",
    phone="+49 30 1234567",
    note="Bell is broken, please call.",
)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def metres_north(point: Point, metres: float) -> Point:
    return Point(point.lat + metres / 111_195, point.lng)


def a_request(**changes: Any) -> DeliveryRequest:
    given: dict[str, Any] = {
        "order_id": ids.new_id("ord"),
        "store_id": ids.new_id("sto"),
        "store_point": STORE,
        "dropoff_point": DOOR,
        "ready_at": NOW + minutes(8),
        "promised_at": NOW + minutes(35),
        "brief": BRIEF,
        "cause": "req_1",
    }
    return DeliveryRequest(**given | changes)


def a_delivery(status: Status = Status.UNASSIGNED, **changes: Any) -> Delivery:
    """A delivery as `request_delivery` begins it, then put into a state by hand."""
    proof = changes.get("proof", Proof.NONE)
    begun = open_delivery(a_request(proof=proof, pin="4711" if proof is Proof.PIN else None), NOW)
    return _replaced(begun, status=status, **changes)


def offered(rider_id: str, at: datetime = NOW, **changes: Any) -> Delivery:
    begun = a_delivery(**changes)
    return _replaced(
        begun,
        status=Status.OFFERED,
        offered_to=rider_id,
        offer_expires_at=at + seconds(30),
        version=begun.version + 1,
        steps=(*begun.steps, Step(Status.OFFERED, at, Actor.SYSTEM, ids.new_id("evt"), rider_id=rider_id)),
    )


def carried(rider_id: str, status: Status = Status.ASSIGNED, **changes: Any) -> Delivery:
    """A delivery that the rider has accepted and brought to ``status``."""
    begun = offered(rider_id, **changes)
    steps = [Step(Status.ASSIGNED, NOW, Actor.RIDER, an_op())]
    if status is not Status.ASSIGNED:
        steps.append(Step(status, NOW, Actor.RIDER, an_op()))
    return _replaced(
        begun,
        status=status,
        rider_id=rider_id,
        offered_to=None,
        offer_expires_at=None,
        version=begun.version + 1,
        steps=(*begun.steps, *steps),
        **changes,
    )


def a_rider(rider_id: str = "rider-a", **changes: Any) -> Rider:
    given: dict[str, Any] = {
        "id": rider_id,
        "name": "Lena",
        "vehicle": Vehicle.BICYCLE,
        "capacity": 2,
        "on_shift": True,
        "shift_changed_at": NOW,
    }
    return Rider(**given | changes)


def at_work(rider_id: str, point: Point = STORE, **changes: Any) -> RiderAtWork:
    given: dict[str, Any] = {"id": rider_id, "point": point, "heard_at": NOW, "vehicle": Vehicle.BICYCLE, "room": 2}
    return RiderAtWork(**given | changes)


def an_op() -> str:
    return str(uuid.uuid4())


def command(rider_id: str, captured_at: datetime = NOW, op_id: str | None = None) -> Command:
    return Command(rider_id, op_id or an_op(), captured_at)


def cash(amount: int) -> Money:
    from chalicelib.kernel.money import Money

    return Money(amount, "EUR")


def _replaced(delivery: Delivery, **changes: Any) -> Delivery:
    from msgspec.structs import replace

    return replace(delivery, **changes)
