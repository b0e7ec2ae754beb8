"""What each function may do: its own role, its own actions, on resources that are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CHALICE = Path(__file__).parents[2] / ".chalice"
CONFIG = json.loads((CHALICE / "config.json").read_text())
POLICIES = {path.stem.removeprefix("policy-"): json.loads(path.read_text()) for path in CHALICE.glob("policy-*.json")}
# AWS defines no resource for these actions: only `*` can be said.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html and …/list_awsx-ray.html
WITHOUT_RESOURCE = {"dynamodb:ListStreams", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


# AWS's own providers of these actions are in no account: they can't be named by the stack.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonlocationserviceroutes.html
OF_AWS = {"arn:${AWS::Partition}:geo-routes:${AWS::Region}::provider/default"}


# Backfills: the one function that is for looking through whole tables.
LOOKS_THROUGH_TABLES = "upkeep_events"


def statements() -> list[tuple[str, dict[str, Any]]]:
    return [(name, statement) for name, policy in POLICIES.items() for statement in policy["Statement"]]


def test_every_function_has_a_policy_of_its_own() -> None:
    named = [each["iam_policy_file"] for each in CONFIG["lambda_functions"].values()] + [CONFIG["iam_policy_file"]]
    assert sorted(named) == sorted(f"policy-{name}.json" for name in POLICIES)
    assert len(set(named)) == len(named)
    assert CONFIG["autogen_policy"] is False


@pytest.mark.parametrize(
    ("name", "statement"), statements(), ids=lambda each: each if isinstance(each, str) else each["Sid"]
)
def test_nothing_is_allowed_on_everything(name: str, statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    actions, resources = statement["Action"], statement["Resource"]
    assert all("*" not in action for action in actions)
    if set(actions) <= WITHOUT_RESOURCE:
        return
    for resource in resources:
        assert resource != "*"
        if "Fn::ImportValue" in resource:  # one resource of the state stack, by its whole name
            assert resource["Fn::ImportValue"]["Fn::Sub"].startswith("${Prefix}-")
            continue
        arn = resource["Fn::Sub"]
        if arn in OF_AWS:
            continue
        # A wildcard is for the indexes or streams of one table, or the streams of one log group.
        kept, _, wild = arn.partition("*")
        assert wild == "", arn
        if kept != arn:
            assert kept.endswith(("/index/", "/stream/", ":log-group:/aws/lambda/${AWS::StackName}-")), arn
        assert "${Prefix}-" in arn or "${AWS::StackName}-" in arn or ":secret:${Prefix}/" in arn


@pytest.mark.parametrize("name", POLICIES)
def test_nobody_scans_but_backfills_and_nobody_administers(name: str) -> None:
    actions = {action for statement in POLICIES[name]["Statement"] for action in statement["Action"]}
    assert ("dynamodb:Scan" in actions) == (name == LOOKS_THROUGH_TABLES)
    assert not {action for action in actions if action.split(":")[1].startswith(("Create", "Delete", "Update"))} - {
        "dynamodb:DeleteItem",
        "sqs:DeleteMessage",
        "dynamodb:UpdateItem",
        "logs:CreateLogStream",
    }
    assert not {action for action in actions if action.startswith(("iam:", "kms:", "s3:"))}


def test_a_function_may_read_the_secrets_that_it_is_given_and_no_others() -> None:
    for stage, described in CONFIG["stages"].items():
        for name, policy in POLICIES.items():
            own = described["lambda_functions"].get(name, {}).get("environment_variables", {})
            values = {**described["environment_variables"], **own}.values()
            given = {each.removeprefix("secretsmanager:") for each in values if each.startswith("secretsmanager:")}
            readable = {
                resource["Fn::Sub"].partition(":secret:")[2]
                for statement in policy["Statement"]
                if "secretsmanager:GetSecretValue" in statement["Action"]
                for resource in statement["Resource"]
            }
            # Secrets Manager ends an ARN with six characters of its own.
            wanted = {f"{each.partition('#')[0]}-??????".replace(f"doorstep-{stage}", "${Prefix}") for each in given}
            assert readable == wanted, (stage, name)


def test_no_template_resolves_a_secret() -> None:
    assert "{{resolve" not in (CHALICE / "config.json").read_text()
