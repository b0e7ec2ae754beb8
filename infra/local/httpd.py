"""A small threaded HTTP/1.1 server: keep-alive, no Nagle delay, a tenth of a millisecond of CPU a request.

Python's own request handler spends more than that on parsing headers as e-mail. One thread per connection.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import string
import sys
import traceback
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 10 * 1024 * 1024  # what API Gateway takes
IDLE_SECONDS = 120.0

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class HttpRequest:
    """A request as it came: `target` is path and query undecoded, header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class HttpResponse:
    """An answer; the server adds Content-Length, Date and Connection."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


class HangUp(Exception):
    """Raised by a handler to close the connection without an answer, as a lost answer looks to a client."""


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Closed(Exception):
    pass


class HttpServer(socketserver.ThreadingTCPServer):
    """Answers every request with what `handle` returns; an exception from it is logged and answered 500."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, handle: Callable[[HttpRequest], HttpResponse]) -> None:
        self.handle = handle
        super().__init__(("127.0.0.1", port), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Connection(socketserver.BaseRequestHandler):
    server: HttpServer
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(IDLE_SECONDS)
        self._buffer = b""
        with contextlib.suppress(_Closed, ConnectionError, TimeoutError):
            while self._serve_one():
                pass

    def _serve_one(self) -> bool:
        try:
            request, keep = self._read()
        except _Refused as refused:
            self._send(HttpResponse(refused.status, str(refused).encode()), "GET", keep=False)
            return False
        try:
            response = self.server.handle(request)
        except HangUp:
            return False
        except Exception:  # noqa: BLE001 (whatever a handler does, the client gets an answer)
            traceback.print_exc()
            response = HttpResponse(500, b'{"message": "Internal server error"}')
        self._send(response, request.method, keep=keep)
        return keep

    def _read(self) -> tuple[HttpRequest, bool]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise _Refused(431, "headers too large")
            self._receive()
        head, self._buffer = self._buffer[:end].decode("latin-1"), self._buffer[end + 4 :]
        start, *lines = head.split("\r\n")
        try:
            method, target, version = start.split(" ")
        except ValueError:
            raise _Refused(400, "malformed request line") from None
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise _Refused(400, "malformed header")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        if headers.get("expect", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._read_body(headers)
        connection = headers.get("connection", "").lower()
        keep = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
        return HttpRequest(method, target, headers, body), keep

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            return self._read_chunks()
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise _Refused(400, "malformed Content-Length")
        return self._take(int(length))

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            digits = self._take_line().partition(b";")[0].strip().decode("latin-1")
            if not digits or not set(digits) <= set(string.hexdigits):
                raise _Refused(400, "malformed chunk")
            size = int(digits, 16)
            if size == 0:
                while self._take_line():
                    pass
                return body
            if len(body) + size > MAX_BODY_BYTES:
                raise _Refused(413, "body too large")
            body += self._take(size)
            self._take_line()

    def _take(self, size: int) -> bytes:
        if size > MAX_BODY_BYTES:
            raise _Refused(413, "body too large")
        while len(self._buffer) < size:
            self._receive()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _take_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise _Refused(400, "malformed chunk")
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _receive(self) -> None:
        received = self.request.recv(65536)
        if not received:
            raise _Closed
        self._buffer += received

    def _send(self, response: HttpResponse, method: str, *, keep: bool) -> None:
        lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, '')}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        bodiless = response.status in {204, 304}
        if not bodiless:
            lines.append(f"Content-Length: {len(response.body)}")
        lines.append(f"Date: {formatdate(usegmt=True)}")
        lines.append(f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n")
        head = "\r\n".join(lines).encode("latin-1", "replace")
        self.request.sendall(head if bodiless or method == "HEAD" else head + response.body)
