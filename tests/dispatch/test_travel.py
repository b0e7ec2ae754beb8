"""How long ways take: the straight line, and a route matrix that corrects it as long as it answers and costs little."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from chalicelib.dispatch.planner.travel import StraightLine
from chalicelib.dispatch.service import travel
from chalicelib.dispatch.service.route_matrix import RouteMatrix, amazon_location
from chalicelib.kernel import settings
from tests.dispatch.factories import NOW, STORE, a_delivery, at_work, metres_north, minutes

if TYPE_CHECKING:
    from collections.abc import Iterator

STRAIGHT = StraightLine()
HERE, NEAR, FAR = ((p.lat, p.lng) for p in (STORE, metres_north(STORE, 1_000), metres_north(STORE, 3_000)))


class Wall:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def map_of() -> Iterator[Any]:
    client = botocore.session.get_session().create_client(
        "geo-routes", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield client, stubber


def answer(*rows: list[tuple[int, int]]) -> dict[str, Any]:
    """(metres, seconds) from each origin to each destination."""
    return {
        "ErrorCount": 0,
        "PricingBucket": "Core",
        "RoutingBoundary": {"Unbounded": True},
        "RouteMatrix": [[{"Distance": metres, "Duration": seconds} for metres, seconds in row] for row in rows],
    }


def asked(mode: str) -> dict[str, Any]:
    return {
        "Origins": ANY,
        "Destinations": ANY,
        "RoutingBoundary": {"Unbounded": True},
        "TravelMode": mode,
        "DepartNow": True,
    }


def test_a_way_is_as_long_as_the_map_says_and_is_asked_for_once(map_of: Any) -> None:
    client, stubber = map_of
    matrix = RouteMatrix(client, 100)
    stubber.add_response("calculate_route_matrix", answer([(2_000, 600)]), asked("Car"))
    matrix.learn({HERE}, {NEAR}, "car", NOW)
    matrix.learn({HERE}, {NEAR}, "car", NOW + minutes(1))
    ways = matrix.travel(STRAIGHT, NOW)
    assert ways.seconds(HERE, NEAR, "car") == pytest.approx(600, rel=0.01)
    assert ways.seconds(NEAR, HERE, "car") == pytest.approx(STRAIGHT.seconds(NEAR, HERE, "car")), (
        "the way back is another"
    )
    stubber.assert_no_pending_responses()


def test_positions_are_sent_as_longitude_and_latitude(map_of: Any) -> None:
    client, stubber = map_of
    expected = asked("Car") | {
        "Origins": [{"Position": [HERE[1], HERE[0]]}],
        "Destinations": [{"Position": [NEAR[1], NEAR[0]]}],
    }
    stubber.add_response("calculate_route_matrix", answer([(1_300, 200)]), expected)
    RouteMatrix(client, 100).learn({HERE}, {NEAR}, "car", NOW)
    stubber.assert_no_pending_responses()


def test_a_bicycle_rides_the_pedestrians_way_at_its_own_speed(map_of: Any) -> None:
    client, stubber = map_of
    matrix = RouteMatrix(client, 100)
    stubber.add_response("calculate_route_matrix", answer([(2_100, 1_500)]), asked("Pedestrian"))
    matrix.learn({HERE}, {NEAR}, "bicycle", NOW)
    assert matrix.travel(STRAIGHT, NOW).seconds(HERE, NEAR, "bicycle") == pytest.approx(2_100 / 4.2, rel=0.01)


def test_what_is_known_is_asked_again_in_the_next_quarter_of_an_hour(map_of: Any) -> None:
    client, stubber = map_of
    matrix = RouteMatrix(client, 100)
    for seconds in (300, 900):
        stubber.add_response("calculate_route_matrix", answer([(1_500, seconds)]), asked("Car"))
    matrix.learn({HERE}, {NEAR}, "car", NOW)
    later = NOW + minutes(20)
    matrix.learn({HERE}, {NEAR}, "car", later)
    assert matrix.travel(STRAIGHT, later).seconds(HERE, NEAR, "car") == pytest.approx(900, rel=0.01)


@pytest.mark.parametrize("fault", ["throttled", "refused", "no route"])
def test_a_map_that_does_not_answer_leaves_the_straight_line(map_of: Any, fault: str) -> None:
    client, stubber = map_of
    wall = Wall()
    matrix = RouteMatrix(client, 100, wall)
    if fault == "no route":
        told = answer([(0, 0)])
        told["RouteMatrix"][0][0]["Error"] = "NoRoute"
        stubber.add_response("calculate_route_matrix", told, asked("Car"))
    else:
        code = {"throttled": "ThrottlingException", "refused": "AccessDeniedException"}[fault]
        stubber.add_client_error("calculate_route_matrix", code)
    matrix.learn({HERE}, {NEAR}, "car", NOW)
    assert matrix.travel(STRAIGHT, NOW).seconds(HERE, NEAR, "car") == STRAIGHT.seconds(HERE, NEAR, "car")
    if fault != "no route":
        matrix.learn({HERE}, {FAR}, "car", NOW)  # nothing is asked for a minute: the stub would refuse
        wall.at = 61
        stubber.add_response("calculate_route_matrix", answer([(4_000, 700)]), asked("Car"))
        matrix.learn({HERE}, {FAR}, "car", NOW)
        stubber.assert_no_pending_responses()


def test_no_more_routes_are_asked_for_than_the_limit_allows(map_of: Any) -> None:
    client, stubber = map_of
    wall = Wall()
    matrix = RouteMatrix(client, 2, wall)
    stubber.add_response("calculate_route_matrix", answer([(1_500, 300), (4_000, 800)]), asked("Car"))
    matrix.learn({HERE}, {NEAR, FAR}, "car", NOW)
    matrix.learn({NEAR}, {FAR}, "car", NOW)  # would be the third within a minute
    assert matrix.travel(STRAIGHT, NOW).seconds(NEAR, FAR, "car") == STRAIGHT.seconds(NEAR, FAR, "car")
    wall.at = 61
    stubber.add_response("calculate_route_matrix", answer([(2_500, 500)]), asked("Car"))
    matrix.learn({NEAR}, {FAR}, "car", NOW)
    stubber.assert_no_pending_responses()


def test_an_absurd_answer_is_bounded(map_of: Any) -> None:
    client, stubber = map_of
    matrix = RouteMatrix(client, 100)
    stubber.add_response("calculate_route_matrix", answer([(90_000, 90_000)]), asked("Car"))
    matrix.learn({HERE}, {NEAR}, "car", NOW)
    assert matrix.travel(STRAIGHT, NOW).seconds(HERE, NEAR, "car") == pytest.approx(
        6 * STRAIGHT.seconds(HERE, NEAR, "car")
    )


def test_the_client_gives_up_before_a_tick_has_lost_its_zone() -> None:
    config = amazon_location().meta.config
    assert config.connect_timeout + config.read_timeout <= 2
    assert config.retries["total_max_attempts"] == 1


def test_the_settings_choose(map_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client, stubber = map_of
    delivery = a_delivery()
    riders = [at_work("rider-a", metres_north(STORE, 2_000))]
    assert isinstance(travel.travel_between([delivery], riders, NOW), StraightLine)
    monkeypatch.setenv("DOORSTEP_TRAVEL_SOURCE", "route_matrix")
    settings.reload()
    monkeypatch.setattr(travel, "_matrix", RouteMatrix(client, 100))
    stubber.add_response("calculate_route_matrix", answer([(4_200, 1)]), asked("Pedestrian"))
    stubber.add_response("calculate_route_matrix", answer([(1_500, 1)]), asked("Pedestrian"))
    try:
        ways = travel.travel_between([delivery], riders, NOW)
        start = (riders[0].point.lat, riders[0].point.lng)
        assert ways.seconds(start, HERE, "bicycle") == pytest.approx(1_000, rel=0.01)
        stubber.assert_no_pending_responses()
    finally:
        monkeypatch.undo()
        settings.reload()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOORSTEP_TRAVEL_SOURCE", "crow"),
        ("DOORSTEP_TRAVEL_DETOUR_PERCENT", "90"),
        ("DOORSTEP_TRAVEL_ROUTES_PER_MINUTE", "many"),
    ],
)
def test_settings_that_make_no_sense_are_named(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.read({name: value})


def test_the_straight_line_is_the_default_with_a_detour_of_a_third() -> None:
    assert STRAIGHT.seconds(HERE, NEAR, "bicycle") == pytest.approx(1_300 / 4.2, rel=0.01)
    assert not math.isnan(STRAIGHT.pace("car"))
