"""A planned shift on a stack where a minute passes in a second: claimed, worked, and ended by itself."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock
from tests.flows.town import Town, delivery_of, eventually

if TYPE_CHECKING:
    from infra.local.actors.rider import Rider

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def shift_of(town: Town, rider: Rider, minutes_left: float) -> dict[str, Any]:
    """A shift at the store that is under way and has a place for this rider."""
    now = rider.client.watch.now()
    plan = {
        "position": {"lat": town.point.lat, "lng": town.point.lng},
        "starts_at": clock.rfc3339(now - timedelta(minutes=20)),
        "ends_at": clock.rfc3339(now + timedelta(minutes=minutes_left)),
    }
    planned: dict[str, Any] = town.cast.back_office().client.post("/v1/shifts", plan, key=str(uuid.uuid4())).body
    return planned


def test_a_rider_who_wants_to_leave_has_left_when_nothing_is_in_hand(fast_town: Town) -> None:
    rider = fast_town.cast.rider(f"{fast_town.name}-{random.getrandbits(32):08x}")
    rider.register("Rider")
    shift = shift_of(fast_town, rider, minutes_left=45)
    path = f"/v1/rider/shifts/{shift['shift_id']}"
    assert rider.client.post(f"{path}/claim").body["status"] == "booked"
    place = fast_town.beside(100)
    begun = rider.client.post(f"{path}/start", {"position": {"lat": place.lat, "lng": place.lng}}).body
    assert (begun["state"], begun["ends_at"]) == ("available", shift["ends_at"])

    customer = fast_town.customer()
    placed = fast_town.order(customer)
    fast_town.tablet.accept(placed["id"])
    delivery_id = delivery_of(placed["id"])
    rider.wait_for_offer(placed["id"], pause=0.02)
    rider.accept(delivery_id)
    rider.client.post("/v1/rider/shift/end")
    assert rider.look().body["state"] == "ending"

    rider.drop(delivery_id)

    stands = eventually(lambda: (seen := rider.client.get("/v1/rider/shift").body)["state"] == "off" and seen, 30.0)
    assert stands["shift_id"] is None
    duty = rider.client.get(path).body
    assert (duty["status"], duty["origin"]) == ("ended", "claimed")
    assert duty["begun_at"] < duty["ended_at"] < shift["ends_at"]


def test_the_planned_end_of_a_shift_comes_by_itself(fast_town: Town) -> None:
    rider = fast_town.cast.rider(f"{fast_town.name}-{random.getrandbits(32):08x}")
    rider.register("Rider")
    shift = shift_of(fast_town, rider, minutes_left=14)
    path = f"/v1/rider/shifts/{shift['shift_id']}"
    rider.client.post(f"{path}/claim")
    place = fast_town.beside(100)
    rider.client.post(f"{path}/start", {"position": {"lat": place.lat, "lng": place.lng}})

    eventually(lambda: rider.client.get("/v1/rider/shift").body["state"] == "off", 40.0)

    assert rider.client.get(path).body["ended_at"] == shift["ends_at"]
