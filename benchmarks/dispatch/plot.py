"""Grouped bars as an SVG: small, without a library, readable in a browser and on GitHub."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = ("#1b6ca8", "#e08e0b", "#9aa5b1")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 960, 210, 48, 34, 34

Panel = tuple[str, "Sequence[tuple[str, Sequence[float]]]"]


def bars(panels: Sequence[Panel], names: Sequence[str]) -> str:
    """One panel below the other; in each a group of bars per row, one bar for each name."""
    body = []
    for number, name in enumerate(names):
        x = _LEFT + number * 160
        body.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{_COLOURS[number % 3]}"/>')
        body.append(f'<text x="{x + 18}" y="18">{escape(name)}</text>')
    for number, (title, rows) in enumerate(panels):
        body += _panel(title, rows, 30 + number * _HEIGHT)
    height = 30 + len(panels) * _HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'font-family="sans-serif" font-size="11">\n<rect width="{_WIDTH}" height="{height}" fill="white"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _panel(title: str, rows: Sequence[tuple[str, Sequence[float]]], top: int) -> list[str]:
    most = max((value for _, values in rows for value in values), default=0.0) or 1.0
    floor, tall = top + _HEIGHT - _BOTTOM, _HEIGHT - _TOP - _BOTTOM
    out = [
        f'<text x="{_LEFT}" y="{top + 20}" font-weight="bold">{escape(title)}</text>',
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - 8}" y2="{floor}" stroke="#555"/>',
        f'<text x="{_LEFT - 4}" y="{floor - tall + 4}" text-anchor="end">{most:.3g}</text>',
        f'<text x="{_LEFT - 4}" y="{floor}" text-anchor="end">0</text>',
    ]
    wide = (_WIDTH - _LEFT - 8) / max(1, len(rows))
    for number, (name, values) in enumerate(rows):
        x = _LEFT + number * wide
        bar = 0.8 * wide / max(1, len(values))
        for place, value in enumerate(values):
            height = tall * value / most
            left = x + 0.1 * wide + place * bar
            out.append(
                f'<rect x="{left:.1f}" y="{floor - height:.1f}" width="{bar * 0.92:.1f}" height="{height:.1f}" '
                f'fill="{_COLOURS[place % 3]}"/>'
            )
            out.append(
                f'<text x="{left + bar / 2:.1f}" y="{floor - height - 3:.1f}" text-anchor="middle" '
                f'font-size="8">{value:.2f}</text>'
            )
        out.append(f'<text x="{x + wide / 2:.1f}" y="{floor + 14}" text-anchor="middle">{escape(name)}</text>')
    return out
