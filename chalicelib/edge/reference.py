"""The OpenAPI document as one page to read: by subject, with every shape and problem linked. It loads nothing."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_EXAMPLE_DEPTH = 6
_MEANINGS = {
    "body_too_large": "The body has more bytes than the operation takes.",
    "changed_meanwhile": "Somebody changed this at the same moment: read it again.",
    "contention": "Too many changes of the same thing at once: send it again.",
    "forbidden": "You are known, and may not do this.",
    "idempotency_key_required": "Send an `Idempotency-Key`.",
    "idempotency_key_reused": "The key belongs to another request: take a new one.",
    "if_match_required": "Send the `ETag` of what you read as `If-Match`.",
    "issuer_unavailable": "Your token can't be verified right now: send it again.",
    "malformed_request": "The body is not JSON.",
    "read_throttled": "Too busy to read: send it again.",
    "request_in_flight": "A request with this key is being worked on: send it again.",
    "temporarily_unavailable": "A part of the service does not answer: send it again.",
    "unauthenticated": "Sign in: no access token came along, or one that does not verify.",
    "unsupported_media_type": "Send `application/json`.",
    "validation_failed": "`errors` says what is wrong, and where.",
    "version_conflict": "Changed since you read it: read it again and decide anew.",
}
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "like {}",
    "format": "{}",
    "default": "default {}",
}


def page(doc: dict[str, Any]) -> str:
    """The document as HTML, readable on a phone, in the dark and on paper."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in doc["paths"].items()
        for method, operation in methods.items()
    ]
    tags = [(tag["name"], tag["description"]) for tag in doc["tags"]]
    by_tag = {name: [each for each in operations if name in each[2]["tags"]] for name, _ in tags}
    shapes = doc["components"]["schemas"]
    sections = "".join(
        f'<section id="tag-{escape(name)}"><h2>{escape(name.capitalize())}</h2><p>{_prose(about)}</p>'
        f"{''.join(_operation(doc, *each) for each in by_tag[name])}</section>"
        for name, about in tags
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(doc['info']['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"{_contents(doc, tags, by_tag)}<main>"
        f"<header><h1>{escape(doc['info']['title'])} API <small>{escape(doc['info']['version'])}</small></h1>"
        f"{_paragraphs(doc['info']['description'])}"
        '<p><a href="/v1/openapi.json">OpenAPI 3.1 document</a></p></header>'
        f"{sections}"
        f'<section id="problems"><h2>Problems</h2><p>{_prose(_ABOUT_PROBLEMS)}</p>{_problems(operations)}</section>'
        f'<section id="shapes"><h2>Shapes</h2>{"".join(_shape(name, shapes[name]) for name in shapes)}</section>'
        f"</main><script>{_SCRIPT}</script></body></html>"
    )


_ABOUT_PROBLEMS = (
    "Every refusal is `application/problem+json` with one of these codes. A code keeps its meaning; the text beside it "
    "is for people and may change."
)


def _contents(doc: dict[str, Any], tags: list[tuple[str, str]], by_tag: dict[str, Any]) -> str:
    groups = "".join(
        f'<h3><a href="#tag-{escape(name)}">{escape(name.capitalize())}</a></h3><ul>'
        + "".join(
            f'<li><a href="#{operation["operationId"]}">{_method(method)}'
            f"<span>{_prose(operation['summary'])}</span></a></li>"
            for method, _, operation in by_tag[name]
        )
        + "</ul>"
        for name, _ in tags
    )
    return (
        f'<nav><a class="home" href="#">{escape(doc["info"]["title"])}</a>'
        '<input type="search" placeholder="Find an operation" aria-label="Find an operation">'
        f'{groups}<h3><a href="#problems">Problems</a></h3><h3><a href="#shapes">Shapes</a></h3></nav>'
    )


def _operation(doc: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    identifier = escape(operation["operationId"])
    steps = path.split("/")
    shown = "/<wbr>".join(f"<i>{escape(step)}</i>" if step.startswith("{") else escape(step) for step in steps)
    return (
        f'<details class="operation" id="{identifier}"><summary>{_method(method)}<code>{shown}</code>'
        f"<span>{_prose(operation['summary'])}</span></summary><div>"
        f"{_paragraphs(operation['description'])}"
        f"{_parameters(operation)}{_body(doc, operation)}{_answers(doc, operation)}"
        f"<h4>Problems</h4><p>{' '.join(_code_link(code) for code in operation['x-problem-codes'])}</p>"
        "</div></details>"
    )


def _parameters(operation: dict[str, Any]) -> str:
    if not operation["parameters"]:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code>{_required(each['required'])}</td><td>{each['in']}</td>"
        f"<td>{_type(each['schema'])}{_notes(each['schema'], each.get('description', ''))}</td></tr>"
        for each in operation["parameters"]
    )
    return f"<h4>Parameters</h4><table>{rows}</table>"


def _body(doc: dict[str, Any], operation: dict[str, Any]) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    schema = body["content"]["application/json"]["schema"]
    if not schema:
        return "<h4>Body</h4><p>JSON, as the provider sends it.</p>"
    example = json.dumps(_example(doc, schema, 0), indent=2, ensure_ascii=False)
    return f"<h4>Body</h4><p>{_type(schema)}</p><pre>{escape(example)}</pre>"


def _answers(doc: dict[str, Any], operation: dict[str, Any]) -> str:
    rows = ""
    for status, told in operation["responses"].items():
        reference = told.get("$ref", "").rpartition("/")[2]
        answer = doc["components"]["responses"][reference] if reference else told
        shape = "".join(_type(media["schema"]) for media in answer.get("content", {}).values() if not reference)
        rows += f"<tr><td>{escape(status)}</td><td>{_prose(answer['description'])} {shape}</td></tr>"
    return f'<h4>Answers</h4><table class="answers">{rows}</table>'


def _shape(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{_required(field in required)}</td>"
        f"<td>{_type(told)}{_notes(told, told.get('description', ''))}</td></tr>"
        for field, told in schema.get("properties", {}).items()
    )
    return (
        f'<article id="shape-{escape(name)}"><h3>{escape(name)}</h3><p>{_prose(schema.get("description", ""))}</p>'
        f"<table>{rows}</table></article>"
    )


def _problems(operations: list[tuple[str, str, dict[str, Any]]]) -> str:
    answered: dict[str, list[str]] = {}
    for _, _, operation in operations:
        for code in operation["x-problem-codes"]:
            answered.setdefault(code, []).append(operation["operationId"])
    rows = ""
    for code, names in sorted(answered.items()):
        by = ", ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)
        meaning = _prose(_MEANINGS[code]) if code in _MEANINGS else by
        rows += f'<tr id="{escape(code)}"><td><code>{escape(code)}</code></td><td>{meaning}</td></tr>'
    return f"<table>{rows}</table>"


def _type(schema: dict[str, Any]) -> str:
    """What a value is, in words, with a link where it is a shape."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
        return f"map of {_type(schema['additionalProperties'])}"
    return escape(str(kind)) if kind else "anything"


def _notes(schema: dict[str, Any], description: str) -> str:
    """What is said of a value, and within which bounds it must be."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    told = {**(options[0] if len(options) == 1 else {}), **schema}
    bounds = [
        text.format(f"<code>{escape(str(json.dumps(told[key]) if key == 'default' else told[key]))}</code>")
        for key, text in _LIMITS.items()
        if key in told and told[key] not in (None, [], (), "")
    ]
    words = _prose(description or told.get("description", ""))
    examples = told.get("examples", ())
    shown = f"e.g. <code>{escape(json.dumps(examples[0], ensure_ascii=False))}</code>" if examples else ""
    parts = [part for part in (words, "; ".join(bounds), shown) if part]
    return "".join(f"<br><small>{part}</small>" for part in parts)


def _example(doc: dict[str, Any], schema: dict[str, Any], depth: int) -> Any:
    """A value that shows the shape: what must be given, and what has an example or a shape of its own."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(doc, doc["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth + 1)
    if "anyOf" in schema:
        return _example(doc, schema["anyOf"][0], depth)
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", [])
        shown = required if depth >= 2 else schema.get("properties", {})
        told = schema.get("properties", {})
        return {name: _example(doc, told[name], depth) for name in shown} if depth < _EXAMPLE_DEPTH else {}
    if kind == "array":
        return [_example(doc, schema.get("items", {}), depth + 1)] if depth < _EXAMPLE_DEPTH else []
    if kind == "string":
        return "2026-03-01T12:30:00Z" if schema.get("format") == "date-time" else "…"
    return {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False}.get(str(kind))


def _method(method: str) -> str:
    return f'<b class="{method.lower()}">{method}</b>'


def _required(required: bool) -> str:  # noqa: FBT001  (a fact, not a mode)
    return '<br><small class="required">required</small>' if required else ""


def _code_link(code: str) -> str:
    return f'<a class="code" href="#{escape(code)}">{escape(code)}</a>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_prose(part)}</p>" for part in text.strip().split("\n\n"))


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


_STYLE = """
:root{--ink:#1d2126;--soft:#5b6470;--line:#e3e6ea;--back:#fff;--wash:#f6f7f9;--link:#0b57d0;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa4b0;--line:#2c3239;--back:#14171a;--wash:#1c2024;
--link:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0;display:flex;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--back)}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
nav{position:sticky;top:0;flex:none;width:20rem;height:100vh;overflow:auto;padding:1.2rem;border-right:1px solid
var(--line);font-size:.86rem;background:var(--wash)}
nav .home{font-weight:700;font-size:1.1rem;color:var(--ink)}nav input{width:100%;margin:.8rem 0 0;padding:.4rem .6rem;
font:inherit;color:inherit;background:var(--back);border:1px solid var(--line);border-radius:.4rem}
nav h3{margin:1.1rem 0 .3rem;font-size:.95rem}nav h3 a{color:var(--ink)}nav ul{margin:0;padding:0;list-style:none}
nav li a{display:grid;grid-template-columns:3.4rem minmax(0,1fr);padding:.16rem 0;
color:var(--soft);line-height:1.35}nav li a:hover{color:var(--ink)}
nav b{font-size:.62rem;padding-top:.2rem}
main{flex:1;min-width:0;max-width:62rem;padding:1.5rem 2.5rem 6rem}h1{margin:.2rem 0}h1 small{color:var(--soft);
font-weight:400;font-size:1rem}h2{margin:3rem 0 .3rem;padding-top:.5rem}h4{margin:1.2rem 0 .2rem}section>p{margin-top:0;
color:var(--soft)}code,pre{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{overflow:auto;max-height:26rem;margin:.4rem 0;padding:.8rem 1rem;background:var(--wash);border-radius:.5rem}
b{font:700 .72rem/1.6 ui-monospace,monospace;flex:none}b.get{color:#1a7f37}b.post{color:#0b57d0}b.put{color:#9a6700}
b.patch{color:#8250df}b.delete{color:#cf222e}
@media(prefers-color-scheme:dark){b.get{color:#57ab5a}b.post{color:#8ab4f8}b.put{color:#d4a72c}b.patch{color:#b392f0}
b.delete{color:#f47067}}
.operation{margin:.45rem 0;border:1px solid var(--line);border-radius:.5rem}.operation[open]{border-color:var(--soft)}
summary{display:grid;grid-template-columns:3.6rem minmax(0,1fr);gap:0 .4rem;padding:.5rem .9rem;cursor:pointer;
align-items:baseline}summary span{grid-column:2;color:var(--soft);font-size:.92rem}summary i{font-style:normal;
color:var(--soft)}.operation>div{padding:0 1rem 1rem;border-top:1px solid var(--line)}
table{width:100%;border-collapse:collapse;font-size:.92rem}td{padding:.4rem .8rem .4rem 0;vertical-align:top;
border-top:1px solid var(--line);overflow-wrap:anywhere}td:first-child{width:14rem}td small{color:var(--soft)}
.answers td:first-child{width:4rem}
.required{color:#bc4c00}tr:target,article:target{background:var(--wash);outline:.5rem solid var(--wash)}
a.code{display:inline-block;margin:.1rem 0;padding:.05rem .45rem;border:1px solid var(--line);border-radius:1rem;
font:.78rem ui-monospace,monospace;color:var(--soft)}article{margin:1.6rem 0;scroll-margin-top:1rem}article h3{margin:0}
article p{margin:.1rem 0 .4rem;color:var(--soft)}
@media(max-width:60rem){body{display:block}nav{position:static;width:auto;height:auto;max-height:45vh;border:0}
main{padding:1rem}td:first-child{width:38%}}
@media print{nav{display:none}}
""".replace("\n", "")

_SCRIPT = """
const open=()=>{const at=document.getElementById(location.hash.slice(1));if(at&&at.tagName=='DETAILS'){at.open=true;
at.scrollIntoView()}};addEventListener('hashchange',open);open();
addEventListener('beforeprint',()=>document.querySelectorAll('details').forEach(d=>d.open=true));
document.querySelector('nav input').addEventListener('input',event=>{
const words=event.target.value.toLowerCase().split(' ');
document.querySelectorAll('nav li').forEach(item=>{const link=item.firstChild;
const text=(item.textContent+link.getAttribute('href')).toLowerCase();
item.hidden=!words.every(word=>text.includes(word))})});
"""
