"""Older versions of events, read as what they would be today: one pure function for each step, all of them here.

An event that gets a field with a default stays what it is: who doesn't know the field ignores it. Everything else that
changes about it is a new ``version``, in two releases (docs/schema-life.md): the first knows the new version and reads
the old one as it, by a function here; only the second emits it. So whoever is still running knows what arrives.

    def _kept_became_a_reason(data: Data) -> Data:
        return {**data, "kept": "agreed" if data.get("kept") else ""}

    UPCASTERS = {("OrderEnded", 1): _kept_became_a_reason}

A step is removed when nothing of its version can arrive any more: the outbox keeps events for a week, dead letters wait
for two, the archive replays 90 days, and a timer waits until it is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.kernel.envelopes import Event

Data = Mapping[str, Any]
Upcaster = Callable[[Data], Data]

# By event type and the version that is read; what it returns is the next version.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}


class UnknownVersion(Exception):
    """This release can't read the event: its type or version is of a newer one, or of one long gone.

    The message stays on its queue, and goes to the dead letters after an hour: the release that knows it takes it from
    either.
    """

    def __init__(self, event_type: str, version: int, known: int | None) -> None:
        self.event_type = event_type
        self.version = version
        self.known = known

    def __str__(self) -> str:
        newest = "no version of it" if self.known is None else f"versions up to {self.known}"
        return f"{self.event_type} of version {self.version}: this release knows {newest}"


def as_of_today(event_type: type[Event], version: int, data: Data) -> Data:
    """An event's data of any version as its current one has it. Raises ``UnknownVersion``."""
    name = event_type.__name__
    if version > event_type.version:
        raise UnknownVersion(name, version, event_type.version)
    for each in range(version, event_type.version):
        step = UPCASTERS.get((name, each))
        if step is None:
            raise UnknownVersion(name, version, event_type.version)
        data = step(data)
    return data
