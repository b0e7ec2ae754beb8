"""What an event looks like on its way: in the outbox, on the bus, in a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in the past tense, or a timer (``…Due``, ``…Reached``). The class name is its type on the bus.

    ``version`` counts the changes of its shape that a reader has to know of (``kernel.upcasting``).
    """

    version: ClassVar[int] = 1


class Envelope(msgspec.Struct, frozen=True):
    """An event on its way. ``due`` is None for what holds now; ``trace`` follows the request that began it all."""

    id: str
    type: str
    version: int
    at: str
    data: Mapping[str, Any]
    trace: str | None = None
    due: str | None = None


class Meta(msgspec.Struct, frozen=True):
    """What a reaction may know about the delivery of its event."""

    event_id: str
    at: datetime
    trace_id: str | None


def of_json(kept: Mapping[str, Any]) -> Envelope:
    """The envelope that was stored or sent; what a newer release says besides is ignored."""
    return Envelope(**{name: kept[name] for name in Envelope.__struct_fields__ if name in kept})


def to_json(entry: Envelope) -> dict[str, Any]:
    """The envelope as it is stored and sent; what is absent is left out."""
    return {key: value for key, value in msgspec.structs.asdict(entry).items() if value is not None}
