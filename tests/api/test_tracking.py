"""Where the rider is, over HTTP: for the customer of the order, from the store to the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock

if TYPE_CHECKING:
    from tests.api.scene import Scene


def look(scene: Scene, delivery: dispatch.Delivery, who: str = "customer", **headers: str) -> Any:
    return scene.call(who, "GET", f"/v1/orders/{delivery.order_id}/rider", **headers)


def test_the_rider_is_seen_from_the_store_to_the_door_and_nowhere_else(scene: Scene) -> None:
    delivery = scene.waiting_at_store()
    before = look(scene, delivery)
    assert (before.status, before.json["position"]) == (200, None)
    assert before.json["arrives_at"] is not None
    rider = scene.subjects["rider"]
    dispatch.pick_up(delivery.id, dispatch.Command(rider, "op-picked-up", clock.now()))
    dispatch.report_position(rider, scene.place, clock.now())
    seen = look(scene, delivery)
    assert seen.json["position"]["precision"] == "exact"
    assert rider not in seen.text
    same = look(scene, delivery, if_none_match=seen.headers["etag"])
    assert (same.status, "retry-after" in same.headers) == (304, True)
    dispatch.arrive_at_door(delivery.id, dispatch.Command(rider, "op-at-door", clock.now()))
    assert look(scene, delivery).json["position"] is None


def test_nobody_else_sees_the_rider(scene: Scene) -> None:
    delivery = scene.picked_up()
    assert look(scene, delivery, "another customer").status == 404
    assert look(scene, delivery, "rider").status in (403, 404)


def test_an_order_nobody_brings_has_no_rider(scene: Scene) -> None:
    order = scene.order("pickup")
    seen = scene.call("customer", "GET", f"/v1/orders/{order.id}/rider")
    assert (seen.status, seen.json["status"], seen.json["position"]) == (200, None, None)
    for hostile in ("ord_x", "dlv_" + order.id[4:], "%00", "ord_" + "0" * 26):
        assert scene.call("customer", "GET", f"/v1/orders/{hostile}/rider").status == 404


def test_customer_and_board_see_when_the_rider_comes(scene: Scene) -> None:
    delivery = scene.assigned()
    order = scene.call("customer", "GET", f"/v1/orders/{delivery.order_id}").json
    assert order["delivery"]["arrives_at"] is not None
    assert order["delivery"]["stops_before"] == 0
    cards = scene.call("clerk", "GET", f"/v1/stores/{scene.store_id}/board").json["cards"]
    (card,) = [each for each in cards if each["order"]["id"] == delivery.order_id]
    assert card["delivery"]["rider_at_store_at"] is not None
