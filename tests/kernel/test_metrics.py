"""What the business counts, as CloudWatch reads it from the log."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel import metrics


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "doorstep-test")


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("in_lambda")
def test_a_count_is_a_metric_of_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count(metrics.ORDERS_PLACED)
    (line,) = written(capsys)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == metrics.NAMESPACE
    assert described["Metrics"] == [{"Name": "OrdersPlaced", "Unit": "Count"}]
    assert [sorted(each) for each in described["Dimensions"]] == [["service", "stage"]]
    assert (line["OrdersPlaced"], line["service"]) == ([1.0], "doorstep")


@pytest.mark.usefixtures("in_lambda")
def test_a_reason_is_counted_besides_and_not_instead(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count(metrics.ORDERS_REJECTED, reason="too_busy")
    dimensions = [sorted(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) for line in written(capsys)]
    assert dimensions == [["service", "stage"], ["reason", "service", "stage"]]


@pytest.mark.usefixtures("in_lambda")
def test_a_duration_is_told_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.duration(metrics.TIME_TO_DOOR, timedelta(minutes=31))
    (line,) = written(capsys)
    assert line["TimeToDoor"] == [1860.0]
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "TimeToDoor", "Unit": "Seconds"}]


def test_outside_of_lambda_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count(metrics.ORDERS_PLACED)
    assert capsys.readouterr().out == ""
