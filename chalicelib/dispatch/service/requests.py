"""What other contexts ask of dispatch, inside their own transactions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.dispatch.model.delivery import (
    BEFORE_PICKUP,
    Actor,
    Delivery,
    DeliveryRequest,
    Proof,
    Status,
    Step,
    delivery_id,
    open_delivery,
)
from chalicelib.dispatch.model.journey import refuse_cancel
from chalicelib.dispatch.model.search import first_looks, search_begins
from chalicelib.dispatch.service.policy import in_force
from chalicelib.dispatch.service.records import delivery_ref_by_id
from chalicelib.dispatch.tables import STATE, BriefRow, DeliveryRow, brief_row, delivery_row, step_line
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict, DomainError, NotFound
from chalicelib.kernel.event_types import DeliverySearchDue

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.kernel.money import Money
    from chalicelib.kernel.tables import Ref
    from chalicelib.kernel.transaction import Transaction

# Two timers fit into one outbox row when a queue's delay can carry both.
_QUEUE_DELAY_LIMIT = timedelta(minutes=15)


def request_delivery(tx: Transaction, request: DeliveryRequest) -> Delivery:
    """Open a delivery for an order and set the search for a rider going, with the caller's transaction."""
    if request.proof is Proof.PIN and not request.pin:
        raise ValueError("a delivery proven by PIN needs one")
    now = clock.now()
    looks = first_looks(request.ready_at, now, _QUEUE_DELAY_LIMIT, in_force())
    delivery = replace(open_delivery(request, now), next_look_at=looks[-1])
    exists = Conflict("delivery_exists", "There is a delivery for this order already.")
    tx.put(delivery_row(delivery), DeliveryRow.pk.does_not_exist(), exists)
    apart = brief_row(delivery)
    if apart is not None:
        tx.put(apart, BriefRow.pk.does_not_exist(), exists)
    for attempt, due in enumerate(looks, 1):
        tx.emit_at(due, DeliverySearchDue(delivery_id=delivery.id, attempt=attempt))
    return delivery


def mark_ready(tx: Transaction, delivery_id: str, *, expected_at: datetime | None = None) -> None:
    """The kitchen is done: the rider may pick up. Marking again keeps the first time.

    Give ``expected_at``, the time for which the order was expected, where it is known: an order that is ready before
    the search for a rider began then starts it.
    """
    now = clock.now()
    _update_before_pickup(
        tx,
        delivery_id,
        DeliveryRow.marked_ready_at.set(DeliveryRow.marked_ready_at | clock.epoch_ms(now)),
    )
    if expected_at is not None and search_begins(expected_at, now, in_force()) > now:
        tx.emit(DeliverySearchDue(delivery_id=delivery_id, attempt=0))


def expect_ready_at(
    tx: Transaction, delivery_id: str, ready_at: datetime, *, promised_at: datetime | None = None
) -> None:
    """The kitchen expects to be done at another time than it said before; the search begins accordingly."""
    actions = [DeliveryRow.ready_at.set(clock.epoch_ms(ready_at))]
    if promised_at is not None:
        actions.append(DeliveryRow.promised_at.set(clock.epoch_ms(promised_at)))
    _update_before_pickup(tx, delivery_id, *actions)
    begins = search_begins(ready_at, clock.now(), in_force())
    tx.emit_at(begins, DeliverySearchDue(delivery_id=delivery_id, attempt=0))


def cancel_delivery(
    tx: Transaction, delivery_id: str, reason: str, *, actor: Actor = Actor.STORE, cause: str = ""
) -> None:
    """Take the delivery back. Refused with ``delivery_under_way`` once the rider has picked the order up."""
    step = Step(Status.CANCELLED, clock.now(), actor, cause, reason)
    _update_before_pickup(
        tx,
        delivery_id,
        DeliveryRow.status.set(Status.CANCELLED.value),
        DeliveryRow.zone_pk.remove(),
        DeliveryRow.zone_sk.remove(),
        DeliveryRow.steps.set(DeliveryRow.steps.append([step_line(step)])),
        refusal=lambda item: refuse_cancel(item and item["status"], delivery_id),
    )


def collect_instead(tx: Transaction, delivery_id: str, cash: Money) -> None:
    """The rider is to collect another amount, and sees so. Refused with ``cash_announced`` after the pick-up."""

    def refuse(item: dict[str, Any] | None) -> DomainError:
        if item is None:
            return NotFound("delivery", delivery_id)
        return Conflict("cash_announced", "The rider has left, and knows what to collect: refund the customer later.")

    _update_before_pickup(tx, delivery_id, DeliveryRow.cash_to_collect.set(cash.amount), refusal=refuse)


def delivery_ref(order_id: str) -> Ref[Delivery | None]:
    """Where the delivery of an order is read; None as long as nobody asked for one."""
    return delivery_ref_by_id(delivery_id(order_id))


def _update_before_pickup(tx: Transaction, delivery_id: str, *actions: Any, refusal: Any = None) -> None:
    """Change a delivery that is still at the store, without reading it."""

    def refuse(item: dict[str, Any] | None) -> DomainError:
        if item is None:
            return NotFound("delivery", delivery_id)
        return Conflict("delivery_left_store", f"The delivery is {item['status']}: its order has left the kitchen.")

    tx.update(
        DeliveryRow,
        delivery_id,
        STATE,
        actions=[*actions, DeliveryRow.version.set(DeliveryRow.version + 1)],
        condition=DeliveryRow.status.is_in(*sorted(status.value for status in BEFORE_PICKUP)),
        error=refusal or refuse,
    )
