"""Amazon Location Service's route matrix behind the planner's `Travel`, cached, and never in the way of a decision.

Asked is `geo-routes` `CalculateRouteMatrix` (docs.aws.amazon.com/location/latest/APIReference, "RouteMatrixEntry":
`Distance` in metres, `Duration` in seconds, `Error` where there is no route). Each pair of an origin and a destination
is charged, and five requests a second are allowed unless the account's quota says otherwise.

What is kept is how much longer than the straight line's guess a way takes, for a pair of small cells and a quarter of
an hour: so two riders in one street share an answer, and each still gets a time of their own.
"""

from __future__ import annotations

import logging
import time
from math import hypot
from typing import TYPE_CHECKING, Any

from chalicelib.dispatch.planner.travel import StraightLine
from chalicelib.kernel import geo, settings
from chalicelib.kernel.geo import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from chalicelib.dispatch.planner.types import Place

logger = logging.getLogger(__name__)

# Bicycles are not among the modes: they ride the pedestrians' way (its distance) at their own speed.
_MODES = {"foot": "Pedestrian", "bicycle": "Pedestrian", "scooter": "Scooter", "car": "Car"}
_CELL_RESOLUTION = 9  # 200 m from middle to corner
_BUCKET_SECONDS = 900
_PAUSE_SECONDS = 60.0  # without a question after one that failed
_KEPT = 50_000  # pairs
_LEAST, _MOST = 0.4, 6.0  # what a factor may be: beyond, the map is wrong about one of the places
_NEAR_M = 150.0  # below this the straight line knows as much

Key = tuple[str, str, str, int]


class RouteMatrix:
    """What was learned of ways, and the means to learn more. One for a process."""

    def __init__(self, client: Any, routes_per_minute: int, wall: Callable[[], float] = time.monotonic) -> None:
        self._client, self._limit, self._wall = client, routes_per_minute, wall
        self._factors: dict[Key, float] = {}
        self._cells: dict[Place, str] = {}
        self._asked: list[tuple[float, int]] = []
        self._quiet_until = 0.0

    def learn(self, starts: Collection[Place], ends: Collection[Place], vehicle: str, now: datetime) -> None:
        """Ask for the ways between these places that are not known yet, all in one request.

        Nothing is asked beyond the limit of routes a minute, nor for a while after a question that failed; whatever is
        not known is then guessed.
        """
        mode, bucket = _MODES.get(vehicle, "Pedestrian"), _bucket(now)
        origins = self._by_cell(starts)
        destinations = self._by_cell(ends)
        known = self._factors
        origins = {
            cell: place
            for cell, place in origins.items()
            if any((cell, end, mode, bucket) not in known for end in destinations if end != cell)
        }
        destinations = {
            cell: place
            for cell, place in destinations.items()
            if any((start, cell, mode, bucket) not in known for start in origins if start != cell)
        }
        if origins and destinations and self._may_ask(len(origins) * len(destinations)):
            self._ask(origins, destinations, mode, bucket)

    def travel(self, straight: StraightLine, now: datetime) -> LearnedWays:
        """Ways as they are known for this quarter of an hour."""
        return LearnedWays(self, straight, _bucket(now))

    def factor(self, start: Place, end: Place, vehicle: str, bucket: int) -> float:
        """How much longer than guessed the way is; 1 where nothing is known."""
        mode = _MODES.get(vehicle, "Pedestrian")
        return self._factors.get((self._cell(start), self._cell(end), mode, bucket), 1.0)

    def _by_cell(self, places: Collection[Place]) -> dict[str, Place]:
        return {self._cell(place): place for place in sorted(places)}

    def _cell(self, place: Place) -> str:
        cell = self._cells.get(place)
        if cell is None:
            if len(self._cells) > _KEPT:
                self._cells.clear()
            cell = self._cells[place] = geo.cell(Point(*place), _CELL_RESOLUTION)
        return cell

    def _may_ask(self, routes: int) -> bool:
        at = self._wall()
        self._asked = [(then, count) for then, count in self._asked if at - then < 60.0]
        within = sum(count for _, count in self._asked) + routes <= self._limit
        if not within or at < self._quiet_until:
            return False
        self._asked.append((at, routes))
        return True

    def _ask(self, origins: dict[str, Place], destinations: dict[str, Place], mode: str, bucket: int) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.calculate_route_matrix(
                Origins=[{"Position": [lng, lat]} for lat, lng in origins.values()],
                Destinations=[{"Position": [lng, lat]} for lat, lng in destinations.values()],
                RoutingBoundary={"Unbounded": True},
                TravelMode=mode,
                DepartNow=True,
            )
        except (BotoCoreError, ClientError):
            self._quiet_until = self._wall() + _PAUSE_SECONDS
            logger.warning("route matrix did not answer: ways are guessed", exc_info=True)
            return
        if len(self._factors) > _KEPT:
            self._factors = {key: value for key, value in self._factors.items() if key[3] == bucket}
        guess = StraightLine(detour=settings.get().travel_detour)
        for (first, start), row in zip(origins.items(), answer["RouteMatrix"], strict=False):
            for (second, end), entry in zip(destinations.items(), row, strict=False):
                self._factors[first, second, mode, bucket] = _factor(guess, start, end, mode, entry)


class LearnedWays:
    """The straight line's guess, corrected where the ways between two cells are known."""

    def __init__(self, matrix: RouteMatrix, straight: StraightLine, bucket: int) -> None:
        self._matrix, self._straight, self._bucket = matrix, straight, bucket

    def seconds(self, start: Place, end: Place, vehicle: str) -> float:
        """From door to door with this vehicle."""
        guess = self._straight.seconds(start, end, vehicle)
        return guess * self._matrix.factor(start, end, vehicle, self._bucket)

    def flat(self, place: Place, origin: Place) -> tuple[float, float]:
        """Metres from the origin on a plane."""
        return self._straight.flat(place, origin)

    def pace(self, vehicle: str) -> float:
        """Seconds per metre on that plane, about."""
        return self._straight.pace(vehicle)


def amazon_location() -> Any:
    """A client that gives up soon: a decision does not wait for the map."""
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=0.5,
        read_timeout=1.5,
        retries={"mode": "standard", "total_max_attempts": 1},
        user_agent=settings.USER_AGENT,
    )
    session = botocore.session.get_session()
    return session.create_client("geo-routes", settings.get().region, config=config)


def _bucket(now: datetime) -> int:
    return int(now.timestamp()) // _BUCKET_SECONDS


def _factor(guess: StraightLine, start: Place, end: Place, mode: str, entry: dict[str, Any]) -> float:
    metres = hypot(*guess.flat(end, start))
    if entry.get("Error") or metres < _NEAR_M:
        return 1.0
    # On foot and by bicycle it is the length of the way that counts, in motion also what else is on the road.
    if mode == "Pedestrian":
        found, expected = entry["Distance"], metres * guess.detour
    else:
        found, expected = entry["Duration"], guess.seconds(start, end, mode.lower())
    return float(min(_MOST, max(_LEAST, found / expected)))
