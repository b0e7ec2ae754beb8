"""An order that expired unpaid and turns out to be paid: it goes on where the store would take it now, too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chalicelib.catalog import service as catalog
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.event_types import OrderDeadlineReached
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model import news
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.order import Change, Order, Promise
from chalicelib.ordering.service.placing import still_fulfillable
from chalicelib.ordering.service.quoting import pointers_of
from chalicelib.ordering.service.storing import read_document, save
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from chalicelib.payments.service import Payment, ProviderState

logger = logging.getLogger(__name__)


def revive(order: Order, payment: Payment, state: ProviderState) -> bool:
    """Let an order that expired go on, with its stock and its payment; False where the store would not take it now.

    Its payment's letting go, if that is still on its way, finds a payment that was revived after it was asked for.
    """
    document = read_document(order)
    store, availability = tables.fetch(stores.store_ref(order.store_id), catalog.availability_ref(order.store_id))
    now = clock.now()
    try:
        terms = still_fulfillable(store, availability, document, now)
    except DomainError:
        return False
    promise = Promise(document.wanted_at, terms.ready_at, terms.promised_at)
    asked_from = rules.asked_from(now, terms.acceptable_from, promise, start_at=terms.start_at)
    change = Change(rules.SYSTEM_ACTOR, now, f"sweep:revive:{order.version}")
    revived = news.revive(order, change, promise=promise, asked_from=asked_from)
    tx = Transaction()
    inventory.reserve(tx, order.store_id, document.counted, pointers_of(dict(enumerate(document.lines))))
    payments.record_revived(tx, payment, state)
    save(tx, order, revived)
    if revived.deadline is not None:
        tx.emit_at(revived.deadline, OrderDeadlineReached(order_id=order.id))
    try:
        tx.commit()
    except DomainError as error:
        if error.code != "out_of_stock":
            raise
        return False
    logger.info("expired order revived", extra={"order_id": order.id})
    return True
