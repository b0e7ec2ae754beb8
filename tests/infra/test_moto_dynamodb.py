"""The DynamoDB that stands in where npm is missing: a cancelled transaction leaves no trace, in tables or streams."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import environment, processes, provision
from infra.local.stream import iterator, stream_of
from infra.local.wire import DYNAMODB, STREAMS, Emulator, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = "test-events"
pytestmark = pytest.mark.stack


@pytest.fixture
def dynamodb(tmp_path: Path) -> Iterator[Emulator]:
    """Moto's DynamoDB with all tables."""
    (port,) = environment.free_ports(1)
    command = ["infra.local.moto_server", "--port", str(port), "--dynamodb"]
    ready = processes.answers(f"{environment.url(port)}/health")
    child = processes.Child("moto", command, ready, tmp_path / "moto.log", {})
    child.start()
    try:
        child.wait_until_ready(time.monotonic() + 30)
        emulator = Emulator(environment.url(port))
        provision.create_tables(emulator, "test")
        yield emulator
    finally:
        processes.kill([child])


def put(pk: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": {"pk": {"S": pk}, "sk": {"S": "-"}}, **more}}


def test_a_cancelled_transaction_is_not_in_the_stream_and_later_ones_are(dynamodb: Emulator) -> None:
    arn, (shard,) = stream_of(dynamodb, TABLE)
    place = iterator(dynamodb, arn, shard, None)
    dynamodb.call(DYNAMODB, "TransactWriteItems", TransactItems=[put("before")])
    with pytest.raises(EmulatorError, match="TransactionCanceled"):
        dynamodb.call(
            DYNAMODB,
            "TransactWriteItems",
            TransactItems=[put("cancelled"), put("before", ConditionExpression="attribute_not_exists(pk)")],
        )
    dynamodb.call(DYNAMODB, "TransactWriteItems", TransactItems=[put("after")])

    records = dynamodb.call(STREAMS, "GetRecords", ShardIterator=place, Limit=100)["Records"]
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in records] == ["before", "after"]


def test_a_cancelled_transaction_takes_back_all_that_it_wrote(dynamodb: Emulator) -> None:
    dynamodb.call(DYNAMODB, "TransactWriteItems", TransactItems=[put("kept"), put("changed"), put("deleted")])
    key = {"pk": {"S": "changed"}, "sk": {"S": "-"}}
    change = {"TableName": TABLE, "Key": key, "UpdateExpression": "SET n = :n"}
    gone = {"TableName": TABLE, "Key": {**key, "pk": {"S": "deleted"}}}
    with pytest.raises(EmulatorError, match="TransactionCanceled"):
        dynamodb.call(
            DYNAMODB,
            "TransactWriteItems",
            TransactItems=[
                {"Update": {**change, "ExpressionAttributeValues": {":n": {"N": "1"}}}},
                {"Delete": gone},
                put("new"),
                put("kept", ConditionExpression="attribute_not_exists(pk)"),
            ],
        )
    items = dynamodb.call(DYNAMODB, "Scan", TableName=TABLE)["Items"]
    assert sorted(item["pk"]["S"] for item in items) == ["changed", "deleted", "kept"]
    assert [item for item in items if "n" in item] == []


def test_a_transaction_costs_the_same_in_a_full_table(dynamodb: Emulator) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        for number in range(20):
            dynamodb.call(DYNAMODB, "TransactWriteItems", TransactItems=[put(f"timed-{number}")])
        return time.perf_counter() - began

    seconds()
    empty = min(seconds() for _ in range(3))
    for chunk in range(20):
        items = [put(f"filled-{chunk}-{number}") for number in range(100)]
        dynamodb.call(DYNAMODB, "TransactWriteItems", TransactItems=items)
    assert min(seconds() for _ in range(3)) < 8 * empty
