"""Every shape that an event type has had: a file for each type, its latest shape last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from chalicelib.kernel import event_types
from chalicelib.kernel.envelopes import Envelope, Event
from chalicelib.kernel.events import event_of
from tests.kernel.golden.samples import Samples, shape

DIRECTORY = Path(__file__).parent / "events"

Json = dict[str, Any]


def every_type() -> list[type[Event]]:
    """The events of the catalogue."""
    found = [kind for kind in vars(event_types).values() if isinstance(kind, type) and issubclass(kind, Event)]
    return sorted((kind for kind in found if kind is not Event), key=lambda kind: kind.__name__)


def kept(name: str) -> list[Json]:
    """The shapes that this type has had, oldest first."""
    path = DIRECTORY / f"{name}.json"
    return list(json.loads(path.read_text())) if path.exists() else []


def as_it_is(kind: type[Event]) -> Json:
    """The type's shape now, and an event of it as it is sent."""
    return {
        "version": kind.version,
        "fields": shape(kind),
        "data": json.loads(msgspec.json.encode(Samples().of(kind))),
    }


def read(kind: type[Event], entry: Json) -> Json:
    """What a kept event is read as today."""
    envelope = Envelope(
        id="evt_1", type=kind.__name__, version=entry["version"], at="2026-03-04T18:30:15.250Z", data=entry["data"]
    )
    return dict(json.loads(msgspec.json.encode(event_of(envelope, kind))))


def add_what_is_new() -> list[str]:
    """Add shapes that no file has yet, and say of superseded ones what they are read as now."""
    added = []
    for kind in every_type():
        name, found = kind.__name__, kept(kind.__name__)
        fresh = as_it_is(kind)
        if not found or {key: found[-1][key] for key in fresh} != fresh:
            found.append(fresh)
            added.append(name)
        for entry in found[:-1]:
            # Another shape may have come since: what was said then is brought up to it, not left wrong.
            entry["read_as"] = read(kind, entry)
        text = json.dumps(found, indent=2) + "\n"
        path = DIRECTORY / f"{name}.json"
        if not path.exists() or path.read_text() != text:
            DIRECTORY.mkdir(exist_ok=True)
            path.write_text(text)
    return added
