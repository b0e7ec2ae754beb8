"""`chalice package` with the merge template: what would be deployed, looked at before anybody deploys it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from chalicelib.kernel import events
from infra import functions as declared
from infra import merge, package, resources

CONSUMERS = {queue: f"{queue.title()}Events" for queue in events.QUEUES}


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template of the real app; without its libraries, which take a while to collect and change nothing in it."""
    out = tmp_path_factory.mktemp("packaged")
    package.package("dev", out, package.NATIVE, libraries=False)
    return json.loads((out / "sam.json").read_text())


@pytest.fixture(scope="module")
def deployed(packaged: dict[str, Any]) -> dict[str, Any]:
    """What CloudFormation makes of it: the same after AWS's own transformation."""
    from samtranslator.translator.transform import transform

    template = copy.deepcopy(packaged)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/deployment.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        return transform(template, {}, NoManagedPolicies())


class NoManagedPolicies:
    """No function here has a managed policy that the translator would have to look up."""

    def load(self) -> dict[str, str]:
        """None."""
        return {}


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    resources = template["Resources"].items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == "AWS::Serverless::Function"}


def test_every_handler_is_declared_in_app_py(packaged: dict[str, Any]) -> None:
    # A handler inside chalicelib would never import app.py, and so miss what is configured there.
    assert set(functions(packaged)) == {*CONSUMERS.values(), "Relay", "Sweep", "APIHandler"}
    for function in functions(packaged).values():
        assert function["Handler"].startswith("app.")


def test_the_merge_template_names_only_what_chalice_makes(packaged: dict[str, Any]) -> None:
    for name, resource in merge.merge_template()["Resources"].items():
        assert "Type" in packaged["Resources"][name], name
        for source in resource["Properties"].get("Events", {}):
            assert "Type" in packaged["Resources"][name]["Properties"]["Events"][source]


@pytest.mark.parametrize("queue", events.QUEUES)
def test_consumers_report_failures_item_by_item(packaged: dict[str, Any], queue: str) -> None:
    (source,) = functions(packaged)[CONSUMERS[queue]]["Events"].values()
    assert source["Type"] == "SQS"
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (arn,) = source["Properties"]["Queue"].values()
    assert arn.endswith(f":${{Prefix}}-{queue}")


def test_the_relay_reads_the_exported_stream(packaged: dict[str, Any]) -> None:
    (source,) = functions(packaged)["Relay"]["Events"].values()
    assert source["Type"] == "DynamoDB"
    assert source["Properties"]["Stream"] == {"Fn::ImportValue": {"Fn::Sub": "${Prefix}-events-stream-arn"}}
    assert source["Properties"]["BatchSize"] == 100


def test_every_function_is_told_where_tables_bus_and_issuer_are(packaged: dict[str, Any]) -> None:
    for function in functions(packaged).values():
        variables = function["Environment"]["Variables"]
        assert variables["DOORSTEP_TABLE_PREFIX"] == {"Ref": "Prefix"}
        assert {"DOORSTEP_BUS_NAME", "DOORSTEP_QUEUE_URLS", "DOORSTEP_OIDC_ISSUER"} <= set(variables)


# --- what CloudFormation makes of it ----------------------------------------------------------------------------------


def test_every_route_invokes_the_alias_that_is_live(packaged: dict[str, Any], deployed: dict[str, Any]) -> None:
    paths = deployed["Resources"]["RestAPI"]["Properties"]["Body"]["paths"]
    assert set(paths) == set(packaged["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"])
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method != "options":
                _, parts = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                assert parts == {"Live": {"Ref": "APIHandlerAliaslive"}}, path
    assert deployed["Resources"]["APIHandlerAliaslive"]["Type"] == "AWS::Lambda::Alias"
    permission = deployed["Resources"]["APIHandlerInvokePermission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": "APIHandlerAliaslive"}


def test_events_reach_the_alias_too(deployed: dict[str, Any]) -> None:
    mappings = [each for each in deployed["Resources"].values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert len(mappings) == len(events.QUEUES) + 1
    for mapping in mappings:
        assert mapping["Properties"]["FunctionName"]["Ref"].endswith("Aliaslive")


def test_a_new_version_of_the_api_is_taken_back_by_its_alarms(deployed: dict[str, Any]) -> None:
    group = deployed["Resources"]["APIHandlerDeploymentGroup"]["Properties"]
    alarms = [each["Name"]["Ref"] for each in group["AlarmConfiguration"]["Alarms"]]
    assert alarms
    assert all(deployed["Resources"][alarm]["Type"] == "AWS::CloudWatch::Alarm" for alarm in alarms)
    assert group["AutoRollbackConfiguration"]["Enabled"]
    policy = deployed["Resources"]["APIHandlerAliaslive"]["UpdatePolicy"]
    assert policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {"Ref": "APIHandlerDeploymentGroup"}


def test_functions_start_from_snapshots_on_their_runtime(packaged: dict[str, Any]) -> None:
    for function in functions(packaged).values():
        assert function["Runtime"] == declared.RUNTIME
        assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        assert function["Architectures"] == ["arm64"]
        assert function["Tracing"] == "Active"
        assert function["MemorySize"] >= 512
        assert function["Timeout"] <= 60


def test_logs_are_kept_for_a_time_and_belong_to_a_function(packaged: dict[str, Any]) -> None:
    groups = {
        name: each["Properties"]
        for name, each in packaged["Resources"].items()
        if each["Type"] == "AWS::Logs::LogGroup"
    }
    assert len(groups) == len(functions(packaged)) + 1
    for group in groups.values():
        assert group["RetentionInDays"] > 0
    named = {group["LogGroupName"]["Fn::Sub"] for group in groups.values()}
    assert {f"/aws/lambda/${{{function}}}" for function in functions(packaged)} <= named


def test_what_is_imported_is_exported(packaged: dict[str, Any]) -> None:
    exported = {json.dumps(each["Export"]["Name"]) for each in resources.template()["Outputs"].values()}
    assert imports(packaged) <= exported


def imports(value: Any) -> set[str]:
    """The names that a template imports, anywhere in it."""
    if isinstance(value, list):
        return set().union(*map(imports, value))
    if not isinstance(value, dict):
        return set()
    own = {json.dumps(value["Fn::ImportValue"])} if "Fn::ImportValue" in value else set()
    return own.union(*map(imports, value.values()))


def test_cfn_lint_finds_nothing(packaged: dict[str, Any]) -> None:
    from cfnlint.api import lint_all

    # Its informational rules ask for prose in the template's metadata; `docs/operations.md` has it.
    assert [str(match) for match in lint_all(json.dumps(packaged)) if match.rule.severity != "informational"] == []
