"""What is granted to a customer is done in the transaction that grants it: all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import tables
from chalicelib.kernel.errors import NotFound
from chalicelib.ordering.model import aftersales, commands
from chalicelib.ordering.model import order as rules
from chalicelib.ordering.model.claim import CANCELLATION, CREDIT, RESEND, Claim, Remedy
from chalicelib.ordering.model.order import Change, Order, Status
from chalicelib.ordering.service.billing import bill_of
from chalicelib.ordering.service.resending import Again, send_again
from chalicelib.ordering.service.storing import end, read_document, save
from chalicelib.payments import service as payments
from chalicelib.stores import service as stores

if TYPE_CHECKING:
    from chalicelib.kernel.transaction import Transaction
    from chalicelib.ordering.model.claim import ClaimReason
    from chalicelib.ordering.model.quote import Quote

CUSTOMER_REQUEST: Final = "customer_request"
_PAID_IN_CASH = (rules.PAY_AT_STORE, rules.CASH_ON_DELIVERY)
_REASONS: dict[ClaimReason, payments.RefundReason] = {
    "changed_mind": "customer_request",
    "ordered_by_mistake": "customer_request",
    "takes_too_long": "late",
    "missing_item": "missing_item",
    "wrong_item": "wrong_item",
    "damaged": "damaged",
    "late": "late",
    "quality": "quality",
    "other": "other",
}


class Decision(msgspec.Struct, frozen=True):
    """A claim that is granted: the order as it was read, as it is decided, the claim's number, by whom and when."""

    before: Order
    decided: Order
    number: int
    change: Change

    @property
    def claim(self) -> Claim:
        """The claim as it is decided."""
        return aftersales.find(self.decided, self.number)

    @property
    def remedy(self) -> Remedy:
        """What its customer gets."""
        remedy = self.claim.remedy
        if remedy is None:
            raise ValueError(f"claim {self.number} of {self.before.id} grants nothing")
        return remedy


def grant(tx: Transaction, decision: Decision) -> Order:
    """Write the order in which a claim was granted, with what that means: cancelled, paid back, credited, sent again.

    Raises what stands against it: ``delivery_under_way``, ``payment_not_captured``, ``out_of_stock``,
    ``resend_not_possible``, or ``Invalid`` for more than is left.
    """
    kind = decision.remedy.kind
    if kind == CREDIT:
        return _credit(tx, decision)
    if decision.claim.kind == CANCELLATION:
        return _cancel(tx, decision)
    if kind == RESEND:
        return _resend(tx, decision)
    refund(tx, decision.decided, decision.claim, decision.remedy, decision.change)
    save(tx, decision.before, decision.decided)
    return decision.decided


def refund(tx: Transaction, order: Order, claim: Claim, remedy: Remedy, change: Change) -> None:
    """Give money back for what was wrong. What was paid in cash becomes the customer's store credit: they have left."""
    payment, bill = _money_of(order)
    payments.refund_within(tx, payment, bill, _request(order, claim, remedy, change))


def _cancel(tx: Transaction, decision: Decision) -> Order:
    before, change, remedy = decision.before, decision.change, decision.remedy
    cancelled = commands.cancel_by_store(decision.decided, change, reason=CUSTOMER_REQUEST)
    kept = 0
    if not remedy.is_whole and is_paid_ahead(before):
        payment, bill = _money_of(before)
        kept = payments.give_back_part(tx, payment, bill, _request(before, decision.claim, remedy, change))
    end(tx, before, cancelled, kept=kept > 0)
    if before.mode == rules.DELIVERY and before.status is not Status.OUT_FOR_DELIVERY:
        delivery_id = dispatch.delivery_id(before.id)
        actor = dispatch.Actor.CUSTOMER
        dispatch.cancel_delivery(tx, delivery_id, CUSTOMER_REQUEST, actor=actor, cause=change.cause)
    return cancelled


def _credit(tx: Transaction, decision: Decision) -> Order:
    before, remedy = decision.before, decision.remedy
    payment, _ = _money_of(before)
    cause = f"{before.id}:claim:{decision.number}"
    by = decision.change.actor.id
    payments.compensate(tx, payment, remedy.amount or 0, cause=cause, payer=remedy.payer, by=by)
    save(tx, before, decision.decided)
    return decision.decided


def _resend(tx: Transaction, decision: Decision) -> Order:
    before, remedy = decision.before, decision.remedy
    document = read_document(before)
    payment, adjusted, store = tables.fetch(
        payments.payment_ref(before.id), payments.bill_ref(before.id), stores.store_ref(before.store_id)
    )
    quantities = pieces_of(document, remedy)
    again = Again(
        original=before,
        document=document,
        quantities=quantities,
        payment=payment,
        resend=payments.resend_of(payment, adjusted or bill_of(document), quantities, remedy.payer),
    )
    fresh = send_again(tx, again, store, decision.change)
    done = aftersales.resent(decision.decided, decision.number, fresh.id)
    save(tx, before, done)
    return done


def pieces_of(document: Quote, remedy: Remedy) -> dict[str, int]:
    """The pieces that a remedy is about, by the number of their line; every piece where it names none."""
    if remedy.quantities:
        return dict(remedy.quantities)
    return {str(number): line.quantity for number, line in enumerate(document.lines)}


def is_paid_ahead(order: Order) -> bool:
    """Whether its customer's money is held, or was taken, before the goods change hands."""
    return order.payment_method not in (*_PAID_IN_CASH, rules.FREE)


def _money_of(order: Order) -> tuple[payments.Payment, payments.Bill]:
    payment, adjusted = tables.fetch(payments.payment_ref(order.id), payments.bill_ref(order.id))
    if payment is None:
        raise NotFound("payment", order.id)
    return payment, adjusted or bill_of(read_document(order))


def _request(order: Order, claim: Claim, remedy: Remedy, change: Change) -> payments.RefundRequest:
    request = payments.RefundRequest(
        reason=_REASONS[claim.reason],
        payer=remedy.payer,
        quantities=remedy.quantities or None,
        amount=remedy.amount,
        note=f"claim {claim.number}",
        requested_by=change.actor.id or change.actor.kind,
        without_fees=remedy.without_fees,
    )
    return replace(request, to_credit=order.payment_method in _PAID_IN_CASH)
