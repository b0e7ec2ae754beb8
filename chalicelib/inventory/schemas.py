"""What the stock routes take and give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from chalicelib.kernel import clock

if TYPE_CHECKING:
    from datetime import datetime

_MOST = 1_000_000

Count = Annotated[
    int, Meta(ge=0, le=_MOST, description="What is left for new orders; reserved units are off it.", examples=[24])
]


class SetStock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The count as somebody has just taken it."""

    available: Count


class AdjustStock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery that came in (positive) or waste (negative)."""

    delta: Annotated[int, Meta(ge=-_MOST, le=_MOST, examples=[12])]


class StockView(msgspec.Struct, frozen=True, kw_only=True):
    """The stock of one SKU."""

    sku: str
    available: int
    counted_at: Annotated[str | None, Meta(description="When the staff last stated or changed the number.")]


class AdjustedStock(msgspec.Struct, frozen=True, kw_only=True):
    """What was added, and what is left now."""

    sku: str
    delta: int
    available: int | None


class StockPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a store's stock, by SKU."""

    items: list[StockView]
    next_cursor: str | None


def view_of(sku: str, available: int, counted_at: datetime | None) -> StockView:
    """Stock for the API."""
    return StockView(sku=sku, available=available, counted_at=None if counted_at is None else clock.rfc3339(counted_at))
