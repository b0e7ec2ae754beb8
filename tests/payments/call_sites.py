"""Where the provider is called: read from the source, so that no call escapes the tests that go through all of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "chalicelib"
# What of the SDK's module is used beside its client; nothing of it asks Stripe.
_HARMLESS = frozenset(
    ("stripe.StripeClient", "stripe.RequestsClient", "stripe.WebhookSignature.verify_header", "stripe.params")
)


@dataclass(frozen=True)
class CallSite:
    """One call of the provider. ``name`` says where and what: `intents.capture: payment_intents.capture`."""

    file: Path
    function: str
    operation: str
    call: ast.Call

    @property
    def name(self) -> str:
        return f"{self.file.stem}.{self.function}: {self.operation}"


@cache
def call_sites() -> tuple[CallSite, ...]:
    """Every call of the provider in what is deployed."""
    return tuple(site for file in sorted(SOURCE.rglob("*.py")) for site in sites_in(file, file.read_text()))


def sites_in(file: Path, source: str) -> list[CallSite]:
    """The calls in one file. Raises ``AssertionError`` for a way of asking Stripe that would not be found."""
    tree = ast.parse(source)
    found = []
    reached = set()
    for function in _functions(tree):
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            path = _path_of(node.func)
            if path is None:
                continue
            found.append(CallSite(file, function.name, ".".join(path), node))
            reached.update(id(part) for part in ast.walk(node.func))
    _check_nothing_hides(file, tree, reached)
    return found


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """The outermost functions: a call in a lambda or an inner function belongs to the one that others call."""
    outer = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            outer.append(node)
        elif isinstance(node, ast.ClassDef):
            outer.extend(part for part in node.body if isinstance(part, ast.FunctionDef))
    return outer


def _path_of(func: ast.expr) -> tuple[str, ...] | None:
    """What stands behind `.v1` in `client.v1.payment_intents.create`."""
    names: list[str] = []
    while isinstance(func, ast.Attribute):
        if func.attr == "v1":
            return tuple(reversed(names)) or None
        names.append(func.attr)
        func = func.value
    return None


def _check_nothing_hides(file: Path, tree: ast.Module, reached: set[int]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("v1", "v2", "raw_request"):
            assert id(node) in reached, f"{file}:{node.lineno}: a part of Stripe's client that is kept or passed on"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.startswith("stripe.") and not _is_harmless(called):
                raise AssertionError(f"{file}:{node.lineno}: {called} is not called through the client")


def _is_harmless(called: str) -> bool:
    return called in _HARMLESS or called.endswith("Error")
