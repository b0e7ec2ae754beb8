"""Reading deliveries and riders, and writing what changed of them on the condition that nothing else did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dispatch.service.counting import count_change
from chalicelib.dispatch.tables import (
    STATE,
    DeliveryRow,
    RiderRow,
    changes,
    delivery_of,
    rider_changes,
    rider_of,
    rider_pk,
)
from chalicelib.kernel import ids, tables
from chalicelib.kernel.errors import DomainError, NotFound, VersionConflict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.dispatch.model.delivery import Delivery
    from chalicelib.dispatch.model.rider import Rider
    from chalicelib.kernel.transaction import Transaction


def delivery_ref_by_id(delivery_id: str) -> tables.Ref[Delivery | None]:
    """Where a delivery is read."""
    return tables.Ref(DeliveryRow, delivery_id, STATE, delivery_of)


def rider_ref(rider_id: str) -> tables.Ref[Rider | None]:
    """Where a rider is read."""
    return tables.Ref(RiderRow, rider_pk(rider_id), STATE, rider_of)


def read_delivery(delivery_id: str, *, consistent: bool = True) -> Delivery:
    """The delivery. Raises ``NotFound``."""
    row = tables.get(DeliveryRow, delivery_id, STATE, consistent=consistent) if ids.is_id(delivery_id, "dlv") else None
    delivery = delivery_of(row)
    if delivery is None:
        raise NotFound("delivery", delivery_id)
    return delivery


def read_deliveries(delivery_ids: Iterable[str], *, consistent: bool = True) -> dict[str, Delivery | None]:
    """Deliveries by id, in one request; none at all for none."""
    wanted = list(dict.fromkeys(delivery_ids))
    if not wanted:
        return {}
    found = tables.fetch(*(delivery_ref_by_id(each) for each in wanted), consistent=consistent)
    return dict(zip(wanted, found, strict=True))


def read_rider(rider_id: str) -> Rider:
    """The rider. Raises ``NotFound``."""
    rider = rider_of(tables.get(RiderRow, rider_pk(rider_id), STATE))
    if rider is None:
        raise NotFound("rider", rider_id)
    return rider


class NotRegistered(DomainError):
    """403: the caller has a rider's token and no profile here yet."""

    def __init__(self) -> None:
        super().__init__("rider_not_registered", "Save your profile first: `PUT /v1/rider/profile`.", status=403)


def read_own_rider(rider_id: str) -> Rider:
    """The rider who is calling. Raises ``NotRegistered``."""
    rider = rider_of(tables.get(RiderRow, rider_pk(rider_id), STATE))
    if rider is None:
        raise NotRegistered
    return rider


def write_delivery(tx: Transaction, before: Delivery, after: Delivery) -> None:
    """Make ``after`` of ``before``, unless somebody else changed it."""
    tx.update(
        DeliveryRow,
        before.id,
        STATE,
        actions=changes(before, after),
        condition=DeliveryRow.version == before.version,
        error=VersionConflict("delivery", before.id),
    )
    count_change(tx, before, after)


def write_rider(tx: Transaction, before: Rider, after: Rider, error: DomainError | None = None) -> None:
    """Make ``after`` of ``before``, unless somebody else changed it."""
    tx.update(
        RiderRow,
        rider_pk(before.id),
        STATE,
        actions=rider_changes(before, after),
        condition=RiderRow.version == before.version,
        error=error or VersionConflict("rider", before.id),
    )
