"""`chalice package` with the merge template: what would be deployed, looked at before anybody deploys it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.kernel import events
from infra import merge

ROOT = Path(__file__).parents[2]
CONSUMERS = {queue: f"{queue.title()}Events" for queue in events.QUEUES}


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template of the real app; without its libraries, which take minutes to collect and change nothing in it."""
    project = tmp_path_factory.mktemp("project")
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "deployments"))
    shutil.copy(ROOT / "app.py", project)
    (project / "requirements.txt").touch()
    command = [
        sys.executable,
        "-c",
        "import sys; from chalice.cli import main; sys.exit(main())",
        "package",
        "--stage",
        "dev",
        "--template-format",
        "json",
    ]
    command += ["--merge-template", str(ROOT / "infra" / "merge.template.json"), "out"]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((project / "out" / "sam.json").read_text())


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
        assert packaged["Resources"][name]["Type"] == "AWS::Serverless::Function"
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
