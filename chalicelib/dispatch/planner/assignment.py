"""Min-cost assignment on a sparse graph by shortest augmenting paths: exact, pure Python, no dense matrix.

Each row (a trip) takes one column (a rider) or its own alternative ("hold"), each column serves one row at most. The
method is that of Jonker and Volgenant with Dijkstra's search over the candidates that exist.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HOLD = -1


def assign(rows: Sequence[Sequence[tuple[int, float]]], hold: Sequence[float], columns: int) -> list[int]:
    """The column of each row, or ``HOLD``, with the least sum of costs.

    ``rows`` are the candidates (column, cost) of each row, a column at most once; ``hold`` is what a row costs that
    takes none.
    """
    options = [[*row, (columns + number, hold[number])] for number, row in enumerate(rows)]
    duals = [0.0] * (columns + len(rows))
    row_of = [-1] * (columns + len(rows))
    column_of = [-1] * len(rows)
    cost_of = [0.0] * len(rows)
    for row in range(len(rows)):
        _augment(row, options, duals, row_of, column_of, cost_of)
    return [column if column < columns else HOLD for column in column_of]


def _augment(  # noqa: PLR0917  (the state of one search)
    start: int,
    options: Sequence[Sequence[tuple[int, float]]],
    duals: list[float],
    row_of: list[int],
    column_of: list[int],
    cost_of: list[float],
) -> None:
    """Give ``start`` a column along the cheapest chain of rows that move over."""
    best: dict[int, float] = {}
    came: dict[int, tuple[int, float]] = {}
    done: dict[int, float] = {}
    heap: list[tuple[float, int]] = []
    row, base = start, 0.0
    while True:
        for column, cost in options[row]:
            if column in done:
                continue
            length = base + cost - duals[column]
            known = best.get(column)
            if known is None or length < known:
                best[column] = length
                came[column] = (row, cost)
                heappush(heap, (length, column))
        length, column = heappop(heap)
        while column in done:
            length, column = heappop(heap)
        row = row_of[column]
        if row < 0:
            break
        done[column] = length
        base = length - (cost_of[row] - duals[column])
    for each, reached in done.items():
        duals[each] += reached - length
    while True:
        row, cost = came[column]
        previous = column_of[row]
        row_of[column], column_of[row], cost_of[row] = row, column, cost
        if row == start:
            return
        column = previous
