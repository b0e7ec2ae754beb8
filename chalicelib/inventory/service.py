"""Counting stock: staff state it, orders reserve and release it."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.inventory.model import Stock, out_of_stock
from chalicelib.inventory.tables import StockRow, pk, sk, to_stock
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, DomainError, NotFound, VersionConflict
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.idempotency import IdempotencyKey

__all__ = [
    "Stock",
    "adjust_stock",
    "get_stock",
    "list_stock",
    "release",
    "reserve",
    "set_stock",
    "stock_levels",
    "stock_ref",
]

_LEVELS_LIFE = 5.0
_levels: dict[str, tuple[float, Mapping[str, int]]] = {}
_levels_lock = threading.Lock()


def stock_ref(store_id: str, sku: str) -> tables.Ref[int | None]:
    """How many of the SKU are left; None when nobody has ever counted it. 1 read unit, consistent."""
    return tables.Ref(StockRow, pk(store_id), sk(sku), lambda row: None if row is None else to_stock(row).available)


def get_stock(store_id: str, sku: str) -> Stock:
    """The stock of one SKU. Raises ``stock_not_found`` when it was never counted."""
    row = tables.get(StockRow, pk(store_id), sk(sku))
    if row is None:
        raise NotFound("stock", sku)
    return to_stock(row)


def list_stock(store_id: str, *, limit: int, cursor_key: Mapping[str, Any] | None = None) -> tables.Page[Stock]:
    """A page of the store's stock, by SKU."""
    page = tables.query(StockRow, pk(store_id), StockRow.sk.startswith(sk("")), limit=limit, cursor_key=cursor_key)
    return tables.Page([to_stock(row) for row in page.items], page.next_key)


def stock_levels(store_id: str) -> Mapping[str, int]:
    """What is left of every SKU that the store counts: for display, up to five seconds old.

    0.5 read units for each 40 SKUs or so, at most once in five seconds and process.
    """
    now = time.monotonic()
    with _levels_lock:
        held = _levels.get(store_id)
    if held is not None and now - held[0] < _LEVELS_LIFE:
        return held[1]
    levels: dict[str, int] = {}
    cursor_key: Mapping[str, Any] | None = None
    while True:
        page = list_stock(store_id, limit=2000, cursor_key=cursor_key)
        levels.update({stock.sku: stock.available for stock in page.items})
        cursor_key = page.next_key
        if cursor_key is None:
            break
    with _levels_lock:
        if len(_levels) > 1000:
            _levels.clear()
        _levels[store_id] = (now, levels)
    return levels


def set_stock(store_id: str, sku: str, available: int, *, expected: int | None = None) -> Stock:
    """State how many are left for new orders; the SKU is counted from then on.

    With ``expected`` only if that many were left before (``version_conflict`` otherwise). Without it the count
    replaces whatever was there: somebody has looked into the fridge, and that is the truth.
    """
    now = clock.now()
    tx = Transaction()
    tx.put(
        StockRow(pk=pk(store_id), sk=sk(sku), available=available, counted_at=clock.epoch_ms(now)),
        condition=None if expected is None else StockRow.available == expected,
        error=VersionConflict("stock", sku),
    )
    tx.commit()
    _forget_levels(store_id)
    return Stock(store_id, sku, available, now)


def adjust_stock(store_id: str, sku: str, delta: int, key: IdempotencyKey) -> tuple[str, int]:
    """Add to the count, or take from it, beside orders that reserve at the same time.

    Gives back the SKU and what was added. Raises ``stock_not_found`` for a SKU that was never counted and
    ``stock_below_zero`` when more would be taken than is left.
    """
    tx = Transaction()
    tx.update(
        StockRow,
        pk(store_id),
        sk(sku),
        actions=[StockRow.available.add(delta), StockRow.counted_at.set(clock.epoch_ms(clock.now()))],
        condition=StockRow.available >= max(0, -delta),
        error=partial(_refuse_adjustment, sku, delta),
    )
    adjusted = (sku, delta)
    tx.remember(key, adjusted)
    tx.commit()
    _forget_levels(store_id)
    return adjusted


def reserve(
    tx: Transaction,
    store_id: str,
    quantities: Mapping[str, int],
    pointers: Mapping[str, str] | None = None,
) -> None:
    """Take these quantities of counted SKUs off the stock in the caller's transaction.

    The transaction fails with ``out_of_stock`` (409) and a violation for each SKU that is short: ``params`` hold
    ``sku``, ``requested`` and ``available``, ``pointer`` is the one given for the SKU in ``pointers`` or "/lines".
    A counted SKU whose stock nobody has stated is sold out. 2 write units a SKU.
    """
    for sku, quantity in quantities.items():
        if quantity < 1:
            raise ValueError(f"can't reserve {quantity} of {sku}")
        tx.update(
            StockRow,
            pk(store_id),
            sk(sku),
            actions=[StockRow.available.add(-quantity)],
            condition=StockRow.available >= quantity,
            error=partial(_refuse_reservation, sku, quantity, (pointers or {}).get(sku, "/lines")),
        )


def release(tx: Transaction, store_id: str, quantities: Mapping[str, int]) -> None:
    """Put reserved quantities back on the stock in the caller's transaction. 2 write units a SKU."""
    for sku, quantity in quantities.items():
        if quantity < 1:
            raise ValueError(f"can't release {quantity} of {sku}")
        # Always true: an order's exit must not fail for its stock. What guards against releasing twice is the
        # order's own condition, in the same transaction.
        tx.update(
            StockRow,
            pk(store_id),
            sk(sku),
            actions=[StockRow.available.add(quantity)],
            condition=StockRow.pk.does_not_exist() | (StockRow.available >= 0),
        )


def _refuse_reservation(sku: str, quantity: int, pointer: str, held: Mapping[str, Any] | None) -> DomainError:
    return out_of_stock(sku, quantity, int(held["available"]) if held else 0, pointer)


def _refuse_adjustment(sku: str, delta: int, held: Mapping[str, Any] | None) -> DomainError:
    if held is None:
        return NotFound("stock", sku)
    left = int(held["available"])
    return Conflict("stock_below_zero", f"{-delta} × {sku} can't be taken off: {left} left.")


def _forget_levels(store_id: str) -> None:
    with _levels_lock:
        _levels.pop(store_id, None)
