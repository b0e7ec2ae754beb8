"""Negotiating with a customer who wants to cancel what the store accepted, or who complains.

Every step is written on the version of the order that it was decided on: of two at once one is refused, or looks again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import DomainError, Forbidden, Invalid, NotFound, VersionConflict, Violation
from chalicelib.kernel.event_types import ClaimDeadlineReached
from chalicelib.kernel.transaction import AlreadyHandled, Transaction
from chalicelib.ordering.model import aftersales as rules
from chalicelib.ordering.model.aftersales import Draft
from chalicelib.ordering.model.claim import CANCELLATION, CREDIT, RESEND, Claim, Payer, Remedy
from chalicelib.ordering.model.order import CUSTOMER, STAFF, SYSTEM_ACTOR, Actor, Change, Order
from chalicelib.ordering.service import remedies
from chalicelib.ordering.service.reading import visible_to_store
from chalicelib.ordering.service.remedies import Decision
from chalicelib.ordering.service.staff import StaffCommand
from chalicelib.ordering.service.storing import cause_of, save, save_alone
from chalicelib.ordering.tables import document_ref, order_ref
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.ordering.model.quote import Quote

logger = logging.getLogger(__name__)

_CONSUMER = "ordering"
_ATTEMPTS = 4
_MANAGERS = ("manager", "owner")
_LOOK_AGAIN_AFTER = timedelta(minutes=5)
# What stands against a policy's "yes" for good, and what the customer is told then.
_IMPOSSIBLE = {
    "delivery_under_way": rules.UNDER_WAY_ALREADY,
    "delivery_ended": rules.UNDER_WAY_ALREADY,
    "order_status_conflict": rules.UNDER_WAY_ALREADY,
    "validation_failed": rules.NOTHING_TO_REFUND,
    "too_many_refunds": rules.NOTHING_TO_REFUND,
    "payment_not_captured": rules.NOTHING_TO_REFUND,
    "resend_not_possible": rules.NOT_TO_BE_SENT,
    "out_of_stock": rules.NOT_TO_BE_SENT,
}


class ClaimedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order with the claim that was just changed."""

    order: Order
    claim: Claim


# --- the customer -----------------------------------------------------------------------------------------------------


def open_claim(customer_id: str, order_id: str, draft: Draft, key: IdempotencyKey, request_id: str) -> ClaimedOrder:
    """A customer asks to cancel an accepted order, or for what was wrong with one to be made good.

    The store has as long to answer as it has settled for such claims; its silence is what its policy says.
    Raises ``order_not_found``, ``order_status_conflict``, ``claim_open``, ``claim_window_over``, or ``Invalid``.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _open(customer_id, order_id, draft, key, request_id)
        except VersionConflict:
            continue
    return _open(customer_id, order_id, draft, key, request_id)


def _open(customer_id: str, order_id: str, draft: Draft, key: IdempotencyKey, request_id: str) -> ClaimedOrder:
    order, document, adjusted = tables.fetch(
        order_ref(order_id), document_ref(customer_id, order_id), payments.bill_ref(order_id)
    )
    if order is None or document is None:
        raise NotFound("order", order_id)
    _check_pieces(document, adjusted, draft.wish, "/lines")
    store = stores.get_store(order.store_id)
    change = _by_customer(customer_id, request_id)
    opened = rules.ask(order, change, draft, _rules(store, draft))
    claim = opened.claims[-1]
    tx = Transaction()
    save(tx, order, opened)
    tx.emit_at(claim.due_at, ClaimDeadlineReached(order_id=order.id, number=claim.number))
    done = ClaimedOrder(order=opened, claim=claim)
    tx.remember(key, done)
    tx.commit()
    return done


def withdraw_claim(customer_id: str, order_id: str, number: int, request_id: str) -> Order:
    """A customer takes a claim back, as long as nothing is decided. Raises ``claim_out_of_turn`` afterwards."""
    return _by_customers_word(customer_id, order_id, number, request_id, rules.withdraw)


def decline_offer_of_store(customer_id: str, order_id: str, number: int, request_id: str) -> Order:
    """A customer does not take what the store offers: the order stays as it is, and the claim is over."""
    return _by_customers_word(customer_id, order_id, number, request_id, rules.decline)


def agree_to_offer(customer_id: str, order_id: str, number: int, key: IdempotencyKey, request_id: str) -> ClaimedOrder:
    """A customer takes what the store offers, which is done at once. Raises what stands against it."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return _agree(customer_id, order_id, number, key, request_id)
        except VersionConflict:
            continue
    return _agree(customer_id, order_id, number, key, request_id)


def _agree(customer_id: str, order_id: str, number: int, key: IdempotencyKey, request_id: str) -> ClaimedOrder:
    order = _own(customer_id, order_id)
    change = _by_customer(customer_id, request_id)
    tx = Transaction()
    granted = remedies.grant(tx, Decision(order, rules.agree(order, change, number), number, change))
    done = ClaimedOrder(order=granted, claim=rules.find(granted, number))
    tx.remember(key, done)
    tx.commit()
    return done


def _by_customers_word(
    customer_id: str, order_id: str, number: int, request_id: str, rule: Callable[[Order, Change, int], Order]
) -> Order:
    """A word that moves no money. Whoever was faster, it is judged by where the claim stands when it is written."""
    for attempt in range(_ATTEMPTS):
        order = _own(customer_id, order_id)
        change = _by_customer(customer_id, request_id)
        after = rule(order, change, number)
        try:
            save_alone(order, after)
        except VersionConflict:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return after
    raise VersionConflict("order", order_id)


# --- the store --------------------------------------------------------------------------------------------------------


def accept_claim(command: StaffCommand, number: int, payer: Payer) -> Order:
    """The store grants what was asked for, which is done at once; ``payer`` bears it. A complaint takes a manager."""
    order = _to_answer(command, number)
    change = _by_staff(command)
    wish = rules.find(order, number).wish
    remedy = None if payer == wish.payer else msgspec.structs.replace(wish, payer=payer)
    tx = Transaction()
    granted = remedies.grant(tx, Decision(order, rules.accept(order, change, number, remedy=remedy), number, change))
    tx.commit()
    return granted


def reject_claim(command: StaffCommand, number: int, answer: str) -> Order:
    """The store says no, and why. A complaint takes a manager."""
    order = _to_answer(command, number)
    rejected = rules.reject(order, _by_staff(command), number, answer=answer)
    save_alone(order, rejected)
    return rejected


def counter_claim(
    command: StaffCommand, number: int, offer: Remedy, answer: str, *, currency: str | None = None
) -> Order:
    """The store offers something else, which its customer has some time to take. A complaint takes a manager."""
    order = _to_answer(command, number)
    document, adjusted = tables.fetch(document_ref(order.customer_id, order.id), payments.bill_ref(order.id))
    _check_pieces(document, adjusted, offer, "/remedy/lines")
    _check_amount(order, offer, currency)
    countered = rules.counter(order, _by_staff(command), number, offer, answer=answer)
    tx = Transaction()
    save(tx, order, countered)
    due = rules.find(countered, number).due_at
    tx.emit_at(due, ClaimDeadlineReached(order_id=order.id, number=number))
    tx.commit()
    return countered


# --- deadlines and what else happens ----------------------------------------------------------------------------------


def watch_claim(order_id: str, number: int, cause: str) -> None:
    """Somebody may have let the time run out: the store, then its policy answers; or the customer, then it is over.

    Decided meanwhile, or begun anew with a later deadline, whose own timer is on its way: nothing happens.
    """
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None:
        return
    change = Change(SYSTEM_ACTOR, clock.now(), cause)
    silent = rules.silent(order, number, change.at)
    if silent == "customer":
        save_alone(order, rules.lapse(order, change, number))
    elif silent == "store":
        _answer_for_store(order, number, change)


def refund_failed_resend(order_id: str, resend_id: str, cause: str) -> None:
    """What was to be brought once more never was: its price goes back instead, and the same one bears it."""
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None:
        return
    change = Change(SYSTEM_ACTOR, clock.now(), cause)
    noted, claim = rules.resend_failed(order, change, resend_id)
    remedy = claim.remedy if claim is not None else None
    if claim is None or remedy is None:
        return
    tx = Transaction()
    try:
        remedies.refund(tx, noted, claim, msgspec.structs.replace(remedy, kind="refund"), change)
    except DomainError as error:
        if _IMPOSSIBLE.get(error.code) != rules.NOTHING_TO_REFUND:
            raise
        # All of it went back in the meantime.
        tx = Transaction()
    save(tx, order, noted)
    tx.commit()


def _answer_for_store(order: Order, number: int, change: Change) -> None:
    refusal = rules.STORE_SILENT
    for remedy in _granted_by_policy(rules.find(order, number)):
        try:
            tx = Transaction()
            remedies.grant(tx, Decision(order, rules.accept(order, change, number, remedy=remedy), number, change))
            tx.commit()
        except DomainError as error:
            if error.code == "payment_not_captured" and not _is_over(order):
                # The goods are handed over, and the word of that is on its way to the payment.
                _look_again(order, number, change.at + _LOOK_AGAIN_AFTER, change.cause)
                return
            if error.code not in _IMPOSSIBLE:
                raise
            refusal = _IMPOSSIBLE[error.code]
            logger.info("a claim could not be granted", extra={"order_id": order.id, "code": error.code})
        else:
            return
    save_alone(order, rules.reject(order, change, number, answer=refusal))


def _granted_by_policy(claim: Claim) -> list[Remedy]:
    """What the store's silence grants; where the goods can't be brought again, their price."""
    remedy = rules.policy_remedy(claim)
    if remedy is None:
        return []
    if remedy.kind != RESEND:
        return [remedy]
    return [remedy, msgspec.structs.replace(remedy, kind="refund")]


def _is_over(order: Order) -> bool:
    """Whether nothing will ever be taken for this order."""
    payment = payments.get_payment(order.id)
    return payment.state in (payments.State.FAILED, payments.State.VOIDED, payments.State.REFUNDED)


def _look_again(order: Order, number: int, due: datetime, cause: str) -> None:
    tx = Transaction()
    tx.claim(_CONSUMER, cause)
    tx.emit_at(due, ClaimDeadlineReached(order_id=order.id, number=number))
    try:
        tx.commit()
    except AlreadyHandled:
        return


def _own(customer_id: str, order_id: str) -> Order:
    order: Order | None = tables.fetch(order_ref(order_id))[0]
    if order is None or order.customer_id != customer_id:
        raise NotFound("order", order_id)
    return order


def _to_answer(command: StaffCommand, number: int) -> Order:
    order = visible_to_store(tables.fetch(order_ref(command.order_id))[0], command.store_id, command.order_id)
    claim = rules.find(order, number)
    if order.version != command.expected_version:
        raise VersionConflict("order", order.id)
    if claim.kind != CANCELLATION and stores.staff_role(command.staff_id, command.store_id) not in _MANAGERS:
        raise Forbidden("Answering a complaint takes a manager.")
    return order


def _check_pieces(document: Quote | None, bill: payments.Bill | None, remedy: Remedy, pointer: str) -> None:
    """Raises ``Invalid`` for pieces that were not given: by the bill, which may hold substitutes, or as ordered."""
    ordered = {str(number): line.quantity for number, line in enumerate(document.lines if document else ())}
    given = {line.ref: line.quantity for line in bill.lines} if bill else ordered
    if remedy.kind == RESEND:
        given = {ref: quantity for ref, quantity in given.items() if ref in ordered}
    faults = []
    for position, (ref, quantity) in enumerate(remedy.quantities.items()):
        left = given.get(ref)
        if left is None:
            detail = "There is no such line in this order."
            faults.append(Violation("line_not_on_bill", f"{pointer}/{position}/line", detail, {"line": ref}))
        elif quantity > left:
            detail = f"Only {left} were given."
            params = {"line": ref, "left": left}
            faults.append(Violation("quantity_not_left", f"{pointer}/{position}/quantity", detail, params))
    if faults:
        raise Invalid(faults)


def _check_amount(order: Order, offer: Remedy, currency: str | None) -> None:
    if currency not in (None, order.total.currency):
        detail = f"This order was in {order.total.currency}."
        asked = {"currency": order.total.currency}
        raise Invalid([Violation("currency_mismatch", "/remedy/amount/currency", detail, asked)])
    if offer.amount is not None and offer.amount > order.total.amount:
        params = {"left_minor": order.total.amount}
        raise Invalid([Violation("amount_not_left", "/remedy/amount/amount", "More than the order costs.", params)])
    if offer.kind == CREDIT and offer.payer not in ("store", "platform"):
        raise Invalid([Violation("remedy_not_possible", "/remedy/paid_by", "Credit is the store's or the platform's.")])


def _rules(store: stores.Store, draft: Draft) -> rules.Rules:
    settled = store.after_sales
    policy = settled.cancellation if draft.kind == CANCELLATION else settled.complaint
    return rules.Rules(
        answer_within=timedelta(minutes=policy.answer_minutes),
        on_silence=policy.on_silence,
        counter_within=timedelta(minutes=settled.counter_minutes),
        window=timedelta(hours=settled.window_hours),
    )


def _by_customer(customer_id: str, request_id: str) -> Change:
    return Change(Actor(CUSTOMER, customer_id), clock.now(), cause_of(request_id))


def _by_staff(command: StaffCommand) -> Change:
    return Change(Actor(STAFF, command.staff_id), clock.now(), cause_of(command.request_id))
