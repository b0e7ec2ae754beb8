"""What orders add to the business metrics, read as CloudWatch reads them."""

from __future__ import annotations

import json

import pytest

from chalicelib.ordering.model import commands, news
from chalicelib.ordering.service.counting import count_change
from tests.ordering import factories
from tests.ordering.factories import STAFF, change


@pytest.fixture(autouse=True)
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "doorstep-test")


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Name to value of all that was written; a metric by a dimension of its own has it in brackets."""
    found = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        (described,) = line["_aws"]["CloudWatchMetrics"]
        name = described["Metrics"][0]["Name"]
        by = [line[each] for each in described["Dimensions"][0] if each not in ("service", "stage")]
        found[f"{name}[{by[0]}]" if by else name] = line[name][0]
    return found


def test_an_order_tells_how_long_each_part_of_its_way_took(capsys: pytest.CaptureFixture[str]) -> None:
    count_change(factories.placed(), factories.accepted())
    assert counted(capsys) == {"OrdersAccepted": 1, "TimeToAccept": 60}
    count_change(factories.preparing(), factories.ready())
    assert counted(capsys) == {"TimeToReady": 19 * 60}
    out = factories.out_for_delivery()
    count_change(out, news.note_delivered(out, change(minutes=31)))
    assert counted(capsys) == {"TimeToDoor": 31 * 60}


def test_a_rejection_is_counted_by_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    order = factories.placed()
    count_change(order, commands.reject(order, change(STAFF, minutes=1), reason="too_busy"))
    assert counted(capsys) == {"OrdersRejected": 1, "OrdersRejected[too_busy]": 1}


def test_an_order_that_no_store_answers_is_counted_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    order = factories.placed()
    count_change(order, news.expire_unanswered(order, change(minutes=6)))
    assert counted(capsys) == {"OrdersLapsed": 1}


def test_an_order_that_is_never_paid_is_a_payment_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    order = factories.placed(confirmed=False)
    count_change(order, news.expire_unpaid(order, change(minutes=11)))
    assert counted(capsys) == {"PaymentsFailed": 1}


def test_what_nobody_waits_for_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    count_change(factories.accepted(), factories.preparing())
    assert counted(capsys) == {}
