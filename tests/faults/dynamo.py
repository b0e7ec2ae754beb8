"""DynamoDB's bad days, on the wire: it throttles, conflicts, loses answers and does a part of what it is asked.

What the SDK gets is a real response, so its own retries are part of the test. Everything that is not made to fail goes
to the real tables.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.endpoint
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from chalicelib.kernel import tables

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    import pytest

    Answer = tuple[int, dict[str, Any]]
    Act = Callable[["Call"], Answer]

_pool = urllib3.PoolManager(retries=False)
_JSON = {"Content-Type": "application/x-amz-json-1.0"}


class Call:
    """One request on its way to DynamoDB."""

    def __init__(self, request: Any, operation: str) -> None:
        self.operation = operation
        self._request = request
        self.asked: dict[str, Any] = json.loads(request.body)

    def send(self, **changed: Any) -> Answer:
        """Let it through, with parts of it changed."""
        body = json.dumps({**self.asked, **changed}).encode()
        headers = {name: value for name, value in self._request.headers.items() if name.lower() != "content-length"}
        sent = _pool.request(self._request.method, self._request.url, body=body, headers=_plain(headers))
        return sent.status, json.loads(sent.data or b"{}")

    def time_out(self) -> None:
        """What a client sees that waited in vain."""
        raise ReadTimeoutError(endpoint_url=self._request.url)


def _plain(headers: dict[str, Any]) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()}


def _refusal(code: str, **more: Any) -> Answer:
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "not now", **more}


def throttled(_call: Call) -> Answer:
    """A partition is too busy."""
    return _refusal("ProvisionedThroughputExceededException")


def conflicting(call: Call) -> Answer:
    """Another transaction holds an item."""
    if call.operation == "TransactWriteItems":
        items = len(call.asked["TransactItems"])
        reasons = [{"Code": "TransactionConflict", "Message": "in use"}, *({"Code": "None"} for _ in range(items - 1))]
        return _refusal("TransactionCanceledException", CancellationReasons=reasons)
    if call.operation in ("PutItem", "UpdateItem", "DeleteItem"):
        return _refusal("TransactionConflictException")
    return call.send()


def failing(_call: Call) -> Answer:
    """DynamoDB itself has an error."""
    return 500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "sorry"}


def silent(call: Call) -> Answer:
    """The request never arrives."""
    call.time_out()
    raise AssertionError


def answer_lost(call: Call) -> Answer:
    """It happens, and nobody is told."""
    call.send()
    call.time_out()
    raise AssertionError


def partial(call: Call) -> Answer:
    """Of a batch it answers the first key, and none at all of a batch of one; the rest is left unprocessed."""
    if call.operation != "BatchGetItem":
        return call.send()
    first, *others = [(table, key) for table, each in call.asked["RequestItems"].items() for key in each["Keys"]]
    left = others or [first]
    status, told = call.send(RequestItems=_batch(call, [first])) if others else (200, {"Responses": {}})
    return status, {**told, "UnprocessedKeys": _batch(call, left)}


def _batch(call: Call, keys: list[tuple[str, Any]]) -> dict[str, Any]:
    asked: dict[str, Any] = call.asked["RequestItems"]
    return {
        table: {**asked[table], "Keys": [key for name, key in keys if name == table]}
        for table in dict.fromkeys(name for name, _ in keys)
    }


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class Dynamo:
    """The way to DynamoDB, with a hand on it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._act: Act | None = None
        self._share = 0.0
        self.struck = 0
        tables.connection().client.meta.events.register("before-send.dynamodb", self._meet)

    def is_quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """How long the SDK waits before it tries again is no part of what is tested."""
        hurried = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.002)), time=time.time)
        monkeypatch.setattr(botocore.endpoint, "time", hurried)

    def close(self) -> None:
        """Let everything through again."""
        tables.connection().client.meta.events.unregister("before-send.dynamodb", self._meet)

    @contextmanager
    def does(self, act: Act, share: float = 0.4) -> Iterator[None]:
        """It happens to this share of the requests in the block."""
        self._act, self._share = act, share
        try:
            yield
        finally:
            self._act = None

    def _meet(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        act = self._act
        if act is None or self._chance.random() >= self._share:
            return None
        self.struck += 1
        status, told = act(Call(request, event_name.rpartition(".")[2]))
        return AWSResponse(request.url, status, dict(_JSON), _Raw(json.dumps(told).encode()))
