"""What `chalice package` can't say: `python -m infra.merge > infra/merge.template.json`, for `--merge-template`.

Partial batch failures, the stream's filter and failure destination, aliases and their roll-out, the API's stage,
firewall and name, alarms and dashboard, and what the state template exports: names, ARNs, the issuer of tokens.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from infra import alarms, functions, gateway, resources
from infra.functions import imported

# The events table also holds inbox claims, answers and timers for the sweep: only fresh outboxes reach the relay.
RELAY_FILTER: dict[str, Any] = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"relay": {"S": ["now"]}}}}
RELAY_RETRIES = 100
RELAY_MAX_AGE_SECONDS = 6 * 3600


def merge_template() -> dict[str, Any]:
    """The template to merge into the functions' packaged one."""
    import app  # noqa: F401  (declares the routes)

    return {
        "Parameters": {
            "Prefix": resources.template()["Parameters"]["Prefix"],
            "Stage": {"Type": "String", "Default": "dev", "Description": "What metrics are told apart by"},
            **functions.parameters(),
            **gateway.parameters(),
        },
        "Conditions": {**functions.conditions(), **gateway.conditions()},
        "Resources": {
            "APIHandler": functions.api(),
            "RestAPI": gateway.rest_api(),
            "Relay": functions.background("Relay", "RelayDynamodbEventSource", _relay_properties()),
            "Sweep": functions.background("Sweep"),
            **functions.consumers(),
            **gateway.resources(),
            **alarms.alarms_and_dashboard(imported("alarm-topic-arn")),
        },
    }


def _relay_properties() -> dict[str, Any]:
    return {
        "Stream": imported("events-stream-arn"),
        # From the oldest record: LATEST would skip what was written while the mapping is being made.
        "StartingPosition": "TRIM_HORIZON",
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(RELAY_FILTER, separators=(",", ":"))}]},
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": RELAY_RETRIES,
        "MaximumRecordAgeInSeconds": RELAY_MAX_AGE_SECONDS,
        "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": imported("relay-dlq-arn")}},
    }


def main() -> None:
    """Print the template as it is checked in."""
    json.dump(merge_template(), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
