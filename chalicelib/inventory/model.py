"""What is in stock: the count that can still be sold of one SKU in one store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel.errors import DomainError, Violation

if TYPE_CHECKING:
    from datetime import datetime


class Stock(msgspec.Struct, frozen=True):
    """`available` is what is left for new orders: what open orders have reserved is already taken off.

    `counted_at` is when the staff last stated the number.
    """

    store_id: str
    sku: str
    available: int
    counted_at: datetime | None = None


def out_of_stock(sku: str, requested: int, available: int, pointer: str) -> DomainError:
    """The refusal of a reservation: how many were asked for and how many there are."""
    detail = f"{requested} × {sku} asked for, {available} left." if available else f"{sku} is sold out."
    figures = {"sku": sku, "requested": requested, "available": available}
    violation = Violation("out_of_stock", pointer, detail, figures)
    return DomainError("out_of_stock", "Not everything is in stock any more.", violations=[violation])
