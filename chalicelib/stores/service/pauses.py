"""Pausing a store and ending that early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Contention, VersionConflict
from chalicelib.kernel.transaction import Transaction
from chalicelib.stores.model import PauseRequest, Store, pause, unpause
from chalicelib.stores.service.stores import get_store, write_change

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTEMPTS = 5


def pause_store(store_id: str, request: PauseRequest) -> Store:
    """Stop taking orders, or promise them later, until the pause ends by itself.

    Staff in a rush need no version for this: whatever else changed meanwhile is kept. Raises ``Invalid``,
    ``too_many_pauses`` or ``store_not_found``.
    """
    pause_id = ids.new_id("pau")
    return _apply(store_id, lambda store: pause(store, pause_id, request, clock.now())[0])


def end_pause(store_id: str, pause_id: str) -> Store:
    """End a pause before its time. Raises ``pause_not_found``, also when it has ended."""
    return _apply(store_id, lambda store: unpause(store, pause_id, clock.now()))


def _apply(store_id: str, change: Callable[[Store], Store]) -> Store:
    for _ in range(_ATTEMPTS):
        before = get_store(store_id)
        after = change(before)
        tx = Transaction()
        write_change(tx, before, after)
        try:
            tx.commit()
        except VersionConflict:
            continue
        return after
    raise Contention
