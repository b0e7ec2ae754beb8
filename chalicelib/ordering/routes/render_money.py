"""The money of an order as the API shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.ordering import service
from chalicelib.ordering.routes.render_invoices import credit_note_line
from chalicelib.ordering.schemas.money import (
    BillPartView,
    BillTax,
    BillView,
    EntryView,
    MovementView,
    OrderMoney,
    PaidView,
    PostingView,
    RefundShare,
    RefundView,
    StoreOrderMoney,
    TipView,
)
from chalicelib.ordering.schemas.values import OrderAmount

if TYPE_CHECKING:
    from datetime import datetime


def money_view(story: service.MoneyStory) -> OrderMoney:
    """An order's money for its customer."""
    return OrderMoney(
        order_id=story.order.id,
        quoted=_amount(story.quoted.total, story.quoted.currency),
        bill=_bill(story, story.bill),
        proposed=_bill(story, story.proposed) if story.proposed else None,
        payment=_paid(story),
        refunds=[refund_view(refund) for refund in story.refunds],
        tip=tip_view(story.tip) if story.tip else None,
        invoice_number=story.payment.invoice,
        credit_notes=[credit_note_line(note) for note in story.credit_notes],
        movements=[_movement(entry) for entry in story.entries if service.concerns_customer(entry)],
    )


def store_money_view(story: service.MoneyStory) -> StoreOrderMoney:
    """An order's money for its store."""
    return StoreOrderMoney(
        order_id=story.order.id,
        quoted=_amount(story.quoted.total, story.quoted.currency),
        bill=_bill(story, story.bill),
        proposed=_bill(story, story.proposed) if story.proposed else None,
        payment=_paid(story),
        refunds=[refund_view(refund) for refund in story.refunds],
        tip=tip_view(story.tip) if story.tip else None,
        invoice_number=story.payment.invoice,
        credit_notes=[credit_note_line(note) for note in story.credit_notes],
        terms_version=story.payment.terms_version,
        statement=story.statement.statement.id if story.statement else None,
        payout=story.statement.payout.state.value if story.statement and story.statement.payout else None,
        entries=[_entry(entry) for entry in story.entries],
        balances=service.balances(story.entries),
    )


def refund_view(refund: service.Refund) -> RefundView:
    """A refund."""
    currency = refund.currency
    return RefundView(
        number=refund.number,
        state=refund.state.value,
        amount=_amount(refund.amount, currency),
        tax=_amount(refund.tax, currency),
        shares=[
            RefundShare(
                line=share.ref,
                quantity=share.quantity,
                gross=_amount(share.gross, currency),
                tax=_amount(share.tax, currency),
            )
            for share in refund.shares
        ],
        reason=refund.reason,
        paid_by=refund.payer,
        requested_at=clock.rfc3339(refund.requested_at),
        settled_at=_instant(refund.settled_at),
        failure_code=refund.failure_code,
        note=refund.note,
    )


def tip_view(tip: service.Tip) -> TipView:
    """A tip of its own."""
    return TipView(order_id=tip.order_id, amount=_amount(tip.amount, tip.currency), state=tip.state.value)


def _bill(story: service.MoneyStory, bill: service.Bill) -> BillView:
    lines = story.document.lines
    names = {str(number): line.name for number, line in enumerate(lines)}
    return BillView(
        parts=[
            BillPartView(
                line=part.ref,
                name=part.name or names.get(part.ref, part.ref.replace("_", " ").capitalize()),
                quantity=part.quantity,
                gross=_amount(part.gross, bill.currency),
                tax=_amount(part.tax, bill.currency),
                tax_rate_basis_points=part.tax_rate_bps,
            )
            for part in bill.parts
        ],
        taxes=[
            BillTax(rate_basis_points=rate, tax=_amount(tax, bill.currency)) for rate, tax in sorted(bill.taxes.items())
        ],
        total=_amount(bill.total, bill.currency),
    )


def _paid(story: service.MoneyStory) -> PaidView:
    payment, currency = story.payment, story.bill.currency
    return PaidView(
        method=payment.method.value,
        state=payment.state.value,
        total=_amount(payment.amount.amount, currency),
        authorised=_amount(payment.authorised_minor, currency),
        captured=_amount(payment.captured_minor, currency),
        refunded=_amount(payment.refunded_minor, currency),
        pending_refund=_amount(payment.pending_minor, currency),
        by_credit=_amount(payment.credit_minor, currency),
    )


def _movement(entry: service.Entry) -> MovementView:
    return MovementView(
        at=clock.rfc3339(entry.at),
        kind=entry.kind,
        amount=_amount(service.amount_of(entry), entry.currency),
        text=service.in_words(entry),
    )


def _entry(entry: service.Entry) -> EntryView:
    return EntryView(
        id=entry.id,
        at=clock.rfc3339(entry.at),
        kind=entry.kind,
        cause=entry.cause,
        amount=_amount(service.amount_of(entry), entry.currency),
        text=service.in_words(entry),
        lines=[
            PostingView(account=line.account, amount=_amount(line.amount, entry.currency), about=line.about)
            for line in entry.lines
        ],
    )


def _amount(amount: int, currency: str) -> OrderAmount:
    return OrderAmount(amount=amount, currency=currency)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else clock.rfc3339(at)
