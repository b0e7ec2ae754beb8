"""Riders and their deliveries; and what runs by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.use_cases.place import JOB, STORE_ORDER, follow, here, key, match, told, track, unless

if TYPE_CHECKING:
    from benchmarks.machine import Json
    from benchmarks.use_cases.place import Place
    from infra.local.users import User


def riders(place: Place) -> None:
    count, (first, second) = place.count, place.riders
    asked = {"user": first.sub, "name": "Lena K.", "vehicle": "bicycle", "capacity": 3}
    count("register rider", "POST", "/v1/riders", place.admin, asked, headers=key())
    rider = count("rider", "GET", "/v1/riders/{rider_id}", place.admin, rider_id=first.sub)
    count(
        "change rider", "PATCH", "/v1/riders/{rider_id}", place.admin, {"name": "Lena Krug"},
        headers=match(rider.etag), rider_id=first.sub,
    )  # fmt: skip
    profile = {"name": "Sam", "vehicle": "scooter", "capacity": 3}
    count("save profile", "PUT", "/v1/rider/profile", second, profile)
    count("profile", "GET", "/v1/rider/profile", second)
    for number, user in enumerate(place.riders):
        shift = {"state": "on", "position": here()["position"]}
        if number == 0:
            count("start shift", "POST", "/v1/rider/shift", user, shift)
        else:
            place.machine.call("POST", "/v1/rider/shift", user, shift)
    place.machine.pass_time(timedelta(seconds=15))
    count("heartbeat", "PUT", "/v1/rider/position", first, here())
    poll(place, first, "idle feed")


def poll(place: Place, rider: User, what: str) -> None:
    feed = place.count(what, "GET", "/v1/rider/feed", rider)
    place.count(f"{what}, 304", "GET", "/v1/rider/feed", rider, headers=unless(feed.etag))


def delivery(place: Place) -> None:
    """A delivery from the board to the door."""
    count, machine = place.count, place.machine
    placed = place.place()
    order_id, delivery_id = placed["id"], placed["id"].replace("ord_", "dlv_", 1)

    def command(name: str, body: Json | None = None) -> None:
        version = match(place.version(order_id))
        where = {"store_id": place.store_id, "order_id": order_id}
        count(name, "POST", f"{STORE_ORDER}/{name}", place.owner, body, headers=version, **where)
        machine.drain()

    def report(step: str, **body: Any) -> None:
        count(f"rider: {step}", "POST", f"{JOB}/{step}", rider, told(**body), delivery_id=delivery_id)
        machine.drain()

    machine.wait_for_beat()
    command("accept", {"prep_minutes": 5})
    rider = place.asked(delivery_id)
    poll(place, rider, "feed with an offer")
    report("accept")
    poll(place, rider, "feed with a delivery")
    count("delivery", "GET", JOB, rider, delivery_id=delivery_id)
    command("start")
    command("ready")
    for step in ("arrived_at_store", "picked_up", "arrived"):
        report(step)
    report("missed", reason="customer_absent")
    track(place, order_id)
    place.report(rider, delivery_id, "arrived")
    follow(place, order_id, "travelling")
    report("delivered", pin=place.pin(order_id))
    follow(place, order_id, "completed")


def second_thoughts(place: Place) -> None:
    """Riders who decline, drop out, and end their shift."""
    for step, before in (("decline", ()), ("drop", ("accept",))):
        _, delivery_id, rider = place.offered()
        place.report(rider, delivery_id, *before)
        place.count(f"rider: {step}", "POST", f"{JOB}/{step}", rider, told(), delivery_id=delivery_id)
        place.machine.drain()
        place.report(place.asked(delivery_id), delivery_id, "accept")
    third = place.machine.user("rider", "rider-3")
    profile = {"name": "Third", "vehicle": "bicycle", "capacity": 3}
    place.machine.call("PUT", "/v1/rider/profile", third, profile)
    place.machine.call("POST", "/v1/rider/shift", third, {"state": "on", "position": here()["position"]})
    place.count("end shift", "POST", "/v1/rider/shift", third, {"state": "off"})


def returns(place: Place) -> None:
    """Nobody opens: the order goes back."""
    placed, delivery_id, rider = place.offered()
    place.report(rider, delivery_id, "accept")
    place.serve(placed["id"], "start", "ready")
    place.report(rider, delivery_id, "arrived_at_store", "picked_up", "arrived")
    for step, body in (("failed", {"reason": "customer_absent"}), ("returning", {}), ("returned", {})):
        route = f"{JOB}/{step}"
        place.count(f"rider: {step}", "POST", route, rider, told(**body), delivery_id=delivery_id)
        place.machine.drain()


def cash(place: Place) -> None:
    """An order that is paid at the door, and the rider who hands the cash in."""
    placed = place.place(method="cash_on_delivery")
    place.serve(placed["id"], "accept")
    delivery_id = placed["id"].replace("ord_", "dlv_", 1)
    rider = place.asked(delivery_id)
    accept = f"{JOB}/accept"
    place.count("rider: accept, demanding", "POST", accept, rider, told(), delivery_id=delivery_id)
    place.serve(placed["id"], "start", "ready")
    place.report(rider, delivery_id, "arrived_at_store", "picked_up", "arrived")
    due = placed["total"]
    proof = told(pin=place.pin(placed["id"]), cash_collected=due)
    place.count("rider: delivered for cash", "POST", f"{JOB}/delivered", rider, proof, delivery_id=delivery_id)
    place.machine.drain()
    route = "/v1/riders/{rider_id}/cash_handed_in"
    place.count("cash handed in", "POST", route, place.admin, due, headers=key(), rider_id=rider.sub)


def nobody_there(place: Place) -> None:
    """A delivery that nobody takes, until somebody claims it; and why whom was asked."""
    count, machine = place.count, place.machine
    for rider in place.riders:
        machine.call("POST", "/v1/rider/shift", rider, {"state": "off", "force": True})
    placed = place.place()
    place.serve(placed["id"], "accept")
    for _ in range(9):
        machine.pass_time(timedelta(seconds=21))
        machine.drain()
    rider = place.riders[0]
    machine.call("POST", "/v1/rider/shift", rider, {"state": "on", "position": here()["position"]})
    delivery_id = placed["id"].replace("ord_", "dlv_", 1)
    count("pool", "GET", "/v1/rider/pool", rider)
    count("rider: claim", "POST", "/v1/rider/pool/{delivery_id}/claim", rider, told(), delivery_id=delivery_id)
    zone = place.machine.call("PUT", "/v1/rider/position", rider, here()).body["zone"]
    count("store health", "GET", "/v1/stores/{store_id}/health", place.owner, store_id=place.store_id)
    count("zone health", "GET", "/v1/zones/{zone}/health", place.admin, zone=zone)
    count("decisions", "GET", "/v1/deliveries/{delivery_id}/decisions", place.admin, delivery_id=delivery_id)


def background(place: Place) -> None:
    """What runs by itself, however many orders there are."""
    from chalicelib.kernel import events

    with place.machine.measured() as cost:
        events.sweep()
    place.count.costs["sweep, nothing due"] = cost[0]
