"""SQS, EventBridge and Cognito on one machine: moto, in a process of our own.

`python -m infra.local.moto_server --port 8002 --state .local/default/moto.db`

moto's own server goes through Flask, is not safe for threads in SQS (a delete that runs beside a send can lose
the message) and forgets everything when it ends. Here every call goes straight to moto's response classes, one
at a time, and what AWS would keep (messages, users) is kept in a SQLite file. `--dynamodb` also serves moto's
DynamoDB, for machines that can't have dynoxide; that one is not kept.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.httpd import HttpRequest, HttpResponse, HttpServer
from infra.local.lifeline import follow_parent
from infra.local.wire import ACCOUNT, COGNITO, DYNAMODB, EVENTS, SQS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ.setdefault("MOTO_ACCOUNT_ID", ACCOUNT)
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

# CloudFormation alone speaks the older protocol, in forms, and names no service in its header.
FORM = "form"

_OWN_HEADERS = {"status", "content-length", "date", "connection"}

# One call at a time, as on a database with a single writer. Waiting for a message lets others in.
gate = threading.RLock()


def responders(*, dynamodb: bool) -> dict[str, Callable[..., Any]]:
    """The entry of each service, by the prefix of its X-Amz-Target header."""
    from moto.cognitoidp.responses import CognitoIdpResponse
    from moto.events.responses import EventsHandler
    from moto.sqs.responses import SQSResponse

    found: dict[str, Callable[..., Any]] = {
        SQS: SQSResponse.dispatch,
        EVENTS: EventsHandler.dispatch,
        COGNITO: CognitoIdpResponse.dispatch,
    }
    if dynamodb:
        from moto.dynamodb.responses import DynamoHandler
        from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

        from infra.local import moto_transactions

        moto_transactions.undo_what_is_cancelled()
        found |= {
            DYNAMODB: DynamoHandler.dispatch,
            STREAMS: DynamoDBStreamsHandler.dispatch,
            FORM: _cloudformation,
        }
    return found


def _cloudformation(*arrived: Any) -> Any:
    from moto.cloudformation.responses import CloudFormationResponse

    return CloudFormationResponse.dispatch(*arrived)


class Emulators:
    """Answers AWS's JSON protocols, Cognito's public keys and a health question."""

    def __init__(self, port: int, state: Path | None, *, dynamodb: bool) -> None:
        from infra.local import durable

        durable.name_pools_and_clients()
        durable.shorten_moto()
        self._keep: durable.Keep | None = None
        self._users: durable.Users | None = None
        if state is not None:
            self._keep = durable.Keep(state)
            self._users = durable.Users(self._keep, os.environ["AWS_DEFAULT_REGION"], ACCOUNT)
            durable.keep_messages(self._keep, gate)
        self._port = port
        self._responders = responders(dynamodb=dynamodb)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to one HTTP request."""
        service, _, action = request.headers.get("x-amz-target", "").partition(".")
        if not service and request.method == "POST":
            service = FORM
        if service in self._responders:
            return self._answer(service, action, request)
        if request.method == "GET" and request.target.endswith("/.well-known/jwks.json"):
            from moto.cognitoidp.responses import CognitoIdpJsonWebKeyResponse

            keys = CognitoIdpJsonWebKeyResponse.json_web_key
            return HttpResponse(200, keys, [("Content-Type", "application/json")])
        if request.target == "/health":
            return HttpResponse(200, b"ok")
        return HttpResponse(404, b'{"__type": "UnknownOperationException"}')

    def _answer(self, service: str, action: str, request: HttpRequest) -> HttpResponse:
        from moto.core.request import Request

        arrived = Request(self._environ(request))
        with gate:
            status, headers, body = self._responders[service](arrived, arrived.raw_url, arrived.headers)
            if status < 300:
                self._remember(service, action, request.body, body)
        content = body.encode() if isinstance(body, str) else body
        kept = [(name, str(value)) for name, value in headers.items() if name.lower() not in _OWN_HEADERS]
        if not any(name.lower() == "content-type" for name, _ in kept):
            kept.append(("Content-Type", "application/x-amz-json-1.0"))
        return HttpResponse(status, content, kept)

    def _remember(self, service: str, action: str, asked: bytes, answered: str | bytes) -> None:
        if service == COGNITO and self._users is not None:
            self._users.after(action, json.loads(asked or b"{}"), json.loads(answered or b"{}"))
        elif service == SQS and self._keep is not None and action in {"PurgeQueue", "DeleteQueue"}:
            self._keep.drop_queue(json.loads(asked)["QueueUrl"].rpartition("/")[2])

    def _environ(self, request: HttpRequest) -> dict[str, Any]:
        path, _, query = request.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self._port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(request.body),
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
        }
        for name, value in request.headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ


def main(arguments: list[str] | None = None) -> None:
    """Serve until the supervisor ends."""
    parser = argparse.ArgumentParser(prog="infra.local.moto_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, help="SQLite file of messages and users; nothing is kept when not given")
    parser.add_argument("--dynamodb", action="store_true", help="serve moto's DynamoDB as well, in memory")
    options = parser.parse_args(arguments)
    follow_parent()
    emulators = Emulators(options.port, options.state, dynamodb=options.dynamodb)
    with HttpServer(options.port, emulators.handle) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
