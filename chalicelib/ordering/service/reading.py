"""Reading orders: a customer's own, and a store's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import tables
from chalicelib.kernel.errors import NotFound
from chalicelib.ordering.model.order import ENDED, Order
from chalicelib.ordering.model.quote import Quote
from chalicelib.ordering.service.storing import read_document
from chalicelib.ordering.tables import (
    OrderRow,
    document_ref,
    documents_of,
    list_key,
    order_id_of,
    order_ref,
    store_list_key,
    to_quote,
)
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = re.compile(r"(\d{1,15})\.(\d{1,15})\.(\d{1,15})-([a-z]+)\Z")

# The phases of an order's life, by what can still change in each: while it is unpaid the payment, on its way the
# delivery, at its end the payment again. A poll that brings its tag back reads only that beside the order itself.
_UNPAID = "unpaid"
_OPEN = "open"
_OVER = "over"


class OrderSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An order with all that belongs to it, as read in one moment."""

    order: Order
    document: Quote
    payment: payments.Payment
    delivery: dispatch.Delivery | None

    @property
    def tag(self) -> str:
        """The ETag: versions of order, payment and delivery, and the phase that the order is in."""
        delivery_version = self.delivery.version if self.delivery else 0
        return f"{self.order.version}.{self.payment.version}.{delivery_version}-{_phase(self.order)}"


class OrderSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A line in a customer's list of orders."""

    order: Order
    document: Quote


def find_unchanged(customer_id: str, order_id: str, tag: str) -> Order | None:
    """A customer's order if it is still what it was when it had this tag, else None. At most one read unit.

    Raises ``order_not_found`` for anybody else's.
    """
    known = _TAG.match(tag)
    if known is None:
        return None
    versions, phase = [int(number) for number in known.groups()[:3]], known[4]
    if phase == _OPEN:
        order, beside = tables.fetch(order_ref(order_id), dispatch.delivery_ref(order_id), consistent=False)
        known_beside = versions[2]
    else:
        order, beside = tables.fetch(order_ref(order_id), payments.payment_ref(order_id), consistent=False)
        known_beside = versions[1]
    if order is None or order.customer_id != customer_id:
        raise NotFound("order", order_id)
    now = (order.version, beside.version if beside else 0, _phase(order))
    return order if now == (versions[0], known_beside, phase) else None


def get_own_order(customer_id: str, order_id: str) -> OrderSnapshot:
    """A customer's order. One request. Raises ``order_not_found`` for anybody else's."""
    order, document, payment, delivery = tables.fetch(
        order_ref(order_id),
        document_ref(customer_id, order_id),
        payments.payment_ref(order_id),
        dispatch.delivery_ref(order_id),
    )
    if order is None or document is None:
        raise NotFound("order", order_id)
    return OrderSnapshot(order=order, document=document, payment=payment, delivery=delivery)


def list_own_orders(customer_id: str, *, limit: int, start: Mapping[str, Any] | None) -> tables.Page[OrderSummary]:
    """A page of a customer's orders, newest first. Two requests."""
    page = documents_of(customer_id, limit=limit, cursor_key=list_key(customer_id, start))
    states = tables.fetch(*(order_ref(order_id_of(row)) for row in page.items), consistent=False)
    listed = [
        OrderSummary(order=order, document=document)
        for order, row in zip(states, page.items, strict=True)
        if order is not None and (document := to_quote(row)) is not None
    ]
    return tables.Page(listed, page.next_key)


def get_store_order(store_id: str, order_id: str) -> OrderSnapshot:
    """An order as its store sees it. Two requests. Raises ``order_not_found`` for what the store may not see (yet)."""
    order, payment, delivery = tables.fetch(
        order_ref(order_id), payments.payment_ref(order_id), dispatch.delivery_ref(order_id)
    )
    visible_to_store(order, store_id, order_id)
    return OrderSnapshot(order=order, document=read_document(order), payment=payment, delivery=delivery)


def list_store_orders(store_id: str, *, limit: int, start: Mapping[str, Any] | None) -> tables.Page[Order]:
    """A page of a store's orders since ever, newest first. Two requests."""
    page = tables.query(
        OrderRow,
        store_id,
        index="stores",
        limit=limit,
        cursor_key=store_list_key(store_id, start),
        ascending=False,
    )
    orders = tables.fetch(*(order_ref(order_id_of(row)) for row in page.items), consistent=False)
    return tables.Page([order for order in orders if order is not None], page.next_key)


def visible_to_store(order: Order | None, store_id: str, order_id: str) -> Order:
    """The order, if it is this store's and confirmed; raises ``order_not_found`` otherwise."""
    if order is None or order.store_id != store_id or order.confirmed_at is None:
        raise NotFound("order", order_id)
    return order


def _phase(order: Order) -> str:
    if order.status in ENDED:
        return _OVER
    return _UNPAID if order.confirmed_at is None else _OPEN
