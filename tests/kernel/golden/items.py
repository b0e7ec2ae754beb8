"""Every shape that an item has had: a file for each kind, its latest shape last."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import msgspec

from chalicelib.kernel import clock, schema, tables
from tests.kernel.golden import kinds
from tests.kernel.golden.samples import AT

DIRECTORY = Path(__file__).parent / "items"

Json = dict[str, Any]


def every_kind() -> dict[str, kinds.Item]:
    """The kinds of items by name, and the rows that none of them has, each by its own name."""
    found = kinds.every_kind()
    with clock.freeze(AT):
        known = {type(item.make()) for item in found.values()}
    for row in _rows(tables.Row):
        if row not in known and row.__module__.startswith("chalicelib."):
            found[row.__name__] = _as_it_lies(row)
    return dict(sorted(found.items()))


def _rows(base: type[tables.Row]) -> list[type[tables.Row]]:
    return [each for below in base.__subclasses__() for each in (below, *_rows(below))]


def _as_it_lies(row: type[tables.Row]) -> kinds.Item:
    def read(read: tables.Row) -> Json:
        return {name: value for name in read.get_attributes() if (value := getattr(read, name)) is not None}

    return kinds.Item(lambda: kinds.bare(row), read)


def kept(name: str) -> list[Json]:
    """The shapes that this kind has had, oldest first."""
    path = DIRECTORY / f"{name}.json"
    return list(json.loads(path.read_text())) if path.exists() else []


def as_it_is(kind: kinds.Item) -> Json:
    """The kind's shape now: an item of it as it is stored, its documents unpacked."""
    with clock.freeze(AT):
        row = kind.make()
    stored = {name: _readable(value) for name, value in sorted(row.serialize().items())}
    return {"schema": schema.current(type(row)), "item": stored}


def read(kind: kinds.Item, entry: Json) -> Any:
    """What is read today in an item that was kept."""
    with clock.freeze(AT):
        row = type(kind.make())
    told = kind.read(row.from_raw_data({name: _stored(value) for name, value in entry["item"].items()}))
    return json.loads(json.dumps(msgspec.to_builtins(told, str_keys=True, enc_hook=str, order="sorted")))


def add_what_is_new() -> list[str]:
    """Add shapes that no file has yet, and say of all what they are read as now."""
    added = []
    for name, kind in every_kind().items():
        found = kept(name)
        fresh = as_it_is(kind)
        if not found or {key: found[-1][key] for key in fresh} != fresh:
            found.append(fresh)
            added.append(name)
        for entry in found:
            entry["read_as"] = read(kind, entry)
        text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
        path = DIRECTORY / f"{name}.json"
        if not path.exists() or path.read_text() != text:
            DIRECTORY.mkdir(exist_ok=True)
            path.write_text(text)
    return added


def _readable(value: dict[str, Any]) -> dict[str, Any]:
    """A stored value for a file: a document by what it says, other bytes in base64."""
    if "B" not in value:
        return value
    try:
        return {"Z": json.loads(zlib.decompress(value["B"]))}
    except (zlib.error, ValueError):
        return {"B": base64.b64encode(value["B"]).decode()}


def _stored(value: dict[str, Any]) -> dict[str, Any]:
    if "Z" in value:
        return {"B": zlib.compress(json.dumps(value["Z"], separators=(",", ":"), ensure_ascii=False).encode(), 9)}
    return {"B": base64.b64decode(value["B"])} if "B" in value else value
