"""What an order makes of what happened elsewhere: payments, deliveries, deadlines.

News arrives late, twice and out of order. Where it is moot the very same order object comes back; what changes the
order carries its cause into the timeline, where a repeat is recognised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.ordering.model.order import (
    ASKED,
    AUTHORISED,
    CONFIRMED,
    DELIVERY_AT_RISK,
    DELIVERY_FAILED,
    DELIVERY_RETURNED,
    ENDED,
    NO_RIDER,
    PAYMENT_EXPIRED,
    PAYMENT_FAILED,
    PAYMENT_REQUESTED,
    REVIVED,
    SAVED,
    STORE_DID_NOT_RESPOND,
    UNDER_WAY,
    Attention,
    Change,
    Order,
    Promise,
    Status,
)

if TYPE_CHECKING:
    from datetime import datetime


def confirm(order: Order, change: Change) -> Order:
    """The payment is authorised: from now on the store sees the order. Moot when confirmed or over."""
    if order.confirmed_at is not None or order.status in ENDED:
        return order
    return replace(order.with_entry(CONFIRMED, change), confirmed_at=change.at)


def confirm_saved(order: Order, change: Change) -> Order:
    """The method is saved, and the money will be held when it is due: the store sees the order from now on."""
    confirmed = confirm(order, change)
    return confirmed if confirmed is order else replace(confirmed, payment_step=SAVED)


def note_secured(order: Order, change: Change) -> Order:
    """The money of a saved method is held. Moot when it was before, and after the end."""
    if not order.payment_step or order.status in ENDED:
        return order
    return replace(order.with_entry(AUTHORISED, change), payment_step="")


def ask_to_pay(order: Order, change: Change, *, pay_by: datetime, reason: str) -> Order:
    """The saved method was refused: its customer has until ``pay_by`` to pay by another."""
    if order.payment_step != SAVED or order.status in ENDED:
        return order
    return replace(order.with_entry(PAYMENT_REQUESTED, change, reason), payment_step=ASKED, pay_by=pay_by)


def give_up_unpaid(order: Order, change: Change) -> Order:
    """The customer who was asked to pay did not. Moot once the money is held, and while there still is time."""
    if order.payment_step != ASKED or order.status in ENDED or change.at < order.pay_by:
        return order
    return order.ended(Status.CANCELLED, change, PAYMENT_FAILED)


def revive(order: Order, change: Change, *, promise: Promise, asked_from: datetime) -> Order:
    """An order that had expired unpaid was paid after all: the store sees it, with new times. Moot otherwise."""
    if order.status is not Status.CANCELLED or order.confirmed_at is not None:
        return order
    again = replace(order.with_entry(REVIVED, change), status=Status.PLACED, confirmed_at=change.at)
    return replace(again, promise=promise, asked_from=asked_from)


def expire_unpaid(order: Order, change: Change) -> Order:
    """Nobody paid in time. Moot once paid, and while there still is time."""
    if order.status is not Status.PLACED or order.confirmed_at is not None or change.at < order.pay_by:
        return order
    return order.ended(Status.CANCELLED, change, PAYMENT_EXPIRED)


def expire_unanswered(order: Order, change: Change) -> Order:
    """The store let its time run out. Moot once it answered, and while there still is time."""
    if order.status is not Status.PLACED or order.accept_by is None or change.at < order.accept_by:
        return order
    return order.ended(Status.REJECTED, change, STORE_DID_NOT_RESPOND)


def note_picked_up(order: Order, change: Change) -> Order:
    """The rider has left with the goods. Moot after the end, and after news from further down the road."""
    if order.status not in UNDER_WAY | {Status.HANDED_OVER} or order.knows(change.cause):
        return order
    return replace(order.moved(Status.OUT_FOR_DELIVERY, change), attention=())


def note_delivered(order: Order, change: Change) -> Order:
    """The customer has the goods at the door, whatever of the way there has not been told yet."""
    if order.status in ENDED or order.status is Status.PLACED:
        return order
    return replace(order.moved(Status.COMPLETED, change), attention=())


def note_delivery_failed(order: Order, change: Change, *, reason: str) -> Order:
    """The rider could not deliver and comes back: the order returns to the board."""
    return _note_trouble(order, DELIVERY_FAILED, change, reason)


def note_delivery_returned(order: Order, change: Change) -> Order:
    """The goods are back at the store, which now hands them out over the counter or cancels."""
    return _note_trouble(order, DELIVERY_RETURNED, change, None)


def note_no_rider(order: Order, change: Change) -> Order:
    """No rider was found. Moot while the staff know already, and once the goods are on their way."""
    if order.status not in UNDER_WAY | {Status.HANDED_OVER} or NO_RIDER in order.attention:
        return order
    if order.knows(change.cause):
        return order
    return replace(order.with_entry(NO_RIDER, change), attention=(*order.attention, NO_RIDER))


def note_at_risk(order: Order, change: Change) -> Order:
    """The promise will not be kept. Moot once the goods are there, or the order has ended."""
    on_the_way = order.status in UNDER_WAY | {Status.HANDED_OVER, Status.OUT_FOR_DELIVERY}
    if not on_the_way or any(entry.step == DELIVERY_AT_RISK for entry in order.timeline):
        return order
    return order.with_entry(DELIVERY_AT_RISK, change)


def _note_trouble(order: Order, trouble: Attention, change: Change, reason: str | None) -> Order:
    if order.status in ENDED or order.status is Status.PLACED or order.knows(change.cause):
        return order
    noted = order.with_entry(trouble, change, reason)
    # "Back at the store" outranks "coming back", in whichever order the two arrive.
    attention: Attention = DELIVERY_RETURNED if DELIVERY_RETURNED in order.attention else trouble
    return replace(noted, status=Status.OUT_FOR_DELIVERY, attention=(attention,))
