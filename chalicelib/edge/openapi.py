"""The API's contract: OpenAPI 3.1 made from the declared routes and their schemas, served and printed.

`python -m chalicelib.edge.openapi` prints the document that is checked in as `docs/openapi.json`.
"""

from __future__ import annotations

import html
import json
import sys
from typing import Any

import msgspec

from chalicelib.edge.endpoint import ROUTES, Endpoints, Reply, Request, Route
from chalicelib.edge.permissions import MerchantOwner, Permission, Public, Role, StoreStaff
from chalicelib.edge.schemas import Problem

endpoints = Endpoints("documentation")

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
}


@endpoints.get("/v1/openapi.json", permission=Public(), returns=dict[str, Any])
def read_openapi(_request: Request[None]) -> Reply[str]:
    """Read this document."""
    return Reply(_text(), headers={"Cache-Control": "public, max-age=300"})


@endpoints.get("/v1/docs", permission=Public(), returns=str, content_type="text/html")
def read_docs(_request: Request[None]) -> Reply[str]:
    """Read this document as a page."""
    return Reply(page(document()), content_type="text/html; charset=utf-8")


_made: list[str] = []


def _text() -> str:
    if not _made:
        _made.append(json.dumps(document(), ensure_ascii=False))
    return _made[0]


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
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Doorstep",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
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
    if route.errors:
        operation["description"] += "\n\nErrors of its own: " + ", ".join(f"`{code}`" for code in route.errors) + "."
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
        schema = {key: value for key, value in declared.items() if key != "description"}
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
    parameters = []
    if route.idempotent:
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": text})
    if _may_conflict(route):
        parameters.append({"name": "If-Match", "in": "header", "required": route.if_match, "schema": text})
    return parameters


def _may_conflict(route: Route) -> bool:
    """Whether If-Match is required, or taken where it is sent (the route then names the error)."""
    return route.if_match or "version_conflict" in route.errors


def _responses(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    done: dict[str, Any] = {"description": "Done.", "headers": headers}
    if route.returns is not None and route.status not in (204, 304):
        done["content"] = {route.content_type: {"schema": schema_of[repr(route.returns)]}}
    responses = {str(route.status): done}
    if route.method == "GET":
        responses["304"] = {"description": "Not modified.", "headers": headers}
    for status, _ in _refusals(route):
        responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return responses


def _shared_headers() -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}, "description": text} for name, text in _HEADERS.items()}


def _shared_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """One described answer per refusing status, which the operations refer to."""
    told = {status: text for route in ROUTES for status, text in _refusals(route)}
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    content = {"application/problem+json": {"schema": schema}}
    return {
        f"Problem{status}": {"description": text, "content": content, "headers": headers}
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


def page(doc: dict[str, Any]) -> str:
    """The document as one self-contained page of HTML: nothing to load, readable on a phone."""
    sections = []
    for path, operations in doc["paths"].items():
        for method, operation in operations.items():
            sections.append(_section(doc, method.upper(), path, operation))
    shapes = "".join(
        f'<details id="{html.escape(name)}"><summary><code>{html.escape(name)}</code></summary>'
        f"<pre>{html.escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre></details>"
        for name, schema in doc["components"]["schemas"].items()
    )
    about = html.escape(doc["info"]["description"])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Doorstep API</title><style>{_STYLE}</style>"
        f'<h1>Doorstep API</h1><p>{about}</p><p><a href="/v1/openapi.json">openapi.json</a></p>'
        f"<h2>Operations</h2>{''.join(sections)}<h2>Shapes</h2>{shapes}</html>"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "details{border-bottom:1px solid #ddd;padding:.4rem 0}summary{cursor:pointer}pre{overflow:auto;background:#f6f6f6;"
    "padding:.6rem}b.m{display:inline-block;width:4.5rem;font-family:monospace}td{padding:.1rem .8rem .1rem 0;"
    "vertical-align:top}"
)


def _resolved(doc: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    reference = told.get("$ref")
    return dict(doc["components"]["responses"][reference.rpartition("/")[2]]) if reference else told


def _section(doc: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(p['name'])}</code></td><td>{p['in']}{', required' if p['required'] else ''}</td>"
        f"<td>{html.escape(p.get('description', ''))}</td></tr>"
        for p in operation["parameters"]
    )
    answers = "".join(
        f"<tr><td>{status}</td><td>{html.escape(answer['description'])} {_shape_link(answer)}</td></tr>"
        for status, answer in ((status, _resolved(doc, told)) for status, told in operation["responses"].items())
    )
    body = operation.get("requestBody")
    takes = f"<p>Body: {_shape_link(body)}</p>" if body else ""
    description = html.escape(operation["description"]).replace("\n\n", "<br><br>")
    return (
        f'<details id="{operation["operationId"]}"><summary><b class="m">{method}</b> <code>{html.escape(path)}</code> '
        f"{html.escape(operation['summary'])}</summary><p>{description}</p>"
        f"<table>{rows}</table>{takes}<table>{answers}</table></details>"
    )


def _shape_link(holder: dict[str, Any]) -> str:
    for media in holder.get("content", {}).values():
        reference = media["schema"].get("$ref", "")
        if reference:
            name = html.escape(reference.rpartition("/")[2])
            return f'<a href="#{name}"><code>{name}</code></a>'
    return ""


def main() -> None:
    """Print the document of the whole app."""
    import app  # noqa: F401  (declares every route)

    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    # The module that runs as __main__ is not the one that the app imports: hand over to that one.
    from chalicelib.edge import openapi  # noqa: PLW0406

    openapi.main()
