"""What the staff do with an order: accept, reject, start, make ready, hand over, complete."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, DomainError, Forbidden, VersionConflict
from chalicelib.kernel.event_types import OrderAccepted, OrderHandedOver
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model import commands
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Actor, Change, Order, Status
from chalicelib.ordering.model.quote import Quote
from chalicelib.ordering.service.reading import visible_to_store
from chalicelib.ordering.service.storing import cause_of, end, read_document, save, save_alone
from chalicelib.ordering.tables import STATE, OrderRow, order_key, order_ref
from chalicelib.stores import service as stores

_MANAGERS = ("manager", "owner")


class StaffCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to change which order, on the version that they have seen."""

    store_id: str
    order_id: str
    staff_id: str
    expected_version: int | None
    request_id: str


def accept_order(command: StaffCommand, prep_minutes: int) -> Order:
    """Take an order on. For a delivery this asks for a rider, in the same transaction."""
    order, store = tables.fetch(order_ref(command.order_id), stores.store_ref(command.store_id))
    order = _expected(order, command)
    accepted = commands.accept(order, _change(command), prep=timedelta(minutes=prep_minutes))
    tx = Transaction()
    save(tx, order, accepted)
    if order.mode == rules.DELIVERY:
        document = read_document(order)
        dispatch.request_delivery(tx, _delivery_request(accepted, document, store, cause_of(command.request_id)))
    tx.emit(OrderAccepted(order_id=order.id, store_id=order.store_id))
    tx.commit()
    return accepted


def reject_order(command: StaffCommand, reason: str) -> Order:
    """Turn an order down: its stock goes back and its payment is let go."""
    order = _read(command)
    rejected = commands.reject(order, _change(command), reason=reason)
    tx = Transaction()
    end(tx, order, rejected)
    tx.commit()
    return rejected


def postpone_order(command: StaffCommand, prep_minutes: int) -> Order:
    """Say that the order is ready so many minutes from now; the rider is told."""
    order = _read(command)
    postponed = commands.postpone(order, _change(command), prep=timedelta(minutes=prep_minutes))
    tx = Transaction()
    save(tx, order, postponed)
    if order.mode == rules.DELIVERY:
        promise = postponed.promise
        dispatch.expect_ready_at(tx, dispatch.delivery_id(order.id), promise.ready_at, promised_at=promise.promised_at)
    tx.commit()
    return postponed


def start_order(command: StaffCommand) -> Order:
    """The kitchen begins."""
    order = _read(command)
    started = commands.start(order, _change(command))
    save_alone(order, started)
    return started


def mark_order_ready(command: StaffCommand) -> Order:
    """The goods are packed. A rider may pick them up from now on, by the same transaction."""
    order = _read(command)
    made_ready = commands.make_ready(order, _change(command))
    tx = Transaction()
    save(tx, order, made_ready)
    if order.mode == rules.DELIVERY:
        dispatch.mark_ready(tx, dispatch.delivery_id(order.id), expected_at=order.promise.ready_at)
    tx.commit()
    return made_ready


def hand_over_order(command: StaffCommand, pickup_code: str | None, override_reason: str | None) -> Order:
    """Give the goods to the customer, who says the pickup code, or to the rider at the counter.

    A manager may hand over without the code, for a reason that is kept.
    """
    order, delivery = tables.fetch(order_ref(command.order_id), dispatch.delivery_ref(command.order_id))
    order = _expected(order, command)
    if order.mode == rules.DELIVERY and rules.DELIVERY_RETURNED not in order.attention:
        return _hand_to_rider(command, order, delivery)
    if override_reason is not None:
        if stores.staff_role(command.staff_id, command.store_id) not in _MANAGERS:
            raise Forbidden("Handing over without the pickup code takes a manager.")
        done = commands.hand_to_customer_without_code(order, _change(command), reason=override_reason)
    else:
        done = _hand_to_customer(command, order, pickup_code or "")
    _save_handed_over(order, done)
    return done


def complete_order(command: StaffCommand) -> Order:
    """Close a dine-in table."""
    order = _read(command)
    done = commands.complete_table(order, _change(command))
    _save_handed_over(order, done)
    return done


def cancel_order_by_store(command: StaffCommand, reason: str) -> Order:
    """Give up an accepted order; refused with ``delivery_under_way`` once a rider has left with it."""
    order = _read(command)
    cancelled = commands.cancel_by_store(order, _change(command), reason=reason)
    tx = Transaction()
    end(tx, order, cancelled)
    if order.mode == rules.DELIVERY and order.status is not Status.OUT_FOR_DELIVERY:
        dispatch.cancel_delivery(tx, dispatch.delivery_id(order.id), reason, cause=cause_of(command.request_id))
    tx.commit()
    return cancelled


def _read(command: StaffCommand) -> Order:
    return _expected(tables.fetch(order_ref(command.order_id))[0], command)


def _expected(order: Order | None, command: StaffCommand) -> Order:
    found = visible_to_store(order, command.store_id, command.order_id)
    if found.version != command.expected_version:
        raise VersionConflict("order", found.id)
    return found


def _change(command: StaffCommand) -> Change:
    return Change(Actor(rules.STAFF, command.staff_id), clock.now(), cause_of(command.request_id))


def _hand_to_rider(command: StaffCommand, order: Order, delivery: dispatch.Delivery | None) -> Order:
    handed = commands.hand_to_rider(order, _change(command))
    if delivery is None or delivery.rider_id is None:
        raise Conflict("no_rider_assigned", "No rider has taken this delivery yet.")
    save_alone(order, handed)
    return handed


def _hand_to_customer(command: StaffCommand, order: Order, code: str) -> Order:
    try:
        return commands.hand_to_customer(order, _change(command), code=code)
    except DomainError as refused:
        if refused.code == rules.WRONG_PICKUP_CODE:
            _count_code_failure(order)
        raise


def _count_code_failure(order: Order) -> None:
    """One more wrong code. Not a change of the order: its version stays, so that the tablet may try again."""
    tx = Transaction()
    tx.update(
        OrderRow,
        order_key(order.id),
        STATE,
        actions=[OrderRow.code_failures.add(1)],
        condition=(OrderRow.version == order.version) & (OrderRow.code_failures == order.code_failures),
        error=VersionConflict("order", order.id),
    )
    tx.commit()


def _save_handed_over(before: Order, after: Order) -> None:
    """The customer has the goods: the payment is taken by who hears of it."""
    tx = Transaction()
    save(tx, before, after)
    tx.emit(OrderHandedOver(order_id=after.id, store_id=after.store_id))
    tx.commit()


def _delivery_request(order: Order, document: Quote, store: stores.Store, cause: str) -> dispatch.DeliveryRequest:
    destination = document.destination
    if destination is None:
        raise ValueError(f"the delivery {order.id} has no destination")
    place = store.address
    return dispatch.DeliveryRequest(
        order_id=order.id,
        store_id=order.store_id,
        store_point=store.point,
        dropoff_point=destination.point,
        ready_at=order.promise.ready_at,
        promised_at=order.promise.promised_at,
        proof=dispatch.Proof(store.proof_of_delivery),
        pin=order.delivery_pin,
        cash_to_collect=order.total if order.payment_method == rules.CASH_ON_DELIVERY else None,
        brief=dispatch.Brief(
            store_name=store.name,
            store_address=_joined(place.line1, place.line2, place.postal_code, place.city),
            order_label=order.label,
            dropoff_address=_joined(destination.street, destination.details, destination.postal_code, destination.city),
            recipient=destination.contact_name,
            phone=destination.contact_phone,
            note=_note(destination.instructions, document.minimum_age),
        ),
        cause=cause,
        currency=order.total.currency,
        needs=frozenset((dispatch.Need.AGE_CHECK,)) if document.minimum_age else frozenset(),
    )


def _note(instructions: str, minimum_age: int) -> str:
    """What the rider must know at the door: first of all whose age to check."""
    check = f"Check the age: {minimum_age} or older." if minimum_age else ""
    return " ".join(part for part in (check, instructions) if part)


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)
