"""API Gateway and the API function on one machine: `python -m infra.local.api --port 8000`.

Unlike `chalice local` it keeps connections, answers unknown paths as the API documents them, runs several times
against one stack, and adds a fifth of a millisecond to the application's own work.
"""

from __future__ import annotations

import argparse
import importlib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalice.local import LambdaContext, LambdaEventConverter, LocalChalice, MatchResult, RouteMatcher

from infra.local import metering, type_info
from infra.local.httpd import HttpRequest, HttpResponse, HttpServer
from infra.local.invocations import Invocations
from infra.local.lifeline import follow_parent

if TYPE_CHECKING:
    from chalice.app import Chalice

    from chalicelib.kernel.errors import DomainError

FUNCTION = "api"
MEMORY_MB = 1024
TIMEOUT_MS = 29_000


class PathTree(RouteMatcher):
    """Matches as API Gateway does: at each step a literal segment is preferred to a parameter."""

    def __init__(self, route_urls: list[str]) -> None:
        super().__init__(route_urls)
        self._root: dict[str, Any] = {}
        for route in route_urls:
            node = self._root
            for segment in route.split("/"):
                node = node.setdefault("{}" if segment.startswith("{") else segment, {})
            node["/route"] = (route, [part[1:-1] for part in route.split("/") if part.startswith("{")])

    def match_route(self, url: str) -> MatchResult:
        """The route, its path parameters undecoded, and the query. Raises ValueError for an unknown path."""
        from urllib.parse import parse_qs

        path, _, query = url.partition("?")
        if path != "/":
            path = path.removesuffix("/")
        found = _descend(self._root, path.split("/"), [])
        if found is None:
            raise ValueError(f"no route for {path}")
        (route, names), values = found
        captured = dict(zip(names, values, strict=True))
        return MatchResult(route, captured, parse_qs(query, keep_blank_values=True))


def _descend(node: dict[str, Any], segments: list[str], values: list[str]) -> tuple[Any, list[str]] | None:
    if not segments:
        return (node["/route"], values) if "/route" in node else None
    first, *rest = segments
    if first in node and (found := _descend(node[first], rest, values)):
        return found
    if "{}" in node and first:
        return _descend(node["{}"], rest, [*values, first])
    return None


class Gateway:
    """Turns HTTP requests into API Gateway's proxy events and the function's answers back."""

    def __init__(self, app: Chalice, invocations: Invocations | None = None) -> None:
        # Chalice keeps the current request on the app object; its local server makes that thread-local so.
        app.__class__ = type("LocalApp", (LocalChalice, app.__class__), {})
        self._app = app
        self._invocations = invocations
        self._converter = LambdaEventConverter(PathTree(list(app.routes)), app.api.binary_types)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to one HTTP request."""
        request_id = str(uuid.uuid4())
        try:
            event = self._converter.create_lambda_event(
                request.method, request.target, request.headers, request.body or None
            )
        except ValueError:
            return _refusal("route_not_found", "There is nothing at this path.", 404, request_id)
        methods = self._app.routes[event["requestContext"]["resourcePath"]]
        if request.method not in methods:
            return self._without_function(request.method, methods, request_id)
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode("utf-8", "replace")
        event |= {
            "resource": event["requestContext"]["resourcePath"],
            "path": event["requestContext"]["path"],
            "httpMethod": request.method,
        }
        event["requestContext"] |= {"requestId": request_id, "stage": "api", "protocol": "HTTP/1.1"}
        context = LambdaContext(FUNCTION, MEMORY_MB, TIMEOUT_MS)
        if self._invocations is not None:
            self._invocations.count(FUNCTION)
        with metering.on_behalf_of(f"{request.method} {event['resource']}"):
            return _http(self._app(event, context))

    def _without_function(self, method: str, methods: dict[str, Any], request_id: str) -> HttpResponse:
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        cors = next((entry.cors for entry in methods.values() if entry.cors is not None), None)
        if method == "OPTIONS" and cors is not None:
            headers = cors.get_access_control_headers() | {"Access-Control-Allow-Methods": allowed}
            return HttpResponse(200, b"", [(name, str(value)) for name, value in headers.items()])
        refusal = _refusal("method_not_allowed", f"This path takes {allowed}.", 405, request_id)
        refusal.headers.append(("Allow", allowed))
        return refusal


def _http(answer: dict[str, Any]) -> HttpResponse:
    body = answer["body"]
    if answer.get("isBase64Encoded"):
        import base64

        content = base64.b64decode(body)
    else:
        content = body.encode() if isinstance(body, str) else body or b""
    headers = list(answer["headers"].items())
    for name, values in answer.get("multiValueHeaders", {}).items():
        headers += [(name, value) for value in values]
    return HttpResponse(answer["statusCode"], content, headers)


def _refusal(code: str, detail: str, status: int, request_id: str) -> HttpResponse:
    from chalicelib.edge import problems
    from chalicelib.kernel.errors import DomainError

    error: DomainError = DomainError(code, detail, status=status)
    response = problems.response(error, request_id)
    headers = [(name, str(value)) for name, value in response.headers.items()]
    return HttpResponse(status, response.body.encode(), [*headers, ("X-Request-Id", request_id)])


def main(arguments: list[str] | None = None) -> None:
    """Serve until the supervisor ends."""
    parser = argparse.ArgumentParser(prog="infra.local.api")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--app", default="app", help="the module that has the Chalice app as `app`")
    parser.add_argument("--directory", type=Path, help="where invocations are counted")
    parser.add_argument("--process", default="api-1", help="this process's name there")
    options = parser.parse_args(arguments)
    follow_parent()
    app = importlib.import_module(options.app).app
    type_info.learn()
    invocations = Invocations(options.directory, options.process) if options.directory else None
    if options.directory:
        metering.start(options.directory, options.process)
    with HttpServer(options.port, Gateway(app, invocations).handle) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
