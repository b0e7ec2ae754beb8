"""The documentation says what the code does: error codes, routes, tables, links, commands; and the guide can be run."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra import resources
from tests import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = DOCS / "api.md"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])

# The classes of `kernel.errors` whose first argument is a code, and the status that they mean unless told otherwise.
STATUS_OF = {"DomainError": 409, "Conflict": 409, "Unavailable": 503}
# What the classes of `kernel.errors` with a code of their own answer.
FIXED = {
    "unauthenticated": 401,
    "forbidden": 403,
    "version_conflict": 412,
    "validation_failed": 422,
    "contention": 503,
}
# Codes that a variable carries, which reading the source does not tell apart.
CARRIED = {"cash_collected_required", "cash_amount_differs"}


# --- error codes ------------------------------------------------------------------------------------------------------


@dataclass
class Codes:
    """Every code in the source: those of answers with their statuses, those of violations, and what was not read."""

    problems: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    violations: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)


class Reader(ast.NodeVisitor):
    """Reads the codes of one module. A function that hands a parameter on as a code makes codes itself."""

    def __init__(self, module: ast.Module, constants: dict[str, str], codes: Codes, place: str) -> None:
        self._status_of = STATUS_OF | {
            node.name: STATUS_OF[base]
            for node in ast.walk(module)
            if isinstance(node, ast.ClassDef)
            for base in map(_name, node.bases)
            if base in STATUS_OF
        }
        self._constants = constants
        self._codes = codes
        self._place = place
        self._functions: list[ast.FunctionDef] = []
        self._makers = dict(self._find_makers(module))

    @staticmethod
    def _find_makers(module: ast.Module) -> Iterator[tuple[str, tuple[int, str]]]:
        for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            parameters = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                name = _name(call.func)
                if name in {*STATUS_OF, "Violation"} and call.args and _name(call.args[0]) in parameters:
                    yield function.name, (parameters.index(_name(call.args[0])), name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._functions.append(node)
        self.generic_visit(node)
        self._functions.pop()

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        position, kind = self._makers.get(name, (0, name))
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "super().__init__":
            kind = "DomainError"
        if len(node.args) > position:
            if kind in ("Violation", "HoursError"):
                self._codes.violations.update(self._read(node, position))
            elif kind in self._status_of:
                for code in self._read(node, position):
                    self._codes.problems[code].add(_status(node, self._status_of[kind]))
            elif kind == "NotFound":
                for what in self._read(node, position):
                    self._codes.problems[f"{what}_not_found"].add(404)
        self.generic_visit(node)

    def _read(self, call: ast.Call, position: int) -> list[str]:
        found = self._values(call.args[position])
        handed_on = self._functions and self._functions[-1].name in self._makers
        if not found and not handed_on:
            self._codes.unread.append(f"{self._place}: {ast.unparse(call)}")
        return [each for each in found if re.fullmatch("[a-z0-9_]+", each)]

    def _values(self, node: ast.expr) -> list[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return self._values(node.body) + self._values(node.orelse)
        return [self._constants[name]] if (name := _name(node)) in self._constants else []


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _status(call: ast.Call, otherwise: int) -> int:
    told = [each.value for each in call.keywords if each.arg == "status"]
    return int(ast.literal_eval(told[0])) if told else otherwise


@cache
def codes_of_the_source() -> Codes:
    trees = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "chalicelib").rglob("*.py"))}
    constants: dict[str, str] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                constants[target.id] = value.value
    codes = Codes()
    for code, status in FIXED.items():
        codes.problems[code].add(status)
    for path, tree in trees.items():
        if path.name != "errors.py":
            Reader(tree, constants, codes, path.name).visit(tree)
    return codes


def told_codes() -> tuple[dict[str, set[int]], set[str]]:
    """The codes of the guide's tables: problems with their statuses, and violations."""
    problems, _, violations = GUIDE.read_text().partition("### Problems")[2].partition("### Violations")
    told: dict[str, set[int]] = defaultdict(set)
    for line in problems.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            for code in re.findall("`([a-z0-9_]+)`", cells[0]):
                told[code].add(int(cells[1]))
    for code in re.findall("`([a-z_]+_not_found)`", problems.partition("\n404: ")[2].partition("\n\n")[0]):
        told[code].add(404)
    never = problems.partition("**Never answered**")[2]
    told |= {code: set() for code in re.findall("`([a-z0-9_]+)`", never)}
    first_cells = [line.split("|")[1] for line in violations.splitlines() if line.startswith("| `")]
    return told, set(re.findall("`([a-z0-9_]+)`", " ".join(first_cells)))


def test_every_error_code_is_in_the_guide_with_its_status() -> None:
    codes, (told, _) = codes_of_the_source(), told_codes()
    missing = {code: statuses for code, statuses in codes.problems.items() if code not in told}
    assert not missing
    wrong = {code: (told[code], found) for code, found in codes.problems.items() if told[code] and told[code] != found}
    assert not wrong


def test_every_violation_is_in_the_guide() -> None:
    codes, (_, told) = codes_of_the_source(), told_codes()
    assert codes.violations | CARRIED <= told


def test_the_guide_tells_of_no_code_that_is_gone() -> None:
    codes, (told, violations) = codes_of_the_source(), told_codes()
    outside = {"route_not_found", "method_not_allowed", "sku_not_found"}  # the local gateway's, and an example
    assert set(told) <= {*codes.problems, *outside}
    assert violations <= codes.violations | CARRIED


def test_no_code_is_hidden_from_these_tests() -> None:
    # A code behind a variable is one that nobody can look up: name it in CARRIED, with the guide.
    known = (
        "error.code",
        "fault.code",
        "Violation(code, '/cash_collected'",
        "name.removesuffix",
        "AlreadyPosted(entry)",
    )
    assert [each for each in codes_of_the_source().unread if not any(form in each for form in known)] == []


# --- routes and tables ------------------------------------------------------------------------------------------------


def test_every_route_is_in_the_openapi_document() -> None:
    document = DOCS / "openapi.json"
    if not document.exists():
        pytest.skip("make openapi writes it")
    import app  # noqa: F401  (declares every route)
    from chalicelib.edge.route import ROUTES

    paths = json.loads(document.read_text())["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {(route.method, route.path) for route in ROUTES} <= told


def test_the_data_model_has_every_table_and_index() -> None:
    sections = dict(
        re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", (DOCS / "data-model.md").read_text(), re.MULTILINE | re.DOTALL)
    )
    assert set(resources.CONTEXTS) <= set(sections)
    template = resources.template()["Resources"]
    for context in resources.CONTEXTS:
        for index in template[resources.table_id(context)]["Properties"].get("GlobalSecondaryIndexes", ()):
            assert f"index `{index['IndexName']}`" in sections[context]


# --- links and commands -----------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{page.name} → {target}"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), f"{page.name} → {target}"


def test_the_index_names_every_page_and_decision() -> None:
    index = (DOCS / "README.md").read_text()
    pages = [each.relative_to(DOCS).as_posix() for each in DOCS.rglob("*.md") if each.name != "README.md"]
    assert [page for page in pages if f"({page})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for module in set(re.findall(r"python -m ((?:infra|benchmarks|chalicelib)[\w.]*)", text)):
        assert find_spec(module), module


# --- the guide, run ---------------------------------------------------------------------------------------------------


@pytest.mark.stack
@pytest.mark.slow
def test_the_guide_can_be_followed(tmp_path: Path) -> None:
    """Every request of the guide, in its order, on the demo's data: each has the answer's status that stands there."""
    from infra.local import demo
    from infra.local.actors import Cast
    from infra.local.demo import seeding

    told = re.findall(r"^```(sh|http)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join(text for kind, text in told if kind == "sh")
    expected = re.findall(r"^HTTP/1.1 (\d+)", "\n".join(text for kind, text in told if kind == "http"), re.MULTILINE)
    stack = stacks.started(tmp_path / "default")
    try:
        demo.seed(stack)
        seeding.begin_shifts(Cast(stack))
        tokens = {role.upper(): stack.token_for(role) for role in ("customer", "staff", "rider", "admin")}
        done = subprocess.run(
            ["bash", "-euc", _PREAMBLE + script],
            cwd=ROOT,
            env={
                **os.environ,
                **tokens,
                "API": stack.api_url,
                "STRIPE": stack.stripe_url,
                "DOORSTEP_LOCAL_DIR": str(tmp_path),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "TMPDIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        stack.stop()
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^HTTP/1.1 (\d+)", done.stdout, re.MULTILINE) == expected
    assert '"state":"captured"' in done.stdout


# What `make run` prints to be pasted; and a busy machine gets more time between two steps.
_PREAMBLE = """
J='Content-Type: application/json'
as() { echo "Authorization: Bearer $1"; }
sleep() { command sleep 3; }
"""
