"""Every call of Stripe is checked against the SDK's own parameter types: what is no parameter fails mypy, at each."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.payments.call_sites import SOURCE, CallSite, call_sites, sites_in

if TYPE_CHECKING:
    from pathlib import Path

_WRONG = "no_such_parameter"


def mypy(cache: Path, *arguments: str) -> tuple[int, str]:
    """What mypy says, with the project's own settings."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache), "--no-error-summary", *arguments]
    done = subprocess.run(command, cwd=SOURCE.parent, capture_output=True, text=True, check=False, timeout=240)
    return done.returncode, done.stdout + done.stderr


def files() -> list[Path]:
    return sorted({site.file for site in call_sites()})


@pytest.fixture(scope="module")
def cache(request: pytest.FixtureRequest) -> Path:
    """Kept between runs: without it mypy reads the SDK's types for some ten seconds."""
    kept = request.config.cache.mkdir("mypy-provider")
    return kept if kept is not None else pytest.fail("pytest keeps no cache")


def test_a_wrong_parameter_fails_at_each_call(cache: Path, tmp_path: Path) -> None:
    shadows = []
    for file in files():
        shadow = tmp_path / f"{file.parent.name}_{file.name}"
        shadow.write_text(_made_wrong(file))
        shadows += ["--shadow-file", str(file), str(shadow)]

    _, told = mypy(cache, *shadows, *map(str, files()))

    lines = told.splitlines()
    missed = [site.name for site in call_sites() if not _is_told(site, lines)]
    assert missed == [], told


def test_as_they_are_they_pass(cache: Path) -> None:
    assert mypy(cache, "--follow-imports", "silent", *map(str, files())) == (0, "")


def test_nothing_hides_a_type() -> None:
    """No `Any`, cast or ignored error stands where a parameter is made."""
    for site in call_sites():
        text = site.file.read_text()
        assert "cast(" not in text, site.file
        assert "type: ignore" not in text, site.file
        for argument in [*site.call.args, *(keyword.value for keyword in site.call.keywords)]:
            assert not isinstance(argument, ast.Starred), site.name
        assert all(keyword.arg for keyword in site.call.keywords), f"{site.name}: `**` hides what is sent"


@pytest.mark.parametrize(
    "source",
    [
        "def a(c):\n    intents = c.v1.payment_intents\n    return intents.create({})\n",
        "def a(stripe):\n    return stripe.PaymentIntent.create(amount=1)\n",
        "def a(c):\n    return c.raw_request('post', '/v1/x')\n",
        "def a(c):\n    return use(c.v1)\n",
    ],
)
def test_a_call_that_would_not_be_found_is_told(source: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        sites_in(tmp_path / "x.py", source)


def _made_wrong(file: Path) -> str:
    """The file with a parameter too many in each of its calls; every line stays where it is."""
    lines = file.read_text().splitlines(keepends=True)
    own = [site for site in call_sites() if site.file == file]
    # From the end to the beginning, so that what is put in moves nothing that is still to be found.
    for site in sorted(own, key=lambda one: (one.call.lineno, one.call.col_offset, one.call.end_lineno), reverse=True):
        params = _params_of(site.call)
        if isinstance(params, ast.Dict):
            _insert(lines, params.lineno, params.col_offset + 1, f'"{_WRONG}": 1, ')
        elif params is not None:
            assert params.lineno == params.end_lineno, site.name
            row = lines[params.lineno - 1].encode()
            wrong = f'{{"{_WRONG}": 1}}'.encode()
            row = row[: params.col_offset] + wrong + row[params.end_col_offset :]
            lines[params.lineno - 1] = row.decode()
        else:
            _add_params(lines, site.call)
    return "".join(lines)


def _params_of(call: ast.Call) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == "params"), None)


def _add_params(lines: list[str], call: ast.Call) -> None:
    assert call.end_lineno is not None
    assert call.end_col_offset is not None
    last = lines[call.end_lineno - 1].encode()[: call.end_col_offset - 1].decode()
    before = ("".join(lines[: call.end_lineno - 1]) + last).rstrip()
    comma = "" if before.endswith((",", "(")) else ", "
    _insert(lines, call.end_lineno, call.end_col_offset - 1, f'{comma}params={{"{_WRONG}": 1}}')


def _insert(lines: list[str], line: int, column: int, text: str) -> None:
    row = lines[line - 1].encode()
    lines[line - 1] = (row[:column] + text.encode() + row[column:]).decode()


def _is_told(site: CallSite, lines: list[str]) -> bool:
    """Whether mypy complains within the call, and not only about what lies around it."""
    begin, end = site.call.lineno, site.call.end_lineno or site.call.lineno
    where = str(site.file.relative_to(SOURCE.parent))
    for line in lines:
        file, _, rest = line.partition(":")
        number, _, text = rest.partition(":")
        about = _WRONG in text or "incompatible type" in text
        if file == where and number.isdigit() and begin <= int(number) <= end and "error" in text and about:
            return True
    return False
