"""Small worlds for the planner: a plane in metres, riders at 5 m/s, moments in seconds."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any

from chalicelib.dispatch.planner import Delivery, Policy, Rider

if TYPE_CHECKING:
    from chalicelib.dispatch.planner import Place

NOW = 50_000.0
MINUTE = 60.0
POLICY = Policy(tick=30.0)


class Plane:
    """Straight ways at five metres a second; on foot it takes three times as long."""

    def seconds(self, start: Place, end: Place, vehicle: str) -> float:
        return hypot(start[0] - end[0], start[1] - end[1]) * self.pace(vehicle)

    def flat(self, place: Place, origin: Place) -> tuple[float, float]:
        return place[0] - origin[0], place[1] - origin[1]

    def pace(self, vehicle: str) -> float:
        return 0.6 if vehicle == "foot" else 0.2


def delivery(number: int = 1, **changes: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": f"dlv-{number}",
        "store_id": "store-a",
        "store": (0.0, 0.0),
        "door": (1_000.0, 100.0 * number),
        "placed_at": NOW - 10 * MINUTE,
        "ready_at": NOW,
        "due_at": NOW + 40 * MINUTE,
    }
    return Delivery(**{**fields, **changes})


def rider(name: str = "anna", **changes: Any) -> Rider:
    fields: dict[str, Any] = {"place": (300.0, 0.0), "free_at": NOW, "off_at": NOW + 240 * MINUTE}
    return Rider(id=name, **{**fields, **changes})
