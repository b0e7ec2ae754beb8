"""What every function of the app's stack has beyond what chalice writes: its runtime, its alias, how it is rolled out.

A version starts from a snapshot (SnapStart), taken after `app.py` was imported: a cold start is a restore. What must
differ between instances is drawn when it is needed (`os.urandom`), not at import.
"""

from __future__ import annotations

from typing import Any

from chalicelib.kernel import events
from infra import alarms, resources

RUNTIME = "python3.13"
ALIAS = "live"
SQS_CONCURRENCY = 50
# Who takes numbers from one counter takes many at a time, and is in nobody's way: two is the least that AWS allows.
# Backfills have a pace; more of them at once would only wait for it.
CONCURRENCY_OF = {"invoices": 2, "upkeep": 8}
# How an update takes over: a tenth of the requests for five minutes, and back as soon as an alarm rings.
ROLL_OUT = "Canary10Percent5Minutes"
_ALARMS_ON_ROLL_OUT = ("api-errors", "api-slow")


def parameters() -> dict[str, Any]:
    """What a stage may decide."""
    return {
        "RollOut": {
            "Type": "String",
            "Default": ROLL_OUT,
            "AllowedValues": [ROLL_OUT, "Linear10PercentEvery1Minute", "AllAtOnce"],
            "Description": "How requests go over to a new version of the API",
        },
        "ApiConcurrency": {
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
            "Description": "Requests at once that are kept for the API out of the account's; 0 keeps none apart",
        },
    }


def conditions() -> dict[str, Any]:
    """Which of them a stage has."""
    return {"HasApiConcurrency": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiConcurrency"}, 0]}]}}


def api() -> dict[str, Any]:
    """The API's function: rolled out step by step, taken back by its alarms."""
    properties = _common("APIHandler")
    properties["ReservedConcurrentExecutions"] = {
        "Fn::If": ["HasApiConcurrency", {"Ref": "ApiConcurrency"}, {"Ref": "AWS::NoValue"}]
    }
    properties["DeploymentPreference"] = {
        "Type": {"Ref": "RollOut"},
        "Alarms": [{"Ref": alarms.alarm_id(name)} for name in (*_ALARMS_ON_ROLL_OUT, "apihandler-fails")],
    }
    return {"Properties": properties}


def background(
    logical_id: str, event_source: str = "", source_properties: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A function behind the stream, a queue or the clock: what it fails to do comes again, so it moves at once."""
    properties = _common(logical_id)
    if event_source:
        properties["Events"] = {event_source: {"Properties": source_properties or {}}}
    return {"Properties": properties}


def _common(logical_id: str) -> dict[str, Any]:
    return {
        "Runtime": RUNTIME,
        "AutoPublishAlias": ALIAS,
        "SnapStart": {"ApplyOn": "PublishedVersions"},
        "Tracing": "Active",
        "Environment": {
            "Variables": {
                "DOORSTEP_TABLE_PREFIX": {"Ref": "Prefix"},
                "DOORSTEP_BUS_NAME": imported("bus-name"),
                "DOORSTEP_QUEUE_URLS": imported("queue-urls"),
                "DOORSTEP_OIDC_ISSUER": imported("oidc-issuer"),
                "DOORSTEP_USER_POOL_ID": imported("user-pool-id"),
                "DOORSTEP_OIDC_CLIENT_IDS": imported("oidc-client-ids"),
                "POWERTOOLS_SERVICE_NAME": logical_id,
            }
        },
    }


def consumer_function(queue: str) -> str:
    """The name of the function that a queue feeds, as `app.py` declares it."""
    return f"{queue}_events"


def consumer_id(queue: str) -> str:
    """What chalice makes of that name."""
    return "".join(part.title() for part in consumer_function(queue).split("_"))


def consumers() -> dict[str, Any]:
    """The functions behind the queues."""
    return {consumer_id(queue): _consumer(queue) for queue in events.QUEUES}


def _consumer(queue: str) -> dict[str, Any]:
    properties = {
        # chalice writes an Fn::Sub here, and a merge only replaces scalars: the same function with another text.
        "Queue": {"Fn::Sub": f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{Prefix}}-{queue}"},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": CONCURRENCY_OF.get(queue, SQS_CONCURRENCY)},
    }
    return background(consumer_id(queue), f"{consumer_id(queue)}SqsEventSource", properties)


def imported(what: str) -> dict[str, Any]:
    """A value that the state stack exports."""
    return {"Fn::ImportValue": resources.export_name(what)}
