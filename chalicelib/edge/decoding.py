"""From a Chalice request to a checked one: who is calling, may they, path, query, body, preconditions."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
from chalice.app import MultiDict

from chalicelib.edge import problems, tokens
from chalicelib.edge.permissions import Public
from chalicelib.edge.route import Request
from chalicelib.kernel import limits
from chalicelib.kernel.errors import DomainError, Invalid, NotFound, Violation
from chalicelib.kernel.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Request as ChaliceRequest

    from chalicelib.edge.route import Route
    from chalicelib.kernel.principals import Principal

PATH_VALUE = re.compile(r"[A-Za-z0-9_.:~-]{1,128}\Z")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
# Media types whose answers are bytes: the composition root tells API Gateway of them.
BINARY = frozenset(("application/pdf",))
_ETAGS = re.compile(r'(?:W/)?"([^"]*)"')


def decode(route: Route, raw: ChaliceRequest, request_id: str, render: Callable[[Any], Any]) -> Request[Any]:
    """The request as the use case takes it, from a caller who may.

    ``render`` makes of the use case's result what repeats of the request are answered with. Raises the refusal of the
    first check that fails.
    """
    headers = raw.headers
    authorization = headers.get("authorization")
    caller = None
    if not isinstance(route.permission, Public):
        caller = tokens.principal_of(authorization)
    path = _path(route, raw)
    if caller is not None:
        route.permission.check(caller, path)
    if route.limit:
        limits.admit(route.limit, caller.id if caller else None, source_ip(raw))
    body = _body(route, raw)
    if_match = _tag(headers.get("if-match"))
    if route.if_match and if_match is None:
        raise problems.precondition_required()
    return Request(
        path=path,
        headers=headers,
        raw_body=_content(raw),
        request_id=request_id,
        source_ip=source_ip(raw),
        caller=caller,
        decoded=body,
        query=_query(route, raw),
        if_match=if_match,
        if_none_match=_tag(headers.get("if-none-match")),
        idempotency=_idempotency(route, raw, caller, render) if route.idempotent else None,
        wanted=_wanted(route, headers.get("accept", "")) if route.also else route.content_type,
    )


def source_ip(raw: ChaliceRequest) -> str:
    """The address that API Gateway took the request from; what headers say of it is anybody's."""
    return str(raw.context.get("identity", {}).get("sourceIp", ""))


def _wanted(route: Route, accept: str) -> str:
    """The first media type of `Accept` that the route makes, or else its usual one.

    What comes first counts and weights don't: API Gateway, too, looks at the first type alone to tell binary answers.
    """
    made = (route.content_type, *route.also)
    named = [each.partition(";")[0].strip().lower() for each in accept.split(",")]
    possible = (kind for place, kind in enumerate(named) if kind in made and (place == 0 or kind not in BINARY))
    return next(possible, route.content_type)


def _content(raw: ChaliceRequest) -> bytes:
    content = raw.raw_body or b""
    return content if isinstance(content, bytes) else content.encode()


def _path(route: Route, raw: ChaliceRequest) -> dict[str, str]:
    given = raw.uri_params or {}
    path = {name: unquote(given[name]) for name in route.parameters}
    for name, value in path.items():
        if not PATH_VALUE.match(value):
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


def _idempotency(
    route: Route, raw: ChaliceRequest, caller: Principal | None, render: Callable[[Any], Any]
) -> IdempotencyKey:
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
    return IdempotencyKey(scope, key, fingerprint, render)
