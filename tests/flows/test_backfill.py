"""A backfill on the whole stack: begun by its command, done by the queue's function, page by page."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import ids
from infra.local.wire import DYNAMODB
from tests.stack import eventually

if TYPE_CHECKING:
    from infra.local.stack import LocalStack

pytestmark = pytest.mark.stack

FIRST_SHAPE = {"method": "card", "state": "captured", "currency": "EUR"}


def command(stack: LocalStack, *arguments: str) -> str:
    """What the command prints, in the environment of the stack."""
    called = [sys.executable, "-m", "infra.backfill", "--name", "none", *arguments]
    done = subprocess.run(
        called, env={**os.environ, **stack.env}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_payments_of_the_first_release_are_brought_up(stack: LocalStack) -> None:
    table = stack.table_name("payments")
    orders = [ids.new_id("ord") for _ in range(5)]
    for order_id in orders:
        texts = {**FIRST_SHAPE, "pk": f"PAY#{order_id}", "sk": "PAYMENT", "order_id": order_id}
        texts |= {"store_id": "sto_1", "customer_id": "c"}
        numbers = {"amount": "1250", "authorised": "1250", "captured": "1250", "refunded": "0", "version": "3"}
        item = {name: {"S": text} for name, text in texts.items()} | {name: {"N": n} for name, n in numbers.items()}
        stack.dynamodb.call(DYNAMODB, "PutItem", TableName=table, Item=item)

    def stored(order_id: str) -> dict[str, Any]:
        key = {"pk": {"S": f"PAY#{order_id}"}, "sk": {"S": "PAYMENT"}}
        found: dict[str, Any] = stack.dynamodb.call(DYNAMODB, "GetItem", TableName=table, Key=key, ConsistentRead=True)
        return dict(found["Item"])

    assert "PaymentRow-2" in command(stack, "start", "PaymentRow", "--segments", "2", "--pace", "1000")
    assert eventually(lambda: all("_2" in stored(each) for each in orders), 60)
    assert [int(each["N"]) for each in stored(orders[0])["sums"]["L"]] == [1250, 0, 0, 0, 0]
    assert eventually(lambda: command(stack, "status", "PaymentRow-2").count("done") == 2, 60)
