"""Fault × invariant × result: what the fault tests found, as a table and as `fault-report.json`.

A test tells its part with `told(...)`; it reaches the report from whatever process ran it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.replay.invariants import INVARIANTS

if TYPE_CHECKING:
    import pytest

_PROPERTY = "fault"
_faults: dict[str, dict[str, Any]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the report goes."""
    parser.addoption("--fault-report", default="fault-report.json", help="file of fault × invariant × result")


def told(request: pytest.FixtureRequest, fault: str, breaches: dict[str, list[str]], **more: Any) -> None:
    """What became of the invariants after a fault: of each, its breaches; none is as it must be."""
    results = {name: {"held": not found, "breaches": found} for name, found in breaches.items()}
    request.node.user_properties.append((_PROPERTY, {"fault": fault, "invariants": results, **more}))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect, in the process that all reports come to."""
    if report.when != "call":
        return
    for name, value in report.user_properties:
        if name == _PROPERTY and isinstance(value, dict):
            part = dict(value)
            _faults[part.pop("fault")] = {**part, "test": report.nodeid, "passed": report.passed}


def missing(faults: dict[str, dict[str, Any]]) -> list[str]:
    """The combinations of which nothing is known."""
    return [
        f"{fault} × {name}" for fault, each in faults.items() for name in INVARIANTS if name not in each["invariants"]
    ]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write it; what is missing fails the run."""
    if not _faults or hasattr(session.config, "workerinput"):
        return
    written = {"invariants": list(INVARIANTS), "missing": missing(_faults), "faults": dict(sorted(_faults.items()))}
    Path(session.config.getoption("--fault-report")).write_text(json.dumps(written, indent=2) + "\n")
    if written["missing"] and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table."""
    if not _faults:
        return
    terminalreporter.section("fault × invariant")
    width = max(map(len, _faults))
    for fault, each in sorted(_faults.items()):
        cells = [_cell(name, each["invariants"].get(name)) for name in INVARIANTS]
        terminalreporter.write_line(f"{fault:{width}}  {'  '.join(cells)}")
    for combination in missing(_faults):
        terminalreporter.write_line(f"missing: {combination}")


def _cell(name: str, result: dict[str, Any] | None) -> str:
    if result is None:
        return f"{name}: ?"
    return f"{name}: {'held' if result['held'] else 'BROKEN'}"
