"""Why a rider was asked: what the offer costs term by term, and who would have been asked otherwise.

It rides along on the delivery's timeline as part of the offer's line, so that it costs no write of its own.
"""

from __future__ import annotations

import re

import msgspec

# The planner's terms by letter; whole seconds of one customer's waiting.
TERMS = {
    "l": "lateness",
    "o": "overdue",
    "a": "approach",
    "i": "idle",
    "w": "work",
    "p": "pay",
    "d": "doubt",
    "c": "cover",
}
_LETTERS = {name: letter for letter, name in TERMS.items()}
_TERM = re.compile(r"([a-z])(-?\d+)")


class Decision(msgspec.Struct, frozen=True):
    """One offer explained. ``terms`` are seconds, those of nought left out; ``extra`` is what the runner-up costs more.

    ``together`` is how many deliveries the offer was for.
    """

    terms: dict[str, int]
    runner_up: str | None = None
    extra: int | None = None
    together: int = 1

    @property
    def total(self) -> int:
        """What was compared."""
        return sum(self.terms.values())


def decision(terms: dict[str, float], runner_up: str | None, extra: float | None, together: int = 1) -> Decision:
    """An explanation of whole seconds."""
    whole = {name: round(value) for name, value in terms.items() if name in _LETTERS}
    return Decision(
        {name: value for name, value in whole.items() if value},
        runner_up,
        None if runner_up is None or extra is None else round(extra),
        together,
    )


def written(made: Decision) -> str:
    """The terms as they are kept: ``a95l310``, then how many were offered together and by how much it was the best."""
    terms = "".join(f"{_LETTERS[name]}{value}" for name, value in sorted(made.terms.items()))
    return f"{terms},{made.together},{'' if made.extra is None else made.extra}"


def read(kept: str, runner_up: str | None) -> Decision:
    """The explanation that was kept."""
    terms, together, extra = kept.split(",")
    return Decision(
        {TERMS[letter]: int(value) for letter, value in _TERM.findall(terms)},
        runner_up,
        int(extra) if extra else None,
        int(together),
    )
