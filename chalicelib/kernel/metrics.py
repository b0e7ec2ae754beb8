"""What the business counts, as CloudWatch metrics: written to the log in the embedded format, free of requests.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
A change that is tried again may be counted again: these figures wake people and draw curves; money is in the ledger.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chalicelib.kernel import settings

if TYPE_CHECKING:
    from datetime import timedelta

NAMESPACE = "Doorstep"
SERVICE = "doorstep"

ORDERS_PLACED = "OrdersPlaced"
ORDERS_ACCEPTED = "OrdersAccepted"
ORDERS_REJECTED = "OrdersRejected"  # also by ``reason``
ORDERS_LAPSED = "OrdersLapsed"  # paid, and no store answered
TIME_TO_ACCEPT = "TimeToAccept"  # seconds
TIME_TO_READY = "TimeToReady"
TIME_TO_DOOR = "TimeToDoor"
OFFERS_MADE = "OffersMade"
OFFERS_ACCEPTED = "OffersAccepted"
DELIVERIES_UNFILLED = "DeliveriesUnfilled"
PAYMENTS_FAILED = "PaymentsFailed"
CAPTURES_FAILED = "CapturesFailed"
ITEMS_BACKFILLED = "ItemsBackfilled"  # also by ``job``


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Count something; with ``dimensions``, once more for each value that they take."""
    _write(name, "Count", value)
    if dimensions:
        _write(name, "Count", value, **dimensions)


def duration(name: str, taken: timedelta) -> None:
    """Tell how long something took; CloudWatch keeps percentiles of it."""
    _write(name, "Seconds", taken.total_seconds())


def _write(name: str, unit: str, value: float, **dimensions: str) -> None:
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return  # nobody reads the log of a workbench for metrics; `benchmarks` and `replay` count for themselves
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    with single_metric(
        name=name,
        unit=MetricUnit(unit),
        value=value,
        namespace=NAMESPACE,
        default_dimensions={"service": SERVICE, "stage": settings.get().stage},
    ) as metric:
        for dimension, told in dimensions.items():
            metric.add_dimension(name=dimension, value=told)
