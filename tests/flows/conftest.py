"""Fixtures of whole journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.town import Town
from tests.stack import started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.stack import LocalStack

FAST = 60.0


@pytest.fixture
def town(stack: LocalStack) -> Town:
    """A store in a place of its own."""
    return Town(stack)


@pytest.fixture(scope="session")
def fast_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack on which a minute passes in a second, for what happens by the clock alone."""
    running = started(tmp_path_factory.mktemp("fast-stack"), speed=FAST)
    yield running
    running.stop()


@pytest.fixture
def fast_town(fast_stack: LocalStack) -> Town:
    """A store in a place of its own, where a minute passes in a second."""
    return Town(fast_stack)
