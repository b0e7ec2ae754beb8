"""How long ways take where nobody knows better: the straight line, a detour factor and a speed for each vehicle."""

from __future__ import annotations

from math import cos, hypot, radians
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.dispatch.planner.types import Place

_METRES_PER_DEGREE = 111_195.0  # of latitude, on the mean sphere

_SPEEDS = {"foot": 1.4, "bicycle": 4.2, "scooter": 7.0, "car": 7.5}


class StraightLine(msgspec.Struct, frozen=True):
    """The straight line times a detour factor at a steady speed; places are (latitude, longitude) in degrees.

    Streets add about a third to the straight line. ``speeds`` are metres per second along the street, stops at
    crossings included; a vehicle that is not named rides like a bicycle.
    """

    detour: float = 1.3
    speeds: Mapping[str, float] = msgspec.field(default_factory=_SPEEDS.copy)

    def seconds(self, start: Place, end: Place, vehicle: str) -> float:
        """From door to door with this vehicle."""
        return _metres(start, end) * self.pace(vehicle)

    def flat(self, place: Place, origin: Place) -> tuple[float, float]:
        """Metres east and north of the origin; the meridians' convergence within a city is left out."""
        east = (place[1] - origin[1]) * cos(radians(origin[0]))
        return east * _METRES_PER_DEGREE, (place[0] - origin[0]) * _METRES_PER_DEGREE

    def pace(self, vehicle: str) -> float:
        """Seconds per metre of straight line."""
        return self.detour / self.speeds.get(vehicle, self.speeds["bicycle"])

    def calibrated(self, vehicle: str, rides: Iterable[tuple[Place, Place, float]]) -> StraightLine:
        """The same, with the speed at which these rides (start, end, seconds) were made on the whole.

        Rides of no length or no time teach nothing; without any other the speed stays.
        """
        metres = spent = 0.0
        for start, end, seconds in rides:
            straight = _metres(start, end)
            if straight > 0.0 and seconds > 0.0:
                metres += straight
                spent += seconds
        if not spent:
            return self
        return StraightLine(detour=self.detour, speeds={**self.speeds, vehicle: metres * self.detour / spent})


def _metres(start: Place, end: Place) -> float:
    """The straight line on the plane that touches the sphere between them: good to 0.1% at 50 km."""
    east = (end[1] - start[1]) * cos(radians((start[0] + end[0]) / 2))
    return hypot(east, end[0] - start[0]) * _METRES_PER_DEGREE
