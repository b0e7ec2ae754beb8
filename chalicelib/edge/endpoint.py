"""The endpoint decorator: from a Chalice request to one use case and back.

In this order: request id and log context, who is calling, may they, path, query, body, preconditions; then the use
case; then ETag, 304 and the stored answer of repeated requests. Every error becomes problem+json here.
"""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any

import msgspec
from chalice.app import Blueprint, CORSConfig, Response

from chalicelib.edge import problems, trail
from chalicelib.edge.decoding import PATH_VALUE, decode
from chalicelib.edge.route import MAX_BODY_BYTES, ROUTES, TAGS, Reply, Request, Route
from chalicelib.kernel import ids, limits, logs
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.transaction import find_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Request as ChaliceRequest

    from chalicelib.edge.permissions import Permission
    from chalicelib.kernel.limits import Limit

__all__ = ["MAX_BODY_BYTES", "ROUTES", "Endpoints", "Reply", "Request", "Route", "verify"]

logger = logging.getLogger(__name__)

_EXPOSED = ["ETag", "Retry-After", "Location", "Idempotent-Replayed", "X-Request-Id"]
_ALLOWED = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id"]
# Nothing of an answer is to be run, framed, guessed at or fetched without TLS. The reference page has its own policy.
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ENCODER = msgspec.json.Encoder()


class Endpoints:
    """The endpoints of a context: a Chalice Blueprint behind a decorator that refuses a route without a permission."""

    def __init__(self, tag: str, about: str = "") -> None:
        self.tag = tag
        TAGS[tag] = about
        self.blueprint = Blueprint(f"chalicelib.{tag}")

    def get(self, path: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a GET."""
        return self._declare("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a POST."""
        return self._declare("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a PUT."""
        return self._declare("PUT", path, **declared)

    def patch(self, path: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a PATCH."""
        return self._declare("PATCH", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a DELETE."""
        return self._declare("DELETE", path, **declared)

    def _declare(
        self,
        method: str,
        path: str,
        *,
        permission: Permission,
        body: Any = None,
        query: type[msgspec.Struct] | None = None,
        returns: Any = None,
        status: int = 200,
        if_match: bool = False,
        idempotent: bool = False,
        errors: tuple[str, ...] = (),
        content_type: str = "application/json",
        also: tuple[str, ...] = (),
        max_body: int = MAX_BODY_BYTES,
        answer: Callable[[Any], Reply[Any]] | None = None,
        finish: Callable[[Request[Any], Any], Any] | None = None,
        limit: Limit | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a route.

        ``answer`` (idempotent routes) turns the use case's result into the reply, so that the transaction can store it;
        ``finish`` then completes a first or repeated answer's body with what is never stored. ``also`` are the media
        types beside ``content_type`` that a caller may choose by `Accept`: ``request.wanted`` is the one to make.
        ``limit`` is how often a caller may do this; beyond it stands 429 ``too_many_requests``.
        """

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            summary, description = _told(handler.__doc__ or handler.__name__.replace("_", " "))
            route = Route(
                method=method,
                path=path,
                tag=self.tag,
                permission=permission,
                body=body,
                query=query,
                returns=returns,
                status=status,
                if_match=if_match,
                idempotent=idempotent,
                errors=(*errors, *(("too_many_requests",) if limit else ())),
                content_type=content_type,
                also=also,
                max_body=max_body,
                name=handler.__name__,
                summary=summary,
                description=description,
                answer=answer,
                finish=finish,
                limit=limit,
            )
            ROUTES.append(route)
            view = _view(route, handler, self.blueprint)
            self.blueprint.route(
                path,
                methods=[method],
                name=f"{self.tag}_{handler.__name__}",
                content_types=["*/*"],
                cors=_cors(),
            )(view)
            return handler

        return register


def _told(docstring: str) -> tuple[str, str]:
    """The summary, which is the first sentence, and what follows it."""
    first_line, _, rest = docstring.strip().partition("\n")
    summary, _, begun = first_line.partition(". ")
    description = re.sub(r"\n +", "\n", rest).strip()
    return summary.rstrip("."), "\n\n".join(part for part in (begun, description) if part)


def verify(chalice_routes: Mapping[str, Mapping[str, Any]]) -> None:
    """Fail at start-up when a route of the app was declared past the endpoint decorator, and so past permissions."""
    known = {(route.path, route.method) for route in ROUTES}
    strays = [(path, method) for path, methods in chalice_routes.items() for method in methods]
    strays = [stray for stray in strays if stray not in known]
    if strays:
        raise RuntimeError(f"routes without a permission: {strays}")


def _cors() -> CORSConfig:
    import os

    return CORSConfig(
        allow_origin=os.environ.get("DOORSTEP_CORS_ORIGIN", "*"),
        allow_headers=_ALLOWED,
        expose_headers=_EXPOSED,
        max_age=600,
    )


def _view(route: Route, handler: Callable[..., Any], blueprint: Blueprint) -> Callable[..., Response]:
    def view(**_parameters: str) -> Response:
        raw = blueprint.current_request
        request_id = _request_id(raw)
        began = time.perf_counter()
        with logs.context(request_id=request_id, trace_id=request_id):
            try:
                answer = _answer(route, handler, raw, request_id)
            except Exception as error:  # noqa: BLE001  (the one place where every exception becomes an answer)
                answer = problems.response(problems.of_exception(error), request_id)
            answer.headers["X-Request-Id"] = request_id
            for name, value in _SECURITY.items():
                answer.headers.setdefault(name, value)
            answer.headers.setdefault("Cache-Control", "no-store" if route.method != "GET" else "private, no-cache")
            logger.info(
                "answered",
                extra={
                    "route": f"{route.method} {route.path}",
                    "status": answer.status_code,
                    "ms": round((time.perf_counter() - began) * 1000, 1),
                    **({"location": answer.headers["Location"]} if "Location" in answer.headers else {}),
                    **{name: value for name, value in _safe_path(raw).items() if name.endswith("_id")},
                },
            )
        return answer

    view.__name__ = handler.__name__
    return view


def _request_id(raw: ChaliceRequest) -> str:
    given = raw.headers.get("x-request-id", "")
    if PATH_VALUE.match(given):
        return str(given)
    return str(raw.context.get("requestId") or ids.new_id("req"))


def _safe_path(raw: ChaliceRequest) -> dict[str, str]:
    return {name: value for name, value in (raw.uri_params or {}).items() if PATH_VALUE.match(value)}


def _answer(route: Route, handler: Callable[..., Any], raw: ChaliceRequest, request_id: str) -> Response:
    request = decode(route, raw, request_id, lambda result: _storable(route, result))
    try:
        result = handler(request)
    except DomainError as error:
        if route.limit:
            limits.note_refusal(
                route.limit, error.code, request.caller.id if request.caller else None, request.source_ip
            )
        if request.idempotency is None:
            raise
        return _replay(route, request, error)
    trail.note(route, request, route.status)
    reply: Reply[Any] = route.answer(result) if route.answer else result
    if route.finish:
        reply.body = route.finish(request, msgspec.to_builtins(reply.body))
    return _render(route, request, reply)


def _storable(route: Route, result: Any) -> dict[str, Any]:
    reply: Reply[Any] = route.answer(result) if route.answer else result
    stored = {"body": msgspec.to_builtins(reply.body), "etag": reply.etag, "location": reply.location}
    return {name: value for name, value in stored.items() if value is not None}


def _replay(route: Route, request: Request[Any], error: DomainError) -> Response:
    """A refused request may be a repeat of one that succeeded: then the first answer stands, whatever holds now."""
    if request.idempotency is None:
        raise error
    stored = find_answer(request.idempotency)
    if stored is None:
        raise error
    if stored.fingerprint != request.idempotency.fingerprint:
        raise DomainError(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request: take a new one.",
            status=422,
        ) from error
    # The first answer may have been lost before it was noted; a deed that is noted twice has two request ids.
    trail.note(route, request, route.status)
    body = stored.answer.get("body")
    if route.finish:
        body = route.finish(request, body)
    reply: Reply[Any] = Reply(body, etag=stored.answer.get("etag"), location=stored.answer.get("location"))
    reply.headers["Idempotent-Replayed"] = "true"
    return _render(route, request, reply)


def _render(route: Route, request: Request[Any], reply: Reply[Any]) -> Response:
    status = reply.status or route.status
    headers: dict[str, str | list[str]] = dict(reply.headers)
    if route.also:
        headers["Vary"] = "Accept"
    if reply.etag is not None:
        headers["ETag"] = f'"{reply.etag}"'
        if route.method == "GET" and request.if_none_match in (str(reply.etag), "*"):
            status = 304
    if reply.retry_after is not None:
        headers["Retry-After"] = str(reply.retry_after)
    if reply.location is not None:
        headers["Location"] = reply.location
    if status in (204, 304) or reply.body is None:
        return Response(body="", status_code=status, headers=headers)
    headers["Content-Type"] = reply.content_type
    body = reply.body if isinstance(reply.body, str | bytes) else _ENCODER.encode(reply.body).decode()
    return Response(body=body, status_code=status, headers=headers)
