"""What `chalice package` can't say: `python -m infra.merge > infra/merge.template.json`, for `--merge-template`.

Partial batch failures, the stream's filter and failure destination, and the ARNs that the state template exports.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from chalicelib.kernel import events
from infra import resources

# The events table also holds inbox claims, answers and timers for the sweep: only fresh outboxes reach the relay.
RELAY_FILTER: dict[str, Any] = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"relay": {"S": ["now"]}}}}
RELAY_RETRIES = 100
RELAY_MAX_AGE_SECONDS = 6 * 3600
SQS_CONCURRENCY = 50


def consumer_function(queue: str) -> str:
    """The name of the function that a queue feeds, as `app.py` declares it."""
    return f"{queue}_events"


def merge_template() -> dict[str, Any]:
    """The template to merge into the functions' packaged one."""
    return {
        "Parameters": {"Prefix": resources.template()["Parameters"]["Prefix"]},
        "Resources": {
            "Relay": _event_source("RelayDynamodbEventSource", _relay_properties()),
            **{_logical_id(queue): _consumer(queue) for queue in events.QUEUES},
        },
    }


def _consumer(queue: str) -> dict[str, Any]:
    properties = {
        "Queue": _imported(f"{queue}-queue-arn"),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": SQS_CONCURRENCY},
    }
    return _event_source(f"{_logical_id(queue)}SqsEventSource", properties)


def _relay_properties() -> dict[str, Any]:
    return {
        "Stream": _imported("events-stream-arn"),
        # From the oldest record: LATEST would skip what was written while the mapping is being made.
        "StartingPosition": "TRIM_HORIZON",
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(RELAY_FILTER, separators=(",", ":"))}]},
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": RELAY_RETRIES,
        "MaximumRecordAgeInSeconds": RELAY_MAX_AGE_SECONDS,
        "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": _imported("relay-dlq-arn")}},
    }


def _event_source(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Properties": {"Events": {name: {"Properties": properties}}}}


def _imported(what: str) -> dict[str, Any]:
    return {"Fn::ImportValue": resources.export_name(what)}


def _logical_id(queue: str) -> str:
    """What chalice makes of the function's name."""
    return "".join(part.title() for part in consumer_function(queue).split("_"))


def main() -> None:
    """Print the template as it is checked in."""
    json.dump(merge_template(), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
