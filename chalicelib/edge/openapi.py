"""The API's contract: OpenAPI 3.1 made from the declared routes and their schemas, served and printed.

`python -m chalicelib.edge.openapi` prints the document that is checked in as `docs/openapi.json`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from typing import Any

import msgspec

from chalicelib.edge.decoding import BINARY
from chalicelib.edge.endpoint import ROUTES, Endpoints, Reply, Request, Route
from chalicelib.edge.permissions import AnyRole, MerchantOwner, Permission, Public, Role, StoreStaff
from chalicelib.edge.route import TAGS
from chalicelib.edge.schemas import Problem

endpoints = Endpoints("documentation", "The contract itself.")

VERSION = "1.0.0"
_SCHEMA_PLACE = "#/components/schemas/{name}"
_ABOUT = """Doorstep takes orders for shops with real stores: from a store's menu to a paid order at the door.

Money is an integer in minor units with its ISO 4217 currency; times are RFC 3339 in UTC. Errors are RFC 9457 problems
with a stable `code`. A change of a resource needs `If-Match`; a POST that creates or moves money an `Idempotency-Key`.
"""
_HEADERS = {
    "ETag": "The resource's version: send it as `If-Match` to change it, as `If-None-Match` to poll it.",
    "Retry-After": "Seconds after which to ask again.",
    "Location": "Where the created resource is.",
    "Idempotent-Replayed": "`true` when this is the stored answer to an earlier request with the same key.",
    "X-Request-Id": "Quote it when something is wrong.",
    "WWW-Authenticate": "How to sign in: with a bearer token.",
}
_REQUEST_HEADERS = {
    "Idempotency-Key": "Any text that is new for each thing to be done, and the same when the request is sent again.",
    "If-Match": "The `ETag` of what you read: the change is refused when somebody else changed it since.",
    "If-None-Match": "The `ETag` of what you have: the answer is 304 while that is still true.",
}


_CACHING = {"Cache-Control": "public, max-age=300"}
# The page brings its style and its few lines of script along, and may load nothing.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'"


@endpoints.get("/v1/openapi.json", permission=Public(), returns=dict[str, Any])
def read_openapi(_request: Request[None]) -> Reply[str]:
    """Read this document."""
    text = _texts()[0]
    return Reply(text, etag=_digest(text), headers=dict(_CACHING))


@endpoints.get("/v1/docs", permission=Public(), returns=str, content_type="text/html")
def read_docs(_request: Request[None]) -> Reply[str]:
    """Read this document as a page."""
    text = _texts()[1]
    headers = {**_CACHING, "Content-Security-Policy": _PAGE_POLICY}
    return Reply(text, etag=_digest(text), content_type="text/html; charset=utf-8", headers=headers)


@cache
def _texts() -> tuple[str, str]:
    """The document as JSON and as a page, made once in a process: the routes are all declared when it serves."""
    from chalicelib.edge.reference import page  # a cold start that serves orders needs no page

    made = document()
    return json.dumps(made, ensure_ascii=False), page(made)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def document() -> dict[str, Any]:
    """The OpenAPI document of every route that is declared in this process."""
    bodies = [route.body for route in ROUTES if route.body not in (None, bytes)]
    returns = [route.returns for route in ROUTES if route.returns is not None]
    queries = [route.query for route in ROUTES if route.query is not None]
    types = [*bodies, *returns, *queries, Problem]
    schemas, components = msgspec.json.schema_components(types, ref_template=_SCHEMA_PLACE)
    schema_of = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(ROUTES, key=lambda r: (r.path, r.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of, components)
    for route in ROUTES:
        if route.query is not None:
            components.pop(route.query.__name__, None)
    tags = sorted({route.tag for route in ROUTES})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Doorstep",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, "description": TAGS[tag]} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": {name: _plain(schema) for name, schema in sorted(components.items())},
            "headers": _shared_headers(),
            "responses": _shared_problems(schema_of[repr(Problem)]),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route, schema_of: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": "\n\n".join(part for part in (route.description, permission_text(route.permission)) if part),
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route, components),
            *_header_parameters(route),
        ],
        "responses": _responses(route, schema_of),
    }
    operation["x-problem-codes"] = problem_codes(route)
    if not isinstance(route.permission, Public):
        operation["security"] = [{"token": []}]
    if route.body is bytes:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {}}}}
    elif route.body is not None:
        schema = schema_of[repr(route.body)]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def permission_text(permission: Permission) -> str:
    """Who may call, in words."""
    if isinstance(permission, Role):
        return f"For: {permission.name}."
    if isinstance(permission, AnyRole):
        return f"For: {' or '.join(permission.names)}."
    if isinstance(permission, StoreStaff):
        return f"For: staff of the store, {permission.role} or above."
    if isinstance(permission, MerchantOwner):
        return "For: owners of the merchant."
    return "For: everybody."


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_.:~-]+$"}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in route.parameters]


def _query_parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    shape = components[route.query.__name__]
    required = shape.get("required", [])
    parameters = []
    for name, declared in shape["properties"].items():
        schema = _plain({key: value for key, value in declared.items() if key != "description"})
        if "anyOf" in schema:  # `| None` says that it may be left out, which a parameter may anyhow
            options = [option for option in schema.pop("anyOf") if option != {"type": "null"}]
            schema = {**(options[0] if len(options) == 1 else {"anyOf": options}), **schema}
        if schema.get("default", ...) is None:
            schema.pop("default")
        parameter = {"name": name, "in": "query", "required": name in required, "schema": schema}
        description = declared.get("description") or schema.pop("description", None)
        parameters.append({**parameter, **({"description": description} if description else {})})
    return parameters


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    parameters: list[dict[str, Any]] = []
    if route.idempotent:
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": text})
    if _may_conflict(route):
        parameters.append({"name": "If-Match", "in": "header", "required": route.if_match, "schema": text})
    if route.method == "GET":
        parameters.append({"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}})
    for parameter in parameters:
        parameter["description"] = _REQUEST_HEADERS[parameter["name"]]
    return parameters


def _may_conflict(route: Route) -> bool:
    """Whether If-Match is required, or taken where it is sent (the route then names the error)."""
    return route.if_match or "version_conflict" in route.errors


def _responses(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    named = ["ETag", "Retry-After", "X-Request-Id"]
    done: dict[str, Any] = {"description": "Done.", "headers": _headers(*named, *_told_once(route))}
    if route.returns is not None and route.status not in (204, 304):
        done["content"] = {route.content_type: {"schema": schema_of[repr(route.returns)]}}
        for kind in route.also:
            encoded = {"contentMediaType": kind} if kind in BINARY else {}
            done["content"][kind] = {"schema": {"type": "string", **encoded}}
    responses = {str(route.status): done}
    if route.method == "GET":
        responses["304"] = {"description": "Not modified.", "headers": _headers(*named)}
    for status, _ in _refusals(route):
        responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return responses


def _told_once(route: Route) -> list[str]:
    """The headers of answers to what creates something."""
    return (["Location"] if route.method == "POST" else []) + (["Idempotent-Replayed"] if route.idempotent else [])


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problem_codes(route: Route) -> list[str]:
    """The codes that the route can answer: its own, and those of what the edge does for it."""
    changes = route.method != "GET"
    found = {
        "validation_failed": True,
        "malformed_request": route.body is not None,
        "body_too_large": route.body is not None,
        "unsupported_media_type": route.body not in (None, bytes),
        "unauthenticated": not isinstance(route.permission, Public),
        "forbidden": not isinstance(route.permission, Public),
        "issuer_unavailable": not isinstance(route.permission, Public),
        "if_match_required": route.if_match,
        "version_conflict": route.if_match,
        "idempotency_key_required": route.idempotent,
        "idempotency_key_reused": route.idempotent,
        "request_in_flight": route.idempotent,
        "changed_meanwhile": changes,
        "contention": changes,
        "read_throttled": True,
        "temporarily_unavailable": True,
    }
    implied = [code for code, applies in found.items() if applies]
    not_ids = [f"{name.removesuffix('_id')}_not_found" for name in route.parameters]
    return sorted({*implied, *not_ids, *route.errors})


def _plain(schema: Any) -> Any:
    """The schema with patterns as ECMA-262 means them: its `$` matches at the very end, which Python must be told."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items()}
    if isinstance(plain.get("pattern"), str):
        plain["pattern"] = plain["pattern"].removesuffix(r"(?!\n)")
    return plain


def _shared_headers() -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}, "description": text} for name, text in _HEADERS.items()}


def _shared_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """One described answer per refusing status, which the operations refer to."""
    told = {status: text for route in ROUTES for status, text in _refusals(route)}
    content = {"application/problem+json": {"schema": schema}}
    more = {401: ["WWW-Authenticate"], 409: ["Retry-After"], 429: ["Retry-After"], 503: ["Retry-After"]}
    return {
        f"Problem{status}": {
            "description": text,
            "content": content,
            "headers": _headers("X-Request-Id", *more.get(status, ())),
        }
        for status, text in sorted(told.items())
    }


def _refusals(route: Route) -> list[tuple[int, str]]:
    """The statuses besides success that the route can answer."""
    changes = route.method != "GET"
    protected = not isinstance(route.permission, Public)
    found = [
        (400, "The request can't be read.", changes or route.idempotent),
        (401, "No valid token.", protected),
        (403, "Not allowed.", protected),
        (404, "Not found.", bool(route.parameters) or changes),
        (409, "The state of things does not allow it.", changes),
        (412, "Changed since you read it.", _may_conflict(route)),
        (413, "The body is too large.", route.body is not None),
        (415, "Not JSON.", route.body not in (None, bytes)),
        (422, "Can't be taken as it is: `errors` says what and where.", True),
        (428, "If-Match is required.", route.if_match),
        (429, "Too many requests.", changes),
        (503, "Try again.", True),
    ]
    return [(status, text) for status, text, applies in found if applies]


def main() -> None:
    """Print the document of the whole app."""
    import app  # noqa: F401  (declares every route)

    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    # The module that runs as __main__ is not the one that the app imports: hand over to that one.
    from chalicelib.edge import openapi  # noqa: PLW0406

    openapi.main()
