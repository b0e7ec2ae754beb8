"""Stock at rest: one item for each store and SKU, about 100 bytes.

========================  ======================  =====================================================
Access                    Key                     Cost
========================  ======================  =====================================================
stock of a SKU            STO#<store>, SKU#<sku>  1 read unit, in the caller's batch
reserve, release          the same                2 write units in a transaction, conditioned on the count
all stock of a store      query STO#<store>       0.5 read units for each 40 SKUs, ordered by SKU
========================  ======================  =====================================================

A store's SKUs share a partition, so that its stock is listed with one query and without an index to write to.
That carries 500 reservations a second for one store (1,000 write units a partition, 2 each), some twenty times
a large dark store at its peak; DynamoDB splits a collection that stays hotter than that between sort keys. One
item takes the same 500, so the hottest single SKU is the limit in any layout.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute

from chalicelib.inventory.model import Stock
from chalicelib.kernel import clock, tables

_SKU = "SKU#"


class StockRow(tables.Row):
    """``pk`` STO#<store id>, ``sk`` SKU#<sku>."""

    class Meta(tables.Meta):
        context = "inventory"

    available = NumberAttribute(default=0)
    counted_at = NumberAttribute(null=True)


def pk(store_id: str) -> str:
    """The partition of a store's stock."""
    return f"STO#{store_id}"


def sk(sku: str) -> str:
    """The sort key of a SKU."""
    return _SKU + sku


def to_stock(row: StockRow) -> Stock:
    """The stock that an item keeps."""
    counted_at = clock.from_epoch_ms(int(row.counted_at)) if row.counted_at else None
    return Stock(row.pk.removeprefix("STO#"), row.sk.removeprefix(_SKU), int(row.available or 0), counted_at)
