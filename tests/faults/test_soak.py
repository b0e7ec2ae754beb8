"""The short form of `make soak`: every order under way survives whatever strikes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.report import told as tell
from tests.faults.soak import INVARIANTS, soak

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.stack, pytest.mark.slow]

SECONDS = 20.0


def test_orders_survive_what_strikes_them(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    made = soak(tmp_path / "stack", SECONDS, seed=1, told=lambda line: None)

    report = made.report()
    for kind, fault in report["faults"].items():
        breaches = {name: result["breaches"] for name, result in fault["invariants"].items()}
        left = {"nothing left behind": report["overall"]["nothing left behind"]["breaches"]}
        tell(request, f"stack: {kind}", breaches | left, orders=fault["orders"], times=fault["times"])
    assert report["clean"], {name: part for name, part in report.items() if name != "clean"}
    assert report["completed"]
    assert all(set(fault["invariants"]) == set(INVARIANTS) for fault in report["faults"].values())
