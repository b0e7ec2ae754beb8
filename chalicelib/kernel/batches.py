"""Reactions to many events at once, where together they cost less than one after the other.

    @batches.on(SaleRecorded, queue="invoices")
    def issue(recorded: Sequence[SaleRecorded]) -> None: …

A batch that fails is tried message by message: one that can't be handled does not hold up the others.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.kernel import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=events.Event)
_batches: dict[str, tuple[type[events.Event], Callable[[Sequence[Any]], None]]] = {}


def on(event_type: type[E], *, queue: str) -> Callable[[Callable[[Sequence[E]], None]], Callable[[Sequence[E]], None]]:
    """Declare what is done with all events of a queue, which has this one type of event."""

    def register(reaction: Callable[[Sequence[E]], None]) -> Callable[[Sequence[E]], None]:
        def alone(event: E, _meta: events.Meta) -> None:
            reaction([event])

        events.on(event_type, queue=queue)(alone)
        _batches[queue] = (event_type, reaction)
        return reaction

    return register


def consume(queue: str, messages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Hand a batch of queue messages to their reaction; answers with the ones to be delivered again."""
    batch = list(messages)
    if len(batch) > 1:
        event_type, reaction = _batches[queue]
        try:
            entries = [events.of_json(json.loads(each["body"])["detail"]) for each in batch]
            reaction([events.event_of(entry, event_type) for entry in entries])
        except Exception:
            logger.warning("batch failed: one by one", extra={"queue": queue, "count": len(batch)}, exc_info=True)
        else:
            logger.info("reacted", extra={"queue": queue, "count": len(batch)})
            return {"batchItemFailures": []}
    return events.consume(queue, batch)
