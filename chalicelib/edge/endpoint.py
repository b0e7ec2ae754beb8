"""The endpoint decorator: from a Chalice request to one use case and back.

In this order: request id and log context, who is calling, may they, path, query, body, preconditions; then the use
case; then ETag, 304 and the stored answer of repeated requests. Every error becomes problem+json here.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import unquote

import msgspec
from chalice.app import Blueprint, CORSConfig, MultiDict, Response

from chalicelib.edge import problems, tokens
from chalicelib.edge.permissions import Permission, Public
from chalicelib.kernel import ids, logs
from chalicelib.kernel.errors import DomainError, Invalid, NotFound, Unauthenticated, VersionConflict, Violation
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.transaction import find_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Request as ChaliceRequest

    from chalicelib.kernel.principals import Principal

logger = logging.getLogger(__name__)

B = TypeVar("B")
T = TypeVar("T")

MAX_BODY_BYTES = 512 * 1024
_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_VALUE = re.compile(r"[A-Za-z0-9_.:~-]{1,128}\Z")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_ETAGS = re.compile(r'(?:W/)?"([^"]*)"')
_EXPOSED = ["ETag", "Retry-After", "Location", "Idempotent-Replayed", "X-Request-Id"]
_ALLOWED = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id"]
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class Request(Generic[B]):
    """What a use case may need of an HTTP request, decoded and checked."""

    path: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    request_id: str
    source_ip: str
    caller: Principal | None
    decoded: B | None
    query: Any
    if_match: str | None
    if_none_match: str | None
    idempotency: IdempotencyKey | None

    @property
    def principal(self) -> Principal:
        """The verified caller; only to be asked on routes that are not public."""
        if self.caller is None:
            raise Unauthenticated("Send an access token: `Authorization: Bearer …`.")
        return self.caller

    @property
    def body(self) -> B:
        """The decoded body of a route that takes one."""
        if self.decoded is None:
            raise problems.malformed("A JSON body is required.")
        return self.decoded

    @property
    def expected_version(self) -> int | None:
        """The version in ``If-Match``: the number before the tag's first dot. A tag of another form matches nothing."""
        if self.if_match is None:
            return None
        number = self.if_match.partition(".")[0]
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            raise VersionConflict("resource", "of this path")
        return int(number)


@dataclass
class Reply(Generic[T]):
    """What a use case answers."""

    body: T | None = None
    etag: str | int | None = None
    retry_after: int | None = None
    location: str | None = None
    status: int | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def not_modified(cls, etag: str | int, retry_after: int | None = None) -> Reply[T]:
        """304: what the caller has is still true."""
        return cls(etag=etag, retry_after=retry_after, status=304)


@dataclass(frozen=True)
class Route:
    """One operation of the API, as declared: the source of the OpenAPI document and of the table of permissions."""

    method: str
    path: str
    tag: str
    permission: Permission
    body: Any
    query: type[msgspec.Struct] | None
    returns: Any
    status: int
    if_match: bool
    idempotent: bool
    conditional_get: bool
    errors: tuple[str, ...]
    content_type: str
    max_body: int
    name: str
    summary: str
    description: str
    answer: Callable[[Any], Reply[Any]] | None
    finish: Callable[[Request[Any], Any], Any] | None

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return _PARAMETER.findall(self.path)


ROUTES: list[Route] = []


class Endpoints:
    """The endpoints of a context: a Chalice Blueprint behind a decorator that refuses a route without a permission."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
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
        conditional_get: bool = False,
        errors: tuple[str, ...] = (),
        content_type: str = "application/json",
        max_body: int = MAX_BODY_BYTES,
        answer: Callable[[Any], Reply[Any]] | None = None,
        finish: Callable[[Request[Any], Any], Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a route.

        ``answer`` (idempotent routes) turns the use case's result into the reply, so that the transaction can store it;
        ``finish`` then completes a first or repeated answer's body with what is never stored.
        """

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            summary, _, description = (handler.__doc__ or handler.__name__.replace("_", " ")).strip().partition("\n")
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
                conditional_get=conditional_get,
                errors=errors,
                content_type=content_type,
                max_body=max_body,
                name=handler.__name__,
                summary=summary.rstrip("."),
                description=re.sub(r"\n +", "\n", description).strip(),
                answer=answer,
                finish=finish,
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
            answer.headers.setdefault("X-Content-Type-Options", "nosniff")
            answer.headers.setdefault("Cache-Control", "no-store" if route.method != "GET" else "private, no-cache")
            logger.info(
                "answered",
                extra={
                    "route": f"{route.method} {route.path}",
                    "status": answer.status_code,
                    "ms": round((time.perf_counter() - began) * 1000, 1),
                    **{name: value for name, value in _safe_path(raw).items() if name.endswith("_id")},
                },
            )
        return answer

    view.__name__ = handler.__name__
    return view


def _request_id(raw: ChaliceRequest) -> str:
    given = raw.headers.get("x-request-id", "")
    if _PATH_VALUE.match(given):
        return str(given)
    return str(raw.context.get("requestId") or ids.new_id("req"))


def _safe_path(raw: ChaliceRequest) -> dict[str, str]:
    return {name: value for name, value in (raw.uri_params or {}).items() if _PATH_VALUE.match(value)}


def _answer(route: Route, handler: Callable[..., Any], raw: ChaliceRequest, request_id: str) -> Response:
    request = _decode(route, raw, request_id)
    try:
        result = handler(request)
    except DomainError as error:
        if request.idempotency is None:
            raise
        return _replay(route, request, error)
    reply: Reply[Any] = route.answer(result) if route.answer else result
    if route.finish:
        reply.body = route.finish(request, msgspec.to_builtins(reply.body))
    return _render(route, request, reply)


def _decode(route: Route, raw: ChaliceRequest, request_id: str) -> Request[Any]:
    headers = raw.headers
    authorization = headers.get("authorization")
    caller = None
    if not isinstance(route.permission, Public):
        caller = tokens.principal_of(authorization)
    path = _path(route, raw)
    if caller is not None:
        route.permission.check(caller, path)
    body = _body(route, raw)
    if_match = _tag(headers.get("if-match"))
    if route.if_match and if_match is None:
        raise problems.precondition_required()
    return Request(
        path=path,
        headers=headers,
        raw_body=_content(raw),
        request_id=request_id,
        source_ip=str(raw.context.get("identity", {}).get("sourceIp", "")),
        caller=caller,
        decoded=body,
        query=_query(route, raw),
        if_match=if_match,
        if_none_match=_tag(headers.get("if-none-match")),
        idempotency=_idempotency(route, raw, caller) if route.idempotent else None,
    )


def _content(raw: ChaliceRequest) -> bytes:
    content = raw.raw_body or b""
    return content if isinstance(content, bytes) else content.encode()


def _path(route: Route, raw: ChaliceRequest) -> dict[str, str]:
    given = raw.uri_params or {}
    path = {name: unquote(given[name]) for name in route.parameters}
    for name, value in path.items():
        if not _PATH_VALUE.match(value):
            raise NotFound(name.removesuffix("_id"), "of this path")
    return path


def _body(route: Route, raw: ChaliceRequest) -> Any:
    if route.body is None:
        return None
    content = _content(raw)
    if len(content) > route.max_body:
        raise DomainError("body_too_large", f"The body may have at most {route.max_body} bytes.", status=413)
    if route.body is bytes:
        return content
    media_type = raw.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise DomainError("unsupported_media_type", "Send the body as application/json.", status=415)
    if not content.strip():
        raise problems.malformed("A JSON body is required.")
    try:
        return msgspec.json.decode(content, type=route.body)
    except msgspec.ValidationError as error:
        raise problems.of_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise problems.malformed("The body is not valid JSON.") from error


def _query(route: Route, raw: ChaliceRequest) -> Any:
    if route.query is None:
        return None
    given: MultiDict = raw.query_params or MultiDict({})
    repeated = [name for name in given if len(given.getlist(name)) > 1]
    known = {item.encode_name for item in msgspec.structs.fields(route.query)}
    unknown = [name for name in given if name not in known]
    if repeated or unknown:
        raise Invalid(
            [Violation("repeated_parameter", f"?{name}", "Give this parameter once.") for name in repeated]
            + [Violation("unknown_parameter", f"?{name[:64]}", "There is no such parameter.") for name in unknown]
        )
    try:
        query = msgspec.convert({name: given[name] for name in given}, route.query, strict=False)
    except msgspec.ValidationError as error:
        fault = problems.of_validation(error).violations[0]
        raise Invalid([Violation(fault.code, "?" + fault.pointer.lstrip("/"), fault.detail)]) from error
    for item in msgspec.structs.fields(route.query):
        value = getattr(query, item.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise Invalid([Violation("invalid_value", f"?{item.encode_name}", "Give a finite number.")])
    return query


def _tag(header: str | None) -> str | None:
    """The tag of an If-Match or If-None-Match header, without quotes; ``*`` and unquoted text stand for themselves."""
    if header is None:
        return None
    found = _ETAGS.search(header)
    return found.group(1) if found else header.strip()[:256]


def _idempotency(route: Route, raw: ChaliceRequest, caller: Principal | None) -> IdempotencyKey:
    key = raw.headers.get("idempotency-key", "")
    if not _IDEMPOTENCY_KEY.match(key):
        raise DomainError(
            "idempotency_key_required",
            "Send an `Idempotency-Key` header (1 to 255 printable characters), the same again when you retry.",
            status=400,
        )
    place = f"{route.method} {raw.context.get('path', route.path)}"
    fingerprint = hashlib.sha256(_content(raw)).hexdigest()
    scope = hashlib.sha256(f"{caller.id if caller else ''} {place}".encode()).hexdigest()[:32]
    return IdempotencyKey(scope, key, fingerprint, lambda result: _storable(route, result))


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
    body = stored.answer.get("body")
    if route.finish:
        body = route.finish(request, body)
    reply: Reply[Any] = Reply(body, etag=stored.answer.get("etag"), location=stored.answer.get("location"))
    reply.headers["Idempotent-Replayed"] = "true"
    return _render(route, request, reply)


def _render(route: Route, request: Request[Any], reply: Reply[Any]) -> Response:
    status = reply.status or route.status
    headers: dict[str, str | list[str]] = dict(reply.headers)
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
    body = reply.body if isinstance(reply.body, str) else _ENCODER.encode(reply.body).decode()
    return Response(body=body, status_code=status, headers=headers)
