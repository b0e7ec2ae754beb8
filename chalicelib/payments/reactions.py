"""When money moves: at the hand-over it is taken, at an order's unfulfilled end it is let go.

Each reaction moves one payment by its state machine, so an event that comes twice finds its work done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import batches, events, schedules
from chalicelib.kernel.event_types import (
    AccountNotified,
    BankPayoutNotified,
    CreditExpiryReached,
    DeliveryDelivered,
    DisputeNotified,
    ExtraDeclined,
    HoldSuperseded,
    OrderEnded,
    OrderHandedOver,
    PayoutDue,
    ReconciliationDue,
    RefundNotified,
    RefundRequested,
    RefundSettled,
    RiderEarned,
    SaleRecorded,
    SettlementDue,
    StatementDue,
    TipNotified,
    TipRefundRequested,
)
from chalicelib.payments import service
from chalicelib.payments.service import settlement

if TYPE_CHECKING:
    from collections.abc import Sequence


@events.on(OrderHandedOver)
def capture_at_the_counter(event: OrderHandedOver, meta: events.Meta) -> None:
    """The customer has the goods: take the money."""
    service.capture_payment(event.order_id)


@events.on(DeliveryDelivered)
def capture_at_the_door(event: DeliveryDelivered, meta: events.Meta) -> None:
    """The customer has the goods from the rider: take the money."""
    service.capture_payment(event.order_id, event.rider_id)


@events.on(RefundRequested)
def make_refund(event: RefundRequested, meta: events.Meta) -> None:
    """Part of what was taken is to go back: have the provider do it."""
    service.settle_refund(event.order_id, event.number)


@events.on(ReconciliationDue)
def reconcile(event: ReconciliationDue, meta: events.Meta) -> None:
    """Compare the provider's books with the ledger, page by page; enter its fees, tell of every difference."""
    following = service.reconcile(event)
    if following is not None:
        schedules.carry_on("payments", meta, following)


@events.on(DisputeNotified)
def follow_dispute(event: DisputeNotified, meta: events.Meta) -> None:
    """Something happened to a dispute: ask, freeze or free the store's share, enter what moved."""
    service.follow_dispute(event.dispute_id, meta.event_id)


@events.on(RefundNotified)
def follow_refunds(event: RefundNotified, meta: events.Meta) -> None:
    """Something happened to refunds: ask whether one failed, or was made by other hands."""
    service.follow_refunds(event.payment_intent_id, event.refund_id, meta.event_id)


@events.on(AccountNotified)
def follow_account(event: AccountNotified, meta: events.Meta) -> None:
    """Something happened to an account: ask what it can do now, and send what has waited for that."""
    settlement.follow_account(event.account_id)


@events.on(BankPayoutNotified)
def follow_bank_payout(event: BankPayoutNotified, meta: events.Meta) -> None:
    """Something happened to a payout to a bank: one that failed needs a person, and a statement's is as it now is."""
    service.follow_bank_payout(event.payout_id, event.account_id)
    settlement.follow_account_payouts(event.account_id)


@events.on(ExtraDeclined)
def let_go_of_extra(event: ExtraDeclined, meta: events.Meta) -> None:
    """Its customer did not agree to what a second hold was for: nothing is held by it, nor can be."""
    service.close_extra(event.order_id, event.payment_intent_id)


@events.on(TipNotified)
def take_tip(event: TipNotified, meta: events.Meta) -> None:
    """A tip may have been paid: ask, and credit it."""
    service.settle_tip(event.order_id, event.payment_intent_id)


@events.on(TipRefundRequested)
def give_tip_back(event: TipRefundRequested, meta: events.Meta) -> None:
    """A tip is to go back: have the provider do it."""
    service.settle_tip_refund(event.order_id)


@events.on(OrderEnded)
def release(event: OrderEnded, meta: events.Meta) -> None:
    """The order will not be fulfilled: void what is held, refund what was taken; all but what is kept by agreement."""
    if event.kept:
        service.keep_payment(event.order_id)
    else:
        service.release_payment(event.order_id, ended_at=meta.at)


@events.on(HoldSuperseded)
def let_go_superseded(event: HoldSuperseded, meta: events.Meta) -> None:
    """A new hold is in this one's place: let it go."""
    service.let_go_superseded(event.order_id, event.payment_intent_id)


@events.on(SettlementDue)
def look_for_ended_periods(event: SettlementDue, meta: events.Meta) -> None:
    """Periods may have ended: have their statements closed, a page of the stores and riders at a time."""
    settlement.page_of_due(meta.event_id, event.shard, event.after)


@events.on(StatementDue)
def close_statement(event: StatementDue, meta: events.Meta) -> None:
    """A period has ended: make its statement of the ledger."""
    settlement.close_due(settlement.party_of(event.party, event.party_id), event.currency)


@events.on(PayoutDue)
def settle_payout(event: PayoutDue, meta: events.Meta) -> None:
    """A statement's payout may have a next step: send it, or ask what became of it."""
    settlement.settle_payout(settlement.party_of(event.party, event.party_id), event.currency, event.number)


@events.on(RefundSettled)
def take_back_share(event: RefundSettled, meta: events.Meta) -> None:
    """A sale was undone whose store or rider may have been paid for it: take that back."""
    settlement.take_back_share(event.order_id, event.cause)


@events.on(RiderEarned)
def enter_rider_pay(event: RiderEarned, meta: events.Meta) -> None:
    """A rider earned something: the platform owes it."""
    service.enter_rider_pay(event)


@events.on(CreditExpiryReached)
def write_off_expired(event: CreditExpiryReached, meta: events.Meta) -> None:
    """The time of a gift card, or of a customer's credit, may be over: what nobody holds of it is written off."""
    service.expire_credit(event.credit_id, event.currency)


@batches.on(SaleRecorded, queue="invoices")
def issue_papers(recorded: Sequence[SaleRecorded]) -> None:
    """Sales, and what is undone of them: give them their invoices and credit notes, a merchant's together."""
    service.issue_papers(recorded)
