"""The straight line, a detour and a speed."""

from __future__ import annotations

from math import hypot

import pytest

from chalicelib.dispatch.planner import StraightLine
from chalicelib.kernel.geo import Point, distance_m

HERE, THERE = (52.5200, 13.4050), (52.4900, 13.4500)


def test_it_is_the_great_circle_within_a_city() -> None:
    metres = distance_m(Point(*HERE), Point(*THERE))
    travel = StraightLine(detour=1.5, speeds={"bicycle": 3.0})

    assert travel.seconds(HERE, THERE, "bicycle") == pytest.approx(metres * 1.5 / 3.0, rel=1e-3)
    assert travel.seconds(HERE, THERE, "unicycle") == travel.seconds(HERE, THERE, "bicycle")
    assert hypot(*travel.flat(THERE, HERE)) == pytest.approx(metres, rel=2e-3)


def test_speed_is_calibrated_by_what_was_ridden() -> None:
    travel = StraightLine()
    ridden = [(HERE, THERE, 2 * travel.seconds(HERE, THERE, "car")), (HERE, HERE, 30.0)]

    slower = travel.calibrated("car", ridden)

    assert slower.seconds(HERE, THERE, "car") == pytest.approx(2 * travel.seconds(HERE, THERE, "car"))
    assert slower.seconds(HERE, THERE, "foot") == travel.seconds(HERE, THERE, "foot")
    assert travel.calibrated("car", []) is travel
