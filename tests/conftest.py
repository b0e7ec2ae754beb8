"""Fixtures of all tests. Importing this file comes before importing the app, and so before it reads its environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

from infra.local.environment import free_ports
from tests import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.stack import LocalStack
    from infra.local.wire import Emulator

pytest_plugins = ("tests.faults.report",)

# In CI a property is tried on the same examples every time: what a machine finds by chance is found on a workbench.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

# Each worker process has a DynamoDB of its own; its address must be known before a model is imported.
_DYNAMODB_PORT = free_ports(1)[0]
os.environ.pop("DOORSTEP_CLOCK_FILE", None)
os.environ.update(stacks.environment_of_this_process(_DYNAMODB_PORT))


@pytest.fixture(scope="session")
def dynamodb_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A DynamoDB without a table, as long as this process lives."""
    yield from stacks.serve_dynamodb(_DYNAMODB_PORT, tmp_path_factory.mktemp("dynamodb"))


@pytest.fixture(scope="module")
def dynamodb(dynamodb_process: Emulator) -> Iterator[Emulator]:
    """The tables for code that runs in this process. Nothing relays its events, and no timer fires.

    They are empty when a module begins: tests look for what was emitted, and jobs for what is due, among all there is.
    """
    with stacks.tables_of_this_process(dynamodb_process):
        yield dynamodb_process


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The whole local stack, behind HTTP, on data of its own; shared by all tests of this process."""
    running = stacks.started(tmp_path_factory.mktemp("stack"))
    yield running
    running.stop()
