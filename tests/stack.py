"""What tests stand on: a DynamoDB for code in this process, and the whole local stack behind HTTP."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

import requests

from infra.local import dynoxide, environment, processes, provision
from infra.local.stack import LocalStack, StackError
from infra.local.wire import DYNAMODB, Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PREFIX = os.environ["DOORSTEP_TABLE_PREFIX"]
MOTO = "http://moto.invalid"


def environment_of_this_process(dynamodb_port: int) -> dict[str, str]:
    """The environment in which tests import the app: its own tables, no queues, made-up secrets.

    Queues, bus and user pool have the SDK's default addresses, so that a test can put `moto.mock_aws` before them.
    """
    dynamodb = environment.url(dynamodb_port)
    aws = environment.aws(dynamodb, MOTO)
    return {
        **{name: value for name, value in aws.items() if value != MOTO},
        **environment.doorstep(PREFIX, MOTO),
        "STRIPE_API_KEY": "sk_test_of_the_tests",
        "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests",
        "DOORSTEP_STRIPE_API_BASE": "http://stripe.invalid",
        "DOORSTEP_STAGE": "test",
        "DOORSTEP_USER_POOL_ID": "",
    }


def serve_dynamodb(port: int, directory: Path) -> Iterator[Emulator]:
    """A DynamoDB in memory, until the generator is closed."""
    try:
        dynoxide.binary()
        command = ["infra.local.dynamodb", "--port", str(port)]
    except dynoxide.NotAvailable:
        command = ["infra.local.moto_server", "--port", str(port), "--dynamodb"]
    ready = processes.answers(environment.url(port))
    child = processes.Child("dynamodb", command, ready, directory / "dynamodb.log", {})
    child.start()
    try:
        child.wait_until_ready(time.monotonic() + 30)
        yield Emulator(environment.url(port))
    finally:
        processes.kill([child])


@contextlib.contextmanager
def tables_of_this_process(dynamodb: Emulator) -> Iterator[None]:
    """All tables, new and empty, gone afterwards."""
    provision.create_tables(dynamodb, PREFIX)
    yield
    for name in dynamodb.call(DYNAMODB, "ListTables")["TableNames"]:
        dynamodb.call(DYNAMODB, "DeleteTable", TableName=name)


def started(directory: Path, **options: Any) -> LocalStack:
    """A stack that runs. Another process may take one of its ports before it does: then with other ports."""
    for _ in range(2):
        try:
            stack = LocalStack(directory, **options)
            stack.start()
        except StackError as error:
            if "is taken" not in str(error):
                raise
        else:
            return stack
    stack = LocalStack(directory, **options)
    stack.start()
    return stack


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> bool:
    """Whether the condition comes true within this time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Caller:
    """Someone who calls the API: `Caller(stack, stack.token_for("customer")).get("/v1/orders")`."""

    def __init__(self, stack: LocalStack, token: str | None = None, *, api: int = 0) -> None:
        self._base = stack.api_urls[api]
        self._session = requests.Session()
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a path; options are those of `requests`."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """POST a JSON body."""
        return self.request("POST", path, json=body, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any request."""
        return self._session.request(method, self._base + path, timeout=30, **options)
