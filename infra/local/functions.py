"""The functions of the Chalice app that are not the API, and the batches that Lambda would invoke them with."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, DynamoDBEventConfig, ScheduledEventConfig, SQSEventConfig
from chalice.local import LambdaContext

from infra.local import metering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TIMEOUT_MS = 60_000
MEMORY_MB = 512


@dataclass(frozen=True)
class Function:
    """A deployed function: its name, the most records that one batch has, and the handler itself."""

    name: str
    batch_size: int
    handler: Callable[[Any, Any], Any]

    def invoke(self, event: dict[str, Any]) -> Any:
        """What the handler answers to the raw event. Raises whatever the handler raises."""
        with metering.on_behalf_of(self.name):
            return self.handler(event, LambdaContext(self.name, MEMORY_MB, TIMEOUT_MS))


@dataclass(frozen=True)
class Functions:
    """Who is invoked by the events table's stream, by each queue and by the clock."""

    relay: Function | None
    consumers: Mapping[str, Function]
    sweep: Function | None


def load(module: str) -> Functions:
    """The functions that a module's Chalice app declares."""
    return of_app(importlib.import_module(module).app)


def of_app(app: Chalice) -> Functions:
    """The functions that a Chalice app declares."""
    relay = sweep = None
    consumers = {}
    for source in app.event_sources:
        handler = app.handler_map[source.name]
        match source:
            case DynamoDBEventConfig():
                relay = Function(source.name, source.batch_size, handler)
            case SQSEventConfig(queue=str(queue)):
                consumers[queue] = Function(source.name, source.batch_size, handler)
            case ScheduledEventConfig():
                sweep = Function(source.name, 1, handler)
    return Functions(relay, consumers, sweep)
