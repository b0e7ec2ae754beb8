"""What msgspec knows about the application's types, made before there is more than one thread.

msgspec works a type out when it first meets it. Two threads that meet the same nested type at once can end the process
with a segmentation fault (seen with 0.22.0: the second reads what the first has half made). Lambda gives a process one
request at a time; the hosts here have threads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


def learn(package: str = "chalicelib") -> int:
    """Have msgspec work out every struct and dataclass of a package, as far as it is imported; how many it could."""
    learned = 0
    for kind in list(_types_of(package)):
        # Types that never come over a wire may have annotations that only a type checker can read.
        with contextlib.suppress(TypeError, NameError):
            msgspec.json.Decoder(kind)
            learned += 1
    return learned


def _types_of(package: str) -> Iterator[type[Any]]:
    for name, module in sorted(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == name and _is_record(value):
                    yield value


def _is_record(kind: type[Any]) -> bool:
    return issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind)
