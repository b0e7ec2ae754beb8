"""What `chalice package` can't say: `python -m infra.merge > infra/merge.template.json`, for `--merge-template`.

Partial batch failures, the stream's filter and failure destination, and what the state template exports: names,
ARNs, the issuer of tokens.
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
# Who takes numbers from one counter takes many at a time, and is in nobody's way: two is the least that AWS allows.
CONCURRENCY_OF = {"invoices": 2}


def consumer_function(queue: str) -> str:
    """The name of the function that a queue feeds, as `app.py` declares it."""
    return f"{queue}_events"


def merge_template() -> dict[str, Any]:
    """The template to merge into the functions' packaged one."""
    return {
        "Parameters": {"Prefix": resources.template()["Parameters"]["Prefix"]},
        "Resources": {
            "APIHandler": _function(),
            "Relay": _function("RelayDynamodbEventSource", _relay_properties()),
            "Sweep": _function(),
            **{_logical_id(queue): _consumer(queue) for queue in events.QUEUES},
        },
    }


def _consumer(queue: str) -> dict[str, Any]:
    properties = {
        # chalice writes an Fn::Sub here, and a merge only replaces scalars: the same function with another text.
        "Queue": {"Fn::Sub": f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{Prefix}}-{queue}"},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": CONCURRENCY_OF.get(queue, SQS_CONCURRENCY)},
    }
    return _function(f"{_logical_id(queue)}SqsEventSource", properties)


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


def _function(event_source: str = "", properties: dict[str, Any] | None = None) -> dict[str, Any]:
    function: dict[str, Any] = {
        "Environment": {
            "Variables": {
                "DOORSTEP_TABLE_PREFIX": {"Ref": "Prefix"},
                "DOORSTEP_BUS_NAME": _imported("bus-name"),
                "DOORSTEP_QUEUE_URLS": _imported("queue-urls"),
                "DOORSTEP_OIDC_ISSUER": _imported("oidc-issuer"),
                "DOORSTEP_OIDC_CLIENT_IDS": _imported("oidc-client-ids"),
            }
        }
    }
    if event_source:
        function["Events"] = {event_source: {"Properties": properties}}
    return {"Properties": function}


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
