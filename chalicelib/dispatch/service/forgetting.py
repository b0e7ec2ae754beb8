"""What dispatch keeps of a customer: to hand out to them, and to forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import Brief, Delivery, delivery_id
from chalicelib.dispatch.service.records import delivery_ref_by_id
from chalicelib.dispatch.tables import BRIEF, STATE, BriefRow, DeliveryRow, brief_of, changes
from chalicelib.dispatch.tables.deliveries import packed_brief
from chalicelib.kernel import tables
from chalicelib.kernel.errors import VersionConflict
from chalicelib.kernel.geo import Point
from chalicelib.kernel.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

# Two decimals of a degree: some 1.1 km from north to south. A district remains, for figures about deliveries.
COARSE_DECIMALS: Final = 2


def coarse(point: Point) -> Point:
    """A place so coarse that no door is found by it."""
    return Point(round(point.lat, COARSE_DECIMALS), round(point.lng, COARSE_DECIMALS))


def deliveries_with_briefs(order_ids: Sequence[str]) -> dict[str, Delivery]:
    """The deliveries of orders, with what their riders were told; orders without one are not in it. One request."""
    if not order_ids:
        return {}
    refs = [(delivery_ref_by_id(delivery_id(each)), _brief_ref(delivery_id(each))) for each in order_ids]
    found = tables.fetch(*(ref for pair in refs for ref in pair))
    told = {}
    for order_id, delivery, brief in zip(order_ids, found[::2], found[1::2], strict=True):
        if delivery is not None:
            told[order_id] = replace(delivery, brief=delivery.brief or brief)
    return told


def forget_customer(order_id: str) -> None:
    """Take the customer out of an order's delivery that has ended: door, name, phone, note, PIN and photo.

    Who brought it when, and for what reasons it changed hands, remains. Done before: nothing is written. Two requests.
    """
    identifier = delivery_id(order_id)
    delivery, apart = tables.fetch(delivery_ref_by_id(identifier), _brief_ref(identifier))
    if delivery is None:
        return
    kept = (delivery.brief or apart or Brief()).without_customer()
    after = replace(
        delivery,
        dropoff_point=coarse(delivery.dropoff_point),
        pin=None,
        photo=None,
        photo_hash=None,
        brief=kept,
    )
    if after == delivery:
        return
    # A long brief is an item of its own; what remains of it is short, and lies in the delivery's.
    actions = changes(delivery, replace(after, version=delivery.version + 1))
    tx = Transaction()
    tx.update(
        DeliveryRow,
        delivery.id,
        STATE,
        actions=[*actions, DeliveryRow.brief.set(packed_brief(kept))],
        condition=DeliveryRow.version == delivery.version,
        error=VersionConflict("delivery", delivery.id),
    )
    if apart is not None:
        tx.delete(BriefRow, delivery.id, BRIEF, condition=BriefRow.pk.exists())
    tx.commit()


def _brief_ref(identifier: str) -> tables.Ref[Brief | None]:
    return tables.Ref(BriefRow, identifier, BRIEF, brief_of)
