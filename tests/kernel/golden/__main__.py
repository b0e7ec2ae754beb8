"""Adds what is new: `python -m tests.kernel.golden`."""

from __future__ import annotations

import sys

import tests.conftest  # noqa: F401  (the environment, before any model is imported)
from tests.kernel.golden import events, items

if __name__ == "__main__":
    for name in events.add_what_is_new():
        print(f"event {name}", file=sys.stderr)
    for name in items.add_what_is_new():
        print(f"item {name}", file=sys.stderr)
