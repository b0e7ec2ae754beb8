"""The app behind a real HTTP server, in this process."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import requests

from infra.local.api import Gateway
from infra.local.httpd import HttpServer


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str | None:
        """The stable code of a problem."""
        if self.headers.get("Content-Type") != "application/problem+json":
            return None
        code: str = self.json["code"]
        return code

    def __str__(self) -> str:
        return f"{self.status} {self.code or self.text[:120]}"


@cache
def gateway() -> Gateway:
    """The app as API Gateway calls it; once in a process, for it makes the app's current request thread-local."""
    from app import app

    return Gateway(app)


class Served:
    """Serves the app until the block ends."""

    def __init__(self) -> None:
        self._server = HttpServer(0, gateway().handle)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.session = requests.Session()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.session.close()
        self._server.shutdown()
        self._server.server_close()

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; ``body`` is JSON, or bytes as they are. The path goes out as it is written."""
        named = dict(headers or {})
        if token is not None:
            named["Authorization"] = token if " " in token or not token else f"Bearer {token}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            named.setdefault("Content-Type", "application/json")
        prepared = self.session.prepare_request(requests.Request(method, self.url + path, data=content, headers=named))
        prepared.url = self.url + path
        told = self.session.send(prepared, timeout=30, allow_redirects=False)
        return Answer(told.status_code, told.headers, told.content.decode())
