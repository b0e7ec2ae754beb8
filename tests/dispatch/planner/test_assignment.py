"""The sparse assignment finds what trying everything finds."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dispatch.planner.assignment import HOLD, assign

COLUMNS = 4
ROW = st.dictionaries(st.integers(0, COLUMNS - 1), st.integers(0, 50).map(float), max_size=COLUMNS)


@given(st.lists(st.tuples(ROW, st.integers(0, 60).map(float)), max_size=5))
@settings(max_examples=150, deadline=None)
def test_no_other_assignment_costs_less(rows: list[tuple[dict[int, float], float]]) -> None:
    options = [{**row, HOLD: hold} for row, hold in rows]
    chosen = assign([list(row.items()) for row, _ in rows], [hold for _, hold in rows], COLUMNS)

    taken = [column for column in chosen if column != HOLD]
    assert len(set(taken)) == len(taken)
    cost = sum(each[column] for each, column in zip(options, chosen, strict=True))
    assert cost == min(
        sum(each[column] for each, column in zip(options, choice, strict=True))
        for choice in product(*options)
        if len([c for c in choice if c != HOLD]) == len({c for c in choice if c != HOLD})
    )


def test_a_row_holds_when_its_only_column_is_dearer_than_waiting() -> None:
    assert assign([[(0, 9.0)], [(0, 3.0)]], [4.0, 8.0], 1) == [HOLD, 0]
