"""The HTTP side: what the gateway needs of a request, and its answers on the wire."""

from __future__ import annotations

import base64
import binascii
import time
from typing import TYPE_CHECKING

from infra.local.httpd import HangUp, HttpRequest, HttpResponse, HttpServer
from infra.local.stripe_sandbox import render
from infra.local.stripe_sandbox.gateway import Request

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.gateway import Gateway


class Server:
    """The gateway behind a port (0 takes any free one). Raises OSError when the port is taken."""

    def __init__(self, port: int, gateway: Gateway) -> None:
        self._gateway = gateway
        self._http = HttpServer(port, self._answer)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def serve(self) -> None:
        """Answer requests until `stop`."""
        self._http.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, incoming: HttpRequest) -> HttpResponse:
        path, _, query = incoming.target.partition("?")
        key = _api_key(incoming.headers.get("authorization", ""))
        response = self._gateway.answer(
            Request(incoming.method, path, query, incoming.body, incoming.headers, key, self.url)
        )
        if response.silent_for is not None:
            time.sleep(response.silent_for)
            raise HangUp
        headers = [("Content-Type", "application/json"), ("Stripe-Version", render.API_VERSION)]
        return HttpResponse(response.status, response.body, [*headers, *response.headers.items()])


def _api_key(authorization: str) -> str | None:
    """The key of `Bearer <key>`, or of `Basic` with the key as user name, as `curl -u sk_…:` sends it."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
