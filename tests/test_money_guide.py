"""docs/money.md has the figures of a run, and its sums are right."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel.money import round_half_up
from tests import money_guide
from tests.ordering.conftest import sandbox, stripe  # noqa: F401 (fixtures)

if TYPE_CHECKING:
    from tests.ordering.world import Stripe

PAGE = Path(__file__).parents[1] / "docs" / "money.md"
_BLOCK = re.compile(r"<!-- run: ([a-z_]+) -->\n(.*?)\n?<!-- end -->", re.DOTALL)


@pytest.fixture
def run(dynamodb: Any, stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> money_guide.Run:  # noqa: F811
    return money_guide.Play(stripe, monkeypatch).run()


def test_the_page_has_the_figures_of_a_run(run: money_guide.Run) -> None:
    page = PAGE.read_text()
    found = money_guide.figures(run)
    if os.environ.get("MONEY_GUIDE") == "write":
        page = _BLOCK.sub(lambda block: f"<!-- run: {block[1]} -->\n{found[block[1]]}\n<!-- end -->", page)
        PAGE.write_text(page)
    told = {block[1]: block[2] for block in _BLOCK.finditer(page)}
    assert told == found


def test_every_sum_of_the_page_is_right() -> None:
    """`23.00 × 7 ÷ 107 = 1.50`: what is written as a sum in the page is computed, and rounded half up to the cent."""
    sums = re.findall(r"`([-0-9.,×÷+() ]+) = (-?[0-9.]+)`", PAGE.read_text())
    assert len(sums) >= 12
    for written, result in sums:
        assert _cents(_computed(written)) == _cents(Fraction(result)), written


def test_the_amounts_of_the_sums_are_figures_of_the_run(run: money_guide.Run) -> None:
    figures = " ".join(money_guide.figures(run).values())
    for _, result in re.findall(r"`([-0-9.,×÷+() ]+) = (-?[0-9.]+)`", PAGE.read_text()):
        assert result.lstrip("-") in figures, result


def _computed(written: str) -> Fraction:
    """A sum of amounts, by precedence, exactly."""
    exact = re.sub(r"[0-9]+(?:\.[0-9]+)?", lambda number: f"Fraction('{number[0]}')", written)
    assert re.fullmatch(r"(?:Fraction\('[0-9.]+'\)|[-+×÷() ])+", exact)
    value: Fraction = eval(exact.replace("×", "*").replace("÷", "/"), {"Fraction": Fraction})  # noqa: S307 (checked above)
    return value


def _cents(amount: Fraction) -> int:
    return round_half_up(amount * 100)
