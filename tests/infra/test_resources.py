"""The templates say what the code needs: nothing is declared twice, and what is checked in is what is generated."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.kernel import events, tables
from infra import functions, merge, resources
from infra.local.wire import REGION

INFRA = Path(resources.__file__).parent


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return resources.template()


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {key: each["Properties"] for key, each in template["Resources"].items() if each["Type"] == kind}


@pytest.mark.parametrize(
    ("name", "generated"),
    [("state.template.json", resources.template), ("merge.template.json", merge.merge_template)],
)
def test_the_checked_in_template_is_the_generated_one(name: str, generated: Any) -> None:
    module = "infra.resources" if name.startswith("state") else "infra.merge"
    assert json.loads((INFRA / name).read_text()) == generated(), f"python -m {module} > infra/{name}"


@pytest.mark.parametrize("context", resources.CONTEXTS)
def test_each_table_has_the_keys_and_indexes_of_its_models(template: dict[str, Any], context: str) -> None:
    table = template["Resources"][resources.table_id(context)]["Properties"]
    kinds = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    declared = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", ())}
    used = set()
    for row in resources.rows_of(context):
        assert row.Meta.table_name.endswith(f"-{context}")
        for name, index in row._indexes.items():
            attributes = {
                key: index.Meta.attributes[key]
                for key in index.Meta.attributes
                if index.Meta.attributes[key].is_hash_key or index.Meta.attributes[key].is_range_key
            }
            keys = {each["AttributeName"]: each["KeyType"] for each in declared[name]["KeySchema"]}
            assert keys == {
                attribute.attr_name: "HASH" if attribute.is_hash_key else "RANGE" for attribute in attributes.values()
            }
            assert all(kinds[each.attr_name] == each.attr_type for each in attributes.values())
            used.update(keys)
            used.add(name)
    assert {name for name in declared if name not in used} == set(), "an index that no model has"
    assert {name for name in kinds if name not in used} == {"pk", "sk"}, "an attribute that no key has"


def test_every_model_of_the_application_has_a_table(template: dict[str, Any]) -> None:
    importlib.import_module("app")
    pending, found = list(tables.Row.__subclasses__()), set()
    while pending:
        row = pending.pop()
        pending.extend(row.__subclasses__())
        if row.__module__.startswith("chalicelib."):
            found.add(row.Meta.context)
    assert found <= set(resources.CONTEXTS)


def test_tables_are_kept_encrypted_and_recoverable(template: dict[str, Any]) -> None:
    for logical_id, table in of_type(template, "AWS::DynamoDB::Table").items():
        resource = template["Resources"][logical_id]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_only_the_events_table_has_a_stream_and_it_carries_new_images(template: dict[str, Any]) -> None:
    streams = {
        logical_id: table["StreamSpecification"]
        for logical_id, table in of_type(template, "AWS::DynamoDB::Table").items()
        if "StreamSpecification" in table
    }
    assert streams == {resources.table_id("events"): {"StreamViewType": "NEW_IMAGE"}}


def test_every_route_is_a_rule_to_its_queue(template: dict[str, Any]) -> None:
    routed = set()
    for rule in of_type(template, "AWS::Events::Rule").values():
        (target,) = rule["Targets"]
        queue = template["Resources"][target["Arn"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]["Fn::Sub"]
        routed |= {(kind, queue.removeprefix("${Prefix}-")) for kind in rule["EventPattern"]["detail-type"]}
        assert rule["EventPattern"]["source"] == [events.SOURCE]
    assert routed == {(kind, queue) for kind, queues in events.ROUTES.items() for queue in queues}


@pytest.mark.parametrize("queue", events.QUEUES)
def test_every_queue_gives_up_into_a_watched_dead_letter_queue(template: dict[str, Any], queue: str) -> None:
    properties = template["Resources"][resources.queue_id(queue)]["Properties"]
    dead_letters = resources.dlq_id(queue)
    assert properties["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_letters, "Arn"]},
        "maxReceiveCount": resources.MAX_RECEIVE_COUNT,
    }
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
    }
    assert ("ApproximateNumberOfMessagesVisible", dead_letters) in watched
    assert ("ApproximateAgeOfOldestMessage", resources.queue_id(queue)) in watched


def test_messages_outlive_an_outage_of_an_hour() -> None:
    waits = [events.pause_after(tried) for tried in range(1, resources.MAX_RECEIVE_COUNT)]
    assert waits[:3] == [2, 4, 8]
    assert 3600 <= sum(waits) < resources.QUEUE_RETENTION_SECONDS


def test_a_queue_may_only_be_written_by_its_rule(template: dict[str, Any]) -> None:
    for policy in of_type(template, "AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Principal"] == {"Service": "events.amazonaws.com"}
            assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][0].endswith("Rule")


def test_messages_stay_hidden_six_times_as_long_as_their_function_may_take() -> None:
    configuration = json.loads((INFRA.parent / ".chalice" / "config.json").read_text())
    stages = [configuration, *configuration["stages"].values()]
    for queue in events.QUEUES:
        function = functions.consumer_function(queue)
        timeouts = [
            stage["lambda_functions"][function]["lambda_timeout"]
            for stage in stages
            if "lambda_timeout" in stage.get("lambda_functions", {}).get(function, {})
        ]
        assert timeouts, f"{function} has no timeout in .chalice/config.json"
        assert max(timeouts) * 6 <= resources.VISIBILITY_TIMEOUT_SECONDS


def test_cloudformation_makes_the_tables_queues_bus_and_rules(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        stack = {"StackName": "state", "Parameters": [{"ParameterKey": "Prefix", "ParameterValue": "shop-dev"}]}
        # moto makes no user pool, and stumbles over outputs that name one.
        made = {key: each for key, each in template.items() if key != "Outputs"}
        boto3.client("cloudformation").create_stack(**stack, TemplateBody=json.dumps(made))
        dynamodb, sqs, bus = (boto3.client(service) for service in ("dynamodb", "sqs", "events"))

        assert set(dynamodb.list_tables()["TableNames"]) == {f"shop-dev-{each}" for each in resources.CONTEXTS}
        table = dynamodb.describe_table(TableName="shop-dev-events")["Table"]
        assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        queues = {url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]}
        assert {f"shop-dev-{queue}" for queue in events.QUEUES} <= queues
        assert {f"shop-dev-{queue}-dlq" for queue in (*events.QUEUES, "relay")} <= queues
        rules = bus.list_rules(EventBusName="shop-dev-bus")["Rules"]
        assert {f"shop-dev-{queue}" for queue in events.QUEUES} <= {rule["Name"] for rule in rules}


def test_cfn_lint_finds_no_error(template: dict[str, Any]) -> None:
    from cfnlint.api import lint

    assert [str(match) for match in lint(json.dumps(template), regions=[REGION])] == []


def test_the_relay_is_fed_fresh_outboxes_only_and_keeps_what_it_can_not_send() -> None:
    source = merge.merge_template()["Resources"]["Relay"]["Properties"]["Events"]["RelayDynamodbEventSource"]
    (pattern,) = source["Properties"]["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"relay": {"S": ["now"]}}},
    }
    assert source["Properties"]["BisectBatchOnFunctionError"] is True
    destination = source["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == {"Fn::ImportValue": {"Fn::Sub": "${Prefix}-relay-dlq-arn"}}


def test_every_alarm_has_a_runbook(template: dict[str, Any]) -> None:
    guide = (INFRA.parent / "docs" / "operations.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| \[[^]]+\]\(#([^)]+)\) \|$", guide, flags=re.MULTILINE))
    written = re.findall(r"^### (.+)$", guide, flags=re.MULTILINE)
    headings = {each.lower().replace(":", "").replace(" ", "-") for each in written}
    assert set(rows.values()) <= headings
    kind = "AWS::CloudWatch::Alarm"
    merged = merge.merge_template()["Resources"].values()
    made = [*of_type(template, kind).values(), *(each["Properties"] for each in merged if each.get("Type") == kind)]
    names = {each["AlarmName"]["Fn::Sub"].removeprefix("${Prefix}-") for each in made}
    assert len(names) > 20
    known = "|".join(re.escape(row).replace("<queue>", "[a-z]+").replace("<function>", "[a-z]+") for row in rows)
    assert {name for name in names if not re.fullmatch(known, name)} == set()
