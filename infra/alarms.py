"""What wakes somebody up, and the one page to look at then. Thresholds say what users feel, not what machines do.

The state stack watches its queues itself (`infra.resources`); this is what belongs to the functions and the API.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from chalicelib.kernel import events, metrics
from infra import resources
from infra.resources import RELAY_DLQ
from infra.template import named

API_ERRORS_PER_5_MINUTES = 5
API_P99_MS = 3_000
RELAY_LAG_MS = 60_000
PAYMENT_FAILURES_PER_15_MINUTES = 10
WAITING_ORDERS_PER_15_MINUTES = 3
UNFILLED_PER_15_MINUTES = 3

API_NAME = "doorstep"  # chalice takes the app's name
_STAGE = {"Ref": "RestAPI.Stage"}
_API = {"ApiName": API_NAME, "Stage": _STAGE}
_TABLES = resources.CONTEXTS


class Watch(NamedTuple):
    """One alarm: a statistic of a metric over so many minutes, above a threshold."""

    name: str
    why: str
    namespace: str
    metric: str
    dimensions: dict[str, Any]
    statistic: str
    above: float
    minutes: int
    periods: int = 1


def watches() -> list[Watch]:
    """Every alarm on the functions and on what the business counts."""
    found = [
        Watch(
            "api-errors",
            "Requests fail by our own fault",
            "AWS/ApiGateway",
            "5XXError",
            _API,
            "Sum",
            API_ERRORS_PER_5_MINUTES,
            5,
        ),
        Watch(
            "api-slow",
            "One request in a hundred takes seconds",
            "AWS/ApiGateway",
            "Latency",
            _API,
            "p99",
            API_P99_MS,
            5,
            3,
        ),
        Watch(
            "relay-lags",
            "Events leave the outbox a minute late: nothing reacts in time",
            "AWS/Lambda",
            "IteratorAge",
            {"FunctionName": {"Ref": "Relay"}, "Resource": {"Fn::Sub": "${Relay}:live"}},
            "Maximum",
            RELAY_LAG_MS,
            1,
            3,
        ),
        Watch(
            "orders-not-accepted",
            "Stores let paid orders lapse: tablets are off, or the board does not reach them",
            metrics.NAMESPACE,
            metrics.ORDERS_LAPSED,
            _service(),
            "Sum",
            WAITING_ORDERS_PER_15_MINUTES,
            15,
        ),
        Watch(
            "payments-failing",
            "Captures fail, or customers can't pay",
            metrics.NAMESPACE,
            metrics.PAYMENTS_FAILED,
            _service(),
            "Sum",
            PAYMENT_FAILURES_PER_15_MINUTES,
            15,
        ),
        Watch(
            "deliveries-waiting",
            "Nobody takes deliveries: too few riders, or offers do not reach them",
            metrics.NAMESPACE,
            metrics.DELIVERIES_UNFILLED,
            _service(),
            "Sum",
            UNFILLED_PER_15_MINUTES,
            15,
        ),
    ]
    for function in function_ids():
        found += [
            Watch(
                f"{function.lower()}-fails",
                "Invocations end in an error that nothing handled",
                "AWS/Lambda",
                "Errors",
                {"FunctionName": {"Ref": function}},
                "Sum",
                2,
                5,
            ),
            Watch(
                f"{function.lower()}-throttled",
                "Lambda starts no more of them: the account's or the function's concurrency is used up",
                "AWS/Lambda",
                "Throttles",
                {"FunctionName": {"Ref": function}},
                "Sum",
                5,
                5,
                2,
            ),
        ]
    return found


def _service() -> dict[str, Any]:
    return {"service": metrics.SERVICE, "stage": {"Ref": "Stage"}}


def function_ids() -> list[str]:
    """The logical ids of all functions, as chalice makes them."""
    return ["APIHandler", "Relay", "Sweep", *(f"{queue.title()}Events" for queue in events.QUEUES)]


def alarm_id(name: str) -> str:
    """The logical id of an alarm."""
    return "".join(part.title() for part in name.split("-")) + "Alarm"


def alarms_and_dashboard(topic: dict[str, Any]) -> dict[str, Any]:
    """The alarms, told to ``topic``, and the dashboard."""
    made = {alarm_id(watch.name): _alarm(watch, topic) for watch in watches()}
    made["Dashboard"] = {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": named("overview"),
            "DashboardBody": {"Fn::Sub": [json.dumps(_dashboard()), {"LiveStage": _STAGE}]},
        },
    }
    return made


def _alarm(watch: Watch, topic: dict[str, Any]) -> dict[str, Any]:
    statistic = "ExtendedStatistic" if watch.statistic.startswith("p") else "Statistic"
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": named(watch.name),
            "AlarmDescription": watch.why,
            "Namespace": watch.namespace,
            "MetricName": watch.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in watch.dimensions.items()],
            statistic: watch.statistic,
            "Period": 60 * watch.minutes,
            "EvaluationPeriods": watch.periods,
            "Threshold": watch.above,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [topic],
            "OKActions": [topic],
        },
    }


# --- the dashboard ----------------------------------------------------------------------------------------------------


def _dashboard() -> dict[str, Any]:
    """Four rows: what customers, stores and riders get, how the API answers, how events flow, what DynamoDB does."""
    rows = [
        [
            _graph("Orders", [_business(name) for name in _ORDERS], "Sum"),
            _graph("Time to accept, ready, door (p90)", [_business(name) for name in _TIMES], "p90"),
            _graph("Offers and unfilled deliveries", [_business(name) for name in _OFFERS], "Sum"),
            _graph("Payments that fail", [_business(name) for name in _PAYMENTS], "Sum"),
        ],
        [
            _graph("Requests", [_gateway("Count"), _gateway("4XXError"), _gateway("5XXError")], "Sum"),
            _graph("Latency (p50)", [_gateway("Latency"), _gateway("IntegrationLatency")], "p50"),
            _graph("Latency (p99)", [_gateway("Latency"), _gateway("IntegrationLatency")], "p99"),
            _graph("Errors of functions", [_lambda("Errors", each) for each in function_ids()], "Sum"),
        ],
        [
            _graph("Relay: age of what it reads, ms", [_lambda("IteratorAge", "Relay")], "Maximum"),
            _graph("Oldest message, s", [_queue("ApproximateAgeOfOldestMessage", q) for q in events.QUEUES], "Maximum"),
            _graph(
                "Dead letters", [_queue("ApproximateNumberOfMessagesVisible", f"{q}-dlq") for q in _DLQS], "Maximum"
            ),
            _graph("Concurrency", [_lambda("ConcurrentExecutions", each) for each in function_ids()], "Maximum"),
        ],
        [
            _graph("Read units", [_table("ConsumedReadCapacityUnits", each) for each in _TABLES], "Sum"),
            _graph("Write units", [_table("ConsumedWriteCapacityUnits", each) for each in _TABLES], "Sum"),
            _graph("Throttled reads", [_table("ReadThrottleEvents", each) for each in _TABLES], "Sum"),
            _graph("Throttled writes", [_table("WriteThrottleEvents", each) for each in _TABLES], "Sum"),
        ],
    ]
    return {
        "widgets": [
            {**graph, "x": 6 * column, "y": 6 * row, "width": 6, "height": 6}
            for row, graphs in enumerate(rows)
            for column, graph in enumerate(graphs)
        ]
    }


_ORDERS = (metrics.ORDERS_PLACED, metrics.ORDERS_ACCEPTED, metrics.ORDERS_REJECTED, metrics.ORDERS_LAPSED)
_TIMES = (metrics.TIME_TO_ACCEPT, metrics.TIME_TO_READY, metrics.TIME_TO_DOOR)
_OFFERS = (metrics.OFFERS_MADE, metrics.OFFERS_ACCEPTED, metrics.DELIVERIES_UNFILLED)
_PAYMENTS = (metrics.PAYMENTS_FAILED, metrics.CAPTURES_FAILED)
_DLQS = (*events.QUEUES, RELAY_DLQ)


def _graph(title: str, lines: list[list[str]], statistic: str) -> dict[str, Any]:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "metrics": lines,
            "stat": statistic,
            "period": 60,
            "region": "${AWS::Region}",
            "view": "timeSeries",
        },
    }


def _business(name: str) -> list[str]:
    return [metrics.NAMESPACE, name, "service", metrics.SERVICE, "stage", "${Stage}"]


def _gateway(name: str) -> list[str]:
    return ["AWS/ApiGateway", name, "ApiName", API_NAME, "Stage", "${LiveStage}"]


def _lambda(name: str, function: str) -> list[str]:
    return ["AWS/Lambda", name, "FunctionName", f"${{{function}}}"]


def _queue(name: str, queue: str) -> list[str]:
    return ["AWS/SQS", name, "QueueName", f"${{Prefix}}-{queue}"]


def _table(name: str, context: str) -> list[str]:
    return ["AWS/DynamoDB", name, "TableName", f"${{Prefix}}-{context}"]
