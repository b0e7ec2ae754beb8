"""How long ways take where nobody knows better: the straight line, a detour factor and a speed for each vehicle."""

from __future__ import annotations

from math import cos, radians
from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel.geo import Point, distance_m

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.dispatch.planner.types import Place

_METRES_PER_DEGREE = 111_195.0  # of latitude, on the mean sphere

_SPEEDS = {"foot": 1.4, "bicycle": 4.2, "scooter": 7.0, "car": 7.5}


class StraightLine(msgspec.Struct, frozen=True):
    """Great-circle distance times a detour factor at a steady speed; places are (latitude, longitude) in degrees.

    Streets add about a third to the straight line. ``speeds`` are metres per second along the street, stops at
    crossings included; a vehicle that is not named rides like a bicycle.
    """

    detour: float = 1.3
    speeds: Mapping[str, float] = msgspec.field(default_factory=_SPEEDS.copy)

    def seconds(self, start: Place, end: Place, vehicle: str) -> float:
        """From door to door with this vehicle."""
        return distance_m(Point(*start), Point(*end)) * self.pace(vehicle)

    def flat(self, place: Place) -> tuple[float, float]:
        """Metres east and north; the meridians' convergence within a city is left out."""
        latitude, longitude = place
        return longitude * _METRES_PER_DEGREE * cos(radians(latitude)), latitude * _METRES_PER_DEGREE

    def pace(self, vehicle: str) -> float:
        """Seconds per metre of straight line."""
        return self.detour / self.speeds.get(vehicle, self.speeds["bicycle"])

    def calibrated(self, vehicle: str, rides: Iterable[tuple[Place, Place, float]]) -> StraightLine:
        """The same, with the speed at which these rides (start, end, seconds) were made on the whole.

        Rides of no length or no time teach nothing; without any other the speed stays.
        """
        metres = spent = 0.0
        for start, end, seconds in rides:
            straight = distance_m(Point(*start), Point(*end))
            if straight > 0.0 and seconds > 0.0:
                metres += straight
                spent += seconds
        if not spent:
            return self
        return StraightLine(detour=self.detour, speeds={**self.speeds, vehicle: metres * self.detour / spent})
