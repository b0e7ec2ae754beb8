"""Giving back part of what was taken.

A refund is written down before the provider is asked, on the condition that so much is left; asking is a reaction to
that, so that a crash or a time-out at any moment leaves a refund that will be asked for again, as the same refund.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, DomainError, NotFound
from chalicelib.kernel.event_types import RefundRequested
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import model, provider
from chalicelib.payments.model import postings
from chalicelib.payments.model.apportion import sums_of
from chalicelib.payments.model.bill import by_rate, rates_less
from chalicelib.payments.model.cases import Case
from chalicelib.payments.model.credit import CreditPart, kind_of
from chalicelib.payments.model.refunds import Refund, RefundRequest, RefundState, next_refund
from chalicelib.payments.service import tendering
from chalicelib.payments.service.cases import open_case
from chalicelib.payments.service.ledger import entries_of_order, post
from chalicelib.payments.service.writing import Beside, payment_ref, write
from chalicelib.payments.tables.refunds import RefundRow, bill_ref, refund_ref, refunds_of, to_refund_row

if TYPE_CHECKING:
    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.payments.model import Payment
    from chalicelib.payments.model.bill import Bill

logger = logging.getLogger(__name__)


def request_refund(order_id: str, quoted: Bill, request: RefundRequest, key: IdempotencyKey) -> Refund:
    """Write down that part of an order is to be given back. What was paid in cash is given back by that.

    ``quoted`` is the bill as it was ordered; adjustments are known here. Raises ``payment_not_captured``, or
    ``Invalid`` for more than is left.
    """
    payment, adjusted = tables.fetch(payment_ref(order_id), bill_ref(order_id))
    if payment is None:
        raise NotFound("payment", order_id)
    tx = Transaction()
    refund = refund_within(tx, payment, adjusted or quoted, request)
    tx.remember(key, refund)
    tx.commit()
    return refund


def refund_within(tx: Transaction, payment: Payment, bill: Bill, request: RefundRequest) -> Refund:
    """The same in the caller's transaction, of a payment and the present bill as they were read."""
    refund = next_refund(payment, bill, refunds_of(payment.order_id), request, clock.now())
    begun = model.refund_begun(payment, refund.amount, clock.now())
    if payment.is_online and refund.back:
        write(tx, payment, begun)
        tx.emit(RefundRequested(order_id=payment.order_id, number=refund.number))
    else:
        refund = _settle(tx, payment, begun, refund.settled(clock.now()))
    tx.put(
        to_refund_row(refund),
        RefundRow.pk.does_not_exist(),
        Conflict("refund_exists", "Another refund was asked for at the same time: try again."),
    )
    return refund


def settle_refund(order_id: str, number: int, beside: Beside | None = None) -> Refund:
    """Have a refund made by the provider that was written down; done before, nothing happens."""
    payment, found = tables.fetch(payment_ref(order_id), refund_ref(order_id, number))
    if payment is None or found is None:
        raise NotFound("refund", f"{order_id}/{number}")
    refund: Refund = found
    if refund.state is not RefundState.PENDING:
        return refund
    tx = Transaction()
    try:
        made = _made_by_provider(payment, refund)
    except DomainError as error:
        if error.code != "payment_refused":
            raise
        # A person must look at it: the money was taken, and the provider does not give it back.
        logger.exception("refund refused", extra={"order_id": order_id, "refund": number})
        after = refund.failed(clock.now(), str(error.extra.get("provider_code")))
        write(tx, payment, model.refund_ended(payment, refund.amount, clock.now(), given_back=0))
        open_case(tx, _refused(after))
    else:
        after = _settle(tx, payment, payment, refund.settled(clock.now(), made))
    tx.put(
        to_refund_row(after),
        RefundRow.state == RefundState.PENDING.value,
        Conflict("refund_settled", "This refund was settled meanwhile."),
    )
    if beside is not None:
        beside(tx)
    tx.commit()
    return after


def _refused(refund: Refund) -> Case:
    return Case(
        "refund_refused",
        f"{refund.order_id}/refund/{refund.number}",
        order_id=refund.order_id,
        evidence={"amount": refund.back, "currency": refund.currency, "provider_code": refund.failure_code},
    )


def _made_by_provider(payment: Payment, refund: Refund) -> str:
    if any(extra.taken for extra in payment.extras):
        return provider.refund_over(payment, refund.number, refund.back)
    return provider.refund_part(payment, payment.intent_id or "", refund.number, refund.back)


def _settle(tx: Transaction, before: Payment, begun: Payment, refund: Refund) -> Refund:
    """Write that the money has gone back, with what that means in the ledger and for credits."""
    sums = sums_of(refund.shares)
    at = clock.now()
    after = model.refund_ended(begun, refund.amount, at, given_back=refund.amount)
    if not before.is_fulfilled:
        # What is given back before the hand-over is not sold at it.
        after = replace(after, sums=before.sums.less(sums), rates=rates_less(before.rates, by_rate(refund.shares)))
    post(
        tx,
        postings.refunded(
            before,
            refund.cause,
            sums,
            entries_of_order(before.order_id) if before.is_fulfilled else (),
            at,
            back=refund.back,
            payer=refund.payer if before.is_fulfilled else None,
            memo=refund.reason,
            rates=by_rate(refund.shares) if before.is_fulfilled else (),
        ),
    )
    parts = tuple(CreditPart(of, kind_of(of), amount) for of, amount in refund.credits)
    tendering.refund_to_credit(tx, before, parts, f"{before.order_id}:{refund.cause}")
    write(tx, before, after)
    return refund
