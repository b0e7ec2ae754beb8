"""Forgetting a customer, in every context: asked for, waited with, done a page at a time, told at the end.

Each page is an event that sets the next one going in the transaction that notes the page, so that whatever dies on the
way goes on where it stood. Pages come some seconds apart: the job may be large, and has time.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import accounts, clock, ids, settings, tables
from chalicelib.kernel.errors import Conflict, Contention, NotFound, VersionConflict
from chalicelib.kernel.event_types import ErasureDue
from chalicelib.kernel.transaction import Transaction
from chalicelib.ordering.model import erasure as rules
from chalicelib.ordering.model.erasure import Erasure, Phase
from chalicelib.ordering.service.invoices import named_on_paper
from chalicelib.ordering.tables import (
    ORDERED,
    QUOTED,
    DocumentRow,
    ErasureRow,
    OrderRow,
    document_row,
    documents_of,
    erasure_key,
    erasure_ref,
    erasure_row,
    oldest_of,
    order_id_of,
    order_ref,
    to_quote,
    to_row,
)
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.ordering.model.order import Order

logger = logging.getLogger(__name__)

_CHECKED_TOGETHER: Final = 50
_ERASED_TOGETHER: Final = 5
_QUOTES_TOGETHER: Final = 25


# --- asked for --------------------------------------------------------------------------------------------------------


def request_erasure(customer_id: str, by: str, *, forfeits_credit: bool, at_once: bool = False) -> Erasure:
    """Have a customer forgotten when the time to think it over is past. Asked for before: what was said then stands.

    From now on the customer can order nothing. ``at_once`` leaves out the waiting, but for what is under way. Raises
    ``orders_open`` with the orders that must end first, and ``credit_left`` with the balances that would be lost.
    """
    before: Erasure | None = tables.fetch(erasure_ref(rules.erasure_id(customer_id)))[0]
    if before is not None and before.forbids_orders:
        _set_going(before)
        return before
    now = clock.now()
    _refuse_open(customer_id)
    if not forfeits_credit:
        _refuse_credit(customer_id, now)
    wait = rules.AT_ONCE if at_once else timedelta(days=settings.get().erasure_grace_days)
    asked = Erasure(
        id=rules.erasure_id(customer_id),
        phase=Phase.WAITING,
        requested_at=now,
        due_at=now + wait,
        requested_by=by,
        customer_id=customer_id,
        step=before.step + 1 if before else 0,
    )
    tx = Transaction()
    unchanged = ErasureRow.step == before.step if before else ErasureRow.pk.does_not_exist()
    tx.put(erasure_row(asked), unchanged, VersionConflict("erasure", asked.id))
    tx.emit_at(asked.due_at, ErasureDue(erasure=asked.id, step=asked.step))
    tx.commit()
    return asked


def get_erasure(customer_id: str) -> Erasure:
    """How far the forgetting of a customer is. Raises ``erasure_not_found``."""
    found: Erasure | None = tables.fetch(erasure_ref(rules.erasure_id(customer_id)))[0]
    if found is None:
        raise NotFound("erasure", rules.erasure_id(customer_id))
    return found


def withdraw_erasure(customer_id: str) -> None:
    """Keep everything, and let the customer order again. Raises ``erasure_begun`` once something has been erased."""
    found = get_erasure(customer_id)
    begun = Conflict("erasure_begun", "What was asked for has begun, and can't be taken back.", phase=found.phase)
    if not found.can_be_withdrawn:
        raise begun
    tx = Transaction()
    tx.delete(
        ErasureRow,
        *erasure_key(found.id),
        condition=ErasureRow.phase.is_in(*sorted(rules.REVOCABLE)),
        error=begun,
    )
    tx.commit()


def erasure_of(customer_id: str) -> tables.Ref[Erasure | None]:
    """Where it is read whether a customer is being forgotten."""
    return erasure_ref(rules.erasure_id(customer_id))


def refuse_forgotten(erasure: Erasure | None) -> None:
    """Raise ``erasure_requested`` for whom is being forgotten, or was."""
    if erasure is not None and erasure.forbids_orders:
        detail = "You asked for your data to be erased: take that back first (`DELETE /v1/me/erasure`)."
        raise Conflict("erasure_requested", detail)


def _refuse_open(customer_id: str) -> None:
    """What is open among the latest orders is told at once; what lies further back holds the job up."""
    latest = documents_of(customer_id, limit=_CHECKED_TOGETHER, cursor_key=None)
    waiting = _open_among([order_id_of(row) for row in latest.items])
    if waiting:
        detail = "Orders are under way, or something about them is undecided: cancel them, or wait for their end."
        raise Conflict("orders_open", detail, order_ids=list(waiting))


def _refuse_credit(customer_id: str, now: datetime) -> None:
    left = payments.unspent_of(customer_id, now)
    if left:
        balances = [{"amount": each.available, "currency": each.currency} for each in left]
        detail = "Your credit would be lost: spend it, or say that you give it up (`forfeit_credit`)."
        raise Conflict("credit_left", detail, balances=balances)


def _set_going(erasure: Erasure) -> None:
    """Tell an erasure's step again, where it is due: it may have been lost. The same step is done once."""
    if erasure.phase is Phase.ERASED or clock.now() < erasure.due_at:
        return
    tx = Transaction()
    tx.emit(ErasureDue(erasure=erasure.id, step=erasure.step))
    tx.commit()


# --- done -------------------------------------------------------------------------------------------------------------


def erase_next(event: ErasureDue) -> None:
    """One step of an erasure. Moot when it was withdrawn, is not due yet, or took this step before."""
    erasure: Erasure | None = tables.fetch(erasure_ref(event.erasure))[0]
    if erasure is None or erasure.step != event.step or erasure.phase is Phase.ERASED:
        return
    if clock.now() < erasure.due_at:
        return
    _note(erasure, _STEPS[erasure.phase](erasure))


def _begin(erasure: Erasure) -> Erasure:
    return erasure.stepped(Phase.CHECKING, after="", waits_for=())


def _check(erasure: Erasure) -> Erasure:
    """Whether a page of orders has ended, all of them."""
    page = oldest_of(erasure.customer_id, ORDERED, after=erasure.after, limit=_CHECKED_TOGETHER)
    waiting = _open_among([order_id_of(row) for row in page.items])
    if waiting:
        return erasure.held_up(waiting, clock.now())
    if page.next_key is not None:
        return erasure.stepped(Phase.CHECKING, after=page.items[-1].sk)
    return erasure.stepped(Phase.ORDERS, after="", pseudonym=ids.new_id("gone"))


def _erase_orders(erasure: Erasure) -> Erasure:
    """A page of orders. What is done lies no longer under the customer, and so the next page begins at the start."""
    page = oldest_of(erasure.customer_id, ORDERED, limit=_ERASED_TOGETHER)
    for row in page.items:
        _erase_order(row, payments.Forgotten(erasure.customer_id, erasure.pseudonym))
    if page.items:
        return erasure.stepped(Phase.ORDERS, orders=erasure.orders + len(page.items))
    return erasure.stepped(Phase.OWN)


def _erase_order(row: DocumentRow, whom: payments.Forgotten) -> None:
    """Take the customer out of an order, everywhere; its document moves last, and says that all of it is done."""
    order_id = order_id_of(row)
    document, order = to_quote(row), tables.fetch(order_ref(order_id))[0]
    if document is None or order is None:
        raise NotFound("order", order_id)
    payments.forget_customer_of_order(order_id, whom, named_on_paper(document))
    dispatch.forget_customer(order_id)
    tx = Transaction()
    moved = document_row(rules.without_person(document, whom.pseudonym))
    tx.put(moved, DocumentRow.pk.does_not_exist(), VersionConflict("order", order_id))
    tx.delete(DocumentRow, row.pk, row.sk, condition=DocumentRow.pk.exists(), error=VersionConflict("order", order_id))
    tx.put(
        to_row(rules.without_customer(order, whom.pseudonym)),
        OrderRow.version == order.version,
        VersionConflict("order", order_id),
    )
    tx.commit()


def _erase_own(erasure: Erasure) -> Erasure:
    """Quotes, credit and what else is the customer's own; then once more whether an order came in between."""
    quotes = oldest_of(erasure.customer_id, QUOTED, limit=_QUOTES_TOGETHER)
    for row in quotes.items:
        tx = Transaction()
        tx.delete(DocumentRow, row.pk, row.sk, condition=DocumentRow.pk.exists(), error=Contention())
        tx.commit()
    is_done = payments.forget_customer(payments.Forgotten(erasure.customer_id, erasure.pseudonym))
    if quotes.next_key is not None or not is_done:
        return erasure.stepped(Phase.OWN)
    if oldest_of(erasure.customer_id, ORDERED, limit=1).items:
        return erasure.stepped(Phase.ORDERS)
    return erasure.stepped(Phase.ACCOUNT)


def _erase_account(erasure: Erasure) -> Erasure:
    """The account to sign in with. Who works here keeps it: for them it is no customer's."""
    account = accounts.find_account(erasure.customer_id)
    works_here = account is not None and bool(set(account.groups) - {"customers"})
    if not works_here:
        accounts.delete_account(erasure.customer_id)
    return erasure.done(clock.now(), account_kept=works_here)


_STEPS: Final = {
    Phase.WAITING: _begin,
    Phase.CHECKING: _check,
    Phase.ORDERS: _erase_orders,
    Phase.OWN: _erase_own,
    Phase.ACCOUNT: _erase_account,
}


def _note(before: Erasure, after: Erasure) -> None:
    """Write the step down, and set the next one going: both or neither."""
    tx = Transaction()
    tx.put(erasure_row(after), ErasureRow.step == before.step, VersionConflict("erasure", before.id))
    if after.phase is not Phase.ERASED:
        due = after.due_at if after.phase is Phase.WAITING else clock.now() + rules.PAUSE
        tx.emit_at(due, ErasureDue(erasure=after.id, step=after.step))
    tx.commit()
    logger.info("erasure", extra={"erasure_id": after.id, "phase": after.phase, "orders": after.orders})


def _open_among(order_ids: Sequence[str]) -> tuple[str, ...]:
    """The orders that have not ended, or about whose money something waits to be done."""
    if not order_ids:
        return ()
    read: tuple[Any, ...] = tables.fetch(
        *(order_ref(each) for each in order_ids), *(payments.payment_ref(each) for each in order_ids)
    )
    orders, paid = read[: len(order_ids)], read[len(order_ids) :]
    return tuple(
        order_id
        for order_id, order, payment in zip(order_ids, orders, paid, strict=True)
        if not _is_over(order, payment)
    )


def _is_over(order: Order | None, payment: payments.Payment | None) -> bool:
    if order is None:
        return True
    return rules.is_over(order) and (payment is None or payments.is_settled(payment))
