"""Whether a function's role may do what the function asks of DynamoDB: by its policy, request by request."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import settings, tables
from infra.local import metering

if TYPE_CHECKING:
    from collections.abc import Iterator

CHALICE = Path(__file__).parents[2] / ".chalice"
_IN_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


class Watchman:
    """Looks at every request that a function behind the API sends, and remembers what its role may not do."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.seen: set[str] = set()
        tables.connection().client.meta.events.register_first("before-send.dynamodb", self._look)

    def close(self) -> None:
        """Look no more."""
        tables.connection().client.meta.events.unregister("before-send.dynamodb", self._look)

    def _look(self, request: Any, event_name: str, **_: Any) -> None:
        function = metering.acting()
        if not (CHALICE / f"policy-{function}.json").exists():
            return
        for action, resource in _asked(event_name.rpartition(".")[2], json.loads(request.body)):
            asked = f"{function}: dynamodb:{action} on {resource}"
            self.seen.add(asked)
            if (f"dynamodb:{action}", resource) not in _allowed(function):
                self.refused.add(asked)


def _asked(operation: str, body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "TransactWriteItems":
        for item in body["TransactItems"]:
            for kind, each in item.items():
                yield _IN_TRANSACTION[kind], _name(each["TableName"])
    elif operation == "BatchGetItem":
        for table in body["RequestItems"]:
            yield operation, _name(table)
    else:
        index = "/index/*" if "IndexName" in body else ""
        yield operation, _name(body["TableName"]) + index


def _name(table: str) -> str:
    """The table's name in any stage."""
    return table.removeprefix(settings.table_name(""))


@cache
def _allowed(function: str) -> frozenset[tuple[str, str]]:
    policy = json.loads((CHALICE / f"policy-{function}.json").read_text())
    return frozenset(
        (action, resource.get("Fn::Sub", "").rpartition(":table/${Prefix}-")[2])
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if isinstance(resource, dict)
    )
