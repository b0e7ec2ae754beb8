"""Preparation times: learned from what was marked ready, and expected of what is not."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Delivery
from chalicelib.dispatch.planner.prep import Preparation, PrepPolicy, PrepTimes, expected_ready_at, quantile_at
from chalicelib.dispatch.tables import preparation_ref, write_preparation
from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict, Contention
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

# An order that takes longer than all that is remembered is expected any moment, and its rider sent.
_FIGURES = PrepPolicy(overtime=60.0)
# Of a store that has marked fewer orders than this, what it says counts.
_KNOWN_FROM = 8
_LONGEST = timedelta(hours=6)  # what was marked later than this was forgotten, and tells nothing


def learn_preparation(delivery: Delivery) -> None:
    """Remember how long a delivery's order took, when its rider picks it up. A read and a plain write.

    It is a statistic: of two pick-ups at a store in the same moment one may be lost.
    """
    if delivery.marked_ready_at is None or not delivery.steps:
        return
    requested = delivery.steps[0].at
    took = delivery.marked_ready_at - requested
    if not timedelta() < took < _LONGEST:
        return
    (version, seen), *_ = tables.fetch(preparation_ref(delivery.store_id), consistent=False)
    happened = (round(took.total_seconds()), int(requested.timestamp()), delivery.load)
    tx = Transaction()
    write_preparation(tx, delivery.store_id, version, [*seen, happened][-_FIGURES.remembered :])
    try:
        tx.commit()
    except (Conflict, Contention):
        logger.info("a preparation time was not remembered", extra={"store_id": delivery.store_id})


def with_expected_times(deliveries: Sequence[Delivery], riders_free: int, now: datetime) -> list[Delivery]:
    """The deliveries with the times at which their orders are expected, by their stores' history. One request."""
    stores = sorted({each.store_id for each in deliveries if each.marked_ready_at is None})
    if not stores:
        return list(deliveries)
    found = tables.fetch(*(preparation_ref(each) for each in stores), consistent=False)
    history = {store: _times(seen) for store, (_, seen) in zip(stores, found, strict=True)}
    everywhere = PrepTimes([each for times in history.values() for each in times.seen][-_FIGURES.remembered_of_all :])
    quantile = quantile_at(len(deliveries), riders_free, _FIGURES)
    expected = []
    for each in deliveries:
        if each.marked_ready_at is not None:
            expected.append(each)
            continue
        ready_at = max(each.ready_at, now)
        if len(history[each.store_id].seen) >= _KNOWN_FROM:
            placed_at = (each.steps[0].at if each.steps else now).timestamp()
            at = expected_ready_at(
                now.timestamp(), placed_at, each.load, history[each.store_id], everywhere, _FIGURES, quantile
            )
            ready_at = datetime.fromtimestamp(round(at, 3), UTC)
        expected.append(replace(each, ready_at=ready_at))
    return expected


def _times(seen: Sequence[tuple[int, int, int]]) -> PrepTimes:
    return PrepTimes([Preparation(float(took), float(at), load) for took, at, load in seen])
