"""AWS's JSON protocol over kept-alive connections to an emulator: a tenth of the CPU of an SDK call.

The pump and the supervisor ask the emulators many times a second; the application itself uses the real SDK.
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ACCESS_KEY = "local"

DYNAMODB = "DynamoDB_20120810"
STREAMS = "DynamoDBStreams_20120810"
SQS = "AmazonSQS"
EVENTS = "AWSEvents"
COGNITO = "AWSCognitoIdentityProviderService"

_SIGNING_NAMES = {
    DYNAMODB: "dynamodb",
    STREAMS: "dynamodb",
    SQS: "sqs",
    EVENTS: "events",
    COGNITO: "cognito-idp",
}


class EmulatorError(Exception):
    """The emulator refused; `code` is the error's name without its namespace."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Emulator:
    """A client of one emulator address. Threads may share it: each has its own connection."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._timeout = timeout
        self._local = threading.local()

    def call(self, service: str, action: str, **parameters: Any) -> Any:
        """The answer of `service` (one of this module's constants). Raises EmulatorError or OSError."""
        # The emulators check that a signature is there and read the region from it, not that it is right.
        scope = f"Credential={ACCESS_KEY}/20260101/{REGION}/{_SIGNING_NAMES[service]}/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{service}.{action}",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host;x-amz-date, Signature=0",
        }
        status, answer = self._exchange(json.dumps(parameters).encode(), headers)
        body = json.loads(answer) if answer else {}
        if status >= 400:
            code = str(body.get("__type") or body.get("code") or status)
            raise EmulatorError(code.rpartition("#")[2], str(body.get("message") or body.get("Message") or ""))
        return body

    def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        fresh = connection is None
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(*self._address, timeout=self._timeout)
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            self._local.connection = None
            # A kept connection may have been closed meanwhile; a fresh one that fails is a fault.
            if fresh:
                raise error if isinstance(error, OSError) else OSError(str(error)) from error
        return self._exchange(body, headers)
