"""Shifts: planned, taken and given back, worked with a break, and ended by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.use_cases.place import here, key, match
from chalicelib.kernel import clock

if TYPE_CHECKING:
    from benchmarks.machine import Json
    from benchmarks.use_cases.place import Place

_SHIFT = "/v1/shifts/{shift_id}"
_OWN = "/v1/rider/shifts/{shift_id}"


def shifts(place: Place) -> None:
    """A day's plan and one rider's day."""
    count, machine, admin = place.count, place.machine, place.admin
    rider = machine.user("rider", "rider-4")
    machine.call("PUT", "/v1/rider/profile", rider, {"name": "Fourth", "vehicle": "bicycle", "capacity": 3})
    spot = {"position": here()["position"]}
    later = count("plan shift", "POST", "/v1/shifts", admin, _plan(days=1, places=2), headers=key())
    shift_id, zone = later.body["shift_id"], later.body["zone"]
    count("shift", "GET", _SHIFT, admin, shift_id=shift_id)
    changed = {"places": 3, "open": True}
    count("change shift", "PATCH", _SHIFT, admin, changed, headers=match(later.etag), shift_id=shift_id)
    count("shifts of a zone", "GET", "/v1/shifts", admin, query={"zone": zone})
    count("open shifts", "GET", "/v1/rider/open-shifts", rider, query=dict(spot["position"]))
    count("claim shift", "POST", f"{_OWN}/claim", rider, shift_id=shift_id)
    count("own shift", "GET", _OWN, rider, shift_id=shift_id)
    count("give shift back", "POST", f"{_OWN}/give_back", rider, shift_id=shift_id)
    at = {"shift_id": shift_id, "rider_id": rider.sub}
    count("assign shift", "PUT", f"{_SHIFT}/riders/{{rider_id}}", admin, **at)
    count("riders of a shift", "GET", f"{_SHIFT}/riders", admin, shift_id=shift_id)
    count("withdraw shift", "DELETE", f"{_SHIFT}/riders/{{rider_id}}", admin, **at)
    count("cancel shift", "POST", f"{_SHIFT}/cancel", admin, shift_id=shift_id)
    machine.drain()

    soon = machine.call("POST", "/v1/shifts", admin, _plan(minutes=5), headers=key())
    shift_id = soon.body["shift_id"]
    machine.call("POST", _OWN.format(shift_id=shift_id) + "/claim", rider)
    count("begin shift", "POST", f"{_OWN}/start", rider, spot, shift_id=shift_id)
    count("where a rider stands", "GET", "/v1/rider/shift", rider)
    count("take a break", "POST", "/v1/rider/shift/break", rider)
    machine.pass_time(timedelta(minutes=10))
    count("come back", "POST", "/v1/rider/shift/resume", rider, spot)
    count("end shift when done", "POST", "/v1/rider/shift/end", rider)
    machine.call("POST", "/v1/rider/shift", rider, {"state": "on", **spot})
    count("send a rider home", "POST", "/v1/riders/{rider_id}/shift/end", admin, rider_id=rider.sub)
    count("own shifts", "GET", "/v1/rider/shifts", rider)
    rules = {"area": zone, "since": clock.rfc3339(clock.now()), "currency": "EUR", "time_zone": "Europe/Berlin"}
    count("set pay rules", "POST", "/v1/pay-rules", admin, {**rules, "guarantee_per_hour": 1400}, headers=key())
    count("pay rules", "GET", "/v1/pay-rules", admin, query={"area": zone})
    count("own earnings", "GET", "/v1/rider/earnings", rider)
    count("statement of a shift", "GET", f"{_OWN}/earnings", rider, shift_id=shift_id)
    count("earnings of a rider", "GET", "/v1/riders/{rider_id}/earnings", admin, rider_id=rider.sub)
    path = "/v1/riders/{rider_id}/shifts/{shift_id}/earnings"
    count("statement of a rider's shift", "GET", path, admin, rider_id=rider.sub, shift_id=shift_id)
    count("shifts of a rider", "GET", "/v1/riders/{rider_id}/shifts", admin, rider_id=rider.sub)
    machine.drain()


def _plan(places: int = 1, **after: int) -> Json:
    begins = clock.now() + timedelta(**after)
    return {
        "position": here()["position"],
        "starts_at": clock.rfc3339(begins),
        "ends_at": clock.rfc3339(begins + timedelta(hours=4)),
        "places": places,
    }
