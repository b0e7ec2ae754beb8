"""Changing an accepted order before its hand-over: what is missing, weighed, or replaced by something else.

What costs no more than may be taken, and is nothing that the customer wants to be asked about, is so at once. Else they
are asked, with time to answer: more than was held takes a second hold, which they confirm as they did the first.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.dispatch import service as dispatch
from chalicelib.inventory import service as inventory
from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Invalid, NotFound, VersionConflict, Violation
from chalicelib.kernel.event_types import ConsentDeadlineReached
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import AlreadyHandled, Transaction
from chalicelib.ordering.model import adjusting as rules
from chalicelib.ordering.model import commands
from chalicelib.ordering.model.order import (
    CASH_ON_DELIVERY,
    CUSTOMER,
    DELIVERY,
    STAFF,
    SYSTEM_ACTOR,
    Actor,
    Change,
    Order,
)
from chalicelib.ordering.model.proposal import Proposal
from chalicelib.ordering.service.amendments import Adjustment, Subject, amendment_of, ceiling_of
from chalicelib.ordering.service.billing import bill_of
from chalicelib.ordering.service.reading import visible_to_store
from chalicelib.ordering.service.storing import cause_of, end, read_document, save
from chalicelib.ordering.tables import order_ref
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ordering.service.staff import StaffCommand

logger = logging.getLogger(__name__)

_CONSUMER = "ordering"
_ASK_AGAIN_AFTER = timedelta(minutes=1)
ITEM_UNAVAILABLE = "item_unavailable"


# --- the store --------------------------------------------------------------------------------------------------------


def adjust_order(command: StaffCommand, adjustment: Adjustment, reason: str) -> Order:
    """Change an accepted order to what the store can give: at once, or as a proposal to its customer.

    Lines are named by the bill's ``ref``. Taxes go with them; fees stay as they were quoted. What is missing stays
    reserved, since it was not there. Raises ``order_status_conflict`` after the hand-over, ``proposal_open``,
    ``cash_announced`` where a rider has left, ``nothing_left``, ``out_of_stock``, or ``Invalid``.
    """
    case = _read(command)
    rules.demand_adjustable(case.order)
    priced = amendment_of(case, adjustment)
    amended = payments.amend(
        case.bill, priced.change, ceiling=ceiling_of(case), least_extra=payments.least_charge(case.bill.currency)
    )
    tx = Transaction()
    inventory.reserve(tx, case.order.store_id, priced.reserved, priced.pointers)
    by = Change(Actor(STAFF, command.staff_id), clock.now(), cause_of(command.request_id))
    if amended.asks:
        done = _propose(tx, case, amended, by, reserved=priced.reserved, reason=reason)
    else:
        total = amended.wanted.total
        done = rules.adjust(case.order, by, total_minor=total, reserved=priced.reserved, reason=reason)
        payments.amend_bill(tx, case.payment, amended.wanted)
        _tell_rider(tx, case.order, done)
    save(tx, case.order, done)
    tx.commit()
    return done


def withdraw_proposal(command: StaffCommand) -> Order:
    """The store does not wait any longer for its customer's consent: it goes on without what it proposed."""
    case = _read(command)
    by = Change(Actor(STAFF, command.staff_id), clock.now(), cause_of(command.request_id))
    return _refuse(case, by, "withdrawn")


# --- the customer -----------------------------------------------------------------------------------------------------


def agree_to_proposal(customer_id: str, order_id: str, request_id: str) -> tuple[Order, payments.ClientAction | None]:
    """A customer agrees to a change. Where it takes a second hold, what the app confirms it with: then it is done.

    Agreed before: the same. Raises ``proposal_not_found``, or ``proposal_over`` after its time.
    """
    case = _own(customer_id, order_id)
    order = case.order
    if order.proposal is None and order.timeline[-1].step == rules.AGREED:
        return order, None
    proposal = rules.find(order)
    if clock.now() >= proposal.due_at:
        raise Conflict("proposal_over", "The time to agree is over.")
    if proposal.extra_minor and case.needs_hold:
        return order, payments.ask_extra(case.payment, proposal.number, proposal.extra_minor)
    change = Change(Actor(CUSTOMER, customer_id), clock.now(), cause_of(request_id))
    return _agree(case, change), None


def decline_proposal(customer_id: str, order_id: str, request_id: str) -> Order:
    """A customer does not agree to a change: the order goes on without it, and costs no more than before."""
    case = _own(customer_id, order_id)
    change = Change(Actor(CUSTOMER, customer_id), clock.now(), cause_of(request_id))
    return _refuse(case, change, None)


# --- what else happens ------------------------------------------------------------------------------------------------


def follow_extra(order_id: str, intent_id: str, cause: str) -> None:
    """The provider says that something happened to a second hold: if it is held, the customer has agreed.

    Where nobody waits for it any more, it is let go.
    """
    case = _case_of(order_id)
    if case is None:
        return
    extra = next((extra for extra in case.payment.extras if extra.intent_id == intent_id), None)
    proposal = case.order.proposal
    if extra is None or proposal is None or extra.number != proposal.number:
        payments.close_extra(order_id, intent_id)
        return
    state = payments.look_up_extra(case.payment, extra.number)
    if state is not None and state.is_authorised:
        _agree(case, Change(Actor(CUSTOMER, case.order.customer_id), clock.now(), cause))


def watch_proposal(order_id: str, number: int, cause: str) -> None:
    """The customer's time to agree may be over. Answered before: nothing. Paid after all: agreed."""
    case = _case_of(order_id)
    proposal = case.order.proposal if case else None
    now = clock.now()
    if case is None or proposal is None or proposal.number != number or now < proposal.due_at:
        return
    state = payments.look_up_extra(case.payment, number)
    change = Change(SYSTEM_ACTOR, now, cause)
    if state is not None and state.is_authorised:
        _agree(case, change)
    elif state is not None and state.status == "processing":
        _look_again(case.order, number, now + _ASK_AGAIN_AFTER, cause)
    else:
        _refuse(case, change, rules.CUSTOMER_SILENT)


def _propose(
    tx: Transaction, case: Subject, amended: payments.Amended, by: Change, *, reserved: dict[str, int], reason: str
) -> Order:
    order = case.order
    number = rules.next_number(order)
    within = stores.get_store(order.store_id).after_sales.consent_minutes
    extra = max(0, amended.wanted.total - ceiling_of(case))
    if extra and case.needs_hold and not payments.can_pay("card", Money(extra, case.bill.currency)):
        raise Invalid([Violation("not_chargeable", "/weighed", "A card can't be charged so much more.")])
    proposal = Proposal(
        number=number,
        due_at=by.at + timedelta(minutes=within),
        reason=reason,
        total_minor=amended.wanted.total,
        unasked_minor=amended.unasked.total,
        extra_minor=extra,
        reserved=reserved,
    )
    asked = rules.propose(order, by, proposal)
    payments.propose_bill(tx, order.id, number, amended)
    tx.emit_at(proposal.due_at, ConsentDeadlineReached(order_id=order.id, number=number))
    return asked


def _agree(case: Subject, change: Change) -> Order:
    proposal = rules.find(case.order)
    done = rules.agree(case.order, change)
    tx = Transaction()
    payments.agree_on_bill(tx, case.payment, _proposed(case.order).wanted, proposal.number)
    _tell_rider(tx, case.order, done)
    save(tx, case.order, done)
    tx.commit()
    return done


def _refuse(case: Subject, change: Change, reason: str | None) -> Order:
    order = case.order
    proposal = rules.find(order)
    bill = _proposed(order).unasked
    done = rules.decline(order, change, reason)
    tx = Transaction()
    if not payments.has_goods(bill):
        # All that could be given is what the customer does not want.
        ended = commands.cancel_by_store(done, change, reason=ITEM_UNAVAILABLE)
        end(tx, order, replace(ended, also_reserved=order.also_reserved))
        if order.mode == DELIVERY:
            delivery_id = dispatch.delivery_id(order.id)
            dispatch.cancel_delivery(tx, delivery_id, ITEM_UNAVAILABLE, cause=change.cause)
        tx.commit()
        return ended
    payments.refuse_bill(tx, case.payment, bill, proposal.number)
    inventory.release(tx, order.store_id, proposal.reserved)
    _tell_rider(tx, order, done)
    save(tx, order, done)
    tx.commit()
    return done


def _look_again(order: Order, number: int, due: datetime, cause: str) -> None:
    tx = Transaction()
    tx.claim(_CONSUMER, cause)
    tx.emit_at(due, ConsentDeadlineReached(order_id=order.id, number=number))
    try:
        tx.commit()
    except AlreadyHandled:
        return


def _tell_rider(tx: Transaction, before: Order, after: Order) -> None:
    """What a rider collects at the door is what the order costs."""
    if before.payment_method == CASH_ON_DELIVERY and after.total != before.total:
        dispatch.collect_instead(tx, dispatch.delivery_id(before.id), after.total)


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(command: StaffCommand) -> Subject:
    case = _case_of(command.order_id)
    found = visible_to_store(case.order if case else None, command.store_id, command.order_id)
    if case is None or found.version != command.expected_version:
        raise VersionConflict("order", found.id)
    return case


def _own(customer_id: str, order_id: str) -> Subject:
    case = _case_of(order_id)
    if case is None or case.order.customer_id != customer_id:
        raise NotFound("order", order_id)
    return case


def _case_of(order_id: str) -> Subject | None:
    order, payment, adjusted = tables.fetch(
        order_ref(order_id), payments.payment_ref(order_id), payments.bill_ref(order_id)
    )
    if order is None or payment is None:
        return None
    document = read_document(order)
    return Subject(order=order, document=document, payment=payment, bill=adjusted or bill_of(document))


def _proposed(order: Order) -> Any:
    proposed = tables.fetch(payments.proposed_ref(order.id))[0]
    if proposed is None:
        raise NotFound("proposal", order.id)
    return proposed
