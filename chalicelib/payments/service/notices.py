"""What becomes of Stripe's notices about disputes, refunds and payouts.

A notice only says that something happened. How it stands is asked of Stripe, and entered as what has changed since it
was asked last; so notices may come twice, late and in any order, and of two at once the later one finds its work done.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.kernel import clock, tables
from chalicelib.kernel.errors import Conflict, Contention
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.transaction import AlreadyHandled, Transaction
from chalicelib.payments.model import disputes as rules
from chalicelib.payments.model import ledger
from chalicelib.payments.model.cases import Case, CaseState
from chalicelib.payments.model.disputes import Dispute
from chalicelib.payments.model.ledger import Entry, lines_of
from chalicelib.payments.provider import notices as provider
from chalicelib.payments.service.cases import get_case, open_case, resolve_case
from chalicelib.payments.service.ledger import AlreadyPosted, post
from chalicelib.payments.service.terms import terms_of
from chalicelib.payments.service.writing import payment_ref
from chalicelib.payments.tables import disputes as rows
from chalicelib.payments.tables.disputes import DisputeRow

if TYPE_CHECKING:
    from chalicelib.payments.model import Payment
    from chalicelib.payments.provider.notices import SeenDispute, SeenRefund

logger = logging.getLogger(__name__)

_CONSUMER = "payments"
_SYSTEM = "system"
REFUND_FAILED = "refund_failed"


# --- disputes ---------------------------------------------------------------------------------------------------------


def follow_dispute(dispute_id: str, event_id: str) -> None:
    """Enter what a dispute has moved, freeze what it may cost its store, and open a case; close that with the end."""
    seen = provider.look_at_dispute(dispute_id)
    payment = _payment_of(seen.order_id)
    store_id = payment.store_id if payment else ""
    before: Dispute | None = tables.fetch(rows.dispute_ref(store_id, dispute_id))[0]
    after = _as_seen(seen, payment, before)
    case = Case(
        "dispute",
        dispute_id,
        order_id=after.order_id,
        store_id=store_id or None,
        evidence={
            "amount": seen.amount,
            "currency": seen.currency,
            "reason": seen.reason,
            "payment_intent": seen.intent_id,
            "answer_by": clock.rfc3339(datetime.fromtimestamp(seen.due_by, UTC)) if seen.due_by else None,
        },
    )
    if before is None or replace(after, version=before.version) != before:
        tx = Transaction()
        tx.claim(_CONSUMER, event_id)
        condition = DisputeRow.version == before.version if before else DisputeRow.pk.does_not_exist()
        tx.put(rows.to_dispute_row(after), condition, Contention())
        post(tx, *rules.entries_of(before, after, clock.now()))
        open_case(tx, case)
        try:
            tx.commit()
        except AlreadyHandled:
            return
    if not after.is_open:
        _close(case, after)


def frozen_of(store_id: str) -> dict[str, int]:
    """What of a store's balance waits for the end of disputes, in minor units by currency. One request."""
    frozen: dict[str, int] = {}
    for dispute in rows.disputes_of(store_id):
        if dispute.frozen:
            frozen[dispute.currency] = frozen.get(dispute.currency, 0) + dispute.frozen
    return frozen


def _as_seen(seen: SeenDispute, payment: Payment | None, before: Dispute | None) -> Dispute:
    is_open = seen.status in rules.OPEN
    if before is None:
        terms = terms_of(payment.merchant_id, payment.terms_version) if payment else None
        before = Dispute(
            id=seen.id,
            status="",
            reason=seen.reason,
            amount=seen.amount,
            currency=seen.currency,
            order_id=payment.order_id if payment else None,
            store_id=payment.store_id if payment else "",
            intent_id=seen.intent_id,
            borne_by=terms.disputes_by if terms else "platform",
            opened_at=clock.now(),
            version=0,
        )
    return replace(
        before,
        status=seen.status,
        amount=seen.amount,
        withdrawn=max(before.withdrawn, seen.withdrawn),
        reinstated=max(before.reinstated, seen.reinstated),
        closed_at=None if is_open else (before.closed_at or clock.now()),
        version=before.version + 1,
    )


def _close(case: Case, dispute: Dispute) -> None:
    """The bank has decided: there is nothing left for a person to do."""
    if get_case(case.id).state is CaseState.OPEN:
        try:
            resolve_case(
                case.id,
                "written_off" if dispute.status == rules.LOST else "no_action",
                f"The bank has closed the dispute: {dispute.status}.",
                by=_SYSTEM,
            )
        except Conflict:
            return


# --- refunds ----------------------------------------------------------------------------------------------------------


def follow_refunds(intent_id: str, refund_id: str, event_id: str) -> None:
    """Enter what has become of a refund, or of every refund of a payment: failed days later, or made by other hands."""
    seen = [provider.look_at_refund(refund_id)] if refund_id else provider.refunds_of_intent(intent_id)
    for refund in seen:
        if refund.has_failed:
            _enter(refund, REFUND_FAILED, event_id, amount=-refund.amount)
        elif not refund.by_us and refund.status == "succeeded" and refund.moved_money:
            _enter(refund, ledger.REFUNDED, event_id, amount=refund.amount)


def _enter(refund: SeenRefund, kind: str, event_id: str, *, amount: int) -> None:
    """What went back to a customer (less than nothing: what came back of it) that no request of ours accounts for."""
    payment = _payment_of(refund.order_id)
    order_id = payment.order_id if payment else None
    whose = ledger.customer(order_id or refund.id)
    entry = Entry(
        id=f"{order_id or refund.id}:{refund.id}:{kind}",
        cause=refund.id,
        kind=kind,
        at=clock.now(),
        currency=refund.currency,
        lines=lines_of((whose, amount, "payment"), (ledger.CLEARING, -amount, "payment")),
        order_id=order_id,
        store_id=payment.store_id if payment else None,
        memo=refund.failure or refund.id,
    )
    failed = kind == REFUND_FAILED
    case = Case(
        REFUND_FAILED if failed else "refund_by_other_hands",
        refund.id,
        order_id=order_id,
        store_id=entry.store_id,
        evidence={
            "amount": refund.amount,
            "currency": refund.currency,
            "payment_intent": refund.intent_id,
            "failure": refund.failure,
        },
    )
    tx = Transaction()
    tx.claim(_CONSUMER, f"{event_id}:{refund.id}")
    post(tx, entry)
    open_case(tx, case)
    try:
        tx.commit()
    except (AlreadyHandled, AlreadyPosted):
        return


# --- payouts ----------------------------------------------------------------------------------------------------------


def follow_bank_payout(payout_id: str, account_id: str) -> None:
    """A payout to a bank that failed needs a person: the bank's details are wrong, or the account is closed.

    What left and came back is entered by the reconciliation, from Stripe's balance transactions.
    """
    seen = provider.look_at_payout(payout_id, account_id)
    if seen.status != "failed":
        return
    evidence = {
        "amount": seen.amount,
        "currency": seen.currency,
        "failure": seen.failure,
        "account": account_id or None,
    }
    open_case(None, Case("bank_payout_failed", payout_id, evidence=evidence))


def _payment_of(order_id: str | None) -> Payment | None:
    if order_id is None or not is_id(order_id, "ord"):
        return None
    payment: Payment | None = tables.fetch(payment_ref(order_id))[0]
    return payment
